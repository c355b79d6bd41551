# Following: what comes is printed once, whatever becomes of the files; and so it is from one run to the next.
. "$HERE/check"

trail=$(dirname "$AUDITQ")/tests/trail
[ -x "$trail" ] || { echo "skip - no $trail"; exit 0; }
line() {
	printf '{"ts":"2025-10-23T10:00:%02dZ","n":%d}\n' "$1" "$1"
}

# until_has FILE LINES: wait until it has so many, at most 20 seconds.
until_has() {
	for _ in $(seq 200); do
		[ "$(wc -l <"$1")" -ge "$2" ] && return
		sleep 0.1
	done
}

# follow NAME ARG...: in the background, into followed-NAME; its pid in $follower.
follow() {
	name=$1
	shift
	"$AUDITQ" -f "$@" >"followed-$name" 2>"followed-$name.err" &
	follower=$!
}

# unfollow NAME WANT: interrupt it; it printed exactly the lines of WANT, in any order, and said nothing.
unfollow() {
	kill -INT "$follower"
	wait "$follower"
	sort "followed-$1" >got
	sort "$2" >want
	if cmp -s got want && [ ! -s "followed-$1.err" ]; then
		pass "$1"
	else
		status=$(wc -l <got)
		diff got want | head -n 20 >out
		cp "followed-$1.err" err
		fail "$1"
	fi
}

# Writers that come one after the other, each sealed, and compacted in between: all of it, once.
mkdir logs
"$trail" logs 1 60 sealed
"$AUDITQ" logs >before
follow "new writers, sealing, compaction" --tail 100000 logs
run --cursor-file cursor logs
cat out >taken
for seed in 2 3 4 5 6; do
	"$trail" logs $seed 60 sealed
	[ $seed -ne 4 ] || "$AUDITQ" compact logs >compacted
	run --cursor-file cursor logs
	cat out >>taken
done
"$AUDITQ" logs >all
until_has "followed-new writers, sealing, compaction" "$(wc -l <all)"
unfollow "new writers, sealing, compaction" all
sort taken >got
sort all >want
holds "from one run to the next" cmp got want
holds "a compaction took place" grep -q merged compacted
run --cursor-file cursor logs
expect "nothing more" 1 ''

# A plain log of somebody else: appended to, renamed by rotation, begun anew.
mkdir other
line 1 >other/app.jsonl
follow "a log that is rotated" --tail 10 other
run --cursor-file rotated other
cat out >taken
until_has "followed-a log that is rotated" 1
line 2 >>other/app.jsonl
mv other/app.jsonl other/app.1.jsonl
line 3 >other/app.jsonl
until_has "followed-a log that is rotated" 3
run --cursor-file rotated other
cat out >>taken
line 4 >>other/app.1.jsonl
line 5 >>other/app.jsonl
until_has "followed-a log that is rotated" 5
run --cursor-file rotated other
cat out >>taken
cat other/app.1.jsonl other/app.jsonl >all
unfollow "a log that is rotated" all
sort taken >got
sort all >want
holds "a rotated log from one run to the next" cmp got want

# Only what matches; the end at the first match, or after so many.
follow "with a filter" --tail 0 --where 'n == 7' other
sleep 0.3
line 6 >>other/app.jsonl
line 7 >>other/app.jsonl
until_has "followed-with a filter" 1
line 7 >want7
unfollow "with a filter" want7
(sleep 0.3; line 8 >>other/app.jsonl) &
run -f --tail 0 --exit-on-match other
expect "--exit-on-match" 0 "$(line 8)"
(sleep 0.3; line 9 >>other/app.jsonl; line 10 >>other/app.jsonl) &
run -f --tail 0 --limit 2 other
expect "--limit" 0 "$(line 9; line 10)"

# What matched is printed at once, though what follows it does not match.
follow "a match before others" --tail 0 --where 'n == 20' other
sleep 0.3
(line 20; line 21; line 22) >>other/app.jsonl
until_has "followed-a match before others" 1
line 20 >want20
holds "it does not wait in a buffer" cmp "followed-a match before others" want20
unfollow "a match before others" want20

# The status tells whether anything matched; a cursor goes on behind the match.
"$AUDITQ" -f --tail 0 --exit-on-match --where 'n == 99' other >out 2>err &
follower=$!
sleep 0.3
kill -TERM $follower
wait $follower
status=$?
expect "--exit-on-match, interrupted before there is one" 1 ''
run -f --exit-on-match --tail 3 --where 'n >= 20' other
expect "--exit-on-match: what is there counts" 0 "$(line 20)"
run --cursor-file upto --where 'n < 0' other
expect "a cursor up to now" 1 ''
(line 23; line 24; line 25) >>other/app.jsonl
run -f --exit-on-match --cursor-file upto --where 'n >= 24' other
expect "--exit-on-match with a cursor" 0 "$(line 24)"
run -f --exit-on-match --cursor-file upto --where 'n >= 24' other
expect "and the next one" 0 "$(line 25)"
run -f --exit-on-match --since 2025-10-23T10:00:24Z other
expect "-f --since: what is in the window comes first" 0 "$(line 24)"
run --exit-on-match other
expect "--exit-on-match without -f" 2 ''

# What is not there yet is waited for.
"$AUDITQ" -f --exit-on-match later >out 2>err &
follower=$!
sleep 0.3
mkdir later
line 1 >later/app.jsonl
wait $follower
status=$?
expect "a root that comes later" 0 "$(line 1)"
says "a root that comes later is told" 'later: not there so far'

# On a terminal it is laid out, and comes at once.
if command -v script >/dev/null; then
	env -u NO_COLOR TERM=xterm script -qefc "'$AUDITQ' -f --tail 1 other" /dev/null \
		</dev/null >screen 2>err &
	follower=$!
	for _ in $(seq 100); do grep -q 10:00:25 screen && break; sleep 0.1; done
	line 26 >>other/app.jsonl
	for _ in $(seq 100); do grep -q 10:00:26 screen && break; sleep 0.1; done
	holds "pretty on a terminal, as records come" grep -q '10:00:26.*n=26' screen
	kill $follower
	wait $follower
fi

# Standard input may never say anything: it can be interrupted all the same.
mkfifo silent
sleep 20 >silent &
sleeper=$!
"$AUDITQ" -O never - <silent 2>err &
pid=$!
sleep 0.3
kill -INT $pid
wait $pid
status=$?
kill $sleeper
holds "interrupted while standard input is awaited" [ "$status" -eq 130 ]
holds "and no file is left" [ ! -e never ]

# An interrupt is the pager's: it stays until its user leaves it.
AUDITQ_PAGER='trap "" INT; sleep 1; cat >paged; echo end >>paged' \
	"$AUDITQ" --pager always -o jsonl other >out 2>err &
pid=$!
sleep 0.4
kill -INT $pid
wait $pid
status=$?
holds "interrupted, the pager goes on" grep -q '^end$' paged
holds "then it ends by that signal" [ "$status" -eq 130 ]

# A line counts when it is whole.
follow "a line in two pieces" --tail 0 other
sleep 0.3
line 11 | head -c 20 >>other/app.jsonl
sleep 0.3
line 11 | tail -c +21 >>other/app.jsonl
until_has "followed-a line in two pieces" 1
line 11 >want11
unfollow "a line in two pieces" want11

# More files than there may be descriptors: most are opened again when they grow.
mkdir many
for n in $(seq 10 59); do
	line "$n" >"many/$n.jsonl"
done
(ulimit -n 32 && exec timeout 20 "$AUDITQ" -f --tail 0 --exit-on-match many) >out 2>err &
pid=$!
sleep 1
line 9 >>many/59.jsonl
wait $pid
status=$?
expect "50 files, 32 descriptors" 0 "$(line 9)"
holds "and nothing to say" [ ! -s err ]

# A partition that may not be read is no news at each listing: what comes after it is to be seen.
if [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null; then
	other=
	[ "$(id -u)" -ne 0 ] || other="setpriv --reuid=65534 --regid=65534 --clear-groups"
	chmod 755 . ..
	mkdir -m 755 partly
	mkdir -m 0 partly/date=2025-10-22
	$other timeout -s INT 3 "$AUDITQ" -f partly >out 2>err
	status=$?
	# Once of what is there when it begins, once of what is followed.
	holds "what may not be read is told once" [ "$(grep -c 'date=2025-10-22: cannot open' err)" -le 2 ]
	says "and it is told" 'date=2025-10-22: cannot open: Permission denied'
	chmod 755 partly/date=2025-10-22
else
	echo "ok - what may not be read is told once # SKIP root, and no setpriv"
fi

# A cursor that is none is an error, and stays what it was.
for damage in 's/1/2/' '1d' 's/.*//'; do
	sed "$damage" cursor >damaged
	cp damaged copy
	run --cursor-file damaged logs
	if [ "$status" -eq 2 ] && grep -q damaged err && [ ! -s out ] && cmp -s damaged copy; then
		pass "a damaged cursor: $damage"
	else
		fail "a damaged cursor: $damage"
	fi
done

run -f -r logs
expect "-f -r" 2 ''
run -f -c logs
expect "-f -c" 2 ''
