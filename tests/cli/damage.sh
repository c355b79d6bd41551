# Data that cannot be read is said, located and counted; the rest is answered; the exit status is 3.
. "$HERE/check"

a='{"ts":"2025-10-23T00:00:00Z","n":1}'
b='{"ts":"2025-10-23T01:00:00Z","n":2}'
c='{"ts":"2025-10-24T00:00:00Z","n":3}'

printf '%s\n' "$a" nonsense "$b" >mixed.jsonl
run mixed.jsonl
expect "a line that is no JSON" 3 "$a
$b"
says "is located" '^auditq: mixed.jsonl:2: '
run --before 2025-10-23T00:00:00Z mixed.jsonl
expect "outside of the window it is not needed" 1 ""
run -c mixed.jsonl
expect "when counting, too" 3 2
run --explain mixed.jsonl
says "it is counted" '^ +unreadable +1$'
says "as a loss" '^ +with lost data +1$'
run --strict mixed.jsonl
expect "--strict stops" 3 ""
says "and says why" 'strict'
run --strict -O out.jsonl mixed.jsonl
expect "--strict makes no file" 3 ""
holds "none" test ! -e out.jsonl
run -O out.jsonl mixed.jsonl
expect "without it there is one" 3 ""
holds "with what could be read" sh -c 'printf "%s\n" "$1" "$2" | cmp - out.jsonl' - "$a" "$b"

# usual things that are no errors
printf '\357\273\277%s\r\n\r\n  \n%s' "$a" '{"n":1,"n":2,"ts":"2025-10-23T01:00:00Z"}' >usual.jsonl
run --where 'n == 2' usual.jsonl
expect "BOM, CRLF, blank lines, duplicate keys, no last line feed" 0 \
	'{"n":1,"n":2,"ts":"2025-10-23T01:00:00Z"}'
holds "are silent" sh -c '! [ -s err ]'

# a torn tail is no damage where a writer may be at work, and is one elsewhere
mkdir -p root/date=2025-10-23
printf '%s\n%s' "$a" '{"ts":"2025-10-23T0' >root/date=2025-10-23/s.0123456789abcdef.000001.jsonl
run root
expect "a torn tail in an open segment" 0 "$a"
printf '%s\n%s' "$a" '{"ts":"2025-10-23T0' >torn.jsonl
run torn.jsonl
expect "and in a file of others" 3 "$a"

# gzip
printf '%s\n' "$a" "$b" | gzip >whole.gz
size=$(wc -c <whole.gz)
head -c $((size - 4)) whole.gz >cut.jsonl.gz
run cut.jsonl.gz
expect "gzip, cut in its trailer" 3 "$a
$b"
says "is located" '^auditq: cut.jsonl.gz: '
{ cat whole.gz; printf '%s\n' "$c" | gzip; } >two.jsonl.gz
run two.jsonl.gz
expect "two members" 0 "$a
$b
$c"
{ cat whole.gz; printf 'garbage garbage'; } >garbage.jsonl.gz
run garbage.jsonl.gz
[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
holds "garbage behind it: what is before" sh -c 'printf "%s\n" "$1" "$2" | cmp - out' - "$a" "$b"
says "is said" 'garbage.jsonl.gz'

# an archive with a hole
i=0
while [ $i -lt 20000 ]; do
	printf '{"ts":"2025-10-23T%02d:%02d:%02dZ","n":%d,"pad":"%s"}\n' $((i / 3600)) $((i / 60 % 60)) \
		$((i % 60)) $i "abcdefghijklmnopqrstuvwxyz0123456789-$i-$((i * 7919 % 10007))"
	i=$((i + 1))
done >long.jsonl
"$AUDITQ" pack --root holed long.jsonl >/dev/null
f=$(echo holed/date=2025-10-23/*.gz)
dd if=/dev/zero of="$f" bs=1 seek=100000 count=10 conv=notrunc 2>/dev/null
run holed
lines=$(wc -l <out)
[ "$status" -eq 3 ] && [ "$lines" -gt 5000 ] && [ "$lines" -lt 20000 ] &&
	pass "a damaged member: the others answer" || fail "a damaged member: $lines lines"
says "is located" '^auditq: holed/.*byte [0-9]+'
holds "no wrong line" sh -c 'sort out >a; sort long.jsonl | comm -13 - a | grep -c . | grep -qx 0'
cp out holed.out
run --no-index holed
expect "the same without the index" 3
holds "lines" cmp out holed.out
cp -r holed headless
f=$(echo headless/date=2025-10-23/*.gz)
size=$(wc -c <"$f")
truncate -s $((size - 100)) "$f"
run headless
expect "a footer that is cut" 3
holds "loses no line more" cmp out holed.out

# what may not be read, and what is no file of lines
mkfifo pipe.jsonl
run pipe.jsonl
expect "a FIFO as a path" 3 ""
mkdir r && cp mixed.jsonl r/ && mkfifo r/pipe.jsonl
run r
expect "a FIFO in a directory is left out" 3 "$a
$b"
if [ "$(id -u)" -ne 0 ]; then
	mkdir closed && chmod 0 closed
	run closed
	expect "a directory without permission" 2 ""
	chmod 700 closed
fi
