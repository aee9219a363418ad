#!/usr/bin/python3
"""Runs the litmus program and judges what it printed.

usage: litmus_test.py ferry TIER PROCESSORS ELF     on the program $FERRY
       litmus_test.py qemu PROCESSORS ELF           tells what QEMU shows; never fails
With FERRY_COUNTS the counts are written there, in JSON.

An outcome that Arm forbids must never show. A test whose weakened twin (`plain`) does not show its relaxed outcome proves nothing: it
counts as not run, and the reason is told. x86 hosts reorder stores with later loads and nothing else, so most shapes cannot show theirs.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from patience import patient

Row = collections.namedtuple("Row", "name variant threads verdict host count relaxed")


def rows_of(output):
    rows = []
    for line in output.splitlines():
        words = line.split()
        if len(words) == 7 and words[3] in ("forbidden", "allowed"):
            rows.append(Row(*words[:2], int(words[2]), words[3], words[4], int(words[5]), int(words[6])))
    if "end" not in output.split():
        sys.exit(f"the program did not end:\n{output[-2000:]}")
    return rows


def run(command, limit):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
    if done.returncode == 2 and "no compiler for it" in done.stderr:
        print("this build has no such tier")
        sys.exit(77)
    if done.returncode != 0:
        sys.exit(f"status {done.returncode}, expected 0\n{done.stderr}\n{done.stdout[-2000:]}")
    return done.stdout.replace("\r", "")


def judge(rows):
    relaxed = {(r.name, r.variant): r.relaxed for r in rows}
    broken = [r for r in rows if r.verdict == "forbidden" and r.relaxed]
    held, idle = [], []
    for r in rows:
        if r.verdict != "forbidden" or r.relaxed:
            continue
        # Of the crossings a family has one twin: lost counts, torn pairs, old pages. Of code none can be had: stores find it.
        family = r.name.split("-")[0] if r.variant == "crossing" else r.name
        proven = family == "code" or relaxed.get((family, "plain"), 0) > 0
        (held if proven else idle).append(r)
    for r in broken:
        print(f"FORBIDDEN: {r.name} {r.variant}: {r.relaxed} of {r.count}")
    for r in rows:
        if r.verdict == "allowed" and r.relaxed:
            print(f"relaxed, as Arm allows: {r.name} {r.variant}: {r.relaxed} of {r.count}")
    could = sorted({r.name for r in idle if r.host == "host-shows"})
    print(f"{len(held)} tests held, {len(broken)} did not; not run: {len(idle)} whose plain twin showed nothing"
          + (f" (of which the host could have shown: {', '.join(could)})" if could else ""))
    counts = {"outcomes": sum(r.count for r in rows), "forbidden outcomes": sum(r.relaxed for r in broken), "tests that held": len(held),
              "tests not run, the host cannot show the relaxed outcome": sum(r.host == "host-hides" for r in idle),
              "tests not run, the twin did not show": sum(r.host == "host-shows" for r in idle)}
    for name in ("SB", "R", "RWC", "3.SB"):
        if (name, "plain") in relaxed:
            counts[f"relaxed outcomes of {name} plain"] = relaxed[(name, "plain")]
    return counts, bool(broken)


def main(arguments):
    limit = patient(int(os.environ.get("FERRY_LITMUS_SECONDS", "250")))
    if arguments[0] == "ferry":
        _, tier, processors, elf = arguments
        output = run([os.environ.get("FERRY", "build/ferry"), "run", "--tier", tier, "-cpu", "max", "-smp", processors, "-kernel", elf,
                      "--timeout", f"{limit}s", "-nic", "none"], limit + 20)
    else:
        program = shutil.which("qemu-system-aarch64")
        if program is None:
            print("qemu-system-aarch64 is not installed")
            sys.exit(77)
        output = run([program, "-M", "virt,gic-version=3", "-cpu", "max", "-smp", arguments[1], "-m", "1024", "-nographic", "-nic", "none",
                      "-kernel", arguments[2]], limit)
    counts, broken = judge(rows_of(output))
    if os.environ.get("FERRY_COUNTS"):
        with open(os.environ["FERRY_COUNTS"], "w") as f:
            json.dump(counts, f, indent=1)
    sys.exit(1 if broken and arguments[0] == "ferry" else 0)


main(sys.argv[1:])
