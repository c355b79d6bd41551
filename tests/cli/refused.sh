# Standard output that takes nothing, for each command in each format.
. "$HERE/check"

if ! command -v python3 >/dev/null; then
	echo "ok - refused output # SKIP no python3"
	exit 0
fi
python3 "$HERE/refused.py" "$AUDITQ" "$PWD"
