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

# ---- expressions ----

printf 'maria\r\n\n42\n' >ids.txt
lines "values of a file" "1 2 4" --where 'user in @ids.txt'
lines "none of them" "3" --where 'user not in @"ids.txt"'
lines "of two files" "1 2" --where 'user in @ids.txt' --where 'msg not in @ids.txt and level != "error"'
run --where 'user in @/dev/stdin' log.jsonl <<END
u0042
END
expect "values of a pipe" 0 "$(sed -n 3p log.jsonl)"
refused "no such file" "cannot open none.txt: No such file" 9 --where 'user in @none.txt' log.jsonl
awk 'BEGIN { for (i = 0; i < 70000; i++) printf "x" }' >long.txt
refused "a line that is too long" "long.txt:1: a value longer than 64 KiB" 9 --where 'user in @long.txt' log.jsonl
lines "a duration" "3" --where 'duration_ms > 1.5s'
lines "one of several units" "3" --where 'duration_ms >= 1m30s'
lines "a time" "3 4" --where 'ts >= 2025-10-23T10:00:02Z'
lines "in the zone asked for" "3 4" --tz +02:00 --where 'ts >= 2025-10-23T12:00:02'
lines "any time" "4" --where "ts == t'2025-10-23T10:00:03Z'"
lines "a string is none" "4" --where 'ts >= "2025-10-23T11"'
refused "an unknown unit" "5sec is no value: units are w, d, h, m, s, ms, us and ns" 14 --where 'duration_ms > 5sec' log.jsonl
refused "a day that is none" "time: no such date" 13 --where 'ts > 2025-02-30' log.jsonl

# ---- lists ----

lines "blanks around the parts of a list" "1 4" --stage ' fetch, detection '
lines "repeated or a list" "1 2 3" --stage fetch --stage decode,none
refused "an empty part" "an empty stage" 7 --stage 'fetch, ' log.jsonl

refused "a level that is none" "did you mean warn?" "" --level wran log.jsonl
refused "a level in a list" "did you mean error?" "" --level '=info,eror' log.jsonl

# ---- times and zones ----

lines "a time without a zone is in UTC" "3 4" --after 2025-10-23T10:00:02
lines "--utc says so" "3 4" --utc --after 2025-10-23T10:00:02
lines "an offset" "3 4" --tz +02:00 --after 2025-10-23T12:00:02
lines "a time that says its zone" "3 4" --tz +02:00 --after 2025-10-23T10:00:02Z
lines "a rule" "3 4" --tz 'CET-1CEST,M3.5.0,M10.5.0/3' --after '2025-10-23 12:00:02'
lines "a day that began yesterday in UTC" "1 2 3 4" --tz +14 --on 2025-10-24
lines "of another day there" "" --tz +14 --on 2025-10-23
TZ=XYZ-14
export TZ
lines "local" "1 2 3 4" --tz local --on 2025-10-24
unset TZ
refused "no such zone" "no time zone 'Mars/Olympus'" "" --tz Mars/Olympus log.jsonl
refused "two zones" "--utc is one zone" "" --utc --tz local log.jsonl
refused "the end before the start" "--after '2025-10-24' (2025-10-24T00:00:00.000000000Z) is not before --before '2025-10-23'" \
	"" --after 2025-10-24 --before 2025-10-23 log.jsonl
refused "an empty window" "no time is in between" "" -S 2025-10-23 -U 2025-10-23 log.jsonl
refused "a day outside" "no time is on '2025-10-23' and at or after 2025-10-25" "" --on 2025-10-23 --after 2025-10-25 log.jsonl
rule=CET-1CEST,M3.5.0,M10.5.0/3
run --explain --tz $rule --on 2025-10-26 log.jsonl
says "a day of 25 hours begins" "^window from  *2025-10-26T00:00:00\+02:00$"
says "and ends" "^window to .* 2025-10-27T00:00:00\+01:00$"
run --explain --tz $rule --after 2025-10-26T02:30 --before 2026-03-29T02:30 log.jsonl
says "an hour that comes twice: the first" "^window from  *2025-10-26T02:30:00\+02:00$"
says "an hour that is skipped" "^window to .* 2026-03-29T03:30:00\+02:00$"
run --explain --after 2025-10-26T02:30:00.5Z log.jsonl
says "with a fraction" "^window from  *2025-10-26T02:30:00\.5Z$"
