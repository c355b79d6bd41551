#!/usr/bin/env python3
"""tests/differential.py BUILD [QUERIES [SEED]] - random questions, through auditq and naively.

A trail of every kind of file is made: sealed and plain segments of liblog's, archives made by
`auditq pack` under two time keys, archives under schemas of their own, foreign files, plain and gzip,
with everything that lines can have wrong, and what is looked for in every place where it does not
count.  Each question is answered with and without the index, by one thread and by four; each
answer must be, byte for byte, what a few lines of Python find by reading everything.
"""
import datetime
import decimal
import glob
import gzip
import json
import operator
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

DAY = 86400 * 10**9
START = 1761004800 * 10**9  # 2025-10-21
LEVELS = ["trace", "debug", "info", "notice", "warn", "error", "critical"]
# docs/format.md, "Schema"
OTHER_LEVELS = {"verbose": 0, "information": 2, "informational": 2, "warning": 4, "err": 5, "crit": 6,
                "fatal": 6, "alert": 6, "emerg": 6, "emergency": 6, "panic": 6}
RANKS = {**{name: i for i, name in enumerate(LEVELS)}, **OTHER_LEVELS}
SCHEMA = {"v": 1, "ts": ["ts", "@timestamp", "timestamp", "time", "eventTime"], "run": "run_id",
          "stage": "stage", "level": "level", "status": "status", "duration": "duration_ms"}
OWN_SCHEMAS = [
    {**SCHEMA, "ts": ["when", "ts"], "level": "severity", "status": "outcome"},
    {**SCHEMA, "ts": ["meta.at"], "run": "trace.id", "stage": "log.phase", "level": "log.level"}]
NONE = -(2**63)

# ---- reading: what a line says ----

TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
                  r"(Z|[+-]\d\d:\d\d)?")


def value_time(v):
    """ns since 1970 of a time in a record, or None. Only the spellings that make_line uses."""
    if isinstance(v, str):
        m = TIME.fullmatch(v)
        if not m:
            return None
        at = datetime.datetime(*map(int, m.groups()[:6]), tzinfo=datetime.timezone.utc)
        ns = int(at.timestamp()) * 10**9 + int((m[7] or "").ljust(9, "0"))
        if m[8] and m[8] != "Z":
            sign = -1 if m[8][0] == "-" else 1
            ns -= sign * (int(m[8][1:3]) * 60 + int(m[8][4:6])) * 60 * 10**9
        return ns
    if isinstance(v, (int, decimal.Decimal)) and not isinstance(v, bool):
        size = abs(v)
        scale = 10**9 if size < 1e11 else 10**6 if size < 1e14 else 10**3 if size < 1e17 else 1
        return int(v * scale)
    return None


def refuse(constant):
    raise ValueError(constant)


def parse(raw):
    """The object in a line, or None."""
    try:
        text = raw.decode("utf-8", "surrogateescape")
        value = json.loads(text, parse_float=decimal.Decimal, parse_constant=refuse)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


ABSENT = object()


def get(value, path):
    """The field at a dotted path: the longest prefix that is a key wins, if the rest is there."""
    if not path:
        return value
    if not isinstance(value, dict):
        return ABSENT
    for n in range(len(path), 0, -1):
        key = ".".join(path[:n])
        if key in value:
            found = get(value[key], path[n:])
            if found is not ABSENT:
                return found
    return ABSENT


class Line:
    def __init__(self, path, offset, raw, parsed, ts, schema):
        self.path, self.offset, self.raw, self.value, self.ts = path, offset, raw, parsed, ts
        if parsed is None:
            return
        self.run, self.stage, level, status = (
            get(parsed, schema[key].split(".")) for key in ("run", "stage", "level", "status"))
        self.rank = RANKS.get(level.lower(), -1) if isinstance(level, str) and level.isascii() else -1
        self.failed = status == "failed" if status is not ABSENT and status is not None else \
            self.rank >= RANKS["error"]


def read_file(path, schema):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        data = f.read()
    ts, offset = NONE, 0
    for raw in data.split(b"\n"):
        text = raw[3:] if offset == 0 and raw.startswith(b"\xef\xbb\xbf") else raw
        if text.strip(b" \t\r"):
            parsed = parse(text)
            if parsed is not None:
                times = (value_time(get(parsed, k.split("."))) for k in schema["ts"])
                ts = next((t for t in times if t is not None), ts)
            yield Line(path, offset, raw, parsed, ts, schema)
        offset += len(raw) + 1


# ---- writing: a trail ----

TEXTS = ["plain", "", 'a "quoted" \\ one', "a/b", "tab\tand\nfeed", "\x01\x7f", "café € 🐧",
         "2025-10-22", "x" * 70, "detection", "acme", "globex", "failed", "null", "\ud800",
         "error", "run-03", '"stage":"detection"', 'status":"failed', "u0065", "\\u0065"]
STAGES = ["detection", "a/b", 'de"tec', "x" * 70, "dét", "t\tb", "detections", "tection"]
# What is looked for, where it does not count.
ELSEWHERE = [("detection", '"x"'), ("failed", "1"), ("error", "true"), ("run-03", '"fetch"'),
             ("detail", '{"stage":"detection","status":"failed","level":"error","run_id":"run-03"}'),
             ("tags", '["detection","failed","error","run-03","acme"]'), ("name", '"level"')]
NUMBERS = ["0", "-0", "1", "7", "10", "1.0", "1e1", "100e-2", "9007199254740993",
           "9007199254740992", "-9223372036854775808", "18446744073709551615", "0.1",
           "1e400", "-1e400", "123456789012345678901234567890"]


def spell(rng, text):
    """A JSON string, in one of its spellings."""
    ascii, often = rng.random() < 0.5 or "\ud800" in text, 0.3 if rng.random() < 0.15 else 0

    def one(c):
        if rng.random() < often and ord(c) < 0x10000:
            return f"\\u{ord(c):04x}" if rng.random() < 0.5 else f"\\u{ord(c):04X}"
        return json.dumps(c, ensure_ascii=ascii)[1:-1]

    out = f'"{"".join(map(one, text))}"'
    return out.replace("/", "\\/") if rng.random() < 0.2 else out


def spell_time(rng, ns):
    at = datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc)
    kind = rng.randrange(6)
    if kind == 0:
        return str(ns // 10**6)
    if kind == 1:
        return f"{ns // 10**9}.{ns // 10**6 % 1000:03d}"
    if kind == 2:
        return f'"{at:%Y-%m-%d %H:%M:%S}"'
    if kind == 3:
        there = at + datetime.timedelta(hours=2)
        return f'"{there:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}+02:00"'
    return f'"{at:%Y-%m-%dT%H:%M:%SZ}"'


def make_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 2 else 6)
    if kind < 3:
        return spell(rng, rng.choice(TEXTS))
    if kind < 5:
        return rng.choice(NUMBERS)
    if kind == 5:
        return rng.choice(["null", "true", "false", "[]", "{}"])
    if kind == 6:
        return f"[{make_value(rng, 2)}, {make_value(rng, 2)}]"
    keys = ["name", "b", "name"][:rng.randrange(4)]
    return make_object(rng, [(k, make_value(rng, depth + 1)) for k in keys])


def make_object(rng, members):
    gap = rng.choice(["", "", " ", "\t"])
    return "{" + f",{gap}".join(f"{spell(rng, k)}{gap}:{gap}{v}" for k, v in members) + "}"


def make_level(rng):
    name = rng.choice(LEVELS if rng.random() < 0.7 else list(OTHER_LEVELS))
    return spell(rng, rng.choice([name, name, name.upper(), name.title()]))


def make_stage(rng):
    stages = ["fetch", "decode", "detection"] if rng.random() < 0.8 else STAGES
    return spell(rng, rng.choice(stages))


def make_status(rng):
    return rng.choice(['"ok"', spell(rng, "failed"), "null", "1", '"FAILED"', '"failed "',
                       '["failed"]', '{"status":"failed"}'])


def make_line(rng, ns, key="ts", schema=SCHEMA):
    """key: of its time."""
    members = [(key, spell_time(rng, ns))] if rng.random() < 0.95 else []
    known = [(schema["level"], 0.8, lambda: make_level(rng)),
             (schema["run"], 0.8, lambda: spell(rng, f"run-{rng.randrange(12):02d}")),
             (schema["stage"], 0.7, lambda: make_stage(rng)),
             (schema["status"], 0.3, lambda: make_status(rng))]
    chances = known + [
        ("value", 0.5, lambda: make_value(rng)), ("n", 0.5, lambda: rng.choice(NUMBERS)),
        ("user", 0.4, lambda: make_value(rng)), ("user.name", 0.1, lambda: make_value(rng)),
        ("http.status", 0.2, lambda: rng.choice(NUMBERS)),
        ("msg", 0.5, lambda: spell(rng, rng.choice(TEXTS)))]
    members += [(k, make()) for k, chance, make in chances if rng.random() < chance]
    if rng.random() < 0.1:  # another type
        members.append((rng.choice(known)[0], make_value(rng)))
    if rng.random() < 0.1:  # the same key again
        k, _, make = rng.choice(known)
        members.append((k, make()))
    if rng.random() < 0.3:
        members.append(rng.choice(ELSEWHERE))
    if rng.random() < 0.3:
        rng.shuffle(members)
    if rng.random() < 0.5:  # a path as objects in objects
        members = [nest(rng, k, v) for k, v in members]
    return make_object(rng, members).encode("utf-8", "surrogatepass")


def nest(rng, key, value):
    first, dot, rest = key.partition(".")
    return (first, make_object(rng, [(rest, value)])) if dot else (key, value)


def make_lines(rng, n, first, span, *how):
    return [make_line(rng, first + rng.randrange(span // 10**9) * 10**9, *how) for _ in range(n)]


ODD = [b"", b" \t", b'{"ts":"2025-10-22T10:00:00Z","msg":"caf\xe9"}', b'{"a":1}\r', b"{}"]
WRONG = [b"no json", b"[1,2]", b'{"a":1} {"b":2}', b'{"a":01}', b'{"a":NaN}', b"{", b"\0\0\0"]


def mix(rng, lines, other):
    """The lines, some with CRLF, and here and there one of the others."""
    for line in lines:
        yield line + b"\r" if rng.random() < 0.1 else line
        if rng.random() < 0.05:
            yield rng.choice(other)


def write(path, lines, members=1):
    """One file; .gz in so many members; without a line feed at the end."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    size = -(-len(lines) // members)
    parts = [b"\n".join(lines[i:i + size]) for i in range(0, len(lines), size)]
    parts = [p + b"\n" for p in parts[:-1]] + parts[-1:]
    with open(path, "wb") as f:
        for part in parts:
            f.write(gzip.compress(part) if path.endswith(".gz") else part)


def make_trail(build, root, rng):
    """Files below root; a list of all lines in their files."""
    schemas = {}

    def run(*command, status=(0,), data=None):
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode in status, f"{command}: {done.returncode} {done.stderr}"

    seed = str(rng.randrange(2**32))
    run(f"{build}/tests/trail", f"{root}/log", seed, "4000", "sealed")
    run(f"{build}/tests/trail", f"{root}/log", seed, "500", "plain")
    # A crash between the rename and the unlink of a seal leaves both: the archive counts.
    sealed = sorted(glob.glob(f"{root}/log/date=*/*.gz"))[0]
    with open(sealed[:-3], "wb") as f:
        f.write(gzip.open(sealed).read())
    for key in "ts", "when":
        source = f"{root}/source.jsonl"
        lines = make_lines(rng, 1500, START, 4 * DAY, key)
        if key == "when":  # where the record's own ts is not its time
            lines = [b'{"ts":"2025-10-23T00:00:00Z",' + l[1:] if rng.random() < 0.2 and len(l) > 2
                     else l for l in lines]
        write(source, lines)
        before = set(glob.glob(f"{root}/log/date=*/*"))
        run(f"{build}/auditq", "pack", "--root", f"{root}/log", "--ts", key, source, status=(0, 3))
        new = set(glob.glob(f"{root}/log/date=*/*")) - before
        schemas.update(dict.fromkeys(new, {**SCHEMA, "ts": [key]}))
        os.unlink(source)
    for path in glob.glob(f"{root}/log/*.reject.jsonl"):
        os.unlink(path)
    lines = make_lines(rng, 400, START + DAY, DAY)
    write(f"{root}/log/2025-10-22.jsonl", list(mix(rng, lines, ODD + WRONG)))
    lines = make_lines(rng, 800, START, 4 * DAY)
    write(f"{root}/log/foreign/a.jsonl.gz", list(mix(rng, lines, ODD)), 3)
    write(f"{root}/log/foreign/b.jsonl", [b"\xef\xbb\xbf" + b'{"msg":"no time yet"}'] +
          sorted(make_lines(rng, 300, START, 4 * DAY)))
    # Of several blocks, the first lines of which may have the time of a line in the block before.
    pad = b'{"pad":"' + b"x" * 9000 + b'",'
    lines = [make_line(rng, START + i * 10**9, rng.choice(["ts", "other"])) for i in range(150)]
    write(f"{root}/log/foreign/long.jsonl", [pad + l[1:] for l in lines])
    lines = make_lines(rng, 600, START + 2 * DAY, DAY)
    write(f"{root}/log/date=2025-10-23/clean.jsonl.gz", lines, 2)
    for i, schema in enumerate([SCHEMA] + OWN_SCHEMAS):
        path = f"{root}/log/own/{i}.jsonl.gz"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        lines = make_lines(rng, 700, START, 4 * DAY, schema["ts"][0], schema)
        lines = mix(rng, lines, ODD + WRONG if i == 0 else ODD)
        run(f"{build}/tests/archive", path, json.dumps(schema, separators=(",", ":")),
            data=b"\n".join(lines))
        schemas[path] = schema

    lines = []
    for path in sorted(glob.glob(f"{root}/log/**/*.jsonl*", recursive=True)):
        if not os.path.exists(path + ".gz"):
            lines += read_file(path, schemas.get(path, SCHEMA))
    lines.sort(key=lambda l: (l.ts, l.path.encode(), l.offset))
    return lines


# ---- asking ----

COMPARE = {"==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt,
           ">=": operator.ge}


def encode(text):
    """The bytes of a decoded string; wrong ones, and a lone surrogate, as they were."""
    def one(c):
        return c.encode("utf-8", "surrogateescape" if "\udc80" <= c <= "\udcff" else "surrogatepass")

    return b"".join(map(one, text))


def compare(op, value, literal):
    if isinstance(literal, str) and isinstance(value, str):
        return COMPARE[op](encode(value), encode(literal))
    if literal is None or isinstance(literal, bool):
        return op == "==" and value is literal
    if isinstance(literal, str) or isinstance(value, bool) or \
            not isinstance(value, (int, decimal.Decimal)):
        return False
    return COMPARE[op](value, literal)


def random_literal(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice([("null", None), ("true", True), ("false", False)])
    if kind < 4:
        text = rng.choice(NUMBERS)
        return text, json.loads(text, parse_float=decimal.Decimal)
    text = rng.choice([t for t in TEXTS if t != "\ud800"] + STAGES + ["warn", "maria", "ok"])
    return json.dumps(text, ensure_ascii=False), text


PATHS = ["level", "stage", "status", "run_id", "msg", "n", "value", "http.status", "user",
         "user.name", "severity", "log.phase", "trace.id", "detail.stage", "value.name",
         "value.user.name", "value.b.name", "gpu", "seq", "zzz", "event"]


UNITS = {"h": 3600 * 10**3, "m": 60 * 10**3, "s": 10**3, "ms": 1, "us": decimal.Decimal("1e-3")}


def random_instant(rng, keys):
    """A comparison with a time, or with a duration."""
    op = rng.choice(list(COMPARE))
    if rng.random() < 0.3:
        n, unit = rng.choice(["1", "10", "0.5", "-1", "7"]), rng.choice(list(UNITS))
        return f"{op} {n}{unit}", lambda v: compare(op, get(v, keys), decimal.Decimal(n) * UNITS[unit])
    ns = START + rng.randrange(96) * 3600 * 10**9
    text = rng.choice([utc(ns), utc(ns)[:-1], f"t'{ns // 10**9}'", utc(ns)[:10]])
    ns -= ns % DAY if len(text) == 10 else 0

    def is_true(v):
        at = value_time(get(v, keys))
        return at is not None and COMPARE[op](at, ns)
    return f"{op} {text}", is_true


def random_file(rng, keys, root):
    """in @FILE: each line is a string, and a number if it can be one."""
    texts = [rng.choice(NUMBERS + STAGES[:5] + ["acme", "maria", "warn", "run-03", "failed", "01"])
             for _ in range(rng.choice([1, 3, 30]))]
    path = f"{root}/values-{rng.randrange(10)}"
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(rng.choice(["\n", "\r\n", "\n\n"]).join(texts))
    literals = [t for t in texts if "\n" not in t]
    literals += [json.loads(t, parse_float=decimal.Decimal) for t in texts if t in NUMBERS]
    return f"in @{path}", lambda v: any(compare("==", get(v, keys), l) for l in literals)


def random_expression(rng, root, depth=0):
    """A text and its meaning."""
    kind = rng.randrange(10 if depth < 3 else 6)
    path = rng.choice(PATHS)
    keys = path.split(".")
    if rng.random() < 0.15:
        keys = rng.choice([keys, ["ts"], ["when"], ["duration_ms"]])
        more, is_true = random_instant(rng, keys) if rng.random() < 0.5 else random_file(rng, keys, root)
        return f"{'.'.join(keys)} {more}", is_true
    if kind < 4:
        op = rng.choice(["==", "==", "!=", "<", "<=", ">", ">="])
        text, literal = random_literal(rng)
        if literal is None or isinstance(literal, bool):
            op = rng.choice(["==", "!="])
        if op == "!=":
            return f"{path} != {text}", lambda v: not compare("==", get(v, keys), literal)
        return f"{path} {op} {text}", lambda v: compare(op, get(v, keys), literal)
    if kind == 4:
        some = [random_literal(rng) for _ in range(rng.randrange(1, 4))]
        return (f"{path} in ({', '.join(t for t, _ in some)})",
                lambda v: any(compare("==", get(v, keys), l) for _, l in some))
    if kind == 5 and rng.random() < 0.5:
        pattern = rng.choice(PATTERNS)
        meaning = re.compile(pattern.encode())
        return (f'{path} =~ "{pattern}"',
                lambda v: isinstance(get(v, keys), str) and bool(meaning.search(encode(get(v, keys)))))
    if kind == 5:
        return f"exists {path}", lambda v: get(v, keys) is not ABSENT
    left, is_left = random_expression(rng, root, depth + 1)
    if kind == 6:
        return f"not ({left})", lambda v: not is_left(v)
    right, is_right = random_expression(rng, root, depth + 1)
    if kind < 9:
        return f"({left}) and ({right})", lambda v: is_left(v) and is_right(v)
    return f"({left}) or ({right})", lambda v: is_left(v) or is_right(v)


def utc(ns):
    return datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc).strftime("%FT%TZ")


def random_window(rng):
    """Arguments, and the bounds in ns."""
    after, before, argv = None, None, []
    if rng.random() < 0.4:
        after = START + rng.randrange(-12, 100) * 3600 * 10**9
        argv += ["--after", utc(after)]
    if rng.random() < 0.4:
        before = (after or START) + rng.randrange(1, 60) * 3600 * 10**9
        argv += ["--before", utc(before)]
    if not argv and rng.random() < 0.3:
        first = rng.randrange(4)
        last = rng.randrange(first, 4)
        argv += ["--on", f"2025-10-{21 + first}..2025-10-{21 + last}"]
        after, before = START + first * DAY, START + (last + 1) * DAY
    return argv, after, before


def text_of(value):
    """A string of a record, or one that no question has."""
    return value if isinstance(value, str) else "\0"


def last_run(lines, after, before):
    """Of the earliest times of all runs in the window, the latest."""
    first = {}
    for l in lines:
        run = l.run if l.value is not None else None
        if isinstance(run, str) and inside(l, after, before) and l.ts != NONE:
            first[run] = min(first.get(run, l.ts), l.ts)
    return max(first, key=lambda run: (first[run], encode(run)), default=None)


def random_filters(rng, root, lines, after, before):
    """Arguments, and what each asks of a line."""
    argv, filters = [], []
    if rng.random() < 0.1:
        last = last_run(lines, after, before)
        argv += ["--run", "last"]
        filters.append(lambda l: l.run == last and last is not None)
    elif rng.random() < 0.25:
        some = [l.run for l in rng.sample(lines, 50) if l.value is not None]
        run = rng.choice([i for i in some if text_of(i).startswith("run-")])[:rng.choice([4, 6, 100])]
        argv += ["--run", run]
        filters.append(lambda l: text_of(l.run).startswith(run))
    if rng.random() < 0.25:
        stages = rng.sample(["fetch", "decode", "publish", "none"] + STAGES, rng.randrange(1, 3))
        argv += ["--stage", ",".join(stages)]
        filters.append(lambda l: text_of(l.stage) in stages)
    if rng.random() < 0.25:
        argv += ["--failed"]
        filters.append(lambda l: l.failed)
    if rng.random() < 0.25:
        least = rng.randrange(7)
        if rng.random() < 0.5:
            argv += ["--level", LEVELS[least]]
            filters.append(lambda l: l.rank >= least)
        else:
            argv += ["--level", "=" + LEVELS[least]]
            filters.append(lambda l: l.rank == least)
    if rng.random() < 0.5:
        text, meaning = random_expression(rng, root)
        argv += ["--where", text]
        filters.append(lambda l: meaning(l.value))
    if rng.random() < 0.2:
        some = [random_regex(rng) for _ in range(rng.randrange(1, 3))]
        argv += [word for text, _ in some for word in ("-e", text)]
        filters.append(lambda l: any(meaning(l) for _, meaning in some))
    if filters and rng.random() < 0.25:
        argv += ["--invert"]
        filters = [lambda l, all_of=filters: not all(f(l) for f in all_of)]
    return argv, filters


PATTERNS = ["^run-0", "dete", "x{70}", "fail|plain", "^[0-9]{4}-", "^$", "[^a-z]"]


def random_regex(rng):
    """An argument, and what it means of a line."""
    if rng.random() < 0.5:
        pattern = rng.choice(["detection", '"level":', "run-0[0-4]", r"\\u00", "ERR|fatal", "a~b|zz~x"])
        named = not re.match("[a-z]+~", pattern)
        return (pattern if named else "~" + pattern,
                lambda l, it=re.compile(pattern.encode()): bool(it.search(l.raw)))
    path, it = rng.choice(PATHS), re.compile(rng.choice(PATTERNS).encode())
    return (f"{path}~{it.pattern.decode()}", lambda l: isinstance(get(l.value, path.split(".")), str)
            and bool(it.search(encode(get(l.value, path.split("."))))))


def inside(line, after, before):
    """Whether a line is in the window. One without a time is in the open one only."""
    return (after is None or line.ts != NONE and line.ts >= after) and \
        (before is None or line.ts != NONE and line.ts < before)


def answer(lines, after, before, filters, reverse, limit, tail):
    """The lines that match, and whether some line in the window is no record."""
    window = [l for l in lines if inside(l, after, before)]
    lost = any(l.value is None for l in window)
    found = [l for l in window if l.value is not None and all(f(l) for f in filters)]
    if reverse:
        found.reverse()
    return found[len(found) - tail if tail and tail < len(found) else 0:][:limit], lost


def ask(build, root, rng, lines):
    """None, or what is wrong with an answer."""
    window, after, before = random_window(rng)
    path = f"{root}/log" + rng.choice(
        ["", "", "", "/date=2025-10-22", "/foreign", "/2025-10-22.jsonl", "/own", "/own"])
    lines = [l for l in lines if l.path.startswith(path)]
    argv, filters = random_filters(rng, root, lines, after, before)
    reverse, count = rng.random() < 0.3, rng.random() < 0.2
    limit = rng.choice([None, None, None, 1, 10, 100])
    tail = None if limit or reverse else rng.choice([None, 1, 10, 100, 1000])
    want, lost = answer(lines, after, before, filters, reverse, limit, tail)
    argv += window + ["-r"] * reverse + ["-c"] * count
    argv += ["--limit", str(limit)] if limit else ["--tail", str(tail)] if tail else []
    text = b"%d\n" % len(want) if count else b"".join(l.raw + b"\n" for l in want)
    status = {3} if lost else {0} if want else {1}
    if limit or tail:
        status |= {0 if want else 1}  # it may stop before it sees what is wrong
    for extra in [], ["--no-index"], ["-j", "1"], ["-j", "4", "--no-index"]:
        command = [f"{build}/auditq", *extra, *argv, path]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.stdout != text or done.returncode not in status:
            return (f"{command}\nexit {done.returncode}, expected {status}; {len(want)} lines "
                    f"expected, {done.stdout.count(10)} given, first difference: "
                    f"{first_difference(text, done.stdout)}\n{done.stderr.decode()[:500]}")
    return None


def first_difference(want, got):
    for a, b in zip(want.split(b"\n"), got.split(b"\n")):
        if a != b:
            return f"\n  {a!r}\n  {b!r}"
    return "in length only"


def main(build, queries=150, seed=1):
    rng = random.Random(int(seed))
    root = tempfile.mkdtemp()
    failed = 0
    try:
        lines = make_trail(build, root, rng)
        for i in range(int(queries)):
            wrong = ask(build, root, rng, lines)
            if wrong:
                failed += 1
                print("\n".join(f"# {line}" for line in wrong.splitlines()))
    finally:
        if not failed:
            shutil.rmtree(root)
    print(f"{'not ok' if failed else 'ok'} - {queries} random questions, {failed} answered wrongly")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
