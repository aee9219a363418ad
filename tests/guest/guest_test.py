#!/usr/bin/python3
"""Runs a bare-metal test program and compares what it prints.

usage: guest_test.py ferry TIER NAME[:CPU] ELF     against NAME/expected.txt, on the program $FERRY
       guest_test.py virtual TIER,TIER... NAME[:CPU] ELF
                                                   the same in virtual time, where the machine's end is the same in every tier
       guest_test.py qemu NAME[:CPU] ELF           expected.txt against QEMU: every difference must be explained
       guest_test.py update NAME[:CPU] ELF         writes expected.txt from the interpreter (then run `qemu`, and read the difference)

With a CPU model other than cortex-a57 the files are NAME/expected_CPU.txt and NAME/explained_CPU.txt. NAME/explained.txt holds lines `REGEX | reason`: what differs between QEMU 7.2 and expected.txt, on either side, must match one of them,
and each of them must be needed; `? REGEX | reason` is for a line that QEMU's own races change in some runs only. NAME/options.txt, where it is, holds more options for both.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient_option

HERE = pathlib.Path(__file__).resolve().parent
SKIP = 77
# Models that are not named after a processor alone.
CPUS = {"qarma": "max,pauth-impdef=off"}


def more_options(elf):
    path = HERE / pathlib.Path(elf).stem / "options.txt"
    return path.read_text().split() if path.exists() else []


def run_ferry(tier, cpu, elf, *options):
    command = [os.environ.get("FERRY", "build/ferry"), "run", "--tier", tier, "-cpu", cpu, "-kernel", elf, "--timeout", patient_option(100), "-nic", "none", *more_options(elf), *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 2 and "no compiler for it" in done.stderr:
        print(f"this build has no tier {tier}")
        sys.exit(SKIP)
    if done.returncode != 0:
        sys.exit(f"status {done.returncode}, expected 0\n{done.stderr}\n{done.stdout[-2000:]}")
    return done.stdout.replace("\r", "").splitlines()


def run_qemu(cpu, elf):
    program = shutil.which("qemu-system-aarch64")
    if program is None:
        print("qemu-system-aarch64 is not installed")
        sys.exit(SKIP)
    command = [program, "-M", "virt,gic-version=3", "-cpu", cpu, "-m", "1024", "-nographic", "-nic", "none", "-kernel", elf, *more_options(elf)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
    return done.stdout.replace("\r", "").splitlines()


def run_virtual(tiers, cpu, elf, expected):
    ends = {}
    for tier in tiers:
        *lines, ends[tier] = run_ferry(tier, cpu, elf, "--time", "virtual", "--hash")
        compare(expected, lines)
    if len(set(ends.values())) != 1 or not all(end.startswith("hash ") for end in ends.values()):
        sys.exit(f"the tiers end differently: {ends}")


def compare(expected, got):
    lines = [x for x in difflib.unified_diff(expected, got, "expected", "got", lineterm="", n=1)]
    if lines:
        sys.exit("\n".join(lines[:60]))


def explain(rules_file, expected, got):
    rules = []
    for line in rules_file.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, _, reason = line.partition(" | ")
            if not reason:
                sys.exit(f"{rules_file.name}: a line without a reason: {line}")
            sometimes = pattern.startswith("? ")
            rules.append([re.compile(pattern[2:] if sometimes else pattern), int(sometimes)])
    unexplained = []
    for line in difflib.ndiff(expected, got):
        if line[0] not in "+-":
            continue
        fitting = [rule for rule in rules if rule[0].search(line[2:])]
        for rule in fitting:
            rule[1] += 1
        if not fitting:
            unexplained.append(line)
    unused = [f"explained, but no difference: {rule[0].pattern}" for rule in rules if rule[1] == 0]
    if unexplained or unused:
        sys.exit("\n".join(["differences from QEMU (+) that nobody explained:"] * bool(unexplained) + unexplained[:60] + unused))


def main(arguments):
    what = arguments[0]
    name, elf = arguments[-2:]
    name, _, model = name.partition(":")
    suffix = f"_{model}" if model else ""
    cpu = CPUS.get(model, model) or "cortex-a57"
    path = HERE / name / f"expected{suffix}.txt"
    if what == "update":
        path.write_text("\n".join(run_ferry("interp", cpu, elf)) + "\n")
        return
    expected = path.read_text().splitlines()
    if what == "ferry":
        compare(expected, run_ferry(arguments[1], cpu, elf))
    elif what == "virtual":
        run_virtual(arguments[1].split(","), cpu, elf, expected)
    else:
        explain(HERE / name / f"explained{suffix}.txt", expected, run_qemu(cpu, elf))


main(sys.argv[1:])
