#!/usr/bin/env python3
"""tests/memory.py BUILD - the memory of queries that have to put much into order stays bounded.

Two trails: a thousand writers whose segments all cover the same hours, plain and sealed; and a file whose
lines stand minutes late, most of them, as Zeek's do.  No answer may take more than 64 MB, which the parent of
the process is told by the kernel; each must be what sorting the lines gives.  Zeek's own file is asked too,
where it is there.
"""
import datetime
import gzip
import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

BOUND = 64 << 10  # KiB
WRITERS, RECORDS = 1000, 200
LATE_RECORDS = 200000
START = 1761228000  # 2025-10-23T14:00:00Z
STAGES = ["fetch", "decode", "detection", "publish"]
TAIL = 20
ZEEK = "../shared/data/zeek.jsonl.gz"


def record(draw, ns, seq):
    at = datetime.datetime.fromtimestamp(START + ns // 10**9, datetime.timezone.utc)
    failed = draw.random() < 0.01
    return json.dumps(
        {"ts": f"{at:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09}Z", "level": "error" if failed else "info",
         "run_id": f"{draw.getrandbits(48):012x}", "seq": seq, "stage": draw.choice(STAGES),
         "status": "failed" if failed else "ok", "duration_ms": draw.randrange(1000000) / 1000,
         "msg": "frame done " + "x" * draw.randrange(120)}, separators=(",", ":"))


def times(draw, n):
    """Different ones, so that their order is that of the answer, whatever the paths."""
    return draw.sample(range(2 * 3600 * 10**9), n)


def write_overlapping(root):
    draw = random.Random(1)
    at = times(draw, WRITERS * RECORDS)
    os.makedirs(f"{root}/date=2025-10-23")
    for w in range(WRITERS):
        name = f"{root}/date=2025-10-23/svc.{draw.getrandbits(64):016x}.000001.jsonl"
        with open(name, "w") as out:
            for seq, ns in enumerate(sorted(at[w * RECORDS:(w + 1) * RECORDS]), 1):
                print(record(draw, ns, seq), file=out)


def write_late(root):
    draw = random.Random(2)
    os.makedirs(root)
    order = [(ns + (draw.randrange(10**9 * 900) if draw.random() < 0.88 else 0), ns)
             for ns in times(draw, LATE_RECORDS)]
    with open(f"{root}/late.jsonl", "w") as out:
        for seq, (_, ns) in enumerate(sorted(order), 1):
            print(record(draw, ns, seq), file=out)


# ---- what the answers should be ----

def read_lines(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as lines:
        for line in lines:
            yield line.rstrip(b"\n") + b"\n"


def digest(lines):
    h = hashlib.sha256()
    for line in lines:
        h.update(line)
    return h.hexdigest()


def line_times(lines):
    """Texts of one length, so that they compare as the times do."""
    ts = b""
    for line in lines:
        own = re.search(rb'"ts":"([^"]+)"', line)
        ts = own[1] if own else ts
        yield ts, line


def sort_lines(paths):
    lines = sorted((ts, path, i, line) for path in paths
                   for i, (ts, line) in enumerate(line_times(read_lines(path))))
    lines = [key[3] for key in lines]
    stages = {}
    for line in lines:
        stage = json.loads(line).get("stage")
        stages[stage] = stages.get(stage, 0) + 1
    return {"": digest(lines), "--reverse": digest(reversed(lines)), "--tail": digest(lines[-TAIL:]),
            "stages": stages, "bytes": sum(map(len, lines))}


# ---- what they are ----

def files(root):
    if os.path.isfile(root):
        return [root]
    return sorted(os.path.join(d, f) for d, _, names in os.walk(root) for f in names)


class Memory:
    def __init__(self, build, scratch):
        self.auditq = f"{build}/auditq"
        self.scratch = scratch
        self.failed = self.asked = self.peak = 0

    def ask(self, *args):
        """The output's file, and what was told on stderr."""
        out, err = f"{self.scratch}/out", f"{self.scratch}/err"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        pid = os.posix_spawn(self.auditq, [self.auditq, *args], os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600), (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600)])
        _, status, usage = os.wait4(pid, 0)
        self.asked += 1
        self.peak = max(self.peak, usage.ru_maxrss)
        told = open(err, errors="replace").read()
        self.check(os.waitstatus_to_exitcode(status) == 0, args, f"exit status, {told}")
        self.check(usage.ru_maxrss <= BOUND, args, f"{usage.ru_maxrss >> 10} MB")
        return out, told

    def check(self, holds, args, what):
        if not holds:
            self.failed += 1
            print(f"not ok - auditq {' '.join(args)}: {what}")

    def ask_all(self, root, variants):
        # A child does it: what the parent has held counts as held by what it starts.
        with multiprocessing.Pool(1) as pool:
            expected = pool.apply(sort_lines, (files(root),))
        spilled = 0
        for order in ("", "--reverse", "--tail"):
            for variant in variants:
                args = [a for a in (order, *variant.split()) if a]
                args[1:1] = [str(TAIL)] if order == "--tail" else []
                out, told = self.ask(*args, "--explain", root)
                self.check(digest(open(out, "rb")) == expected[order], args, "another answer")
                n = int(re.search(r"spilled to a file +(\d+)", told)[1])
                self.check(order != "--tail" or n == 0, args, "spilled for few lines")
                spilled += n
        for variant in variants:
            args = ["stats", "--schema", "native", "--by", "stage", "-o", "json", *variant.split()]
            rows = json.load(open(self.ask(*args, root)[0]))
            self.check({r["stage"]: r["records"] for r in rows} == expected["stages"], args, rows)
        return spilled, expected["bytes"]


def main(build):
    scratch = tempfile.mkdtemp()
    try:
        m = Memory(build, scratch)
        # The data too is made by a child.
        with multiprocessing.Pool(1) as pool:
            pool.apply(write_overlapping, (f"{scratch}/many",))
            pool.apply(write_late, (f"{scratch}/late",))
        spilled, size = m.ask_all(f"{scratch}/many", ["-j 1", "-j 12"])
        m.check(spilled > 0, ["many"], f"nothing of {size} bytes was spilled")
        subprocess.run([m.auditq, "recover", f"{scratch}/many"], check=True, stdout=subprocess.DEVNULL)
        m.check(all(f.endswith(".gz") for f in files(f"{scratch}/many")), ["recover"], "not sealed")
        m.ask_all(f"{scratch}/many", ["-j 12", "--no-index -j 1"])
        m.ask_all(f"{scratch}/late", ["-j 1", "-j 12"])
        if os.path.exists(ZEEK):
            m.ask_all(ZEEK, ["-j 1", "-j 12"])
        else:
            print(f"memory: {ZEEK} is not here, so it was not asked")
    finally:
        shutil.rmtree(scratch)
    print(f"{'not ok' if m.failed else 'ok'} - {m.asked} answers, {m.failed} wrong or with too much memory, "
          f"at most {m.peak >> 10} MB")
    return 1 if m.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
