"""real.py AUDITQ DATA - answers on real logs, held against what Python finds in the source.

The oracle parses every line with Python's json (which knows nothing of our indexes), sorts by
(time, place) and applies a predicate; the program's standard output must be those lines, byte for
byte: from the packed archives, with and without their index, and from the source itself.
"""
import csv
import datetime
import decimal
import gzip
import io
import json
import os
import re
import subprocess
import sys

AUDITQ, DATA = sys.argv[1:3]
ABSENT = object()
NS = 10**9

def check(name, good, note=""):
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + note}", flush=True)


def auditq(*args):
    done = subprocess.run([AUDITQ, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


RFC3339 = re.compile(r"^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?"
                     r"(?:[Zz]|([+-])(\d\d):?(\d\d))?$")


def instant(value):
    """ns since 1970, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, decimal.Decimal)):
        scale = next((s for limit, s in ((1e11, NS), (1e14, 10**6), (1e17, 10**3))
                      if abs(value) < limit), 1)
        return int((value * scale).to_integral_value(decimal.ROUND_FLOOR)
                   if isinstance(value, decimal.Decimal) else value * scale)
    m = RFC3339.match(value) if isinstance(value, str) else None
    if not m:
        return None
    day = datetime.date(*map(int, m.group(1, 2, 3))).toordinal() - 719163
    h, mi, s = map(int, m.group(4, 5, 6))
    offset = 0
    if m[8]:
        offset = (int(m[9]) * 60 + int(m[10])) * (60 if m[8] == "+" else -60)
    return ((day * 86400 + h * 3600 + mi * 60 + s) - offset) * NS + int((m[7] or "0").ljust(9, "0")[:9])


def get(obj, path):
    """The longest prefix of the path that is a key, then the rest below it."""
    parts = path.split(".")
    for n in range(len(parts), 0, -1):
        key = ".".join(parts[:n])
        if isinstance(obj, dict) and key in obj:
            if n == len(parts):
                return obj[key]
            found = get(obj[key], ".".join(parts[n:]))
            if found is not ABSENT:
                return found
    return ABSENT


class Trail:
    """A source, what its lines say, and the archives made of it."""

    def __init__(self, name, keys, packed_keys=None):
        self.path = os.path.join(DATA, name)
        self.keys = keys
        self.root = name.split(".")[0]
        data = (gzip.open if name.endswith(".gz") else open)(self.path, "rb").read()
        self.rows, self.source, untimed, before = [], [], 0, None
        for i, line in enumerate(x for x in data.split(b"\n") if x.strip()):
            obj = json.loads(line, parse_float=decimal.Decimal)
            ts = next((t for t in (instant(get(obj, k)) for k in keys) if t is not None), None)
            if ts is None:
                untimed += 1
            else:
                self.rows.append((ts, i, line, obj))
                before = ts
            self.source.append((-(1 << 63) if before is None else before, i, line, obj))
        self.rows.sort(key=lambda r: r[:2])
        self.source.sort(key=lambda r: r[:2])
        args = ["pack", "--root", self.root, self.path]
        if packed_keys:
            args[1:1] = ["--ts", packed_keys]
        code, out, err = auditq(*args)
        want = f"{len(self.source)} lines: {len(self.rows)} packed, {untimed} rejected"
        check(f"{name}: {want}", code == (3 if untimed else 0) and out.decode().startswith(want + "\n"),
              f"status {code}, {out!r} {err}")
        rejects = []
        for f in sorted(os.listdir(self.root)):
            if f.startswith("_pack-"):
                rejects = [json.loads(x) for x in open(os.path.join(self.root, f))]
        kept = {i for _, i, _, _ in self.rows}
        check(f"{name}: the others are in the reject file",
              sorted(r["text"].encode() for r in rejects) ==
              sorted(x for _, i, x, _ in self.source if i not in kept))

    def ask(self, name, args, predicate, after=None, before=None, reverse=False, limit=None,
            direct=True):
        """The same question of the archives, of them without index, and of the source."""
        def answer(rows):
            lines = [x for ts, _, x, obj in rows
                     if (after is None or ts >= after) and (before is None or ts < before)
                     and predicate(obj)]
            lines = lines[::-1] if reverse else lines
            return b"".join(x + b"\n" for x in lines[:limit])

        want = answer(self.rows)
        places = [([self.root], want), (["--no-index", "-j1", self.root], want)]
        if direct:
            places.append(([self.path], answer(self.source)))
        for place, lines in places:
            code, out, err = auditq(*args, *place)
            check(f"{self.root}: {name} ({' '.join(place[:-1]) or os.path.basename(place[0])})",
                  out == lines and code == (0 if lines else 1),
                  f"status {code}, {out.count(10)} lines, wanted {lines.count(10)}: {err[:300]}")
        if limit is None:
            code, out, err = auditq("-c", *args, self.root)
            check(f"{self.root}: {name} (-c)", out == b"%d\n" % want.count(b"\n"), f"{out!r} {err}")


def equals(path, value):
    return lambda obj: get(obj, path) == value and isinstance(get(obj, path), type(value))


def date(text):
    return instant(text + "T00:00:00Z")


def zeek():
    t = Trail("zeek.jsonl.gz", ["ts", "@timestamp", "timestamp", "time", "eventTime"])
    t.ask("everything", [], lambda o: True)
    for uid in ("CIOuwB3kJLIhO8re94", "Ckdgdu1RMwc5AO49F3", "nowhere"):
        t.ask(f"the run {uid}", ["--where", f'uid == "{uid}"'], equals("uid", uid))
    t.ask("failures", ["--where", 'rcode_name == "NXDOMAIN"'], equals("rcode_name", "NXDOMAIN"))
    t.ask("a dotted key", ["--where", 'id.orig_h == "10.164.94.120"'],
          equals("id.orig_h", "10.164.94.120"))
    t.ask("a dotted key, a number, a stage",
          ["--where", 'id.resp_p in (53, 3389) and _path == "dns"'],
          lambda o: get(o, "id.resp_p") in (53, 3389) and get(o, "_path") == "dns")
    t.ask("numbers", ["--where", "orig_bytes > 100000"],
          lambda o: get(o, "orig_bytes") is not ABSENT and get(o, "orig_bytes") is not None
          and get(o, "orig_bytes") > 100000)
    t.ask("not, exists", ["--where", "exists query and not (_path == \"dns\")"],
          lambda o: get(o, "query") is not ABSENT and get(o, "_path") != "dns")
    t.ask("a day", ["--on", "2018-03-24", "--where", '_path == "weird"'], equals("_path", "weird"),
          date("2018-03-24"), date("2018-03-25"))
    t.ask("another day", ["--on", "2024-04-12"], lambda o: True, date("2024-04-12"), date("2024-04-13"))
    t.ask("a window within", ["--after", "2018-03-24T17:20:00Z", "--before", "2018-03-24T17:21:30.5Z"],
          lambda o: True, instant("2018-03-24T17:20:00Z"), instant("2018-03-24T17:21:30.5Z"))
    t.ask("a day without records", ["--on", "2020-01-01"], lambda o: True,
          date("2020-01-01"), date("2020-01-02"))
    t.ask("the last ten", ["-r", "--limit", "10", "--where", '_path == "ssl"'],
          equals("_path", "ssl"), reverse=True, limit=10)
    t.ask("the first ten", ["--limit", "10"], lambda o: True, limit=10)

    want = [[str(get(o, k)) for k in ("ts", "uid", "id.resp_p")]
            for _, _, _, o in t.rows if get(o, "rcode_name") == "NXDOMAIN"]
    code, out, _ = auditq("-o", "csv", "--fields", "ts,uid,id.resp_p", "--where",
                          'rcode_name == "NXDOMAIN"', t.root)
    got = list(csv.reader(io.StringIO(out.decode(), newline="")))
    check("zeek: csv is what Python's csv reads", code == 0 and got[1:] == want)
    code, out, _ = auditq("-o", "json", "--where", 'rcode_name == "NXDOMAIN"', t.root)
    check("zeek: json is what Python's json reads", code == 0 and
          json.loads(out, parse_float=decimal.Decimal) ==
          [o for _, _, _, o in t.rows if get(o, "rcode_name") == "NXDOMAIN"])
    code, out, err = auditq("--explain", "--where", 'uid == "CIOuwB3kJLIhO8re94"', t.root)
    pruned = re.search(r"pruned by filter +(\d+)", err)
    check("zeek: the filter spares members", pruned is not None and int(pruned[1]) > 10, err)


def windows():
    t = Trail("splunk_windows.jsonl.gz", ["EventTime"], "EventTime")
    def ask(name, args, predicate, **more):
        t.ask(name, args, predicate, direct=False, **more)
    ask("everything", [], lambda o: True)
    run = "{C6A61085-67D8-0001-8610-A6C6D867D601}"
    ask("a run", ["--where", f'ActivityID == "{run}"'], equals("ActivityID", run))
    ask("failures", ["--where", 'Severity == "ERROR"'], equals("Severity", "ERROR"))
    ask("failures and warnings of a stage", ["--where",
        'Severity in ("ERROR", "WARNING") and EventID != 10'],
        lambda o: get(o, "Severity") in ("ERROR", "WARNING") and get(o, "EventID") != 10)
    ask("an integer beyond 2^53", ["--where", "Keywords == -9223372036854775808"],
        equals("Keywords", -9223372036854775808))
    ask("its neighbour", ["--where", "Keywords == -9223372036854775807"],
        equals("Keywords", -9223372036854775807))
    ask("some minutes", ["--after", "2020-08-01T05:50:00Z", "--before", "2020-08-01T06:00:00Z",
                         "--where", 'Severity == "INFO"'], equals("Severity", "INFO"),
        after=instant("2020-08-01T05:50:00Z"), before=instant("2020-08-01T06:00:00Z"))
    ask("the last of a channel", ["-r", "--limit", "3", "--where", 'Channel == "Security"'],
        equals("Channel", "Security"), reverse=True, limit=3)


def others():
    t = Trail("k8s_audit.jsonl", ["timestamp"])
    t.ask("everything", [], lambda o: True)
    t.ask("a nested number", ["--where", "responseStatus.code >= 400"],
          lambda o: isinstance(get(o, "responseStatus.code"), int)
          and get(o, "responseStatus.code") >= 400)
    t.ask("a nested string", ["--where", 'objectRef.resource == "pods" and user.username != "bob"'],
          lambda o: get(o, "objectRef.resource") == "pods" and get(o, "user.username") != "bob")
    t.ask("its own stage", ["--stage", "ResponseComplete"], equals("stage", "ResponseComplete"))
    t = Trail("zeek_apt29.jsonl", ["ts"])
    t.ask("everything", [], lambda o: True)
    t.ask("a stream", ["--where", '`@stream` == "dns" and id_orig_h == "10.0.1.6"'],
          lambda o: get(o, "@stream") == "dns" and get(o, "id_orig_h") == "10.0.1.6")
    t.ask("floats", ["--where", "duration > 0.5"],
          lambda o: get(o, "duration") is not ABSENT and get(o, "duration") > decimal.Decimal("0.5"))
    t = Trail("gharchive.jsonl", ["created_at"], "created_at")
    t.ask("a nested id", ["--where", "actor.id > 0 and not exists org"],
          lambda o: get(o, "actor.id") > 0 and get(o, "org") is ABSENT, direct=False)


zeek()
windows()
others()
