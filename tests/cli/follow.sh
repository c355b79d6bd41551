# Following: what comes is printed once, whatever becomes of the files; and so it is from one run to the next.
. "$HERE/check"

trail=$(dirname "$AUDITQ")/tests/trail
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

# A line counts when it is whole.
follow "a line in two pieces" --tail 0 other
sleep 0.3
line 11 | head -c 20 >>other/app.jsonl
sleep 0.3
line 11 | tail -c +21 >>other/app.jsonl
until_has "followed-a line in two pieces" 1
line 11 >want11
unfollow "a line in two pieces" want11

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
