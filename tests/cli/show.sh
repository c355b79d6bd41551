# How answers are shown: formats, counts in groups and over time, terminals. See show.py.
. "$HERE/check"

mkdir scratch
python3 "$HERE/show.py" "$AUDITQ" "$PWD/scratch"
holds "it came to its end" test -s scratch/bad.jsonl

echo '{"ts":"2025-10-23T00:00:00Z","n":1}' >one.jsonl
# refused NAME REGEX ARG...
refused() {
	name=$1 regex=$2
	shift 2
	run "$@" one.jsonl
	if [ "$status" -eq 2 ] && grep -Eq -- "$regex" err && ! [ -s out ]; then
		pass "$name"
	else
		fail "$name"
	fi
}
refused "raw fields" "raw lines have no fields" -o raw --fields n
refused "a colour that is none" "--color: auto, always or never, not 'red'" --color red
refused "a pager that is none" "--pager: auto, always or never" --pager less
refused "a step that is none" "step 'x'" --hist x
refused "a step of nothing" "step '0s'" --hist 0s
refused "--by and --top" "not both" --by n --top n
refused "--by and --limit" "single records" --by n --limit 3
refused "raw counts" "--format raw" --by n -o raw

# Days between that have no records, also where one has 25 hours.
printf '{"ts":"2025-10-%sT10:00:00Z"}\n' 25 28 >days.jsonl
run --hist 1d --tz CET-1CEST,M3.5.0,M10.5.0/3 days.jsonl
cut -d ' ' -f 1 out >days
holds "silent days" test "$(tr '\n' ' ' <days)" = "time 2025-10-25T00:00:00+02:00 2025-10-26T00:00:00+02:00 2025-10-27T00:00:00+01:00 2025-10-28T00:00:00+01:00 "
run stats --hist 1d --tz CET-1CEST,M3.5.0,M10.5.0/3 days.jsonl
holds "the days of statistics" grep -q '^2025-10-25T00:00:00+02:00 ' out
