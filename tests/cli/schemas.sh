# Other people's logs: recognised, asked plain, compressed, piped and packed; schemas of one's own; real logs against
# an oracle that knows only their formats.
. "$HERE/check"

samples=$ROOT/fixtures/schemas

# ask FILE-OR-ROOT [OPTION]...: the numbers of the case at hand
ask() {
	for question in --failed "--stage $stage" "--run $run" '--level warn' "--before $time"; do
		"$AUDITQ" "$@" -c $question || true
	done 2>/dev/null | tr '\n' ' '
}

# schema: a time; how many failed; a stage and how many are of it; a run likewise; how many are of level warn and above; how
# many before the time.  Counted by hand.
while read -r schema time failed stage nstage run nrun nlevel nbefore; do
	file=$samples/$schema.jsonl
	want="$failed $nstage $nrun $nlevel $nbefore "
	holds "$schema: plain" test "$(ask "$file")" = "$want"
	run --explain -c "$file"
	says "$schema is recognised" "files read as $schema +1\$"
	gzip -c "$file" >"$schema.jsonl.gz"
	holds "$schema: compressed" test "$(ask "$schema.jsonl.gz")" = "$want"
	for question in --failed "--stage $stage" "--run $run" '--level warn' "--before $time"; do
		"$AUDITQ" -c $question - <"$file" || true
	done 2>/dev/null | tr '\n' ' ' >piped
	holds "$schema: piped" test "$(cat piped)" = "$want"
	"$AUDITQ" pack --root "$schema" "$file" >/dev/null
	holds "$schema: packed" test "$(ask "$schema")" = "$want"
	holds "$schema: packed, without the index" test "$(ask "$schema" --no-index)" = "$want"
	# what is shown is by role, however the records are found
	run -o pretty "$file"
	mv out pretty
	holds "$schema: what failed is marked" test "$(grep -c '^!' pretty)" = "$failed"
	for how in "$schema" "$schema --no-index" "$file --tail 100" "$file --cursor-file $schema.cursor" \
		"$file -f --since 2000-01-01 --limit $(wc -l <pretty)"; do
		timeout 20 "$AUDITQ" -o pretty $how >out 2>err
		holds "$schema: shown the same ($how)" cmp out pretty
	done
	run -o csv --tail 100 "$schema"
	tail -n +2 out | cut -d, -f8 | grep -cx "$stage" >count
	holds "$schema: stages have their column" test "$(cat count)" = "$nstage"
	if [ "$schema" != native ]; then
		"$AUDITQ" inspect "$schema"/date=*/*.gz >out
		holds "$schema is recorded" grep -q "\"v\":2,\"name\":\"$schema\"" out
	fi
done <<'CASES'
kubernetes 2025-10-23T11:00:00Z 2 ResponseComplete 3 a-2 2 0 3
cloudtrail 2025-10-23T11:00:00Z 2 ConsoleLogin 2 R2 1 0 2
suricata 2025-10-23T08:30:00Z 2 alert 2 1:bb 2 2 3
zeek 2025-10-23T11:00:00Z 3 dns 2 CA 3 0 4
mongodb 2025-10-23T11:00:00Z 2 NETWORK 2 conn7 2 3 3
journald 2025-10-23T11:00:00Z 3 a.service 2 i1 2 3 3
windows 2025-10-23T11:00:00Z 3 Security 4 {A1} 2 3 3
opentelemetry 2025-10-23T11:00:00Z 3 pay 2 t1 2 4 3
ecs 2025-10-23T11:00:00Z 2 login 2 t1 2 3 3
bunyan 2025-10-23T11:00:00Z 2 worker 3 r1 2 4 3
zap 2025-10-23T11:00:00Z 2 http 3 t2 2 4 3
generic 2025-10-23T11:00:00Z 3 app 1 t1 2 3 3
native 2025-10-23T11:00:00Z 2 load 3 r1 2 2 2
CASES

# a duration in seconds or nanoseconds is measured in milliseconds, from lines and from rollups
for path in "$samples/zap.jsonl" zap; do
	run stats "$path" -o jsonl --exact
	holds "the unit of a duration ($path)" grep -q '"sum":2000[,.]' out
done
run stats --by stage ecs -o jsonl
holds "of nanoseconds" grep -q '"stage":"login".*"sum":1.5,' out

# --schema overrides what a file or an archive says
run -c --failed --schema native "$samples/zeek.jsonl"
expect "of a file" 1 0
run -c --failed --schema native zeek
expect "of an archive" 1 0
run -c --stage dns --schema zeek zeek
expect "with the one that it has" 0 2

# one's own
cat >mine.json <<'JSON'
{
	"ts": ["when", "at"], "run": "session", "stage": "step", "level": "prio",
	"unit": "s", "duration": "took",
	"levels": { "error": [3, "BAD"], "info": [6] },
	"failed": { "rc": { "min": 1 }, "error": true, "outcome": ["bad"], "state": { "not": ["done"] } }
}
JSON
cat >mine.jsonl <<'JSON'
{"when":"2025-10-23T10:00:00Z","session":"s1","step":"a","prio":6,"rc":0}
{"at":"2025-10-23T10:00:01Z","session":"s1","step":"a","prio":6,"rc":1}
{"when":"2025-10-23T10:00:02Z","session":"s1","step":"b","prio":"bad"}
{"when":"2025-10-23T10:00:03Z","session":"s1","step":"b","prio":7,"error":{}}
{"when":"2025-10-23T10:00:04Z","session":"s2","step":"b","prio":7,"error":null,"outcome":"good"}
{"when":"2025-10-23T10:00:05Z","session":"s2","step":"b","prio":2,"outcome":"b\u0061d"}
{"when":"2025-10-23T10:00:06Z","session":"s2","step":"b","state":"done"}
{"when":"2025-10-23T10:00:07Z","session":"s2","step":"b","state":"lost"}
JSON
run -c --failed --schema mine.json mine.jsonl
expect "a schema of one's own" 0 5
run pack --schema mine.json --root mine mine.jsonl
expect "and packed under it" 0
run -c --failed --stage b mine
expect "it is asked under it" 0 4
run --explain -c mine
says "what has no name is called so" 'files read as other'

# wrong NAME TEXT PATTERN
wrong() {
	printf '%s' "$2" >wrong.json
	run --schema wrong.json -c mine.jsonl
	expect "$1" 2 ""
	says "$1, and why" "$3"
}
wrong "no JSON" '{"ts":' 'wrong.json: not a schema: '
wrong "a member that is none" '{"time":"ts"}' '"time": not a member of a schema'
wrong "a key that is none" '{"run":7}' '"run": neither a key nor an array of keys'
wrong "a level that is none" '{"levels":{"loud":[1]}}' '"levels": a level is trace, debug'
wrong "a test that is none" '{"failed":{"rc":0}}' '"failed": a test is true, an array of words, or an object'
wrong "a unit that is none" '{"unit":"h"}' '"unit": a unit is s, ms, us or ns'
wrong "a later version" '{"v":3}' '"v": not a version that is known'
run --schema nothing -c mine.jsonl
expect "no such schema" 2 ""
says "the names are told" "'nothing': native, kubernetes, "
run pack --schema zeek --ts ts --root x mine.jsonl
expect "schema and ts at once" 2 ""

run schemas
expect "a list" 0
holds "of all of them" test "$(wc -l <out)" -eq 13
run schemas zeek
expect "one of them" 0
cp out zeek.json
run -c --failed --schema zeek.json "$samples/zeek.jsonl"
expect "is a schema file" 0 3
run schemas zeke
expect "none of that name" 2 ""

# most of the first hundred records decide
for i in $(seq 60); do echo '{"level":50,"time":1761213601000,"pid":1,"hostname":"h","msg":"x"}'; done >most.jsonl
for i in $(seq 40); do echo '{"a":1}'; done >>most.jsonl
for i in $(seq 900); do echo '{"level":"error"}'; done >>most.jsonl
run -c --failed most.jsonl
expect "most of the first hundred" 0 960
{ for i in $(seq 50); do echo '{"a":1}'; done; cat most.jsonl; } >fewer.jsonl
run --explain -c --failed fewer.jsonl
says "not too few of them" 'files read as native'

if [ -e "$ROOT/../shared/data/k8s_audit.jsonl" ] && command -v python3 >/dev/null; then
	python3 "$HERE/schemas.py" "$AUDITQ" "$ROOT/../shared/data"
else
	echo "ok - real logs # SKIP no ../shared/data, or no python3"
fi
