# What reaches a terminal: each command and each format, on a pseudo-terminal.
. "$HERE/check"

if ! command -v python3 >/dev/null; then
	echo "ok - terminal # SKIP no python3"
	exit 0
fi
python3 "$HERE/terminal.py" "$AUDITQ"
