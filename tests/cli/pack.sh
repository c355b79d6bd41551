# pack: from anywhere into archives, once.
. "$HERE/check"

cat >in.jsonl <<'END'
{"ts":"2025-10-24T00:00:00Z","n":1}
{"ts":"2025-10-23T10:00:00Z","n":2}
nonsense
{"n":3}
END
a='{"ts":"2025-10-23T10:00:00Z","n":2}'
b='{"ts":"2025-10-24T00:00:00Z","n":1}'

run pack --root root in.jsonl
expect "rejected lines" 3
id=$(sed -n 's/^id \([0-9a-f]\{32\}\).*/\1/p' out)
holds "a summary" grep -qx '4 lines: 2 packed, 2 rejected' out
holds "of archives" grep -qx '2 archives in 2 partitions, 0 there already' out
says "names the reject file" 'root/_pack-[0-9a-f]{16}.reject.jsonl: 2 rejected lines'
holds "by the day" test -f "root/date=2025-10-23/pack-$id.000001.jsonl.gz"
holds "of each record" test -f "root/date=2025-10-24/pack-$id.000002.jsonl.gz"
holds "gzip reads it" gzip -t "root/date=2025-10-23/pack-$id.000001.jsonl.gz"
holds "nothing temporary is left" sh -c '! find root -name ".*" | grep .'
jq -r '"\(.source):\(.line) \(.text)"' root/_pack*.jsonl >rejects
printf 'in.jsonl:3 nonsense\nin.jsonl:4 {"n":3}\n' >want
holds "of what was rejected" cmp rejects want
run root
expect "and it is found" 0 "$a
$b"

find root -type f -exec sha256sum {} + | sort >before
run pack --root root in.jsonl
expect "again" 3
holds "there already" grep -q '2 there already' out
gzip -c in.jsonl >in.jsonl.gz
run pack --root root in.jsonl.gz
holds "compressed it is the same" grep -q '2 there already' out
"$AUDITQ" pack --root root - <in.jsonl >out 2>err
status=$?
expect "from standard input" 3
holds "too" grep -q '2 there already' out
find root -type f -exec sha256sum {} + | sort >after
holds "nothing has changed" cmp before after

head -n 2 in.jsonl >good.jsonl
run pack --root good good.jsonl
expect "all packed" 0
holds "no reject file" sh -c '! ls good | grep reject'
: >empty
run pack --root none empty
expect "nothing to pack" 1
holds "makes nothing" test ! -e none
run pack --root x missing.jsonl
expect "no such input" 2 ""
holds "makes nothing either" test ! -e x
run pack --root in.jsonl good.jsonl
expect "a root that is a file" 2 ""
says "is named" 'in.jsonl: '
run pack --ts when --root keyed --reject mine.jsonl good.jsonl
expect "a key that is not there" 3
holds "a reject file of one's own" test -f mine.jsonl
printf '{"when":1761213600.5,"ts":"2001-01-01T00:00:00Z"}\n' >when.jsonl
run pack --ts when --root keyed when.jsonl
expect "a key of one's own" 0
run --on 2025-10-23 keyed
expect "is remembered when it is read" 0 '{"when":1761213600.5,"ts":"2001-01-01T00:00:00Z"}'
run -c --on 2001-01-01 keyed
expect "instead of ts" 1 0

run inspect "root/date=2025-10-23/pack-$id.000001.jsonl.gz"
expect "inspect" 0
holds "shows the file" grep -q "pack-$id" out
run inspect --json "root/date=2025-10-23/pack-$id.000001.jsonl.gz"
expect "inspect --json" 0
holds "is JSON" jq -e . out
run inspect in.jsonl
[ "$status" -ne 0 ] && pass "inspect of what is no archive" || fail "inspect of what is no archive"
says "names it" 'in.jsonl: '
run recover root
expect "nothing to recover" 0
holds "and nothing changed" sh -c 'find root -type f -exec sha256sum {} + | sort | cmp - after'
run recover missing
expect "recover without a root" 2

# Inputs of several kinds are packed as the first: that is said.
samples=$ROOT/fixtures/schemas
run pack --root mixed "$samples/zeek.jsonl" "$samples/zeek.jsonl" "$samples/bunyan.jsonl"
expect "inputs of several kinds" 3
says "which one, and what it looks like" "bunyan.jsonl: looks like schema bunyan, and is packed as the first input's, zeek:"
holds "and the other is not told" test "$(grep -c 'looks like' err)" = 1
run pack --root chosen --schema zeek "$samples/zeek.jsonl" "$samples/bunyan.jsonl"
holds "nothing is told of what was chosen" test "$(grep -c 'looks like' err)" = 0

# Batches of OpenTelemetry: the recipe of the manual.
cat >batches.jsonl <<'JSON'
{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pay"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"1700000000000000000","severityNumber":9,"body":{"stringValue":"a"},"traceId":"t1"},{"timeUnixNano":"1700000001000000000","severityNumber":17,"body":{"stringValue":"b"},"traceId":"t1"}]}]}]}
{"resourceLogs":[{"resource":{"attributes":[]},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1700000002000000000","body":{"stringValue":"c"}}]}]}]}
JSON
run pack --root batches batches.jsonl
expect "batches are not packed" 3
says "which is told" "holds OpenTelemetry batches, many records a line"
if command -v jq >/dev/null; then
	sed -n "/^jq -c '.resourceLogs/,/batches.jsonl | /p" "$ROOT/docs/auditq.1.scd" | sed 's/ | auditq pack .*//; s/\\\\$/\\/' >recipe
	sh ./recipe >apart.jsonl
	run pack --root apart apart.jsonl
	expect "taken apart" 0
	run -c --failed apart
	expect "their failures" 0 1
	run -c --stage pay apart
	expect "their services" 0 2
	run -c --run t1 apart
	expect "their traces" 0 2
else
	pass "taken apart # SKIP jq is not installed"
fi
