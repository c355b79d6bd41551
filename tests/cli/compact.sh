# compact: few archives in place of many, the same answers.
. "$HERE/check"

trail="$(dirname "$AUDITQ")/tests/trail"
if [ ! -x "$trail" ]; then
	echo "skip - no $trail"
	exit 0
fi
for seed in 1 2 3 4; do
	"$trail" logs $seed 200 sealed
done
"$trail" logs 5 50 plain
files() {
	find logs -name '*.jsonl*' -type f | wc -l
}
# In any order: records of the same nanosecond may change places.
answers() {
	for question in "" --failed "--stage detection" "--failed --stage fetch" "--level error"; do
		"$AUDITQ" $question logs | LC_ALL=C sort
		"$AUDITQ" --no-index -c $question logs
		"$AUDITQ" -c $question logs
	done
}
answers >before
find logs -type f | sort >listed
count=$(files)

run compact --dry-run logs
expect "--dry-run" 0
holds "says what it would do" grep -Eq '^[0-9]+ archives would go into [0-9]+, in 4 partitions' out
find logs -type f | sort >after
holds "and does nothing" cmp listed after

run compact logs/date=2025-10-22
expect "one partition" 0
holds "of one" grep -q 'in 1 partitions' out
holds "with two services" test "$(find logs/date=2025-10-22 -type f | wc -l)" -eq 2
holds "and no other" test "$(find logs/date=2025-10-21 -type f | wc -l)" -gt 2
AUDITQ_ROOT=logs run compact
expect "the rest, by \$AUDITQ_ROOT" 0
holds "merged" grep -Eq '^[0-9]+ archives merged into 6, in 3 partitions' out
holds "few files of $count" test "$(files)" -eq 8
holds "nothing temporary" sh -c '! find logs/date* -name ".*" | grep .'
answers >after
holds "the same answers" cmp before after
for file in logs/date*/*.gz; do
	gzip -t "$file" || fail "gzip -t $file"
	"$AUDITQ" inspect "$file" >/dev/null || fail "inspect $file"
done
find logs -type f -exec sha256sum {} + | sort >before
run compact logs
expect "again" 0
find logs -type f -exec sha256sum {} + | sort >after
holds "changes nothing" cmp before after
run --explain -c logs
says "nothing is left out" 'compacted into another +0$'

"$trail" logs 6 50 sealed
f=$(find logs/date=2025-10-21 -name 'alpha.*' -newer before | head -n 1)
printf X | dd of="$f" bs=1 seek=100 conv=notrunc 2>dd.err
run compact logs
expect "a damaged file" 3
says "is left as it is" "$f: left as it is: "
holds "there" test -e "$f"
