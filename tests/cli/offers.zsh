# offers.zsh SCRIPT LINE... - what zsh offers at the end of each line, sorted, on a line: its completion system, in a
# terminal of its own, asked by a key.
zmodload zsh/zpty
zpty shell env TERM=dumb zsh -f -i
# What the shell shows up to the mark that it makes when its line editor waits: what is typed before that, the terminal
# would edit.
until_mark() {
	local piece
	shown=
	while zpty -r shell piece; do
		shown+=$piece
		[[ $shown == *'<<end>>'* ]] && return
	done
}
zpty -w shell 'PROMPT= PS2=; stty -echo; unset zle_bracketed_paste
autoload -Uz compinit; compinit -D -u; . '${(q)1}'
bindkey "^I" complete-word
# Words that are looked for on behalf of others go on to them; others are shown, and not offered.
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
	local -a found
	builtin compadd -A found "$@"
	((${#found} > 0)) && printf "<%s>" $found
	return 1
}
zle-line-init() { print -r -- "<<""end>>" }
zle -N zle-line-init'
until_mark
for line in "${@[2,-1]}"; do
	zpty -w -n shell "$line"$'\t\C-u\n'
	until_mark
	print -r -- ${(ou)${(f)"$(print -r -- $shown | grep -o '<[^<>]*>' | tr -d '<>' | grep -vx end)"}}
done
zpty -d shell
