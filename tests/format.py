#!/usr/bin/env python3
"""A second reader of archives, written from docs/format.md alone, held against the first.

    tests/format.py ARCHIVE DESCRIPTION     DESCRIPTION: what `auditq inspect --json` says

Every number of the description is found in the bytes, and every short string of every line in its
member's filter.
"""
import datetime
import hashlib
import json
import math
import re
import struct
import sys
import uuid
import zlib

NO_TIME = -(1 << 63)
LEVELS = ["trace", "debug", "info", "notice", "warn", "error", "critical", "none"]
DATA = struct.Struct("<14I2H2Q3q32s")
FOOTER = struct.Struct("<2Q2I5Q8Q2H2Q2q32s32s32s480s32s96s")
U32 = struct.Struct("<I")


def text(ns):
    if ns == NO_TIME:
        return None
    second = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=ns // 10**9)
    return second.strftime("%Y-%m-%dT%H:%M:%S.") + "%09dZ" % (ns % 10**9)


def header(data, at):
    """(kind, fixed part, rest, offset of the compressed data) of the member at an offset."""
    assert data[at:at + 10] == bytes.fromhex("1f8b08040000000000ff"), at
    xlen, si, n = struct.unpack_from("<H2sH", data, at + 10)
    assert si == b"AL" and n == xlen - 4 and xlen <= 32000
    sub = data[at + 16:at + 16 + n]
    kind, version, fixed, crc = struct.unpack_from("<BBHI", sub)
    assert version == 1 and zlib.crc32(sub[:4] + bytes(4) + sub[8:]) == crc
    return kind, sub[8:8 + fixed], sub[8 + fixed:], at + 12 + xlen


def summary(fixed):
    """The fixed part of a data member, as a description has it."""
    v = DATA.unpack_from(fixed)
    out = {"member_bytes": v[0], "payload_bytes": v[1], "lines": v[2], "unreadable": v[3],
           "untimed": v[4], "failed": v[5], "levels": dict(zip(LEVELS, v[6:14])),
           "sorted": bool(v[14] & 1), "min_ts": text(v[18]), "max_ts": text(v[19]),
           "ts_before": text(v[20]), "digest": v[21].hex()}
    if v[14] & 2:
        out.update(first_seq=v[16], last_seq=v[17])
    return out


def footer(fixed):
    v = FOOTER.unpack_from(fixed)
    out = {"file_bytes": v[0], "index_offset": v[1], "index_bytes": v[2], "payload_bytes": v[4],
           "lines": v[5], "unreadable": v[6], "untimed": v[7], "failed": v[8],
           "levels": dict(zip(LEVELS, v[9:17])), "sorted": bool(v[17] & 1),
           "min_ts": text(v[21]), "max_ts": text(v[22]),
           "writer": v[23].rstrip(b"\0").decode(), "digest": v[24].hex(),
           "previous": v[25].hex(), "schema": json.loads(v[26][:v[18]]), "whole": v[27].hex()}
    if v[17] & 2:
        out.update(first_seq=v[19], last_seq=v[20])
    return out, v[3], v[21]


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert self.at + n <= len(self.data)
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, fmt):
        return struct.unpack("<" + fmt, self.take(struct.calcsize("<" + fmt)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value


def sections(stream):
    (count,) = struct.unpack_from("<H", stream)
    out = {}
    for i in range(count):
        kind, flags, at, n, crc = struct.unpack_from("<2H3I", stream, 2 + 16 * i)
        assert zlib.crc32(stream[at:at + n]) == crc
        out[kind] = flags, Bytes(stream[at:at + n])
    return out


def sketch(b):
    """[(estimate, count)] in ascending order."""
    gamma = 1.01 / 0.99
    out = [(0, b.varint())]
    at = -1036
    for _ in range(b.varint()):
        at += b.varint()
        out.append((2 * gamma**at / (gamma + 1), b.varint()))
        at += 1
    return out


def quantile(buckets, n, q):
    rank = math.floor(q * (n - 1))
    for estimate, count in buckets:
        if rank < count:
            return estimate
        rank -= count
    raise AssertionError


def runs(b, base, rollups):
    out = []
    for _ in range(b.number("I")):
        n = b.number("B")
        name = str(uuid.UUID(bytes=b.take(16))) if n == 0 else b.take(n - 1).decode()
        flags = b.number("B")
        first = last = NO_TIME
        if flags & 8:
            first = base + b.varint()
            last = first + b.varint()
        run = {"id": name, "first_ts": text(first), "last_ts": text(last),
               "records": b.varint(), "failed": b.varint(), "first_member": b.varint()}
        run["last_member"] = run["first_member"] + b.varint()
        stage = b.varint()
        if stage > 0:
            run["failed_stage"] = rollups[stage - 1]["stage"]
        run.update(began=bool(flags & 1), ended=bool(flags & 2), status_failed=bool(flags & 4))
        out.append((run, first, last))
    return out


def courses(b, runs, rollups):
    """Add to the runs what section 7 says of them."""
    size = b.number("B")
    for run, first, last in runs:
        def time():
            n = b.varint()
            assert n == 0 or first + n - 1 <= last
            return text(first + n - 1 if n > 0 else NO_TIME)
        flags = b.number("B")
        bits = int.from_bytes(b.take(size), "little")
        run["stages"] = [i + 1 for i in range(8 * size) if bits >> i & 1]
        assert all(i < len(rollups) for i in run["stages"])
        begin = time() if flags & 1 else run["first_ts"]
        end = time() if flags & 2 else run["last_ts"]
        if run["began"]:
            run["begin_ts"] = begin
        if run["ended"]:
            run.update(end_ts=end, end_failed=bool(flags & 4))
        if run["failed"] > 0:
            run["first_failure_ts"] = time()
            stage = b.varint()
            if stage > 0:
                run["first_failure_stage"] = rollups[stage - 1]["stage"]


def replaced(b):
    out = []
    for _ in range(b.number("I")):
        flags = b.number("B")
        file = {"name": b.take(b.number("B")).decode(), "whole": b.take(32).hex(),
                "previous": b.take(32).hex(), "offset": b.varint(), "bytes": b.varint()}
        if flags & 1:
            file["first_seq"] = b.varint()
            file["last_seq"] = file["first_seq"] + b.varint()
        out.append(file)
    return out


def stages(b):
    out = []
    for _ in range(b.number("I")):
        n = b.varint()
        r = {"stage": b.take(n - 1).decode() if n > 0 else None, "records": b.varint(),
             "ends": b.varint(), "failed": b.varint(), "durations": b.varint()}
        if r["durations"] > 0:
            r.update(sum=b.number("d"), min=b.number("d"), max=b.number("d"))
            buckets = sketch(b)
            assert sum(count for _, count in buckets) == r["durations"]
            for q in 50, 95, 99:
                r["p%d" % q] = float("%.6g" % quantile(buckets, r["durations"], q / 100))
        out.append(r)
    return out


def entry_bits(path, value, m, k):
    h = 0xcbf29ce484222325
    for byte in path + b"\0" + value:
        h = (h ^ byte) * 0x100000001b3 % (1 << 64)
    h ^= h >> 33
    h = h * 0xff51afd7ed558ccd % (1 << 64)
    h ^= h >> 33
    h = h * 0xc4ceb9fe1a85ec53 % (1 << 64)
    h ^= h >> 33
    h1, h2 = h % (1 << 32), h >> 32 | 1
    return [(h1 + i * h2) % m for i in range(k)]


def is_short(value):
    if not isinstance(value, str):
        return False
    value = value.encode()
    return len(value) <= 64 and not re.match(rb"\d{4}-\d\d-\d\d([Tt ]|\Z)", value)


def leaves(record, prefix=""):
    for key, value in record.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, prefix + key + ".")
        else:
            yield prefix + key, value


def check_filter(data, keys, lines):
    """Hold one member's filter against its lines; the letters of its states."""
    flags, k, m = struct.unpack_from("<BBI", data)
    n = (len(keys) + 3) // 4
    states = [data[6 + i // 4] >> 2 * (i % 4) & 3 for i in range(len(keys))]
    bloom = data[6 + n:6 + n + m // 8]
    seen = {}
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        for path, value in leaves(record):
            seen.setdefault(path, []).append(value)
    assert flags & 1 or set(seen) <= set(keys)
    for key, state in zip(keys, states):
        values = seen.get(key, [])
        assert (state == 0) == (not values), key
        assert state != 1 or all(is_short(v) for v in values), key
        assert state != 2 or not all(is_short(v) for v in values), key
        for value in filter(is_short, values if state in (1, 2) else []):
            for bit in entry_bits(key.encode(), value.encode(), m, k):
                assert bloom[bit // 8] >> bit % 8 & 1, (key, value)
    return "".join("-cpu"[s] for s in states), m // 8, bool(flags & 1)


def read(data):
    kind, fixed, rest, at = header(data, len(data) - 1024)
    assert kind == 3 and data[at:] == b"\3\0" + bytes(8) and not any(rest)
    out, members, min_ts = footer(fixed)
    assert out["file_bytes"] == len(data)
    pages = (out["index_bytes"] + 15999) // 16000
    stream = b""
    for i in range(pages):
        kind, page, rest, _ = header(data, out["index_offset"] + 16042 * i)
        assert kind == 2 and struct.unpack("<2I", page) == (i, pages)
        stream += rest
    assert len(stream) == out["index_bytes"]
    assert len(data) == out["index_offset"] + len(stream) + 42 * pages + 1024
    digest = bytes.fromhex(out["digest"])
    assert hashlib.sha256(digest + stream + fixed[:740]).hexdigest() == out["whole"]

    parts = sections(stream)
    b = parts[2][1]
    keys = [b.take(b.number("H")).decode() for _ in range(b.number("H"))]
    assert keys == sorted(keys, key=str.encode)
    out["members"], letters = [], []
    offset = plain = 0
    digest = bytes(32)
    for i in range(members):
        m = summary(parts[1][1].take(parts[1][1].number("H")))
        kind, fixed, rest, at = header(data, offset)
        assert kind == 1 and summary(fixed) == m and not rest
        inflater = zlib.decompressobj(-15)
        payload = inflater.decompress(data[at:offset + m["member_bytes"] - 8])
        assert inflater.eof and not inflater.unused_data
        assert len(payload) == m["payload_bytes"] and payload.count(b"\n") == m["lines"]
        digest = hashlib.sha256(digest + payload).digest()
        assert m["digest"] == digest.hex()
        m.update(offset=offset, plain_offset=plain)
        f = parts[3][1].data
        states, m["filter_bytes"], m["unlisted_keys"] = check_filter(
            f[U32.unpack_from(f, 4 * i)[0]:], keys, payload.split(b"\n"))
        letters.append(states)
        out["members"].append(m)
        offset += m["member_bytes"]
        plain += m["payload_bytes"]
    assert offset == out["index_offset"] and out["digest"] == digest.hex()
    out["keys"] = [{"path": key, "members": "".join(s[i] for s in letters)}
                   for i, key in enumerate(keys)]
    out["rollups"] = stages(parts[5][1])
    out["rollups_complete"] = not parts[5][0] & 1
    table = runs(parts[4][1], min_ts, out["rollups"])
    out["runs"] = [run for run, _, _ in table]
    out["runs_complete"] = not parts[4][0] & 1
    if 7 in parts:
        assert out["runs_complete"] and out["rollups_complete"]
        courses(parts[7][1], table, out["rollups"])
    if 6 in parts:
        out["replaces"] = replaced(parts[6][1])
    out.update(format=1, check={"ok": True})
    return out


def main(archive, description):
    want = json.load(open(description, encoding="utf-8"))
    del want["path"]
    got = read(open(archive, "rb").read())
    for key in sorted(set(want) | set(got)):
        if want.get(key) != got.get(key):
            print(f"not ok - {archive}: {key}\n{got.get(key)}\n--- is not ---\n{want.get(key)}")
            return 1
    print(f"ok - {archive} read by docs/format.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
