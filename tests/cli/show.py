#!/usr/bin/env python3
"""show.py AUDITQ DIR - formats and counts against Python's own readers; terminals through a pty.

Prints "ok" or "not ok" for each test.
"""
import collections
import csv
import io
import json
import os
import pty
import random
import re
import select
import subprocess
import sys

AUDITQ, DIR = sys.argv[1:]
UNSET = ("NO_COLOR", "AUDITQ_PAGER", "PAGER", "LESS", "COLUMNS", "AUDITQ_ROOT")


def told(name, good, *more):
    print(("ok" if good else "not ok") + " - " + name)
    if not good:
        for what in more:
            print("  " + repr(what)[:1500])


def run(*args):
    done = subprocess.run([AUDITQ, *args], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, done.stdout.decode("utf-8", "strict")


def terminal(*args, program=AUDITQ, **env):
    """What a terminal of 100 columns is shown, and the exit status."""
    environ = {k: v for k, v in os.environ.items() if k not in UNSET}
    environ.update({"TERM": "xterm", "COLUMNS": "100"}, **env)
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(program, [program, *args], environ)
    shown = b""
    while select.select([fd], [], [], 20)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return shown.decode("utf-8", "replace").replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# ---- records that are hard to print --------------------------------------------------------

def records():
    rng = random.Random(6)
    texts = ["", "a", "a b", 'q"u', "t\tt", "n\nn", "c\rc", "back\\slash", "\\t", "x|y", "日本", "é", "<b>&", "*_`", "'", ",", ";"]
    for i in range(1500):
        r = {"ts": f"2025-10-{20 + i % 3:02}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z", "n": i}
        if rng.random() < 0.9:
            r["stage"] = rng.choice(["ingest", "detection", "tracking"])
        if rng.random() < 0.3:
            r["status"] = rng.choice(["ok", "failed"])
        r["level"] = rng.choice(["info", "info", "warn", "error"])
        r["user"] = {"id": "u%d" % int(rng.expovariate(0.1))}
        r["text"] = rng.choice(texts) + rng.choice(texts)
        yield r


RECORDS = sorted(records(), key=lambda r: r["ts"])
with open(os.path.join(DIR, "in.jsonl"), "w", encoding="utf-8") as f:
    for r in RECORDS:
        print(json.dumps(r, ensure_ascii=r["n"] % 2 == 0), file=f)
LOG = os.path.join(DIR, "in.jsonl")
subprocess.run([AUDITQ, "pack", "--root", os.path.join(DIR, "packed"), LOG], check=True, stdout=subprocess.DEVNULL)


def failed(r):
    return r["status"] == "failed" if "status" in r else r["level"] == "error"


# ---- formats -------------------------------------------------------------------------------

WANT = [[r["text"], r["user"]["id"], str(r["n"])] for r in RECORDS]
_, text = run("-o", "csv", "--fields", "text,user.id,n", LOG)
told("csv as Python reads it", list(csv.reader(io.StringIO(text, newline="")))[1:] == WANT)
_, text = run("-o", "tsv", "--fields", "text,user.id,n", LOG)
UNESCAPE = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
rows = [[re.sub(r"\\[tnr\\]", lambda m: UNESCAPE[m[0]], cell) for cell in line.split("\t")] for line in text.split("\n")[:-1]]
told("tsv, unescaped", rows[1:] == WANT)
_, text = run("-o", "md", "--fields", "text,user.id,n", LOG)


def markdown(cell):
    cell = re.sub(r"\\([\\|`*_~\[\]])", lambda m: "\0%d;" % ord(m[1]), cell.replace("<br>", "\n"))
    return re.sub("\0([0-9]+);", lambda m: chr(int(m[1])), cell.replace("&lt;", "<").replace("&amp;", "&"))


rows = [[markdown(c) for c in re.split(r"(?<!\\) \| ", line[2:-2].replace("\\\\", "\\\\\x01"))] for line in text.split("\n")[:-1]]
rows = [[c.replace("\x01", "") for c in row] for row in rows]
told("md, unescaped", rows[2:] == [[t.replace("\t", " ").replace("\r", " "), u, n] for t, u, n in WANT])
_, text = run("-o", "csv", "--source", "--fields", "n", LOG)
data = open(LOG, "rb").read()
good = True
for place, n in list(csv.reader(io.StringIO(text, newline="")))[1:]:
    path, _, offset = place.rpartition(":")
    line = data[int(offset):].split(b"\n", 1)[0]
    good = good and path == LOG and str(json.loads(line)["n"]) == n
told("--source leads to the line", good)
_, text = run("--source", "-o", "json", os.path.join(DIR, "packed"))
told("--source in objects", all(r["_source"].rpartition(":")[2].isdigit() for r in json.loads(text)))

# ---- counts --------------------------------------------------------------------------------


def oracle(by, step, chosen):
    counts = collections.defaultdict(lambda: [0, 0])
    for r in filter(chosen, RECORDS):
        hour = r["ts"][:13] + ":00:00" if step == "1h" else r["ts"][:10] + "T00:00:00"
        values = tuple(r["user"]["id"] if f == "user.id" else r.get(f) for f in by)
        key = values + ((hour + ".000000000Z",) if step else ())
        counts[key][0] += 1
        counts[key][1] += failed(r)
    return {k: tuple(v) for k, v in counts.items()}


def counted(by, step, *args):
    option = (["--by", ",".join(by)] if by else []) + (["--hist", step] if step else [])
    status, text = run("-o", "jsonl", *option, *args)
    rows = [json.loads(line) for line in text.splitlines()]
    keys = list(by) + (["start"] if step else [])
    return status, [(tuple(r[k] for k in keys), (r["records"], r["failed"])) for r in rows]


for by in ([], ["stage"], ["user.id"], ["stage", "level"]):
    for step in (None, "1h", "1d"):
        for option, chosen in ((["-j1"], lambda r: True), (["--failed"], failed), (["--stage", "ingest"], lambda r: r.get("stage") == "ingest")):
            if not by and not step:
                continue
            want = oracle(by, step, chosen)
            for where in (LOG, os.path.join(DIR, "packed")):
                for index in ([], ["--no-index"]):
                    status, got = counted(by, step, *option, *index, where)
                    if status != 0 or dict(got) != want or len(got) != len(want):
                        told(f"{by} {step} {option} {index} {where}", False, status, got[:5], list(want.items())[:5])
told("counts agree with Python's", True)
_, got = counted(["user.id"], None, LOG)
totals = [n for _, (n, _) in got]
told("most frequent first", totals == sorted(totals, reverse=True))
_, text = run("--top", "user.id:3", "-o", "jsonl", LOG)
told("--top", [json.loads(x)["user.id"] for x in text.splitlines()] == [k[0] for k, _ in got[:3]])
_, text = run("--top", "user.id:1", "--hist", "1d", "-o", "jsonl", LOG)
told("--top over time", {json.loads(x)["user.id"] for x in text.splitlines()} == {got[0][0][0]} and len(text.splitlines()) == 3)
_, text = run("--hist", "1d", LOG)
told("a chart", text.splitlines()[0].split() == ["time", "records", "failed"] and "\u2588" in text and "\u2591" in text and len(text.splitlines()) == 4, text)
_, text = run("--hist", "1d", "--tz", "Europe/Berlin", LOG)
told("of days elsewhere", "2025-10-20T00:00:00+02:00" in text and len(text.splitlines()) == 5, text)
many = os.path.join(DIR, "many.jsonl")
with open(many, "w", encoding="utf-8") as f:
    f.writelines('{"u":%d}\n' % i for i in range(17000))
status, _ = run("--by", "u", many)
told("too many groups", status == 2)

# ---- terminals -----------------------------------------------------------------------------

one = os.path.join(DIR, "one.jsonl")
with open(one, "w", encoding="utf-8") as f:
    f.write('{"ts":"2025-10-23T14:05:09.5Z","level":"error","stage":"s","msg":"m\\u001b[5mx","k":"\\u202e","long":"%s"}\n' % ("0" * 50))
shown, status = terminal("--pager", "never", one)
told("pretty on a terminal", status == 0 and "! " in shown and "2025-10-23 14:05:09.500" in shown and "m\\u001b[5mx" in shown and "\\u202e" in shown, shown)
shown, _ = terminal("--pager", "never", "--tz", "Asia/Kolkata", one)
told("in a zone", "2025-10-23 19:35:09.500" in shown, shown)
shown, _ = terminal("--pager", "never", one)
told("with colours", "\033[1;31m" in shown and "\033[5m" not in shown, shown)
told("and within its width", len(shown.splitlines()) == 2, shown)
for name, env, args in (("NO_COLOR", {"NO_COLOR": "1"}, []), ("TERM=dumb", {"TERM": "dumb"}, []), ("--color never", {}, ["--color", "never"])):
    shown, status = terminal("--pager", "never", *args, one, **env)
    told("no colours: " + name, status == 0 and "\033" not in shown and "! " in shown, shown)
shown, _ = terminal("--pager", "never", "-o", "jsonl", one)
told("jsonl on a terminal", shown == open(one, encoding="utf-8").read(), shown)
_, text = run("-o", "pretty", "--color", "always", one)
told("colours where none are expected", "\033[1;31m" in text, text)
_, text = run(one)
told("a pipe gets jsonl", text == open(one, encoding="utf-8").read(), text)
shown, status = terminal(one, AUDITQ_PAGER="sed s/^/paged:/", PAGER="false")
told("a pager", status == 0 and shown.startswith("paged:") and "\033[1;31m" in shown, shown)
shown, status = terminal(one, PAGER="sed s/^/paged:/", TERM="dumb")
told("none on a dumb terminal", status == 0 and "paged:" not in shown, shown)
shown, status = terminal(one, PAGER="cat")
told("none that is cat", status == 0 and "14:05:09" in shown, shown)
shown, status = terminal("--stage", "none", one, PAGER="sed s/^/paged:/")
told("nothing found, nothing paged", status == 1 and "paged:" not in shown, shown)

# The tables of runs and statistics, likewise.
told_run = os.path.join(DIR, "run.jsonl")
with open(told_run, "w", encoding="utf-8") as f:
    for second, rest in enumerate(('"event":"run.begin"', '"stage":"s","event":"stage.begin"', '"stage":"s","status":"failed","event":"stage.end"', '"status":"failed","event":"run.end"')):
        f.write('{"ts":"2025-10-23T14:05:0%d.25Z","run_id":"r",%s}\n' % (second, rest))
for args in (["runs"], ["run", "r"], ["stats"]):
    name = args[0]
    shown, status = terminal(*args, "--pager", "never", told_run)
    told(name + ": in colours", status == 0 and "\033[1m" in shown and "\033[1;31m" in shown, shown)
    _, plain = run(*args, told_run)
    told(name + ": not in a pipe; the same text", "\033" not in plain and re.sub("\033\\[[0-9;]*m", "", shown) == plain, shown, plain)
    shown, _ = terminal(*args, "--pager", "never", told_run, NO_COLOR="1")
    told(name + ": NO_COLOR", shown == plain, shown)
    shown, status = terminal(*args, told_run, PAGER="sed s/^/paged:/")
    told(name + ": a pager", status == 0 and shown.startswith("paged:"), shown)
for args in (["runs"], ["run", "r"]):
    _, text = run(*args, "--tz", "Asia/Kolkata", told_run)
    told(args[0] + ": in a zone", "2025-10-23T19:35:00.250+05:30" in text, text)
shown, status = terminal("runs", "--status", "ok", told_run, PAGER="sed s/^/paged:/; echo pager")
told("runs: none, nothing paged", status == 1 and "pager" not in shown, shown)

with open(os.path.join(DIR, "bad.jsonl"), "w", encoding="utf-8") as f:
    f.write('{"ts":"2025-10-23T14:05:09.5Z"}\n{"ts":\n')
shown, status = terminal(os.path.join(DIR, "bad.jsonl"), PAGER="sed s/^/paged:/")
told("the exit status is the query's", status == 3, shown, status)
shown, status = terminal(LOG, LOG.replace("in.jsonl", "packed"), PAGER="head -n 1")
told("a pager that ends early: silence", len(shown.splitlines()) == 1 and status in (0, -13), shown, status)

SLOW = """{ yes "$LINE" 2>/dev/null | head -n 40000; sleep 1.2; yes "$LINE" 2>/dev/null | head -n 40000; } | "$AUDITQ" -j2 -c --where 'n > 0' - >"$OUT" """
line = '{"ts":"2025-10-23T14:05:09.5Z","n":0,"text":"%s"}' % ("x" * 100)
shown, status = terminal("-c", SLOW, program="sh", LINE=line, AUDITQ=AUDITQ, OUT=os.path.join(DIR, "slow"))
told("progress, when it takes longer than a second", " MB read, " in shown and shown.endswith("\r\033[K") and status == 1, shown, status)
shown, status = terminal("-c", SLOW, program="sh", LINE=line, AUDITQ=AUDITQ, OUT=os.path.join(DIR, "slow"), TERM="dumb")
told("no progress on a dumb terminal", shown == "", shown)
