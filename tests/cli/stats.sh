# Statistics: the table, its machine-readable forms, the same from every layout; what is refused.
. "$HERE/check"

cat >all.jsonl <<'END'
{"ts":"2025-10-22T10:00:00Z","level":"info","stage":"ingest","event":"stage.begin"}
{"ts":"2025-10-22T10:00:01Z","level":"error","stage":"ingest","msg":"disk","size":7}
{"ts":"2025-10-22T10:00:02Z","level":"info","stage":"ingest","status":"failed","duration_ms":2000}
{"ts":"2025-10-23T10:00:00Z","level":"info","stage":"detection","status":"ok","duration_ms":12.5,"user":{"id":"u1"}}
{"ts":"2025-10-23T10:00:01Z","level":"info","stage":"d\u0065tection","status":"ok","duration_ms":0.25,"user":{"id":"u\u001b[31m"}}
{"ts":"2025-10-23T10:00:02Z","level":"warn","size":-3}
{"ts":"2025-10-24T10:00:00Z","level":"info","stage":"detection","status":"ok","duration_ms":1e3}
END
"$AUDITQ" pack --root packed all.jsonl >/dev/null
mkdir -p plain/date=2025-10-22 plain/date=2025-10-23 plain/date=2025-10-24
sed -n 1,3p all.jsonl >plain/date=2025-10-22/s.0123456789abcdef.000001.jsonl
sed -n 4,6p all.jsonl >plain/date=2025-10-23/s.0123456789abcdef.000002.jsonl
sed -n 7p all.jsonl >plain/date=2025-10-24/s.0123456789abcdef.000003.jsonl
mkdir mixed && sed -n '1p;3p;5p;7p' all.jsonl | gzip >mixed/odd.jsonl.gz
sed -n '2p;4p;6p' all.jsonl >mixed/even.log.jsonl

# told NAME STATUS TEXT ARG...: of all layouts, in all ways.
told() {
	name=$1 want=$2 text=$3
	shift 3
	for layout in packed plain mixed; do
		for how in '' --no-index -j1; do
			run stats $how "$@" $layout
			if [ "$status" -ne "$want" ] || [ "$(cat out)" != "$text" ]; then
				fail "$name: $* on $layout $how"
				return
			fi
		done
	done
	pass "$name"
}

told "by stage" 0 \
'stage      records  ends  failed  failed/ends  values       p50       p95       p99       max       sum
detection        3     3       0        0.00%       3    12.500   901.250   980.250  1000.000  1012.750
ingest           3     1       2      200.00%       1  2000.000  2000.000  2000.000  2000.000  2000.000
-                1     0       0            -       0         -         -         -         -         -
Durations are in ms. All figures are exact.' --by stage --exact
told "all in one" 0 \
'records  ends  failed  failed/ends  values      p50       p95       p99       max       sum
      7     4       2       50.00%       4  506.250  1850.000  1970.000  2000.000  3012.750
Durations are in ms. All figures are exact.' --exact
told "one day, one stage" 0 \
'records  ends  failed  failed/ends  values    p50     p95     p99     max     sum
      2     2       0        0.00%       2  6.375  11.887  12.377  12.500  12.750
Durations are in ms. All figures are exact.' --exact --on 2025-10-23 --stage detection
told "the failed, by two fields" 0 \
'stage   status  records  ends  failed  failed/ends  values       p50       p95       p99       max       sum
ingest  failed        1     1       1      100.00%       1  2000.000  2000.000  2000.000  2000.000  2000.000
ingest  -             1     0       1            -       0         -         -         -         -         -
Durations are in ms. All figures are exact.' --exact --failed --by stage,status
told "another number, where there is one" 0 \
'records  ends  failed  failed/ends  values    p50    p95    p99    max    sum
      7     4       2       50.00%       2  2.000  6.500  6.900  7.000  4.000
All figures are exact.' --exact --field size
told "control characters in a group" 0 \
'user.id      records  ends  failed  failed/ends  values     p50     p95     p99     max     sum
u\u001b[31m        1     1       0        0.00%       1   0.250   0.250   0.250   0.250   0.250
u1                 1     1       0        0.00%       1  12.500  12.500  12.500  12.500  12.500
Durations are in ms. All figures are exact.' --exact --by user.id --where 'exists user.id'
told "nothing, in one row" 1 \
'records  ends  failed  failed/ends  values  p50  p95  p99  max  sum
      0     0       0            -       0    -    -    -    -    -
Durations are in ms. All figures are exact.' --exact --stage none
told "nothing, in groups" 1 \
'stage  records  ends  failed  failed/ends  values  p50  p95  p99  max  sum
Durations are in ms. All figures are exact.' --exact --stage none --by stage
told "json" 0 '[
{"stage":"detection","records":1,"ends":1,"failed":0,"failure_rate":0.0,"values":1,"sum":1000.0,"min":1000.0,"max":1000.0,"p50":1000.0,"p95":1000.0,"p99":1000.0,"exact":true}
]' \
	-o json --by stage --exact --after 2025-10-24
told "jsonl, some columns" 0 '{"stage":"detection","records":2}
{"stage":null,"records":1}' -o jsonl --by stage --on 2025-10-23 --fields stage,records
told "csv" 0 "$(printf 'stage,records,p95\r\ndetection,2,11.8875\r\n,1,')$(printf '\r')" \
	-o csv --by stage --exact --on 2025-10-23 --fields stage,records,p95

run stats --hist 1d --stage detection all.jsonl
holds "times without a fraction of zero" grep -Eq '^2025-10-23T00:00:00Z +2 ' out
run stats packed
expect "estimates" 0
holds "it says so" grep -qx 'Durations are in ms. p50, p95 and p99 are within 1 %, the rest is exact.' out
cp out estimates
run stats --no-index packed
expect "the same without the index" 0 "$(cat estimates)"
run stats --explain packed
says "from summaries" '^ +answered from summaries +3$'
says "nothing was read" '^ +read +0$'

mkdir bad && { cat all.jsonl && echo '{"ts":'; } >bad/x.jsonl
run stats bad
expect "a line that is no JSON" 3
holds "the rest is told" grep -q '^ *7 ' out
says "and where it is" 'bad/x.jsonl:8: not a JSON object'
run stats --strict bad
expect "--strict" 3 ""
AUDITQ_ROOT=packed
export AUDITQ_ROOT
run stats -o jsonl --fields records
expect "the default path" 0 '{"records":7}'

# refused NAME REGEX ARG...
refused() {
	name=$1 regex=$2
	shift 2
	run stats "$@" packed
	if [ "$status" -eq 2 ] && grep -Eq -- "$regex" err && ! [ -s out ]; then
		pass "$name"
	else
		fail "$name"
	fi
}
refused "a format that is none" "table, jsonl, json, csv, tsv or md: 'xml'" -o xml
refused "columns of the table" "--fields is about" --fields records
refused "a group without a name" "without a name" --by stage,
refused "a group twice" "twice" --by stage,stage
refused "a group named as a column" "has that name" --by sum
refused "what only a query has" "unknown option '--limit'" --limit 3
