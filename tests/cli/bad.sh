# Bad input: each case in fixtures/bad, larger ones made here, and those of ../shared/data.
. "$HERE/check"

if ! command -v python3 >/dev/null; then
	echo "ok - bad input # SKIP no python3"
	exit 0
fi
python3 "$HERE/bad.py" "$AUDITQ" "$ROOT"
