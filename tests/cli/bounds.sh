# What input may cost: memory that does not grow with it, a message, an end.
. "$HERE/check"

if ! command -v python3 >/dev/null; then
	echo "ok - bounds # SKIP no python3"
	exit 0
fi
python3 "$HERE/bounds.py" "$AUDITQ"
