#!/usr/bin/python3
"""Keep the figures in the documents equal to docs/results/*.json.

usage: results.py [--check]

In README.md and docs/**/*.md a figure stands between marks:
  <!--r NAME.counts.sequences-->200000<!--/r-->      a value of docs/results/NAME.json by its path; `|.2f` behind it formats
  <!--t NAME.counts.rows--> ... <!--/t-->            a list of objects as a table
  <!--bench summary--> ... <!--/bench-->             a part of tools/performance.py, from the records of ./dev bench
  <!--packages--> ... <!--/packages-->               tools/packages.txt as a table
--check changes nothing and fails on a figure that differs or names no result.
"""
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import performance

TOP = pathlib.Path(__file__).resolve().parent.parent
MARK = re.compile(r"<!--(?P<kind>[rt]) (?P<path>[\w.-]+)(?:\|(?P<format>[^-\s]+))?-->(?P<text>.*?)<!--/(?P=kind)-->", re.S)


def value_of(results, path):
    name, *keys = path.split(".")
    value = json.loads((results / f"{name}.json").read_text())
    for key in keys:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def table(rows):
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n" + "\n".join(lines + ["| " + " | ".join(str(r.get(c, "")) for c in columns) + " |" for r in rows]) + "\n"


def packages_table(top):
    rows = [line.split(None, 2) for line in (top / "tools/packages.txt").read_text().splitlines() if line and line[0] != "#"]
    groups = {"build": "to build", "boot": "to boot", "test": "to test", "debian": "for `guest debian`", "full": "for `test --full`", "bench": "for `bench debian`"}
    return table([{"package": f"`{name}`", "needed": groups[group], "for": why} for group, name, why in rows])


def rendered(text, top):
    """The text with every figure filled in, and the complaints."""
    complaints = []
    results = top / "docs/results"
    text = re.sub(r"(<!--packages-->).*?(<!--/packages-->)", lambda m: m[1] + packages_table(top) + m[2], text, flags=re.S)

    def bench(m):
        try:
            return m[1] + performance.part(m["name"], results) + m[3]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            complaints.append(f"bench {m['name']}: no such part, or a record that is not one ({error!r})")
            return m[0]

    text = re.sub(r"(<!--bench (?P<name>\w+)-->).*?(<!--/bench-->)", bench, text, flags=re.S)

    def fill(m):
        try:
            value = value_of(results, m["path"])
            if m["kind"] == "t":
                new = table(value)
            else:
                new = format(value, m["format"]) if m["format"] else f"{value:,}" if isinstance(value, int) else str(value)
        except (OSError, KeyError, IndexError, ValueError, TypeError) as error:
            complaints.append(f"{m['path']}: no such result ({error})")
            return m[0]
        head = m[0][: m[0].index("-->") + 3]
        return f"{head}{new}<!--/{m['kind']}-->"

    return MARK.sub(fill, text), complaints


def main(argv, top=TOP, quiet=False):
    check = "--check" in argv
    bad = 0
    for path in [top / "README.md", *sorted((top / "docs").rglob("*.md"))]:
        if not path.is_file():
            continue
        old = path.read_text()
        new, complaints = rendered(old, top)
        if check and new != old:
            complaints.append("a figure differs from docs/results; run ./dev results")
        for complaint in complaints if not quiet else ():
            print(f"{path.relative_to(top)}: {complaint}", file=sys.stderr)
        bad += len(complaints)
        if not check and new != old:
            path.write_text(new)
            if not quiet:
                print(f"{path.relative_to(top)}: figures written")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
