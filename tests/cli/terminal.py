"""terminal.py AUDITQ - no control, C1 or bidirectional character of a log, a key, a file name, an option's
argument or an error reaches a terminal as it is.

The program runs on a pseudo-terminal, output and errors alike.  What it writes of its own there is line
ends and, where colours are asked for, SGR sequences; anything else of the kind came from outside.
"""
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

AUDITQ = sys.argv[1]
TIMEOUT = 60

# As text: ESC, CSI as C1, an OSC that sets the title, BEL, backspaces, CR, DEL, bidi, NUL where there can be one.
EVIL = "a\x1b[31mb\x1b]0;title\x07c\x9b7mA\x85\b\b\r\x7f\u202edlrow\u2066x\u2069\u200f\u061c\x0b\x0c"
RAW = EVIL.encode() + b"\x9b\xff\xc2"  # a name is bytes
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SGR = re.compile(r"\x1b\[[0-9;]*[mK]")


def check(name, wrong=""):
    print(f"{'not ok' if wrong else 'ok'} - {name}{': ' + wrong if wrong else ''}", flush=True)


def on_terminal(*args, **env):
    """All that the program writes to the terminal, and its exit status."""
    master, slave = pty.openpty()
    mode = termios.tcgetattr(slave)
    mode[1] &= ~termios.OPOST  # or each LF would become CR LF
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    child = subprocess.Popen([AUDITQ, *args], stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                             start_new_session=True,
                             env={**os.environ, "TERM": "xterm", "PAGER": "cat", "COLUMNS": "80", **env})
    os.close(slave)
    out, end = b"", time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # the last holder of the other end is gone
            break
        if not piece:
            break
        out += piece
    else:
        child.kill()
    os.close(master)
    return out, child.wait()


def harm(out, colours):
    """What there is in it that should not be, or ''."""
    text = out.decode("utf-8", "surrogateescape")
    if colours:
        text = SGR.sub("", text)
    text = text.replace("\r\n", "\n")  # ends of CSV lines
    bad = HARMFUL.search(text) or re.search("[\udc80-\udcff]", text)
    return f"{ascii(bad.group())} in {ascii(text[max(0, bad.start() - 60):bad.end() + 20])}" if bad else ""


def safe(name, *args, status=None, **env):
    for colours in (False, True):
        out, code = on_terminal(*args, **env, **({} if colours else {"NO_COLOR": "1"}))
        wrong = harm(out, colours)
        if not wrong and not out and status == (0,):
            wrong = "nothing was written"
        if not wrong and status is not None and code not in status:
            wrong = f"status {code}: {out[:200]!r}"
        if wrong:
            return check(name, wrong)
    check(name)


def json_text(text):
    """As a JSON string with nothing escaped that need not be."""
    return '"' + "".join(c if c >= " " and c not in '"\\' else f"\\u{ord(c):04x}" for c in text) + '"'


def write_log(path, escaped):
    """Records whose values and keys are hostile: raw where JSON allows it, or escaped for whoever decodes it."""
    def text(s):
        return "".join(f'\\u{ord(c):04x}' for c in s) if escaped else json_text(s)[1:-1]
    lines = []
    for i in range(6):
        lines.append(f'{{"ts":"2025-10-23T00:00:0{i}Z","level":"{"error" if i % 2 else "info"}","run_id":"{text(EVIL)}{i % 2}",'
                     f'"seq":{i},"service":"{text(EVIL)}","host":"{text(EVIL)}","stage":"{text(EVIL)}{i}",'
                     f'"event":"{("run.begin", "stage.end", "run.end")[i // 2]}","status":"{("ok", "failed")[i % 2]}","duration_ms":{i},'
                     f'"msg":"{text(EVIL)}","{text(EVIL)}":"{text(EVIL)}","o":{{"{text(EVIL)}":["{text(EVIL)}"]}}}}')
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def formats():
    """Those that --help lists behind --format."""
    out = subprocess.run([AUDITQ, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    text = re.search(r"--format FORMAT(.*?)\n +(?:-\w, )?--", out, re.S).group(1)
    known = ("jsonl", "json", "csv", "tsv", "pretty", "raw", "md")
    found = [f for f in known if re.search(rf"\b{f}\b", text)]
    if len(found) < 3:
        check("formats", f"only {found} in --help")
    return found


def commands():
    out = subprocess.run([AUDITQ, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return re.search(r"auditq (\w+(?:\|\w+)*) \.\.\.", out).group(1).split("|")


def outputs():
    for escaped in (False, True):
        what = "escaped" if escaped else "raw"
        os.makedirs(f"logs-{what}")
        log = f"logs-{what}/log.jsonl"
        write_log(log, escaped)
        safe(f"{what}, as it comes", log, status=(0,))
        for f in formats():
            safe(f"{what}, {f}", "-o", f, log, status=(0,))
            if f == "raw":
                continue  # it has no fields
            safe(f"{what}, {f} of fields", "-o", f, "--fields", "ts,msg,run_id", log, status=(0,))
            safe(f"{what}, {f} of a hostile field", "-o", f, "--fields", f"ts,{EVIL.split(chr(13))[0]}", log, status=(0,))
        safe(f"{what}, explained", "--explain", "--run", EVIL, log, status=(0, 1))
        for f in ("table", "json", "csv", "jsonl"):
            safe(f"{what}, stats, {f}", "stats", "--by", "stage,run_id", "-o", f, log, status=(0,))
        for args in (["--by", "stage,run_id"], ["--top", "msg"], ["--hist", "1s"], ["--failed", "-C", "1"],
                     ["--failed", "--expand", "run"], ["--source"], ["-f", "--exit-on-match"], ["--run", "last"]):
            safe(f"{what}, {' '.join(args)}", *args, log, status=(0,))
        safe(f"{what}, a name that is nearly one", "--stage", EVIL + "7", log, status=(1,))
        for name in ("runs", "run"):
            for f in ("", "jsonl", "json", "csv"):
                safe(f"{what}, {name}, {f}", name, *([EVIL + "1"] if name == "run" else []), *(["-o", f] if f else []),
                     log, status=(0,))
            safe(f"{what}, {name} of a name that is a beginning", name, *([EVIL] if name == "run" else []), log)
        safe(f"{what}, pack", "pack", "--root", f"root-{what}", log, status=(0,))
        sealed = [os.path.join(d, f) for d, _, names in os.walk(f"root-{what}") for f in names]
        for option in ([], ["--runs"], ["--members"], ["--json"]):
            safe(f"{what}, inspect {' '.join(option)}", "inspect", *option, *sealed)
        safe(f"{what}, archives", f"root-{what}", status=(0,))
        safe(f"{what}, recover", "recover", f"root-{what}")
        safe(f"{what}, compact", "compact", f"root-{what}")


def names():
    """Of files and directories, where they are given, listed, missing, damaged, written."""
    d = b"evil " + RAW
    os.makedirs(d)
    path = d + b"/" + RAW + b".jsonl"
    with open(path, "wb") as f:
        f.write(b'{"ts":"2025-10-23T00:00:00Z"}\nno record\n')
    with open(path + b".gz", "wb") as f:
        f.write(b"\x1f\x8b\x08\0damaged")
    os.symlink(RAW, d + b"/dangling.jsonl")
    safe("a hostile name, given", path, status=(3,))
    safe("listed", d, status=(3,))
    safe("explained", "--explain", d, status=(3,))
    safe("strict", "--strict", d, status=(3,))
    safe("missing", b"none " + RAW, status=(2,))
    for command in commands():
        safe(f"{command} of a hostile name", command, *(["--root", "root"] if command == "pack" else []), path)
        safe(f"{command} of a missing one", command, *(["--root", "root"] if command == "pack" else []), b"none" + RAW)
    safe("pack below a hostile name", "pack", "--root", d, path, status=(3,))
    safe("-O", "-O", d, path, status=(2, 3))
    for f in formats():
        safe(f"places in {f}", "--source", "-o", f, d)


def arguments():
    """Of options: each that takes one, of each command; and what is no option, and no command."""
    for command in ("", *commands()):
        words = [command] if command else []
        out = subprocess.run([AUDITQ, *words, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
        for option in sorted(set(re.findall(r"^ +(?:-\w, )*(?:--[\w-]+, )*(--[\w-]+) \[?[A-Z]", out, re.M))):
            if option in ("--output", "--pager"):  # names of files and programs that would be made and run
                continue
            for argument in (RAW, b"'" + RAW, b"a == " + RAW, b"=" + RAW):
                safe(f"{command} {option} {argument[:4]!r}", *words, option, argument, "logs-raw")
        safe(f"{command} and no option", *words, b"--" + RAW)
        safe(f"{command} and no letter", *words, b"-" + RAW)
    safe("an environment", AUDITQ_ROOT="none " + EVIL)


outputs()
names()
arguments()
