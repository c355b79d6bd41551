# Completions: what bash offers, as readline would ask it; and fish and zsh, where they are installed.
. "$HERE/check"

for shell in bash zsh fish; do
	run completions $shell
	expect "completions $shell" 0
	cp out script.$shell
done
run completions csh
expect "no such shell" 2 ""
run completions
expect "no shell" 2 ""

mkdir there there/logs
: >there/one.jsonl
: >"there/t wo.jsonl"
# offers WANTED WORD...: what bash offers for the last word, sorted, with a blank behind each.
offers() {
	want=$1
	shift
	bash -c '. ./script.bash; cd there
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_auditq
		printf "%s\n" "${COMPREPLY[@]}"' bash auditq "$@" 2>err | LC_ALL=C sort | tr '\n' ' ' >out
	status=$?
	if [ "$(cat out)" = "$want " ] && ! [ -s err ]; then
		pass "bash: $*"
	else
		fail "bash: $* ($want)"
	fi
}
if bash -c 'compgen -W ""; true' 2>/dev/null; then
	holds "bash reads it" bash -n script.bash
	offers "stats" sta
	offers "run runs" ru
	offers "--failed" --fai
	offers "--after --after-context" --afte
	offers "json jsonl" --format js
	offers "json jsonl" -o js
	offers "json jsonl" --format = js
	offers "always auto never" --color =
	offers "always auto never" --color = ''
	offers "warn" --level wa
	offers "error,warn" --level error,w
	offers "" --run ''
	offers "one.jsonl" o
	offers "logs one.jsonl t wo.jsonl" --failed ''
	offers "logs one.jsonl t wo.jsonl" -- ''
	offers "t wo.jsonl" -O t
	offers "logs" pack --root ''
	offers "logs" recover ''
	offers "table tsv" stats -o t
	offers "--exact --explain" stats --ex
	offers "--dry-run" compact --dr
	offers "failed" runs --status fa
	offers "ok,failed" runs --status ok,fa
	offers "zap zeek" schemas z
	offers "zap zeek" --schema z
	offers "one.jsonl" --schema on
	offers "times" help ti
	offers "recover" help re
	offers "bash" completions b
	# What is offered is understood, and so what the parser takes and the table has are the same.
	echo '{"ts":"2025-10-23T00:00:00Z","level":"info","run_id":"a"}' >log
	for option in --format --color --pager --level --schema "stats --format" "runs --format" \
		"runs --status" "run --format"; do
		bash -c '. ./script.bash; COMP_WORDS=("$@" "") COMP_CWORD=$#
			_auditq
			printf "%s\n" "${COMPREPLY[@]}"' bash auditq $option | grep -vE '^(there|log|script|out|err|values|.*sh)' >values
		holds "$option has values" grep -q . values
		while read -r value; do
			case $option in "run "*) operand=a ;; *) operand= ;; esac
			PAGER=cat run $option "$value" $operand log
			if [ "$status" -lt 2 ]; then pass "$option $value"; else fail "$option $value"; fi
		done <values
	done
	# All that --help has, each under all its names.
	for command in '' stats runs run schemas pack inspect recover compact help completions; do
		run $command --help
		want=$(sed -n 's/^ \{2,6\}\(-.*\)$/\1/p' out | sed 's/  .*//' |
			grep -oE '(^|[ ,])--[a-zA-Z-]+' | tr -d ' ,' | LC_ALL=C sort | tr '\n' ' ')
		offers "${want% }" $command --
	done
else
	pass "bash # SKIP bash, or its compgen, is not installed"
fi

if command -v zsh >zsh; then
	holds "zsh reads it" zsh -n script.zsh
	holds "zsh registers it" zsh -fc 'autoload -Uz compinit; compinit -D; . ./script.zsh
		test "$_comps[auditq]" = _auditq'
	# What is wanted, and the line that it is wanted at the end of.
	cat >asked <<'LINES'
stats|auditq sta
--failed|auditq --fai
json jsonl|auditq --format js
json jsonl|auditq -o js
json jsonl|auditq --format=js
--after --after-context|auditq --afte
|auditq -S -1h --si
always auto never|auditq --color=
warn|auditq --level error,w
zap|auditq --schema za
logs one.jsonl t\ wo.jsonl|auditq --failed there/
table tsv|auditq stats -o t
--exact --explain|auditq stats --ex
failed|auditq runs --status ok,fa
csv json jsonl md tree tsv|auditq run -o \

--dry-run|auditq compact --dr
zap zeek|auditq schemas z
times|auditq help ti
bash fish zsh|auditq completions \

LINES
	sed -i 's/\\$//; /^$/d' asked
	cut -d '|' -f 2 asked | tr '\n' '\0' |
		timeout 100 xargs -0 zsh -f "$HERE/offers.zsh" "$PWD/script.zsh" >offered 2>err
	cut -d '|' -f 1 asked | paste -d '|' - offered >both
	holds "zsh answers" test "$(wc -l <offered)" = "$(wc -l <asked)"
	while IFS='|' read -r want got && read -r line <&3; do
		holds "zsh: ${line#*|}" test "$got" = "$want"
	done <both 3<asked
else
	pass "zsh # SKIP not installed"
fi
if command -v fish >fish; then
	# fish_offers WANTED LINE
	fish_offers() {
		got=$(HOME=$PWD fish --no-config -c 'source script.fish; complete -C $argv[1]' "$2" 2>err |
			cut -f 1 | LC_ALL=C sort | tr '\n' ' ')
		holds "fish: $2" test "$got" = "$1 "
	}
	fish_offers "stats" "auditq sta"
	fish_offers "--failed" "auditq --fai"
	fish_offers "json jsonl" "auditq --format js"
	fish_offers "table tsv" "auditq stats -o t"
	fish_offers "--after --after-context" "auditq --afte"
	fish_offers "zap zeek" "auditq schemas z"
	fish_offers "--exact --explain" "auditq stats --ex"
else
	pass "fish # SKIP not installed"
fi
