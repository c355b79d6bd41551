# The manual page and --help name the same options, with the same arguments.
. "$HERE/check"

# "--name" or "-x", one a line
for command in '' stats runs run schemas pack inspect recover compact help completions; do
	run $command --help
	# from lines such as "  -S, --after, --since TIME   text"
	sed -n 's/^ \{2,6\}\(-.*\)$/\1/p' out | sed 's/  .*//' | grep -oE '(^|[ ,])--?[a-zA-Z-]+' |
		tr -d ' ,' | sort -u >"help$command"
done
section() {
	sed -n "/^$1\$/,/^$2\$/p" "$ROOT/docs/auditq.1.scd" | grep '^\*-' |
		grep -oE '\*--?[a-zA-Z-]+\*' | tr -d '*' | sort -u
}
section '## Which records' '# TIMES' >man
section '## stats' '## runs' >manstats
section '## runs' '## run' >manruns
section '## run' '## schemas' >manrun
section '## schemas' '## pack' >manschemas
section '## pack' '## inspect' >manpack
section '## inspect' '## recover' >maninspect
section '## recover' '## compact' >manrecover
section '## compact' '## help' >mancompact
section '## help' '## completions' >manhelp
section '## completions' '# EXIT STATUS' >mancompletions
for command in '' stats runs run schemas pack inspect recover compact help completions; do
	holds "the manual has at least --help of auditq $command" grep -qx -- --help "man$command"
	holds "the manual and auditq $command --help agree" diff "help$command" "man$command"
done
