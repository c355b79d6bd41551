#!/usr/bin/env python3
"""Hold every #include of the two libraries against the module tables in docs/architecture.md.

A row is `| module | its one job | may include |`; a module of several files names them all.  It may
include its own headers, and those of the modules that its row names; each of these stands in an
earlier row (so there is no circle).  "All above" names every earlier row of the same table.  A
file that no row names is a fault too.
"""
import glob
import os
import re
import sys

ROW = re.compile(r"^\| `([^|]*)` *\|[^|]*\| *(.*?) *\|$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)', re.M)


def tables(path):
    """{folder: {module: set of modules it may include}}, and the faults of the tables."""
    result, faults, folder = {}, [], None
    for line in open(path, encoding="utf-8"):
        head = re.match(r"^\| (liblog|auditq)/ *\|", line)
        if head:
            folder = head[1]
            result[folder] = {}
            continue
        row = ROW.match(line)
        if not row:
            folder = None if not line.startswith("|") else folder
            continue
        if folder is None:
            continue
        above = result[folder]
        allowed = set()
        for word in row[2].replace("`", "").split(", "):
            if word == "all above":
                allowed |= set(above)
            elif word not in ("", "-"):
                if word not in above and word not in result.get("liblog", {}):
                    faults.append(f"{path}: {row[1]} may include {word}, which is not above it")
                allowed.add(word)
        names = row[1].replace("`", "").split(", ")
        above.update(dict.fromkeys(names, allowed | set(names)))
    return result, faults


def main():
    table, faults = tables("docs/architecture.md")
    owner = {}
    for folder, modules in table.items():
        for module in modules:
            owner[os.path.basename(module) + ".h"] = module
    seen = set()
    for folder, modules in table.items():
        for path in sorted(glob.glob(f"{folder}/**/*.[ch]", recursive=True)):
            module = os.path.splitext(os.path.relpath(path, folder))[0]
            if module not in modules:
                faults.append(f"{path}: in no row of the table")
                continue
            seen.add((folder, module))
            for quote, header in INCLUDE.findall(open(path, encoding="utf-8").read()):
                if quote == "<":
                    continue
                other = owner.get(header)
                if other is None:
                    faults.append(f'{path}: "{header}" is no module\'s header')
                elif other not in modules[module]:
                    faults.append(f"{path}: may not include {header}")
    for folder, modules in table.items():
        faults += [f"docs/architecture.md: {folder}/{m} does not exist"
                   for m in modules if (folder, m) not in seen]
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{'not ok' if faults else 'ok'} - includes follow the module table")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
