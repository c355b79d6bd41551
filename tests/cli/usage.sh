# Options: what is understood, what is refused, and what --help says.
. "$HERE/check"

for command in '' stats runs run schemas pack inspect recover compact; do
	run $command --help
	expect "$command --help" 0
	holds "$command --help fits 80 columns" sh -c '! awk "length > 80" out | grep .'
	cp out help
	run $command -h
	expect "$command -h" 0 "$(cat help)"
done
run --version
expect "--version" 0 "auditq 0.1.0"

echo '{"ts":"2025-10-23T00:00:00Z","n":1}' >one.jsonl
line=$(cat one.jsonl)
run one.jsonl --limit 5
expect "options behind paths" 0 "$line"
run --limit=5 one.jsonl
expect "--name=value" 0 "$line"
run -rj2 -S2025-10-23 one.jsonl
expect "letters joined, with an argument" 0 "$line"
cp one.jsonl ./-c
run -- -c
expect "-- ends the options" 0 "$line"
cp one.jsonl pack
run ./pack
expect "a file with the name of a command" 0 "$line"
run --limit 0 one.jsonl
expect "--limit 0" 1 ""
run --limit 99999999999999999999999 one.jsonl
expect "a limit beyond all" 0 "$line"
run --after 1970-01-01 --after 2030-01-01 one.jsonl
expect "the last of two counts" 1 ""

# refused NAME REGEX ARG...
refused() {
	name=$1 regex=$2
	shift 2
	run "$@"
	if [ "$status" -eq 2 ] && grep -Eq -- "$regex" err && ! [ -s out ]; then
		pass "$name"
	else
		fail "$name"
	fi
}
refused "unknown, with a suggestion" "unknown option '--lmit'; did you mean --limit" --lmit 3
refused "a prefix is not enough" "did you mean --limit" --lim 3
refused "unknown, far from all" "unknown option '--zzzzzz'$" --zzzzzz
refused "an unknown letter" "unknown option '-Z'" -rZ
refused "a field's name" "asked for with --where 'http.host == " --http.host=web1
refused "points to --help" "Try 'auditq pack --help'" pack --zzz
refused "not a number" "--limit: not a number: 'ten'" --limit ten
refused "not a number either" "--limit: not a number: '-1'" --limit -1
refused "an empty number" "--limit: not a number: ''" --limit ''
refused "no argument" "--limit needs an argument" --limit
refused "an argument too much" "--failed takes no argument" --failed=yes
refused "too many threads" "--jobs: 257 threads are too many; at most 256$" -j 257 one.jsonl
refused "a format that is none" "csv, tsv, md or raw: 'xml'" -o xml one.jsonl
refused "first and last" "--limit is the first, --tail the last" -n 3 --limit 3 one.jsonl
refused "last and reversed" "--reverse --limit" -r -n 3 one.jsonl
refused "count and format" "--count" -c -o csv one.jsonl
refused "count and output" "--count" -c -O x one.jsonl
refused "force alone" "--force" --force one.jsonl
refused "later options are unknown now" "unknown option '--chase'" --chase one.jsonl
refused "a level that is none" "level 'loud'" --level loud one.jsonl
refused "an empty field" "no name" --fields a,,b one.jsonl
refused "a field twice" "twice" --fields a,a one.jsonl
refused "no such path" "nowhere" nowhere
refused "pack without root" "--root" pack one.jsonl
refused "pack without input" "FILE" pack --root r
refused "pack at level 0" "--gzip-level" pack --root r --gzip-level 0 one.jsonl
refused "inspect without a file" "FILE" inspect
refused "recover without a root" "ROOT" recover
refused "compact of nothing" "nowhere" compact nowhere
refused "compact without a path" "AUDITQ_ROOT" compact
refused "compact to nothing" "--max" compact --max 0 .
holds "no root was made" test ! -e r

# caret NAME OPTION ARGUMENT COLUMN: refused, with a caret under that column of the argument.
caret() {
	run "$2" "$3" one.jsonl
	if [ "$status" -eq 2 ] && [ "$(sed -n 2p err)" = "  $3" ] &&
	    [ "$(sed -n 3p err)" = "$(printf '%*s^' $(($4 + 1)) '')" ]; then
		pass "$1"
	else
		fail "$1"
	fi
}
caret "where: nothing behind an operator" --where 'stage ==' 9
caret "where: a word too much" --where 'a == 1 2' 8
caret "where: columns, not bytes" --where 'é == "ü" 2' 1
caret "February 30" --after 2025-02-30 9
caret "24:00" --before 2025-02-28T24:00:00Z 12
caret "an unknown word" --after someday 1
caret "days that are none" --on 2025-10-20..x 13
caret "an empty part of a list" --stage ingest,,detection 8
caret "a level in a list" --level 'info,loud' 6
