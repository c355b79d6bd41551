# Names that were mistyped: what was probably meant, and what does not occur at all.
. "$HERE/check"

cat >in.jsonl <<'JSON'
{"ts":"2025-10-23T10:00:00Z","run_id":"0199feae-0001-7000-8000-000000000001","stage":"detection","user":{"name":"ann"},"msg":"a"}
{"ts":"2025-10-23T11:00:00Z","run_id":"0199feae-0002-7000-8000-000000000002","stage":"load","status":"failed","msg":"b"}
JSON
"$AUDITQ" pack --root root in.jsonl >/dev/null

# hints NAME REGEX ARG...: nothing is found, and one line says why
hints() {
	name=$1 regex=$2
	shift 2
	run "$@"
	if [ "$status" -eq 1 ] && [ "$(wc -l <err)" = 1 ] && grep -Eqx -- "auditq: $regex" err; then
		pass "$name"
	else
		fail "$name"
	fi
}
for path in in.jsonl root; do
	hints "a stage ($path)" 'no record has stage "detecton"; did you mean "detection"\?' --stage detecton "$path"
	hints "its case" 'no record has stage "LOAD"; did you mean "load"\?' --stage LOAD "$path"
	hints "a stage far from all" 'no record has stage "zzzzzz"' --stage zzzzzz "$path"
	hints "one of several" 'no record has stage "laod"; did you mean "load"\?' \
		--failed --stage laod,detection "$path"
	hints "in a window" 'no record has stage "detecton" at that time; did you mean "detection"\?' \
		--stage detecton --on 2025-10-23 "$path"
	hints "a field" 'no record has a field "usr"; did you mean "user"\?' --where 'usr == "x"' "$path"
	hints "by its last name" 'no record has a field "name"; did you mean "user.name"\?' --where 'name == "x"' "$path"
	hints "of a pattern" 'no record has a field "mgs"; did you mean "msg"\?' -e 'mgs~a' "$path"
	hints "a run" 'no record is of a run "0199feea-0001"; did you mean "0199feae-0001"\?' \
		--run 0199feea-0001 "$path"
	hints "that is to be shown" 'no record is of a run "0199feea-0001"; did you mean "0199feae-0001"\?' \
		run 0199feea-0001 "$path"
	hints "counted" 'no record has stage "lod"; did you mean "load"\?' -c --stage lod "$path"
	hints "measured" 'no record has stage "lod"; did you mean "load"\?' stats --stage lod "$path"
	hints "listed" 'no record has stage "lod"; did you mean "load"\?' runs --stage lod "$path"
done
run --stage load --where 'user.name == "ann" or exists user' in.jsonl
expect "names that occur" 1 ""
holds "of which nothing is said" test ! -s err
run --run 0199 --where 'msg == "z"' in.jsonl
expect "also of a run by its beginning" 1 ""
holds "nothing" test ! -s err
run -v --where 'not exists usr' in.jsonl
expect "the others" 1 ""
holds "are not explained" test ! -s err
run --stage detecton - <in.jsonl
expect "standard input is not read again" 1 ""
holds "and nothing is said" test ! -s err

# wrong NAME REGEX ARG...: an error with what was meant
wrong() {
	name=$1 regex=$2
	shift 2
	run "$@"
	if [ "$status" -eq 2 ] && grep -Eq -- "$regex" err && ! [ -s out ]; then pass "$name"; else fail "$name"; fi
}
wrong "a format" "csv, tsv, md or raw: 'jsn'; did you mean json\?$" -o jsn in.jsonl
wrong "of runs" "'tabel'; did you mean table\?$" runs -o tabel in.jsonl
wrong "of a run" "csv, tsv or md: 'tre'; did you mean tree\?$" run -o tre last in.jsonl
wrong "of statistics" "not table, jsonl, json, csv, tsv or md: 'x'$" stats -o x in.jsonl
wrong "a status" "not ok, failed, incomplete or running: 'faild'; did you mean failed\?$" \
	runs --status ok,faild in.jsonl
wrong "a level" "did you mean warn\?$" --level wran in.jsonl
wrong "a schema" "is called 'zeke'; did you mean zeek\?$" --schema zeke in.jsonl
wrong "one to be shown" "did you mean zeek\?$" schemas zeke
wrong "a command" "no file, and no command, is called 'stat'; did you mean stats\?$" stat in.jsonl
wrong "a topic" "did you mean times\?$" help tims
if [ -e /usr/share/zoneinfo/tzdata.zi ]; then
	wrong "a zone" "no time zone 'Europe/Belrin'; did you mean Europe/Berlin\?$" --tz Europe/Belrin in.jsonl
	wrong "a place" "did you mean Asia/Tokyo\?$" --tz tokio in.jsonl
fi
wrong "a word of the language" "after 'exits'; did you mean 'exists'\?$" --where 'exits stage' in.jsonl
wrong "behind a field" "after 'stage'; did you mean 'exists'\?$" --where 'stage exsts' in.jsonl
wrong "between tests" "expected 'and' or 'or'; did you mean 'and'\?$" --where 'a == 1 adn b == 2' in.jsonl
wrong "or none" "after 'stage'$" --where 'stage zzzz' in.jsonl
