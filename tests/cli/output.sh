# What is printed: formats, files, terminals, and what happens when it cannot be.
. "$HERE/check"

printf '%s\r\n' '{"ts":"2025-10-23T00:00:00Z","level":"info","msg":"a, \"b\"","x":{"y":[1, 2]},"n":1.50}' >in.jsonl
printf '{"ts":"2025-10-23T00:00:01Z","n":12345678901234567890,"s":"\200\\u00e9"}\n' >>in.jsonl

run in.jsonl
holds "jsonl is the default, byte for byte" cmp out in.jsonl
run -o jsonl in.jsonl
holds "-o jsonl" cmp out in.jsonl
run -o json in.jsonl
expect "-o json" 0
holds "is what jq reads" jq -e 'length == 2 and .[0].x.y == [1, 2] and .[0].msg == "a, \"b\""' out
holds "is UTF-8" iconv -f UTF-8 -t UTF-8 out
run -o json --limit 0 in.jsonl
expect "an empty array" 1 "[]"
run --fields n,x.y,nope in.jsonl
expect "--fields" 0 '{"n":1.50,"x.y":[1, 2]}
{"n":12345678901234567890}'
run -o csv in.jsonl
printf 'ts,level,run_id,seq,service,host,pid,stage,event,status,duration_ms,msg,extra\r
2025-10-23T00:00:00Z,info,,,,,,,,,,"a, ""b""","{""x"":{""y"":[1, 2]},""n"":1.50}"\r
2025-10-23T00:00:01Z,,,,,,,,,,,,"{""n"":12345678901234567890,""s"":""\357\277\275\\u00e9""}"\r\n' >want
holds "-o csv" cmp out want
run -o csv --fields s,n in.jsonl
printf 's,n\r\n,1.50\r\n\357\277\275\303\251,12345678901234567890\r\n' >want
holds "csv of fields" cmp out want
run -o csv --limit 0 in.jsonl
expect "csv of nothing has its header" 1

# files
run -O file in.jsonl
expect "-O" 0 ""
holds "holds the answer" cmp file in.jsonl
holds "nothing else is left" sh -c '[ "$(ls -A | grep -c tmp)" -eq 0 ]'
run -O file --limit 1 in.jsonl
expect "-O does not overwrite" 2 ""
says "says so" 'file: there already; --force overwrites it'
holds "the file is as it was" cmp file in.jsonl
run -O file --force --limit 0 in.jsonl
expect "--force does" 1 ""
holds "with what was found" sh -c '! [ -s file ]'
ln -s file link
run -O link --force in.jsonl
expect "not through a symlink" 2 ""
says "which says why" 'link: not a regular file'
holds "which stays" test -L link
run -O nowhere/file in.jsonl
expect "no directory" 2 ""
run -O sub/ in.jsonl
expect "no name" 2 ""
run -O new --where 'a ==' in.jsonl
expect "a wrong question" 2 ""
run -O new --fields a,a in.jsonl
expect "wrong fields" 2 ""
run -O new missing
expect "nothing to read" 2 ""
holds "leaves no file" sh -c '! ls -A | grep -E "^new$|tmp"'
mkdir sub
run -o json -O sub/new.json in.jsonl
expect "a file in a directory" 0 ""
holds "is whole" jq -e 'length == 2' sub/new.json

{ sleep 2; cat in.jsonl; } | timeout -s INT 1 "$AUDITQ" -O interrupted - >out 2>err
status=$?
expect "interrupted" 124 ""
holds "leaves no file either" sh -c '! ls -A | grep -E "^interrupted$|tmp"'

# refused output
if [ -e /dev/full ]; then
	"$AUDITQ" in.jsonl >/dev/full 2>err
	status=$?
	expect "a full disk" 2
	says "is said" 'standard output: No space left on device'
	holds "once" sh -c '[ "$(wc -l <err)" -eq 1 ]'
	"$AUDITQ" --count in.jsonl >/dev/full 2>err
	status=$?
	expect "a full disk, counting" 2
	"$AUDITQ" --help >/dev/full 2>err
	status=$?
	expect "a full disk, helping" 2
fi
i=0
while [ $i -lt 2000 ]; do cat in.jsonl; i=$((i + 1)); done >many.jsonl
{ "$AUDITQ" many.jsonl many.jsonl; echo $? >rc; } 2>err | head -n 1 >out
holds "a reader that goes: silence" sh -c '! [ -s err ]'
holds "and the end that SIGPIPE makes" grep -qx 141 rc
{ (trap '' PIPE; exec "$AUDITQ" many.jsonl) ; echo $? >rc; } 2>err | head -n 1 >out
holds "also when SIGPIPE was ignored" sh -c 'grep -qx 141 rc && ! [ -s err ]'

# terminals
printf '{"ts":"2025-10-23T00:00:00Z","s":"\033[31mred\302\233\342\200\256\177\303\251\t\200"}\r\n' | tr '\t' ' ' >bad.txt
printf '{"ts":"2025-10-23T00:00:00Z","s":"\302\233\342\200\256\177\303\251\200"}\r\n' >tty.jsonl
if command -v script >/dev/null; then
	script -qec "'$AUDITQ' -o jsonl --pager never tty.jsonl" /dev/null >out 2>err </dev/null
	status=$?
	tr -d '\r' <out >shown
	printf '%s\n' '{"ts":"2025-10-23T00:00:00Z","s":"\u009b\u202e\u007fé\x80"}' >want
	holds "a terminal is shown nothing harmful" cmp shown want
fi
run tty.jsonl
holds "a pipe gets it as it is" cmp out tty.jsonl
run bad.txt
says "nor is it in words" 'bad.txt:1: '
holds "which have no control characters" sh -c '! grep -q "$(printf "\033")" err'
run "$(printf 'no\033such\302\233file')"
says "names neither" 'no\\u001bsuch\\u009bfile'

# ---- whom a file is for ----

echo '{"n":1}' >one.jsonl
(umask 0 && "$AUDITQ" -O made one.jsonl)
holds "a file that is made is not for others" test "$(stat -c %a made)" = 640
