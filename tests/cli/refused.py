#!/usr/bin/env python3
"""refused.py AUDITQ DIR - each command in each format to a full disk, to a reader that has gone, to a pager that ends.

A full disk is told, once, with exit status 2; a reader that has gone ends the program as SIGPIPE does, without a word.
Prints "ok" or "not ok" for each of them, and how many cases there were.
"""
import json
import os
import pty
import select
import signal
import subprocess
import sys

AUDITQ, DIR = sys.argv[1:]
TIMEOUT = 60
ENV = {**{k: v for k, v in os.environ.items() if k not in ("PAGER", "AUDITQ_PAGER", "AUDITQ_ROOT")}, "TERM": "xterm"}
FORMATS = ("jsonl", "json", "csv", "tsv", "md", "raw", "pretty")


def trail():
    """A root with some pages of output, and its archive."""
    with open("lines.jsonl", "w", encoding="ascii") as f:
        for i in range(3000):
            f.write(json.dumps({"ts": f"2025-10-23T00:{i // 60:02}:{i % 60:02}Z", "run_id": f"r{i % 40}", "stage": "s",
                                "status": "failed", "duration_ms": i % 7, "n": i}) + "\n")
    subprocess.run([AUDITQ, "pack", "--root", "root", "lines.jsonl"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join("root/date=2025-10-23", os.listdir("root/date=2025-10-23")[0])


def commands(archive):
    for name in FORMATS:
        yield ["-o", name, "root"]
        yield ["-o", name, "--limit", "1", "root"]
        yield ["-o", name, "-A", "1", "-B", "1", "--where", "n == 70", "root"]
        yield ["-o", name, "--expand", "run", "--where", "n == 70", "root"]
        yield ["-f", "--exit-on-match", "-o", name, "root"]
    yield ["-o", "tsv", "--fields", "ts,n", "root"]
    yield ["-o", "csv", "--source", "root"]
    yield ["-o", "pretty", "--color", "always", "root"]
    yield ["--tail", "5", "root"]
    yield ["--reverse", "--no-index", "-j", "1", "root"]
    yield ["--explain", "root"]
    yield ["lines.jsonl"]
    yield ["--count", "root"]
    yield ["--hist", "1h", "root"]
    yield ["--by", "stage", "root"]
    for name in ("table", "jsonl", "json", "csv", "tsv", "md"):
        yield ["stats", "--by", "stage", "-o", name, "root"]
        yield ["stats", "--exact", "-o", name, "root"]
        yield ["runs", "-o", name, "root"]
    for name in ("tree", "jsonl", "json", "csv"):
        yield ["run", "-o", name, "r7", "root"]
    yield ["inspect", archive]
    yield ["inspect", "--json", archive]
    yield ["schemas"]
    yield ["pack", "--root", "root", "lines.jsonl"]
    yield ["compact", "--dry-run", "root"]
    yield ["recover", "root"]
    for shell in ("bash", "zsh", "fish"):
        yield ["completions", shell]
    yield ["help"]
    yield ["help", "where"]
    yield ["help", "stats"]
    yield ["--help"]
    yield ["runs", "--help"]
    yield ["--version"]


def run(args, stdout, **env):
    """Exit status, and what was said."""
    try:
        done = subprocess.run([AUDITQ, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                              timeout=TIMEOUT, env={**ENV, **env}, check=False)
    except subprocess.TimeoutExpired:
        return "hangs", ""
    return done.returncode, done.stderr.decode("utf-8", "replace")


def to_full(args):
    """What is wrong, or ''."""
    with open("/dev/full", "wb") as full:
        status, said = run(args, full)
    refusals = [line for line in said.splitlines() if "No space left on device" in line]
    if status != 2 or len(refusals) != 1 or not refusals[0].startswith("auditq: standard output: "):
        return f"{status}: {said[:400]!r}"
    return ""


def beside_terminal(args):
    """A full disk, while errors and progress are shown on a terminal."""
    master, slave = pty.openpty()
    with open("/dev/full", "wb") as full:
        child = subprocess.Popen([AUDITQ, *args], stdin=subprocess.DEVNULL, stdout=full, stderr=slave, env=ENV)
        os.close(slave)
        try:
            status = child.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            return "hangs"
    said = os.read(master, 4096) if select.select([master], [], [], 1)[0] else b""
    os.close(master)
    if status != 2 or said.count(b"No space left on device") != 1:
        return f"{status}: {said[:400]!r}"
    return ""


def to_nobody(args):
    reader, writer = os.pipe()
    os.close(reader)
    status, said = run(args, writer)
    os.close(writer)
    if status != -signal.SIGPIPE or said:
        return f"{status}: {said[:400]!r}"
    return ""


def to_pager(args):
    """One that reads nothing: whether it is met in time is chance."""
    status, said = run([*args, "--pager", "always"], subprocess.DEVNULL, AUDITQ_PAGER="exit 0")
    if status not in (0, -signal.SIGPIPE) or said:
        return f"{status}: {said[:400]!r}"
    return ""


def sweep(name, refuse, cases):
    wrong = [(args, what) for args in cases if (what := refuse(args))]
    print(f"{'not ok' if wrong else 'ok'} - {name}: {len(cases)} commands")
    for args, what in wrong:
        print(f"  {' '.join(args)}: {what}")


def main():
    os.chdir(DIR)
    all_of_them = list(commands(trail()))
    if os.path.exists("/dev/full"):
        sweep("a full disk", to_full, all_of_them)
        sweep("a full disk, beside a terminal", beside_terminal, [["-o", name, "root"] for name in FORMATS])
    else:
        print("ok - a full disk: skipped, there is no /dev/full")
    sweep("a reader that has gone", to_nobody, all_of_them)
    sweep("a pager that ends", to_pager,
          [["-o", name, "root"] for name in FORMATS] + [["runs", "root"], ["run", "r7", "root"]])


main()
