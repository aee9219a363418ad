#!/usr/bin/python3
"""Runs the commands of the documents, and compares what they print with what the documents say.

usage: doc_commands.py quick|boot [FILE...]     default: README.md and docs/**/*.md

Every fenced block of the language `sh` says what becomes of it:
  ```sh run              each line is a command; it has to succeed (`run=2`: to end with that status)
  ```sh boot             the same, for what needs a guest: run by the test boot_docs
  ```sh skip: REASON     not run
Standard input is /dev/null. A block ```text expect behind it holds lines that the output has, in that order; `...` in
a line stands for anything. build/ferry stands for the program under test ($FERRY).
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient

TOP = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(```+)([^\n`]*)\n(.*?)^\1[ \t]*$", re.M | re.S)


def blocks(text):
    """(line, info string, body) of every fenced block."""
    for m in FENCE.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m[2].strip(), m[3]


def first_missing(expected, output):
    """The first expected line that does not occur behind the one before it, or None."""
    lines, at = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", x).strip() for x in output.splitlines()], 0
    for want in filter(None, (w.strip() for w in expected.splitlines())):
        pattern = re.compile(".*".join(re.escape(part) for part in want.split("...")))
        while at < len(lines) and not pattern.search(lines[at]):
            at += 1
        if at == len(lines):
            return want
        at += 1
    return None


def run_block(body, folder, want):
    """Run a block as one shell script. Returns its output; raises ValueError with a sentence when it fails."""
    script = body.replace("build/ferry", os.environ.get("FERRY", "build/ferry"))
    env = dict(os.environ, TMPDIR=folder)
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=TOP, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=patient(600))
    if done.returncode != want:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ValueError(f"status {done.returncode}, expected {want}: {body.strip()}\n{tail}")
    return done.stdout


def check_file(path, size):
    """Runs a document's blocks of this size. Returns (number run, complaints)."""
    ran, complaints, output = 0, [], None
    with tempfile.TemporaryDirectory() as folder:
        for line, info, body in blocks(path.read_text()):
            words = info.split()
            if words[:2] == ["text", "expect"]:
                if output is not None and (missing := first_missing(body, output)):
                    complaints.append(f"{path.name}:{line}: the commands do not print {missing!r}; they print\n{output[-1500:]}")
                continue
            if words[:1] not in (["sh"], ["bash"], ["console"]):
                continue
            output = None
            action = words[1] if len(words) > 1 else ""
            m = re.fullmatch(r"(run|boot)(?:=(\d+))?", action)
            if not m:
                if not re.match(r"skip: *\S", " ".join(words[1:])):
                    complaints.append(f"{path.name}:{line}: ```{info}, expected ```sh run, boot or skip: REASON")
                continue
            if (m[1] == "boot") != (size == "boot"):
                continue
            ran += 1
            try:
                output = run_block(body, folder, int(m[2] or 0))
            except (ValueError, subprocess.TimeoutExpired) as error:
                complaints.append(f"{path.name}:{line}: {error}")
    return ran, complaints


def main(argv):
    size, files = argv[0], [pathlib.Path(a) for a in argv[1:]]
    ran, complaints = 0, []
    for path in files or [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]:
        count, found = check_file(path, size)
        ran += count
        complaints += found
    for complaint in complaints:
        print(complaint)
    print(f"{ran} blocks run, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
