"""What the benchmarks share: the trail, a measured run, turns, tables.

The machine is shared and slows by half from one minute to the next. So nothing is compared across
minutes: each contender's run follows one of ours at once, and what is reported of the two is
the median of the ratios of such pairs.
"""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

NPM = "build/npm"
DAY = "2025-10-17"  # one of the trail's


class Failure(Exception):
    """A command did not end as it should."""


class Mismatch(Exception):
    """Two tools gave different answers to one question."""


@dataclass
class Run:
    seconds: float
    processor: float
    megabytes: float
    output: bytes
    words: str            # what it said on standard error


@dataclass
class Contender:
    """A command that answers a question, beside the one of ours that answers it too."""
    name: str
    command: object       # a list, or text for the shell
    answer: object        # what its output says: a function of bytes
    spare: float = 0      # seconds that are not charged: starting an interpreter
    within: float = 1e-9  # how far its numbers may be from ours, as a part of them
    runs: list = field(default_factory=list)
    ratios: list = field(default_factory=list)
    failure: str = ""

    @property
    def seconds(self):
        return statistics.median(run.seconds for run in self.runs) - self.spare if self.runs else None

    @property
    def processor(self):
        return statistics.median(run.processor for run in self.runs) if self.runs else None

    @property
    def ratio(self):
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def megabytes(self):
        return max((run.megabytes for run in self.runs), default=0)


class Bench:
    def __init__(self, build):
        self.build = build
        self.auditq = f"{build}/auditq"
        self.dir = f"{build}/bench"
        self.machine = machine()
        self.told = []
        os.makedirs(self.dir, exist_ok=True)

    def program(self, name):
        return f"{self.build}/tests/bench/{name}"

    def cached(self, name, make, of=None):
        """The path of what make(path) makes, once; of something else, again when that was made anew. It appears when
        it is complete."""
        path = f"{self.dir}/{name}"
        if not os.path.exists(path) or (of and os.path.getmtime(path) < os.path.getmtime(of)):
            say(f"making {path} ...")
            making = path + ".tmp"
            remove(making)
            make(making)
            remove(path)
            os.rename(making, path)
        return path

    def trail(self, records=4200000, days=14, segment=0):
        name = f"trail-{records}" + (f"-{days}" if days != 14 else "")
        command = [self.program("maketrail"), None, records, 1, days, segment]
        return self.cached(name, lambda path: subprocess.run(
            [str(path if word is None else word) for word in command], check=True))

    def day(self):
        """The lines of one day in a plain file."""
        trail = self.trail()
        return self.cached("day.jsonl", lambda path: shell(f"zcat {trail}/date={DAY}/*.jsonl.gz >{path}"), trail)

    def run(self, command, status=(0,), output=None):
        if isinstance(command, str):
            command = ["sh", "-c", command]
        out = output or f"{self.dir}/output"
        words = [str(word) for word in command]
        report = subprocess.run([self.program("measure"), out, *words], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        measured = json.loads(report.stdout)
        said = report.stderr.decode(errors="replace").strip()
        if measured["status"] not in status:
            raise Failure(f"{' '.join(words)[:200]}: exit status {measured['status']}: {said[:200]}")
        with open(out, "rb") as f:
            output = f.read()
        return Run(measured["wall_ns"] / 1e9, measured["cpu_ns"] / 1e9,
                   measured["peak_bytes"] / 1e6, output, said)

    def tell(self, text):
        """A paragraph or a table of the report."""
        print(text + "\n", flush=True)
        self.told.append(text + "\n")

    def save(self, name, result):
        """NAME.json, with the machine; and the report as NAME.md, for tests/bench/paste."""
        replace(f"{self.dir}/{name}.json", json.dumps({"machine": self.machine, **result}, indent=1) + "\n")
        replace(f"{self.dir}/{name}.md", "\n".join(self.told))
        remove(f"{self.dir}/output")

    def turns(self, ours, others, rounds, patience):
        """Run ours before each of the others, so many rounds; who has used up the patience (seconds), or
        fails, is run no more. All must give the same answer. Without others, ours alone."""
        say(f"  {', '.join(c.name for c in [ours, *others])}")
        for _ in range(rounds):
            for other in others or [None]:
                if other and (other.failure or sum(r.seconds for r in other.runs) > patience):
                    continue
                mine = self.run(ours.command)
                ours.runs.append(mine)
                if other:
                    self.turn(ours, other)
                mine.output = b""

    def turn(self, ours, other):
        mine = ours.runs[-1]
        try:
            run = self.run(other.command)
        except Failure as e:
            other.failure = str(e)
            return
        expected, got = ours.answer(mine.output), other.answer(run.output)
        if got is not None and not agree(got, expected, other.within):
            raise Mismatch(f"{ours.name} says {short(expected)}, {other.name} {short(got)}: "
                           f"{other.command}")
        run.output = b""
        other.runs.append(run)
        other.ratios.append((run.seconds - other.spare) / mine.seconds)


def shell(command):
    subprocess.run(["sh", "-c", command], check=True)


def output(command):
    return subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.PIPE, text=True).stdout


def agree(got, expected, within):
    """All that was got is expected."""
    return got.keys() <= expected.keys() and all(
        got[k] == expected[k] or
        isinstance(got[k], float) and abs(got[k] - expected[k]) <= within * abs(expected[k]) for k in got)


def counts(run):
    """What a run with --explain said."""
    pairs = (line.rsplit(None, 1) for line in run.words.splitlines() if line[-1:].isdigit())
    return {name.strip(): int(n) for name, n in pairs}


def short(answer):
    return str(answer)[:200]


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def have(*programs):
    return all(shutil.which(p) or os.path.exists(p) for p in programs)


def amount(seconds):
    """Three digits, in a unit that fits."""
    if seconds is None:
        return ""
    if seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def times(ratio):
    if ratio is None:
        return ""
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 3 else f"{ratio:.2f}"


def table(head, rows):
    """As Markdown, the columns aligned."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * w for w in width], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, width)) + " |"
                     for line in lines)


def machine():
    model = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {"processor": model, "cores": os.cpu_count(), "memory_gb": round(memory, 1),
            "kernel": platform.release(), "date": time.strftime("%Y-%m-%d"),
            "load": os.getloadavg()[0]}


def machine_line(m):
    return (f"{m['processor']}, {m['cores']} cores, {m['memory_gb']} GB, Linux {m['kernel']}, "
            f"{m['date']}; load before the run {m['load']:.1f}.")


def replace(path, text):
    with open(path + ".tmp", "w") as f:
        f.write(text)
    os.rename(path + ".tmp", path)
