// node duckdb.mjs NPM ROOT DATE - print the lines of one partition as DuckDB reads them: the text of
// each object, then what read_json makes of the envelope by itself, as a table of counts.
import { createRequire } from "node:module";
import path from "node:path";

const [npm, root, date] = process.argv.slice(2);
const require = createRequire(path.resolve(npm, "package.json"));
const { DuckDBInstance } = require("@duckdb/node-api");

const connection = await (await DuckDBInstance.create(":memory:")).connect();
const files = `${root.replaceAll("'", "''")}/date=*/*.jsonl.gz`;

const lines = await connection.runAndReadAll(`
	SELECT json FROM read_json('${files}', format = 'newline_delimited', records = false,
		columns = { json: 'JSON' }, hive_partitioning = true)
	WHERE date = '${date}'`);
for (const [line] of lines.getRows())
	process.stdout.write(line + "\n");

const counts = await connection.runAndReadAll(`
	SELECT level, count(*)::INT, count(DISTINCT run_id)::INT, count(ts)::INT, max(seq)::INT
	FROM read_json('${files}', hive_partitioning = true)
	WHERE date = '${date}' GROUP BY level ORDER BY level`);
for (const row of counts.getRows())
	process.stderr.write(row.join("\t") + "\n");
