// node gunzip.mjs FILE - what Node's zlib makes of a .gz file, on standard output.
import { readFileSync, writeSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const data = gunzipSync(readFileSync(process.argv[2]));
for (let done = 0; done < data.length;)
	done += writeSync(1, data, done);
