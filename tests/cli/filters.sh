# Which records: patterns and their opposite.
. "$HERE/check"

cat >log.jsonl <<'END'
{"ts":"2025-10-23T10:00:00Z","level":"info","run_id":"r1","stage":"fetch","user":"maria","msg":"got 40 bytes"}
{"ts":"2025-10-23T10:00:01Z","level":"warn","run_id":"r1","stage":"decode","user":"maria","msg":"a\nb","duration_ms":1500}
{"ts":"2025-10-23T10:00:02Z","level":"error","run_id":"r2","stage":"decode","user":"u0042","msg":"timeout~x","duration_ms":90000}
{"ts":"2025-10-23T12:00:03+02:00","level":"error","run_id":"r2","stage":"detection","user":42,"status":"failed","msg":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
END
sed 's/\("level"\)/"n":1,\1/' log.jsonl >some.jsonl

# lines NAME NUMBERS ARG...: of log.jsonl, the lines with these numbers are the answer.
lines() {
	name=$1
	want=$(for n in $2; do sed -n "${n}p" log.jsonl; done)
	shift 2
	run "$@" log.jsonl
	expect "$name" "$([ -n "$want" ]; echo $?)" "$want"
}

# refused NAME TEXT CARET ARG...: exit 2; TEXT is said, and so many columns in, a caret stands.
refused() {
	name=$1 text=$2 caret=$3
	shift 3
	run "$@"
	if [ "$status" -eq 2 ] && ! [ -s out ] && grep -Fq -- "$text" err &&
	    { [ -z "$caret" ] || [ "$(tail -n 1 err)" = "$(printf "  %${caret}s^" '')" ]; }; then
		pass "$name"
	else
		fail "$name"
	fi
}

# ---- patterns ----

lines "a pattern over the line" "1 2" -e '"r1"'
lines "spelled as in the line" "2" -e 'a\\nb'
lines "in a field, decoded" "2" -e 'msg~^a\nb$'
lines "a field that holds no string" "1 2" -e 'user~^[^u]'
lines "any of two" "1 3" -e 'stage~^fetch$' --regex='~timeout~'
lines "a name that is none: the line" "3" -e 'time[o]ut~x'
lines "a name in backticks" "1" -e '`stage`~fetch'
lines "case, when asked" "2 3" -e 'stage~(?i)DECODE'
lines "no such field" "" -e 'nothing~.'
refused "a pattern that is none" "pattern: missing closing parenthesis" 7 -e 'msg~a(b' log.jsonl
refused "an empty one" "an empty pattern" "" -e '' log.jsonl
run -e 'msg~^(a+)+$' log.jsonl
expect "a pattern that takes too long" 2
says "says so" "pattern on 'msg' given up: match limit exceeded"

# ---- the others ----

lines "all but failed" "1 2" -v --failed
lines "not both" "1 2 4" -v --failed --stage decode
lines "neither of the two" "1" -v --stage decode,detection
lines "no such pattern" "1 4" --invert -e 'stage~decode'
lines "an expression that does not hold" "3 4" -v --where 'user == "maria"'
lines "the window stays" "3" -v --failed --after 2025-10-23T10:00:02Z --before 2025-10-23T10:00:03Z --stage fetch
lines "all but the last run" "1 2" -v --run last
lines "all of no run" "1 2 3 4" -v --run r3
run -c -v --stage decode log.jsonl
expect "counted" 0 2
refused "nothing to invert" "--invert needs --run" "" -v log.jsonl
echo 'no record' >>some.jsonl
run -c -v --failed some.jsonl
expect "what cannot be read is not the opposite" 3 2
