#!/usr/bin/python3
"""Runs the litmus program and judges what it printed.

usage: litmus_test.py ferry TIER PROCESSORS ELF     on the program $FERRY
       litmus_test.py qemu PROCESSORS ELF           tells what QEMU shows; never fails
With FERRY_COUNTS the counts are written there, in JSON. With FERRY_LITMUS_DEMAND (names, separated by commas) the run fails unless the
weakened twins of those show their outcome.

An outcome that Arm forbids must never show. A test whose weakened twin (`plain`) does not show its relaxed outcome proves nothing: it
counts as not run, and the reason is told: x86 hosts reorder stores with later loads and nothing else, so most shapes cannot show theirs;
what takes more threads at once than the host has processors cannot; and a busy host may not let its threads meet.

The threads of the guest's processors are bound to the host's processors in turn: those that a test uses are neighbours, so that they are
never kept on one.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from patience import patient

Row = collections.namedtuple("Row", "name variant threads verdict host count met relaxed")
HOST_CPUS = len(os.sched_getaffinity(0))


def rows_of(output):
    rows = []
    for line in output.splitlines():
        words = line.split()
        if len(words) == 8 and words[3] in ("forbidden", "allowed"):
            rows.append(Row(*words[:2], int(words[2]), words[3], words[4], *map(int, words[5:])))
    if "end" not in output.split():
        sys.exit(f"the program did not end:\n{output[-2000:]}")
    late = int(re.search(r"^late (\d+)$", output, re.M)[1])
    return rows, late


def bind_threads(child, processors):
    """The thread of vCPU N to processor N of the host, counted round; tried until all are there."""
    allowed = sorted(os.sched_getaffinity(0))
    bound = set()
    while child.poll() is None and len(bound) < processors:
        for task in pathlib.Path(f"/proc/{child.pid}/task").glob("*"):
            try:
                found = re.fullmatch(r"(?:vcpu |CPU )(\d+)(?:/TCG)?", (task / "comm").read_text().strip())
                if found and int(found[1]) not in bound:
                    os.sched_setaffinity(int(task.name), {allowed[int(found[1]) % len(allowed)]})
                    bound.add(int(found[1]))
            except OSError:  # it has ended
                pass
        time.sleep(0.05)


def run(command, processors, limit):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    binder = threading.Thread(target=bind_threads, args=(child, processors), daemon=True)
    if processors > 1 and HOST_CPUS > 1:
        binder.start()
    try:
        out, err = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        sys.exit(f"not at its end after {limit} s\n{err}\n{out[-2000:]}")
    if child.returncode == 2 and "no compiler for it" in err:
        print("this build has no such tier")
        sys.exit(77)
    if child.returncode != 0:
        sys.exit(f"status {child.returncode}, expected 0\n{err}\n{out[-2000:]}")
    return out.replace("\r", "")


def judge(rows, late):
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
    # Of code and page changes each reader counts.
    for r in rows:
        if r.verdict == "allowed" and r.relaxed:
            met = f", of {r.met} that met" if r.met else ""
            print(f"relaxed, as Arm allows: {r.name} {r.variant}: {r.relaxed} of {r.count}{met}")
    hides = [r for r in idle if r.host == "host-hides"]
    crowded = [r for r in idle if r.host != "host-hides" and r.variant != "crossing" and r.threads > HOST_CPUS]
    silent = [r for r in idle if r not in hides and r not in crowded]
    print(f"{len(held)} tests held, {len(broken)} did not; not run: {len(hides)} whose outcome the host never shows, {len(crowded)} that take "
          f"more than its {HOST_CPUS} processors at once, {len(silent)} whose twin did not show" + "".join(f" {n}" for n in sorted({r.name for r in silent}))
          + f"{f', {late} for lack of time' if late else ''}")
    counts = {"outcomes": sum(r.count for r in rows), "outcomes of threads that met": sum(r.met for r in rows),
              "forbidden outcomes": sum(r.relaxed for r in broken), "tests that held": len(held),
              "tests not run, the host never shows their outcome": len(hides),
              "tests not run, more threads at once than the host has processors": len(crowded),
              "tests not run, the twin did not show": len(silent), "tests not run for lack of time": late}
    for r in broken:
        counts[f"forbidden outcomes of {r.name} {r.variant}"] = r.relaxed
    for name in ("SB", "R", "counter", "lock", "tearing", "page"):
        if (name, "plain") in relaxed:
            counts[f"relaxed outcomes of {name} plain"] = relaxed[(name, "plain")]
    wanted = [n for n in os.environ.get("FERRY_LITMUS_DEMAND", "").split(",") if n]
    missing = [n for n in wanted if relaxed.get((n, "plain"), 0) == 0] if HOST_CPUS > 1 else []
    for name in missing:
        print(f"NOT SHOWN: {name} plain: too busy a host to prove anything; run it again")
    return counts, bool(broken), bool(missing)


def main(arguments):
    limit = patient(int(os.environ.get("FERRY_LITMUS_SECONDS", "250")))
    if arguments[0] == "ferry":
        _, tier, processors, elf = arguments
        # A processor that waits for its next part sleeps until it is told.
        output = run([os.environ.get("FERRY", "build/ferry"), "run", "--tier", tier, "-cpu", "max", "-smp", processors, "-kernel", elf,
                      "--set", "wfe.sleep=20000", "--timeout", f"{limit}s", "-nic", "none"], int(processors), limit + 20)
    else:
        program = shutil.which("qemu-system-aarch64")
        if program is None:
            print("qemu-system-aarch64 is not installed")
            sys.exit(77)
        output = run([program, "-M", "virt,gic-version=3", "-cpu", "max", "-smp", arguments[1], "-m", "1024", "-nographic", "-nic", "none",
                      "-name", "litmus,debug-threads=on", "-kernel", arguments[2]], int(arguments[1]), limit)
    counts, broken, missing = judge(*rows_of(output))
    if os.environ.get("FERRY_COUNTS"):
        with open(os.environ["FERRY_COUNTS"], "w") as f:
            json.dump(counts, f, indent=1)
    sys.exit(1 if (broken or missing) and arguments[0] == "ferry" else 0)


main(sys.argv[1:])
