# Runs: the table, its machine-readable forms, the same from every layout; what is refused.
. "$HERE/check"

cat >all.jsonl <<'END'
{"ts":"2025-10-22T23:59:58Z","level":"info","run_id":"r-1","event":"run.begin"}
{"ts":"2025-10-22T23:59:59Z","level":"info","run_id":"r-1","stage":"ingest","event":"stage.begin"}
{"ts":"2025-10-23T00:00:01Z","level":"error","run_id":"r-1","stage":"ingest","msg":"disk"}
{"ts":"2025-10-23T00:00:02.5Z","level":"info","run_id":"r-1","status":"failed","event":"run.end"}
{"ts":"2025-10-23T10:00:00Z","level":"info","run_id":"r-2","event":"run.begin"}
{"ts":"2025-10-23T10:00:00.25Z","level":"info","run_id":"r-2","stage":"ingest"}
{"ts":"2025-10-23T10:00:01Z","level":"info","run_id":"r-3","event":"run.begin"}
{"ts":"2025-10-23T10:00:02Z","level":"info","run_id":"r-3","stage":"a","msg":"\u001b[31m"}
{"ts":"2025-10-23T10:00:03Z","level":"info","run_id":"r-3","stage":"b"}
{"ts":"2025-10-23T10:00:04Z","level":"info","run_id":"r-3","status":"ok","event":"run.end"}
{"ts":"2025-10-24T10:00:00Z","level":"warn","run_id":"\u001b[2J"}
{"ts":"2025-10-24T10:00:01Z","level":"warn"}
END
"$AUDITQ" pack --root packed all.jsonl >/dev/null
mkdir -p plain/date=2025-10-22 plain/date=2025-10-23 plain/date=2025-10-24
sed -n 1,2p all.jsonl >plain/date=2025-10-22/s.0123456789abcdef.000001.jsonl
sed -n 3,10p all.jsonl >plain/date=2025-10-23/s.0123456789abcdef.000002.jsonl
sed -n 11,12p all.jsonl >plain/date=2025-10-24/s.0123456789abcdef.000003.jsonl
mkdir mixed && sed -n '1p;3p;5p;7p;9p;11p' all.jsonl | gzip >mixed/odd.jsonl.gz
sed -n '2p;4p;6p;8p;10p;12p' all.jsonl >mixed/even.log.jsonl

# told NAME STATUS TEXT ARG...: of all layouts, in all ways.
told() {
	name=$1 want=$2 text=$3
	shift 3
	for layout in packed plain mixed; do
		for how in '' --no-index -j1; do
			run runs $how "$@" $layout
			if [ "$status" -ne "$want" ] || [ "$(cat out)" != "$text" ]; then
				fail "$name: $* on $layout $how"
				return
			fi
		done
	done
	pass "$name"
}

told "all" 0 \
'run        start                     status      failed at  when                      duration  stages  records  failed
r-1        2025-10-22T23:59:58.000Z  failed      ingest     2025-10-23T00:00:01.000Z     4.50s       1        4       2
r-2        2025-10-23T10:00:00.000Z  incomplete                                        250.0ms       1        2       0
r-3        2025-10-23T10:00:01.000Z  ok                                                  3.00s       2        4       0
\u001b[2J  2025-10-24T10:00:00.000Z  ok                                                 0.00ms       0        1       0'
told "a window asks for those with records in it" 0 \
'run  start                     status  failed at  when                      duration  stages  records  failed
r-1  2025-10-22T23:59:58.000Z  failed  ingest     2025-10-23T00:00:01.000Z     4.50s       1        4       2' \
	--after 2025-10-23T00:00:01Z --before 2025-10-23T00:00:02Z
told "as CSV, the latest first" 0 "$(printf '%s\r\n' run_id,start,end,duration_ms,stages,records,failed,status,failed_stage,failed_at \
	r-3,2025-10-23T10:00:01.000000000Z,2025-10-23T10:00:04.000000000Z,3000.0,2,4,0,ok,, \
	r-2,2025-10-23T10:00:00.000000000Z,2025-10-23T10:00:00.250000000Z,250.0,1,2,0,incomplete,,)" \
	-o csv -r --limit 2 --before 2025-10-24
told "as JSON, some fields" 0 \
'[
{"run_id":"r-1","failed_at":"2025-10-23T00:00:01.000000000Z","failed_stage":"ingest"}
]' -o json --fields run_id,failed_at,failed_stage --status failed
told "with some record" 0 '{"run_id":"r-3"}' -o jsonl --fields run_id --stage b
told "by status" 0 '{"run_id":"r-2"}
{"run_id":"r-3"}' -o jsonl --fields run_id --status incomplete,ok --tail 2 --on 2025-10-23
told "by a prefix" 0 '{"run_id":"r-2"}' -o jsonl --fields run_id --run r-2,s
told "the last one" 0 '{"run_id":"r-3","records":4}' -o jsonl --fields run_id,records --run last \
	--on 2025-10-23
told "none" 1 '' --status running

run runs --status done packed
expect "no such status" 2 ''
says "it is named" "--status: not ok, failed, incomplete or running: 'done'"
run runs --limit 1 --tail 1 packed
expect "the first and the last" 2 ''
run runs -o table --fields run_id packed
expect "columns of a table" 2 ''
run runs --explain packed
says "what was done is told" '^files +3$'
says "archives answer for themselves" '^  answered from summaries +3$'
run runs --explain --no-index packed
says "unless they are not asked" '^  answered from summaries +0$'
echo 'no json' >>plain/date=2025-10-24/s.0123456789abcdef.000003.jsonl
run runs --stage ingest --status failed -o jsonl --fields run_id plain
expect "a loss is told in the status" 3 '{"run_id":"r-1"}'
holds "and told once" test "$(grep -c 'not a JSON object' err)" = 1
# in an archive that could answer from its tables but for that
mkdir -p lossy/date=2025-10-24
cp plain/date=2025-10-24/s.0123456789abcdef.000003.jsonl lossy/date=2025-10-24
"$AUDITQ" recover lossy >/dev/null
holds "a file with a loss is sealed" test -e lossy/date=2025-10-24/s.0123456789abcdef.000003.jsonl.gz
for how in '' --no-index; do
	run runs $how -o jsonl --fields run_id,records lossy
	expect "its loss is told in the status $how" 3 '{"run_id":"\u001b[2J","records":1}'
	says "and where it is" 'jsonl.gz:3: not a JSON object'
done

# ---- records of their runs around matches, and whole runs ----

"$AUDITQ" pack --root fresh all.jsonl >/dev/null
line() {
	sed -n "$1" all.jsonl
}
run --stage b -B 1 -o jsonl fresh
expect "one before" 0 "$(line 8,9p)"
run --level warn,error -C 1 -o jsonl fresh
expect "one on both sides, in groups" 0 "$(line 2,4p && line 11,12p)"
run --level warn,error -C 1 -o raw fresh
expect "groups are told apart for people" 0 "$(line 2,4p && echo -- && line 11p && echo -- && line 12p)"
run --level warn,error -A 1 -r -o raw fresh
expect "the same, latest first" 0 "$(line 12p && echo -- && line 11p && echo -- && line 4p && line 3p)"
run --level error --expand run -o jsonl fresh
expect "a whole run" 0 "$(line 1,4p)"
run --stage a --on 2025-10-23 --expand run -c fresh
expect "counted" 0 4
run --failed --tail 1 --expand run --explain -o jsonl fresh
expect "of the last match" 0 "$(line 1,4p)"
says "the runs are counted" '^runs of matches, of any time +1$'
run --failed --expand stage fresh
expect "nothing else is expanded" 2 ''
run --failed --expand run -A 1 fresh
expect "not both" 2 ''
run --failed --expand run - <all.jsonl
expect "not standard input" 2 ''

# ---- one run ----

cat >one.jsonl <<'END'
{"ts":"2025-10-22T10:00:00Z","pid":1,"run_id":"r-1","event":"run.begin"}
{"ts":"2025-10-22T10:00:01Z","pid":1,"run_id":"r-1","stage":"outer","event":"stage.begin"}
{"ts":"2025-10-22T10:00:02Z","pid":1,"run_id":"r-1","stage":"inner","event":"stage.begin"}
{"ts":"2025-10-22T10:00:02Z","pid":2,"run_id":"r-1","stage":"other","event":"stage.begin"}
{"ts":"2025-10-22T10:00:03Z","pid":1,"run_id":"r-1","stage":"inner","level":"error","msg":"no \u001b[1mdisk","error":"EIO"}
{"ts":"2025-10-22T10:00:04Z","pid":1,"run_id":"r-1","stage":"inner","event":"stage.end","status":"failed","duration_ms":2000,"error":"timeout"}
{"ts":"2025-10-22T10:00:05Z","pid":1,"run_id":"r-1","stage":"outer","event":"stage.end","status":"ok","duration_ms":4000}
{"ts":"2025-10-22T10:00:05Z","pid":1,"run_id":"r-10","event":"run.begin"}
{"ts":"2025-10-22T10:00:06Z","pid":3,"run_id":"r-1","stage":"none"}
{"ts":"2025-10-22T10:00:07Z","pid":1,"run_id":"r-1","event":"run.end","status":"failed","duration_ms":7000}
END
run run r-1 one.jsonl
expect "a tree" 0 'stage        status      at                        duration  records  what
run r-1      failed      2025-10-22T10:00:00.000Z  7.00s     2        
  outer      ok          +1.00s                    4.00s     2        
    inner    failed      +2.00s                    2.00s     3        timeout
      error  !           +3.00s                                       no \u001b[1mdisk: EIO
  other      incomplete  +2.00s                    -         1        
  none       ok          +6.00s                    0.00ms    1        '
run run r-1 -o jsonl --fields parent,kind,name,duration_ms,records,message one.jsonl
expect "its rows" 0 '{"parent":null,"kind":"run","name":"r-1","duration_ms":7000.0,"records":2,"message":null}
{"parent":0,"kind":"stage","name":"outer","duration_ms":4000.0,"records":2,"message":null}
{"parent":1,"kind":"stage","name":"inner","duration_ms":2000.0,"records":3,"message":"timeout"}
{"parent":2,"kind":"error","name":null,"duration_ms":0.0,"records":1,"message":"no \u001b[1mdisk: EIO"}
{"parent":0,"kind":"stage","name":"other","duration_ms":null,"records":1,"message":null}
{"parent":0,"kind":"loose","name":"none","duration_ms":0.0,"records":1,"message":null}'
run run last -o jsonl --fields name one.jsonl
expect "the last run" 0 '{"name":"r-10"}'
run run r-2 one.jsonl
expect "no such run" 1 ''
run run r one.jsonl
expect "several" 2 ''
says "they are listed" '^auditq:   r-10  2025-10-22T10:00:05.000Z  incomplete$'
run run
expect "no run" 2 ''

# ---- a run that has lines without a time ----

cat >untimed.jsonl <<'END'
{"run_id":"b","msg":"none so far"}
{"ts":"2025-10-22T10:00:00Z","run_id":"a"}
{"ts":"2025-10-22T11:00:00Z","run_id":"b"}
END
run runs --fields run_id,start -o jsonl untimed.jsonl
expect "starts where it has one" 0 '{"run_id":"a","start":"2025-10-22T10:00:00.000000000Z"}
{"run_id":"b","start":"2025-10-22T11:00:00.000000000Z"}'
run run last -o jsonl --fields name untimed.jsonl
expect "and is the last" 0 '{"name":"b"}'
run -c --run last untimed.jsonl
expect "in a query, too" 0 2
echo '{"run_id":"z"}' >none.jsonl
run -c --run last none.jsonl untimed.jsonl
expect "one without any is the first of all" 0 2

# ---- times far apart ----

cat >far.jsonl <<'END'
{"ts":"1678-01-01T00:00:00Z","run_id":"r-1","event":"run.begin"}
{"ts":"1678-01-01T00:00:00Z","run_id":"r-1","stage":"a","event":"stage.begin"}
{"ts":"1678-01-01T00:00:01Z","run_id":"r-1","stage":"b","event":"stage.end","status":"ok","duration_ms":1e12}
{"ts":"2262-01-01T00:00:00Z","run_id":"r-1","stage":"a","event":"stage.end","status":"ok"}
{"ts":"2262-01-01T00:00:00Z","run_id":"r-1","event":"run.end","status":"ok"}
END
run runs far.jsonl
expect "584 years" 0 'run  start                     status  failed at  when    duration  stages  records  failed
r-1  1678-01-01T00:00:00.000Z  ok                       213301d00h       2        5       0'
run runs -o jsonl --fields duration_ms far.jsonl
expect "in milliseconds" 0 '{"duration_ms":18429206400000.0}'
run run r-1 far.jsonl
expect "as a tree" 0 'stage    status  at                        duration    records  what
run r-1  ok      1678-01-01T00:00:00.000Z  213301d00h  2        
  a      ok      +0.00ms                   213301d00h  2        
    b    ok      +1.00s                    0.00ms      1        '

# ---- as many stages as a run may have, none of which ends ----

awk 'BEGIN {
	for (i = 0; i < 400000; i++)
		printf "{\"ts\":1761127200,\"run_id\":\"m\",\"stage\":\"s%d\"}\n", i % 100000
}' >many.jsonl
timeout 30 "$AUDITQ" run m many.jsonl -o jsonl >out 2>err
status=$?
holds "100000 stages, a few seconds" [ "$status" -eq 0 ]
holds "each with its records" [ "$(grep -c '"records":4' out)" -eq 100000 ]
echo '{"ts":1761127200,"run_id":"m","stage":"s"}' >>many.jsonl
run run m many.jsonl
expect "one more" 2 ''
says "are too many" 'more than 100000 stages'

# ---- more failed records than a tree shows ----

awk 'BEGIN {
	for (i = 0; i < 10007; i++)
		printf "{\"ts\":\"2025-10-22T10:00:00Z\",\"run_id\":\"e\",\"level\":\"error\",\"msg\":\"m%d\"}\n", i
}' >errors.jsonl
run run e -o jsonl errors.jsonl
holds "10007 errors: the first 10000" [ "$status $(grep -c '"kind":"error"' out)" = "0 10000" ]
says "the others are told" '^auditq: 7 failed records are only counted'
head -n 10000 errors.jsonl >some.jsonl
run run e some.jsonl
holds "10000: all, and nothing to tell" [ "$(wc -l <out) $(wc -c <err)" = "10002 0" ]
