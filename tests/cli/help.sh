# auditq help: topics whose examples work, commands by their --help.
. "$HERE/check"

run help
expect "help" 0
cp out list
holds "help fits 80 columns" sh -c '! awk "length > 80" list | grep .'
topics=$(sed -n '/^Topics/,/^$/s/^  \([a-z-]*\) .*/\1/p' list)
commands=$(sed -n '/^Commands/,/^$/s/^  \([a-z-]*\) .*/\1/p' list)
holds "there are topics" test -n "$topics"
holds "there are commands" test -n "$commands"
holds "the manual names the topics" sh -c '
	names=$(sed -n "s/^Explains a topic (\(.*\)), or.*/\1/p" "$ROOT/docs/auditq.1.scd" | tr -d "*,")
	test "$names" = "$1"' sh "$(echo $topics)"

# What examples name: ./logs, files of others.
mkdir logs
printf '{"ts":"2025-10-23T00:00:0%d.1Z","level":"error","run_id":"0199feae","stage":"s"}\n' 1 2 >logs/a.jsonl
cp logs/a.jsonl conn.log
gzip -c conn.log >old.jsonl.gz
cp old.jsonl.gz events.jsonl.gz
mkdir logs/date=2025-10-23
echo a >ids.txt
page() { :; }

for topic in $topics; do
	run help "$topic"
	expect "help $topic" 0
	holds "help $topic fits 80 columns" sh -c '! awk "length > 80" out | grep .'
	sed -n 's/^  \(if .*\)/\1/p; s/^  \(.*auditq .*\)/\1/p' out >examples
	sed "s|auditq|$AUDITQ|g" examples >works
	while IFS= read -r example; do
		rm -f failed.csv
		(eval "$example") >out 2>err </dev/null
		status=$?
		if [ "$status" -lt 2 ]; then pass "$example"; else fail "$example"; fi
	done <works
done
for command in $commands; do
	run "$command" --help
	cp out help
	run help "$command"
	tail -n "$(wc -l <help)" out >end
	holds "help $command ends as $command --help" cmp help end
done

run help nothing
expect "no such topic" 2 ""
says "no such topic: what to do" "'nothing'.*auditq help"
run help times where
expect "two topics" 2 ""
