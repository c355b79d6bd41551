"""bounds.py AUDITQ - input made to cost: long lines, gzip bombs, deep JSON, tiny members, members that reach
over one another, patterns that backtrack.  Each of auditq, auditq pack and auditq stats ends, and holds less
than BOUND in memory, whatever the size of what it reads.

LARGE=1: lines and bombs of 1 GiB instead of 64 MiB.  Under a sanitizer memory is not measured.
"""
import gzip
import os
import struct
import subprocess
import sys
import threading
import time
import zlib

AUDITQ = sys.argv[1]
MIB = 1 << 20
BOUND = 100 * MIB
TIMEOUT = 240  # seconds
SIZE = (1024 if os.environ.get("LARGE") else 64) * MIB
SANITIZED = "san" in AUDITQ

A = b'{"ts":"2025-10-23T00:00:01Z","stage":"a","duration_ms":1}\n'
B = b'{"ts":"2025-10-23T00:00:02Z","stage":"b","duration_ms":2}\n'
peaks = []


def check(name, wrong=""):
    print(f"{'not ok' if wrong else 'ok'} - {name}{': ' + wrong if wrong else ''}", flush=True)


def execute(args, feed):
    """(status, peak of resident memory, standard output, standard error); feed: pieces for standard input."""
    with open("out", "wb") as out, open("err", "wb") as err:
        child = subprocess.Popen([AUDITQ, *args], stdout=out, stderr=err,
                                 stdin=subprocess.PIPE if feed else subprocess.DEVNULL)
    timer = threading.Timer(TIMEOUT, child.kill)
    timer.start()
    try:
        for piece in feed or ():
            child.stdin.write(piece)
        if feed:
            child.stdin.close()
    except BrokenPipeError:
        pass
    _, status, usage = os.wait4(child.pid, 0)
    timer.cancel()
    with open("out", "rb") as out, open("err", "rb") as err:
        return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, out.read(1 << 16), err.read(1 << 16).decode()


def bounded(name, args, status, says="", out=None, feed=None):
    begun = time.monotonic()
    code, peak, printed, err = execute(args, feed)
    wrong = ""
    if code not in status:
        wrong = f"status {code} after {time.monotonic() - begun:.0f} s: {err[:300]}"
    elif says not in err:
        wrong = f"says {err[:300]!r}, not {says!r}"
    elif out is not None and printed != out:
        wrong = f"prints {printed[:200]!r}"
    elif peak > BOUND and not SANITIZED:
        wrong = f"{peak // MIB} MiB"
    peaks.append((peak, name))
    check(name, wrong)


def three(name, path, status, says="", out=None, rejected="", feed=None):
    """As a query, in statistics, and packed."""
    for way in ([], ["--no-index", "-j", "4"]):
        bounded(f"{name}, asked {' '.join(way)}", [*way, path], status, says, out, feed and feed())
    bounded(f"{name}, in statistics", ["stats", "--by", "stage", path], status, says, None, feed and feed())
    bounded(f"{name}, packed", ["pack", "--root", "root", path], status, rejected or says, None, feed and feed())
    subprocess.run(["rm", "-rf", "root"], check=True)


def long_line(head, tail, n):
    piece = b"x" * MIB
    yield A + head
    for _ in range(n // MIB):
        yield piece
    yield tail + B


def write(path, pieces):
    with open(path, "wb") as f:
        for piece in pieces:
            f.write(piece)


def write_gzip(path, pieces):
    z = zlib.compressobj(6, zlib.DEFLATED, 31)
    write(path, (z.compress(piece) for piece in pieces))
    with open(path, "ab") as f:
        f.write(z.flush())


def lines():
    size = f"{SIZE // MIB} MiB"
    head = b'{"ts":"2025-10-23T00:00:03Z","s":"'
    three(f"a line of {size} from a pipe", "-", (3,), "16 MiB was skipped", A + B,
          feed=lambda: long_line(head, b'"}\n', SIZE))
    write("line.jsonl", long_line(head, b'"}\n', SIZE))
    three(f"a line of {size}", "line.jsonl", (3,), "16 MiB was skipped", A + B)
    os.unlink("line.jsonl")
    with open("sparse.jsonl", "wb") as f:
        f.write(A)
        f.truncate(SIZE)
    three(f"{size} of NUL", "sparse.jsonl", (3,), "sparse.jsonl:2: ", A)
    os.unlink("sparse.jsonl")


def bombs():
    size = f"{SIZE // MIB} MiB"
    zeros = bytes(MIB)
    write_gzip("zeros.gz", (zeros for _ in range(SIZE // MIB)))
    three(f"{size} of zeros in gzip", "zeros.gz", (3,), "zeros.gz:1: ")
    again = A * (MIB // len(A))
    write_gzip("same.gz", (again for _ in range(SIZE // len(again))))
    n = SIZE // len(again) * (MIB // len(A))
    bounded(f"{size} of one line in gzip, counted", ["-c", "same.gz"], (0,), "", b"%d\n" % n)
    bounded(f"{size} of one line in gzip, looked through", ["--where", "stage == 'none'", "same.gz"], (1,), "", b"")
    bounded(f"{size} of one line in gzip, the last", ["-n", "1", "same.gz"], (0,), "", A)
    bounded(f"{size} of one line in gzip, reversed", ["-r", "-O", "copy", "--force", "same.gz"], (0,))
    bounded(f"{size} of one line in gzip, in statistics", ["stats", "same.gz"], (0,))
    bounded(f"{size} of one line in gzip, measured exactly", ["stats", "--exact", "same.gz"], (0,))
    bounded(f"{size} of one line in gzip, packed", ["pack", "--root", "root", "same.gz"], (0,))
    subprocess.run(["rm", "-rf", "root", "copy", "same.gz", "zeros.gz"], check=True)


def many():
    write("tiny.gz", [b"".join(gzip.compress(b'{"ts":%d,"stage":"a"}\n' % i, 1, mtime=0) for i in range(100_000))])
    bounded("100,000 members, counted", ["-c", "tiny.gz"], (0,), "", b"100000\n")
    bounded("100,000 members, in statistics", ["stats", "tiny.gz"], (0,))
    bounded("100,000 members, packed", ["pack", "--root", "root", "tiny.gz"], (0,))
    subprocess.run(["rm", "-rf", "root", "tiny.gz"], check=True)


def nested():
    """Headers of members each of which holds all the others, stored, and no end: read again for each they
    would cost the square of their number."""
    header = gzip.compress(b"", 1, mtime=0)[:10]
    # Each block ends where another begins, so that each member goes on to the end of the file.
    block = b"\0" + struct.pack("<HH", 0xfffb, 0xfffb ^ 0xffff)
    write("nested.gz", [(header + block + b" ") * (MIB // 2) + b"\n" + gzip.compress(A)])
    for args in (["nested.gz"], ["pack", "--root", "root", "nested.gz"], ["stats", "nested.gz"]):
        bounded(f"members inside one another, {args[0]}", args, (0, 1, 3), "nested.gz: ")
    subprocess.run(["rm", "-rf", "root", "nested.gz"], check=True)


def deep():
    for name, line in (("arrays", b"[" * 10_000), ("objects", b'{"a":' * 10_000), ("closed", b"[" * 10_000 + b"]" * 10_000)):
        write("deep.jsonl", [A, b'{"ts":"2025-10-23T00:00:03Z","v":', line, b"}\n", B])
        three(f"10,000 deep, {name}", "deep.jsonl", (3,), "deep.jsonl:2: ", A + B, "1 rejected")


def patterns():
    text = b"a" * 5000 + b"!"
    write("match.jsonl", [b'{"ts":"2025-10-23T00:00:03Z","s":"' + text + b'"}\n'])
    for command in ([], ["stats"]):
        for pattern in ("^(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"):
            bounded(f"{' '.join(command)} {pattern}", [*command, "--where", f's =~ "{pattern}"', "match.jsonl"], (2,), "limit")


def names():
    """Of runs and stages, long and all different: what is kept of each is bounded in bytes, not only in number."""
    pad = b"x" * MIB
    for key, stage in (("run_id", b""), ("stage", b'"run_id":"r",')):
        write_gzip("names.gz", (b'{"ts":%d,"level":"error",%s"%s":"%s%d"}\n' % (1761177600 + i, stage, key.encode(), pad, i)
                                for i in range(150)))
        for args, status, says in ((["runs"], (0,), ""), (["runs", "--failed"], (0,), ""),
                                   (["run", "last"], (0, 2), ""), (["--failed", "--expand", "run"], (0, 2), ""),
                                   (["stats", "--by", key], (2,), "MiB of their names"),
                                   (["--top", key], (2,), "MiB of their names")):
            bounded(f"150 names of 1 MiB under {key}, {' '.join(args)}", [*args, "names.gz"], status, says)
        os.unlink("names.gz")


lines()
bombs()
names()
many()
nested()
deep()
patterns()
print(f"# {len(peaks)} runs, at most {max(peaks)[0] // MIB} MiB: {max(peaks)[1]}")
