"""bad.py AUDITQ ROOT - bad input, asked of and packed.

A directory in fixtures/bad is a case: `input...` is what is read; `expected` is what `auditq` then
prints, byte for byte, with its index and without, on one thread and on four; `case` has a line for
each thing that is known besides:

    status N            exit status of the query
    arg TEXT            one more argument of the query
    says REGEX          a line on its standard error; without any of these it is silent, when it exits with 0 or 1
    index-says REGEX    the same, unless it is asked with --no-index
    packed N, rejected N, pack-status N     of `auditq pack`; what it packed is then found again
    pack-says REGEX
"""
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys

AUDITQ, ROOT = sys.argv[1:3]
WAYS = ([], ["--no-index"], ["-j", "1"], ["-j", "4", "--no-index"])


def check(name, wrong=""):
    print(f"{'not ok' if wrong else 'ok'} - {name}{': ' + wrong if wrong else ''}", flush=True)


def auditq(*args, **options):
    done = subprocess.run([AUDITQ, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=options.get("stdin", subprocess.DEVNULL), timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def said(regexes, text):
    """The first of them that no line matches, or ''."""
    for regex in regexes:
        if not re.search(regex, text, re.M):
            return f"does not say {regex}: {text[:300]}"
    return ""


def differs(want, status, got, says):
    """What is wrong with an answer, or ''."""
    code, out, err = got
    if code != status:
        return f"status {code} instead of {status}: {err[:300]}"
    if out != want:
        return f"other lines: {out[:300]}"
    if not says and status < 2 and err:
        return f"says {err[:300]}"
    return said(says, err)


def ask(name, path, want, status, says=(), args=(), index_says=()):
    """In each way the same."""
    for way in WAYS:
        all_said = [*says, *(() if "--no-index" in way else index_says)]
        wrong = differs(want, status, auditq(*way, *args, path), all_said)
        if wrong:
            return check(f"{name} {' '.join(way)}", wrong)
    check(name)


def packed_lines(out):
    found = re.search(rb"^\d+ lines: (\d+) packed, (\d+) rejected$", out, re.M)
    return tuple(map(int, found.groups())) if found else (0, 0)


def pack(name, path, packed, rejected, status, says=()):
    """What goes in is found again."""
    shutil.rmtree("root", ignore_errors=True)
    code, out, err = auditq("pack", "--root", "root", path)
    wrong = said(says, err)
    if code != status:
        wrong = f"status {code} instead of {status}: {err[:300]}"
    elif packed_lines(out) != (packed, rejected):
        wrong = f"{out.decode()[:300]} instead of {packed} packed, {rejected} rejected"
    elif packed > 0:
        code, out, err = auditq("-c", "root")
        if (code, out, err) != (0, b"%d\n" % packed, ""):
            wrong = f"finds {out!r} of {packed}, {err[:300]}"
    check(f"{name}, packed", wrong)


# ---- the fixtures ----

def read_case(path):
    known = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            key, _, value = line.rstrip("\n").partition(" ")
            known.setdefault(key, []).append(value)
    return known


def run_fixture(name):
    where = os.path.join(ROOT, "fixtures/bad", name)
    known = read_case(f"{where}/case")
    source = next(f for f in sorted(os.listdir(where)) if f.startswith("input"))
    shutil.copyfile(f"{where}/{source}", source)
    with open(f"{where}/expected", "rb") as f:
        want = f.read()
    ask(name, source, want, int(known["status"][0]), known.get("says", ()), known.get("arg", ()),
        known.get("index-says", ()))
    if "packed" in known:
        pack(name, source, *(int(known[k][0]) for k in ("packed", "rejected", "pack-status")),
             known.get("pack-says", ()))
    os.unlink(source)


# ---- made here ----

def record(n, rest=b""):
    return b'{"ts":"2025-10-23T00:00:%02dZ","n":%d%s}\n' % (n, n, rest)


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


A, B = record(1), record(2)


def depths():
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for depth, good in ((120, True), (10_000, False), (1_000_000, False)):
            inner = b"1" if opening != b"[" else b""
            deep = record(3, b',"v":' + opening * depth + inner + closing * depth)
            write("deep.jsonl", A + deep + B)
            name = f"{depth} deep in {'arrays' if opening == b'[' else 'objects'}"
            # In the order of time.
            ask(name, "deep.jsonl", A + B + deep if good else A + B, 0 if good else 3,
                () if good else (r"^auditq: deep\.jsonl:2: ",))
            pack(name, "deep.jsonl", 2 + good, not good, 0 if good else 3)


def long_lines():
    longest = (16 << 20) - len(record(3, b',"s":""')) + 1
    for name, n, good in (("the longest line", longest, True), ("one byte more", longest + 1, False),
                          ("a line of 20 MiB", 20 << 20, False)):
        line = record(3, b',"s":"' + b"x" * n + b'"')
        for where, data in (("long.jsonl", A + line + B), ("long.jsonl.gz", gzip.compress(A + line + B, 1))):
            write(where, data)
            ask(f"{name} in {where}", where, A + B + line if good else A + B, 0 if good else 3,
                () if good else (r"16 MiB was skipped",))
            pack(f"{name} in {where}", where, 2 + good, not good, 0 if good else 3)
            os.unlink(where)


def names():
    """Names that would do harm unescaped, or be taken for options."""
    for name in (b"new\nline.jsonl", b"esc\x1b[31m.jsonl", b"-c", b"--help", b"-", b"\xff\xfe.jsonl",
                 b"a b.jsonl", b"\xc2\x9b31m.jsonl", b"\xe2\x80\xae.jsonl"):
        os.makedirs(b"names", exist_ok=True)
        write(b"names/" + name, A + b"no record\n")
        code, out, err = auditq("names") if name.endswith(b".jsonl") else auditq(b"names/" + name)
        wrong = differs(A, 3, (code, out, err), (r"^auditq: names/.*:2: ",))
        if any(c < 32 and c != 10 or c == 127 for c in err.encode()) or err.count("\n") != 1:
            wrong = f"raw: {err!r}"
        check(f"a file named {name!r}", wrong)
        shutil.rmtree("names")


def forbidden():
    """A directory and a file that may not be read: for a user who is not root."""
    if os.getuid() == 0 and not shutil.which("setpriv"):
        return print("ok - without permission # SKIP root, and no setpriv")
    os.makedirs("some/closed")
    write("some/a.jsonl", A)
    write("some/b.jsonl", B)
    write("some/closed/c.jsonl", B)
    os.chmod("some/b.jsonl", 0)
    os.chmod("some/closed", 0)
    os.chmod(".", 0o755)
    os.chmod("..", 0o755)
    as_other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    done = subprocess.run([*as_other, AUDITQ, "some"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 127:
        print("ok - without permission # SKIP the program is where only root can run it")
    else:
        check("without permission", differs(
            A, 3, (done.returncode, done.stdout, done.stderr.decode()),
            (r"^auditq: some/b\.jsonl: .*ermission denied", r"^auditq: some/closed: .*ermission denied")))
    os.chmod("some/closed", 0o700)


# ---- data of others ----

def corpus(data):
    """What GNU gzip can decode is decoded; what it gives before an error is salvaged."""
    with open(f"{data}/gzip-corpus/MANIFEST.tsv", encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f][1:]
    for name, _, rc, size, _, sha, *_ in rows:
        path = f"{data}/gzip-corpus/{name}"
        salvaged = subprocess.run(["gzip", "-dc"], stdin=open(path, "rb"), stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout
        if len(salvaged) != int(size) or not hashlib.sha256(salvaged).hexdigest().startswith(sha):
            check(f"gzip of {name}", "this gzip decodes it differently")
            continue
        code, out, err = auditq("--no-index", "--format", "jsonl", path)
        want, got = whole_objects(salvaged), sorted(line for line in out.split(b"\n") if line)
        wrong = ""
        # Lines of more than 16 MiB are none; text is read although gzip refuses it.
        missing = len(want) - sum(1 for line in want if found(got, line))
        if missing:
            wrong = f"{missing} lines of {len(want)} are missing: {err[:300]}"
        elif len(got) > len(want) and "plain" not in name:
            wrong = f"{len(got)} lines instead of {len(want)}"
        elif int(rc) == 1 and code != 3 and "plain" not in name:
            wrong = f"status {code}"
        elif int(rc) in (0, 2) and "not a JSON" not in err and "JSON objects" not in err and code == 3 and "bomb" not in name:
            wrong = f"status {code}: {err[:300]}"
        check(f"gzip corpus: {name}", wrong)
        pack_all(f"gzip corpus: {name}", path, code, len(got))


def found(lines, line):
    """In a sorted list."""
    import bisect
    at = bisect.bisect_left(lines, line)
    return at < len(lines) and lines[at] == line


def whole_objects(text):
    import json
    good = []
    for line in text.split(b"\n"):
        if not line.lstrip().startswith(b"{") or len(line) > 16 << 20:
            continue
        try:
            json.loads(line.decode("utf-8", "surrogateescape"))
        except ValueError:
            continue
        good.append(line)
    return good


def pack_all(name, path, code, n):
    """Each line that a query finds is packed, or rejected since it has no time."""
    shutil.rmtree("root", ignore_errors=True)
    status, out, err = auditq("pack", "--root", "root", path)
    packed, rejected = packed_lines(out)
    wrong = "" if packed + rejected >= n else f"{packed} packed, {rejected} rejected of {n}: {err[:300]}"
    if packed and not wrong:
        again = auditq("-c", "root")
        wrong = "" if again[:2] == (0, b"%d\n" % packed) else f"finds {again[1]!r} of {packed}"
    check(f"{name}, packed", wrong or ("" if status in (0, 1, 3) else f"status {status}: {err[:300]}"))


def variety(data):
    """Samples of many loggers: the objects of each are found, and whatever is none is told."""
    for name in sorted(os.listdir(f"{data}/variety")):
        path = f"{data}/variety/{name}"
        with open(path, "rb") as f:
            text = f.read()
        want = whole_objects(text)
        rest = [line for line in text.split(b"\n") if line.strip() and line not in want]
        code, out, err = auditq(path)
        got = sorted(line for line in out.split(b"\n") if line)
        wrong = ""
        if len(got) != len(want) or not all(found(got, line) for line in want):
            wrong = f"{len(got)} lines instead of {len(want)}: {err[:300]}"
        elif code != (3 if rest else 0 if want else 1):
            wrong = f"status {code}: {err[:300]}"
        check(f"variety: {name}", wrong)
        pack_all(f"variety: {name}", path, code, len(got))


def main():
    for name in sorted(os.listdir(f"{ROOT}/fixtures/bad")):
        run_fixture(name)
    depths()
    long_lines()
    names()
    forbidden()
    data = f"{ROOT}/../shared/data"
    if os.path.isdir(data):
        corpus(data)
        variety(data)
    else:
        print("ok - the gzip corpus and others' logs # SKIP no ../shared/data")


main()
