// node sql.mjs NPM FILE - run the SQL in a file with DuckDB; rows as tab separated values.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [npm, file] = process.argv.slice(2);
const require = createRequire(path.resolve(npm, "package.json"));
const { DuckDBInstance } = require("@duckdb/node-api");

const connection = await (await DuckDBInstance.create(":memory:")).connect();
const result = await connection.runAndReadAll(readFileSync(file, "utf8"));
for (const row of result.getRows())
	process.stdout.write(row.map(String).join("\t") + "\n");
