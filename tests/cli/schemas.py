#!/usr/bin/env python3
"""schemas.py AUDITQ DATA - real logs, asked by auditq and counted by what their formats are documented to mean."""
import collections
import datetime
import gzip
import json
import subprocess
import sys

UTC = datetime.timezone.utc


def records(path):
    data = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")
    with data:
        for line in data:
            try:
                r = json.loads(line)
            except ValueError:
                continue
            if isinstance(r, dict):
                yield r


def epoch(t):
    if isinstance(t, (int, float)):
        return t
    return datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()


def windows_time(r):
    t = datetime.datetime.strptime(r["EventTime"], "%Y-%m-%d %H:%M:%S")
    return t.replace(tzinfo=UTC).timestamp()


# A DNS query that was answered with an error, an HTTP answer of class 4 or 5, or a connection that was rejected or never
# established (Zeek, "conn.log", conn_state).
def zeek_failed(r):
    return (isinstance(r.get("rcode_name"), str) and r["rcode_name"] != "NOERROR"
            or isinstance(r.get("status_code"), (int, float)) and r["status_code"] >= 400
            or r.get("conn_state") in ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"))


ERRORS = ("error", "err", "fatal", "critical", "crit", "panic", "alert", "emerg")

# file: the schema; failed; stage; run; time
LOGS = {
    "k8s_audit.jsonl": ("kubernetes", lambda r: r.get("responseStatus", {}).get("code", 0) >= 400,
                        lambda r: r["stage"], lambda r: r["auditID"], lambda r: epoch(r["timestamp"])),
    "zeek_apt29.jsonl": ("zeek", zeek_failed, lambda r: r["@stream"], lambda r: r.get("uid"), None),
    "zeek.jsonl.gz": ("zeek", zeek_failed, lambda r: r["_path"], lambda r: r.get("uid"), None),
    "splunk_windows.jsonl.gz": (
        "windows", lambda r: r["EventType"] == "AUDIT_FAILURE" or r["Severity"] in ("ERROR", "CRITICAL"),
        lambda r: r["Channel"], lambda r: r.get("ActivityID"), windows_time),
    "variety/bunyan_corpus_all.jsonl": (
        "bunyan", lambda r: isinstance(r.get("level"), (int, float)) and r["level"] >= 50, None, None, None),
    "variety/bunyan_corpus_withreq.jsonl": ("bunyan", lambda r: r["level"] >= 50, None,
                                            lambda r: r.get("req_id"), lambda r: epoch(r["time"])),
    "variety/zap_caddy_docker.jsonl": ("zap", lambda r: r["level"] in ERRORS, lambda r: r.get("logger"), None,
                                       lambda r: r["ts"]),
    "variety/lnav_json.jsonl": ("generic", lambda r: r["lvl"].lower() in ERRORS, lambda r: r.get("logger"), None,
                                None),
}


def auditq(program, path, *args):
    done = subprocess.run([program, "-c", *args, path], capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode != 2 else done.stderr


def commonest(values):
    """The most frequent of the strings, the least among these."""
    count = collections.Counter(v for v in values if isinstance(v, str))
    return min(count, key=lambda v: (-count[v], v)) if count else None


def check(name, got, want):
    print(f"{'ok' if got == want else 'not ok'} - {name}")
    if got != want:
        print(f"  {got} instead of {want}")
    return got == want


def log(program, data, name, schema, failed, stage, run, time):
    path = f"{data}/{name}"
    all_of_it = list(records(path))
    told = subprocess.run([program, "-c", "--explain", path], capture_output=True, text=True, check=False).stderr
    good = check(f"{name} is recognised", f"files read as {schema} " in told, True)
    good &= check(f"{name}: failed", auditq(program, path, "--failed"), sum(map(bool, map(failed, all_of_it))))
    for option, of in ("--stage", stage), ("--run", run):
        value = commonest(map(of, all_of_it[:20000])) if of else None
        if value:
            good &= check(f"{name}: {option} {value}", auditq(program, path, option, value),
                          sum(of(r) == value for r in all_of_it))
    if time:
        middle = int(sorted(map(time, all_of_it))[len(all_of_it) // 2])
        good &= check(f"{name}: before {middle}", auditq(program, path, "--before", str(middle)),
                      sum(time(r) < middle for r in all_of_it))
    return good


def main(program, data):
    good = True
    for name, what in LOGS.items():
        good &= log(program, data, name, *what)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
