# Questions on a small trail: the same answers from every layout, with and without the index.
. "$HERE/check"

cat >all.jsonl <<'END'
{"ts":"2025-10-22T23:00:00Z","n":1,"level":"info","run_id":"0199aaaa-1","stage":"ingest","event":"stage.begin","msg":"start"}
{"ts":"2025-10-22T23:30:00Z","n":2,"level":"error","run_id":"0199aaaa-1","stage":"ingest","msg":"disk"}
{"ts":"2025-10-23T00:00:00Z","n":3,"level":"info","run_id":"0199bbbb-2","event":"run.begin"}
{"ts":"2025-10-23T10:00:00Z","n":4,"level":"info","run_id":"0199bbbb-2","stage":"detection","status":"failed","duration_ms":12.5}
{"ts":"2025-10-23T10:00:00Z","n":5,"level":"error","run_id":"0199aaaa-1","stage":"detection","status":"ok","duration_ms":700}
{"ts":"2025-10-23T11:00:00Z","n":6,"id.orig_h":"10.0.0.7","http":{"status":500,"path":"/a,b"}}
{ "ts" : "2025-10-23T12:00:00Z", "n" : 7, "level" : "WARN", "stage" : "d\u0065tection", "run_id" : "0199bbbb-3" }
{"ts":"2025-10-24T01:00:00+02:00","n":8,"level":"critical","run_id":"0199cccc-4","msg":"caf\u00e9"}
{"ts":"2025-10-24T00:00:00Z","n":9,"level":"debug","big":9007199254740993,"none":null}
{"ts":"2025-10-24T00:00:01Z","n":10,"level":"info","level":"error","deep":{"er":{"still":["x"]}},"ok":true}
END

"$AUDITQ" pack --root packed all.jsonl >/dev/null
mkdir -p plain/date=2025-10-22 plain/date=2025-10-23 plain/date=2025-10-24
head -n 2 all.jsonl >plain/date=2025-10-22/s.0123456789abcdef.000001.jsonl
sed -n 3,8p all.jsonl >plain/date=2025-10-23/s.0123456789abcdef.000002.jsonl
sed -n 9,10p all.jsonl >plain/date=2025-10-24/s.0123456789abcdef.000003.jsonl
mkdir mixed && sed -n '1p;3p;5p;7p;9p' all.jsonl | gzip >mixed/odd.jsonl.gz
sed -n '2p;4p;6p;8p;10p' all.jsonl >mixed/even.log.jsonl
mkdir shuffled && sed -n '10p;1p;7p;4p;5p;2p;9p;3p;8p;6p' all.jsonl >shuffled/any.jsonl

# asked WANT ARG...: the numbers of the records that match, in order, on all layouts.
asked() {
	want=$1
	shift
	for layout in packed plain mixed shuffled; do
		for how in '' --no-index -j1; do
			run $how "$@" $layout
			got=$(grep -oE '"n" ?: ?[0-9]+' out | tr -dc '0-9\n' | tr '\n' ' ')
			[ "$got" = "${want:+$want }" ] || {
				fail "$* on $layout $how: $got, wanted $want"
				return
			}
			[ "$status" -eq "$([ -n "$want" ] && echo 0 || echo 1)" ] || {
				fail "$* on $layout $how: status $status"
				return
			}
		done
	done
	pass "$*"
}

asked '1 2 3 4 5 6 7 8 9 10'
asked '1 2 5' --run 0199aaaa-1
asked '3 4 7' --run 0199bbbb
asked '1 2 3 4 5 7' --run 0199aaaa,0199bbbb
asked '1 2 5 8' --run 0199a --run 0199cccc-4
asked '8' --run last
asked '3 4' --run last --before 2025-10-23T11:30:00Z
asked '1 2' --run last --on 2025-10-22
asked '1 2 5 8' --run last,0199aaaa
asked '' --run last --stage ingest
asked '3 4' --after 2025-10-23 --on 2025-10-22..2025-10-23 --before 2025-10-23T11:00:00Z --run 0199bbbb
asked '' --run 0199dddd
asked '1 2' --stage ingest
asked '4 5 7' --stage detection
asked '1 2 4 5 7' --stage ingest,detection
asked '' --stage detect
asked '2 4 8 10' --failed
asked '4' --failed --stage detection
asked '2 5 7 8 10' --level warn
asked '7' --level =warn
asked '7 9' --level debug,warn --level =debug
asked '2 5 8 10' --level error,critical
asked '8 9 10' --after 2025-10-23T23:00:00Z
asked '1 2' --before 2025-10-23
asked '3 4 5 6 7 8' --on 2025-10-23
asked '4 5' --after 2025-10-23T10:00:00Z --before 2025-10-23T10:00:00.000000001Z
asked '' --after 2025-10-23T10:00:00.000000001Z --before 2025-10-23T11:00:00Z
asked '4 5' --after 1761213600 --before 1761217199999
asked '10' --since 2025-10-24T02:00:01+02:00
asked '1 2 3' --limit 3
asked '10 9' --limit 2 -r
asked '8 9 10' --tail 3
asked '5 7' -n 2 --stage detection
asked '1 2 3 4 5 6 7 8 9 10' --tail 99999999999999999999999
asked '' -n 0
asked '10 9 8 7 6 5 4 3 2 1' --reverse
asked '4' --where 'duration_ms == 12.50'
asked '5' --where 'duration_ms > 12.5'
asked '4 5' --where 'exists duration_ms'
asked '4' --where 'exists duration_ms' --where 'not (duration_ms >= 700)'
asked '6' --where 'id.orig_h == "10.0.0.7"'
asked '6' --where 'http.status >= 500'
asked '6' --where 'http.status in (1, 500)'
asked '8' --where 'msg == "café"'
asked '8' --where "msg == 'caf\\u00e9'"
asked '9' --where 'big == 9007199254740993'
asked '' --where 'big == 9007199254740992'
asked '9' --where 'big > 9007199254740992'
asked '9' --where 'exists none'
asked '9' --where 'none == null'
asked '10' --where 'ok == true'
asked '1 2 3 4 5 6 7 8 9' --where 'ok != true'
asked '1 2 4 5 7' --where 'stage in ("ingest", "detection")'
asked '3 6 8 9 10' --where 'not stage in ("ingest", "detection")'
asked '2 8' --where 'msg == "disk" or level == "critical"'
asked '1 2' --where 'stage == "ingest" and (level == "info" or level == "error")'
asked '' --where 'http == 500'
asked '10' --where 'level == "error" and n > 9'

# counts WANT ARG...: the same through -c
counts() {
	want=$1
	shift
	for layout in packed plain mixed shuffled; do
		for how in '' --no-index; do
			run -c $how "$@" $layout
			if [ "$(cat out)" != "$want" ] || [ "$status" -ne $((want == 0)) ]; then
				fail "-c $* on $layout $how: $(cat out), wanted $want"
				return
			fi
		done
	done
	pass "-c $*"
}
counts 10
counts 4 --failed
counts 5 --level warn
counts 6 --on 2025-10-23
counts 3 --run 0199aaaa
counts 0 --run 0199dddd
counts 2 --limit 2
counts 2 --failed --tail 2
counts 1 --where 'big > 9007199254740992'

run --explain --on 2025-10-23 --stage detection packed
expect "--explain answers too" 0
says "the window as understood" '^window from +2025-10-23T00:00:00Z$'
says "its end" '^window to \(not included\) +2025-10-24T00:00:00Z$'
says "what was pruned" '^ +outside the window +[0-9]+$'
says "what matched" '^ +matched +3$'
run --explain packed
says "an open window" '^window from +open$'

# a count that is limited is done when it has so many
for day in 20 21 22 23; do
	echo "{\"ts\":\"2025-10-${day}T10:00:00Z\",\"n\":1}"
	echo "{\"ts\":\"2025-10-${day}T11:00:00Z\",\"n\":2}"
done >days.jsonl
"$AUDITQ" pack --root days days.jsonl >/dev/null
for limit in "--limit 1" "--tail 1" "-r --limit 1" "--limit 2" "--tail 2"; do
	run -c $limit -j 1 --explain --where 'n > 0' days
	expect "-c $limit" 0 "${limit##* }"
	says "-c $limit reads no more" 'inflated +1$'
done
run -c --limit 0 --explain --where 'n > 0' days
expect "-c --limit 0" 1 0
says "and reads nothing" 'inflated +0$'
run -c --limit 5 --where 'n > 0' days
expect "a limit over several files" 0 5
run -c --limit 99 days
expect "a limit beyond all that there is" 0 8

# the last run is that of a file without a failure
cat >healthy.jsonl <<'EOF'
{"ts":"2025-10-20T10:00:00Z","level":"error","run_id":"bad","msg":"m"}
{"ts":"2025-10-21T10:00:00Z","level":"info","run_id":"good","msg":"m"}
EOF
"$AUDITQ" pack --root healthy healthy.jsonl >/dev/null
for filter in --failed "--level error"; do
	run --run last $filter healthy
	expect "--run last $filter: the last run has none" 1 ''
	run runs --run last $filter healthy
	[ "$status" -eq 1 ] && pass "runs --run last $filter" || fail "runs --run last $filter: $status $(cat out)"
done

# Two segments of a writer that hold the same records: many at one time, then each at its own.
mkdir -p shared/date=2025-10-23
awk 'BEGIN {
	for (i = 1; i <= 340000; i++)
		printf "{\"ts\":\"2025-10-23T10:00:00.%09dZ\",\"seq\":%d}\n", (i > 300000 ? i : 0), i
}' >shared/date=2025-10-23/app.0123456789abcdef.000001.jsonl
cp shared/date=2025-10-23/app.0123456789abcdef.000001.jsonl \
	shared/date=2025-10-23/app.0123456789abcdef.000002.jsonl
timeout 10 "$AUDITQ" shared >out 2>err
status=$?
holds "340000 records, each in two files: in a few seconds" [ "$status" -eq 0 ]
holds "and once" cmp -s out shared/date=2025-10-23/app.0123456789abcdef.000001.jsonl
