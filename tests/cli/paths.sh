# What is read: paths, and what stands in for them.
. "$HERE/check"

a='{"ts":"2025-10-22T00:00:00Z","n":"a"}'
b='{"ts":"2025-10-23T00:00:00Z","n":"b"}'
mkdir -p logs/date=2025-10-22 other/deep/er empty
echo "$a" >logs/date=2025-10-22/s.0123456789abcdef.000001.jsonl
echo "$b" >other/deep/er/2025-10-23.jsonl
gzip other/deep/er/2025-10-23.jsonl

# rooted ROOT ARG...: run with that AUDITQ_ROOT
rooted() {
	AUDITQ_ROOT=$1
	shift
	export AUDITQ_ROOT
	run "$@"
	unset AUDITQ_ROOT
}

run
expect "./logs" 0 "$a"
rooted other
expect "AUDITQ_ROOT" 0 "$b"
rooted other logs
expect "a PATH before AUDITQ_ROOT" 0 "$a"
rooted ''
expect "an empty AUDITQ_ROOT is none" 0 "$a"
echo "$b" | "$AUDITQ" >out 2>err
status=$?
expect "a pipe before ./logs" 0 "$b"
echo "$b" >in
run <in
expect "a redirected file" 0 "$b"
run - <in
expect "-" 0 "$b"
gzip -c in | "$AUDITQ" - >out 2>err
status=$?
expect "gzip on a pipe" 0 "$b"
run logs other
expect "several, in one order of time" 0 "$a
$b"
run other logs -r
expect "latest first" 0 "$b
$a"
run logs logs/date=2025-10-22 logs/date=2025-10-22/*
expect "the same file twice counts once" 0 "$a"
run logs/date=2025-10-22
expect "a partition" 0 "$a"
run empty
expect "an empty directory" 1 ""
: >nothing.jsonl
run nothing.jsonl
expect "an empty file" 1 ""
: >empty.jsonl.gz
run empty.jsonl.gz
expect "an empty file that says it is gzip" 3 ""
cd empty
run
expect "nothing at all" 2 ""
says "says where it looked" 'AUDITQ_ROOT.*logs'
cd ..
echo "$b" >'odd
name.jsonl'
run 'odd
name.jsonl'
expect "a line feed in a name" 0 "$b"
run --on 2025-10-22 logs other
expect "--on a day" 0 "$a"
run --on 2025-10-22..2025-10-23 logs other
expect "--on days" 0 "$a
$b"
mkdir logs/date=2025-10-23 && echo "$b" >logs/date=2025-10-23/_notes.jsonl &&
	echo "$b" >logs/date=2025-10-23/.x.tmp
run logs
expect "names with _ and . are left out" 0 "$a"

# ---- beside its compressed copy ----

mkdir beside sealed
echo "$a" >beside/app.jsonl
gzip -k beside/app.jsonl
echo "$b" >>beside/app.jsonl
run beside
expect "a file of others and its copy are two" 0 "$a
$a
$b"
run -c beside/app.jsonl beside/app.jsonl.gz
expect "also where they are named" 0 3
seq -f '{"ts":"2025-10-22T00:00:00Z","n":%.0f}' 2000 >beside/app.jsonl
gzip -c beside/app.jsonl | head -c 40 >beside/app.jsonl.gz
run -c --where 'n == 2000' beside
expect "a copy in the making takes nothing away" 3 1
echo "$a" >sealed/s.0123456789abcdef.000001.jsonl
gzip -k sealed/s.0123456789abcdef.000001.jsonl
run sealed
expect "a segment and what it was sealed to are one" 0 "$a"
