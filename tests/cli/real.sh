# Real logs of other systems, packed and asked, against an oracle that reads the source.
. "$HERE/check"

data=$ROOT/../shared/data
if ! [ -e "$data/zeek.jsonl.gz" ] || ! command -v python3 >/dev/null; then
	echo "ok - real data # SKIP no ../shared/data, or no python3"
	exit 0
fi
python3 "$HERE/real.py" "$AUDITQ" "$data"
