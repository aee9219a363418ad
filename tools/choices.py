#!/usr/bin/python3
"""Collects what the architecture leaves open and what was chosen, from the comments of the sources.

usage: choices.py [--check]      writes (or compares) docs/reference/choices.md

A comment that says `UNPREDICTABLE: chose ...`, `IMPDEF: ...` or `DEVIATION: ...` gives one row: from the mark to the next mark or the
end of the comment's paragraph.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ROOMS = [line.split(":")[0] for line in (TOP / "docs/rooms.txt").read_text().splitlines() if ":" in line and line[0] != "#"]
KINDS = {
    "UNPREDICTABLE": "CONSTRAINED UNPREDICTABLE: what was chosen",
    "IMPDEF": "IMPLEMENTATION DEFINED: what was defined",
    "DEVIATION": "Deviations from the architecture",
}
MARK = re.compile(r"\b(UNPREDICTABLE|IMPDEF|DEVIATION): ")
HEAD = """# What the architecture leaves open

Written by `tools/choices.py` from the comments of the sources; a test compares.
"""


def paragraphs(text):
    """The `//` comments: (line number, text) for each paragraph of consecutive lines."""
    lines, start = [], 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        comment = re.match(r"\s*(?:.*\S\s+)?// ?(.*)$", line) if "//" in line else None
        whole = comment and line.lstrip().startswith("//")
        if comment and (whole or not lines):
            if lines and not whole:
                yield start, " ".join(lines)
                lines = []
            if not lines:
                start = number
            if comment[1].strip():
                lines.append(comment[1].strip())
                continue
        if lines:
            yield start, " ".join(lines)
            lines = []


def choices():
    for room in ROOMS:
        for path in sorted((TOP / room).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".def", ".dts") or not path.is_file():
                continue
            for _, text in paragraphs(path.read_text()):
                marks = list(MARK.finditer(text))
                # What the comment begins with says what it is about.
                about = re.split(r"[.:] ", text[:marks[0].start()].strip().rstrip(".:") + ". ")[0] if marks else ""
                for mark, following in zip(marks, marks[1:] + [None]):
                    said = text[mark.end():following.start() if following else len(text)].strip()
                    yield mark[1], str(path.relative_to(TOP)), re.sub(r"^[-= ]+", "", about), re.sub(r"^chose,? ", "", said)


def page():
    rows = list(choices())
    parts = [HEAD]
    for kind, title in KINDS.items():
        parts.append(f"\n## {title}\n\n| where | of | what |\n|---|---|---|\n")
        parts += [f"| `{path}` | {about} | {said} |\n".replace("||", r"\|\|") for k, path, about, said in rows if k == kind]
    return "".join(parts)


def main(arguments):
    target = TOP / "docs/reference/choices.md"
    if arguments == ["--check"]:
        if not target.is_file() or target.read_text() != page():
            sys.exit("docs/reference/choices.md is not current: run tools/choices.py")
    else:
        target.write_text(page())


main(sys.argv[1:])
