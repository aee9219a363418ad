#!/usr/bin/python3
"""The full size of the checks: one executable per check, tools/full/NAME.sh, run in the order of their names.

usage: full.py [--list] [--again] [NAME...]

A check is run from the repository's top with
  FERRY_SIZE=full          tests that have two sizes read it (absent or `quick`: the quick one)
  FERRY_SEED=N             the seed to use; printed and recorded
  FERRY_WORK=FOLDER        build/full/NAME, kept between runs: a check that was stopped goes on from what it left there
  FERRY_COUNTS=FILE        where it writes a JSON object of the figures it reached, such as {"sequences": 200000}
  FERRY_JOBS=N             how many things to do at once
and passes by exit status 0. What passed is written to docs/results/NAME.json; a check that has passed on this very
commit (with a clean tree) is not run again. A check's first comment line says what it shows; a line `# order: N`
(default 50) sorts it.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
CHECKS = pathlib.Path(os.environ.get("FERRY_FULL_CHECKS", TOP / "tools/full"))
RESULTS = pathlib.Path(os.environ.get("FERRY_RESULTS", TOP / "docs/results"))
WORK = pathlib.Path(os.environ.get("FERRY_FULL_WORK", TOP / "build/full"))


def git(*args):
    done = subprocess.run(["git", "-C", TOP, *args], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine():
    """The host in words: processor, cores, memory, system."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(), re.M)
    return {"cpu": model.group(1) if model else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": round(int(memory.group(1)) / 2**20) if memory else 0, "system": system.group(1) if system else ""}


def source_state():
    """Commit and whether the tree differs from it; results themselves do not count as a difference."""
    dirty = git("status", "--porcelain", "--", ".", ":!docs", ":!README.md")
    return git("rev-parse", "HEAD") or "unknown", bool(dirty)


def find_checks():
    found = {}
    for path in CHECKS.glob("*.sh"):
        lines = path.read_text().splitlines()
        title = next((line[2:].strip() for line in lines[1:] if line.startswith("# ")), "")
        order = next((int(m.group(1)) for line in lines if (m := re.match(r"# order: (\d+)", line))), 50)
        found[path.stem] = (order, title, path)
    return dict(sorted(found.items(), key=lambda kv: (kv[1][0], kv[0])))


def is_done(name, commit, dirty):
    stamp = WORK / name / "passed"
    return not dirty and stamp.is_file() and stamp.read_text().strip() == commit and (RESULTS / f"{name}.json").is_file()


def run(name, path, seed, commit, dirty):
    work = WORK / name
    work.mkdir(parents=True, exist_ok=True)
    counts_file = work / "counts.json"
    counts_file.unlink(missing_ok=True)
    env = dict(os.environ, FERRY_CACHE="off", FERRY_SIZE="full", FERRY_SEED=str(seed), FERRY_WORK=str(work), FERRY_COUNTS=str(counts_file))
    env.setdefault("FERRY_JOBS", str(os.cpu_count()))
    start = time.monotonic()
    with open(work / "log", "w") as log:
        child = subprocess.Popen(["bash", str(path)], cwd=TOP, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, errors="replace")
        for line in child.stdout:
            log.write(line)
            log.flush()
            print(f"  {name} | {line}", end="", flush=True)
        status = child.wait()
    seconds = time.monotonic() - start
    if status != 0:
        print(f"[full] {name}: FAILED with status {status} after {seconds:.0f} s (seed {seed}; log {work / 'log'})")
        return False
    counts = json.loads(counts_file.read_text()) if counts_file.is_file() else {}
    seed = counts.pop("seed", seed)   # a check that goes on from before keeps its own
    result = {"name": name, "counts": counts, "seed": seed, "seconds": round(seconds, 1),
              "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
              "commit": commit[:12] + ("+changes" if dirty else ""), "machine": machine()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / f"{name}.json"
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=2) + "\n")
    temporary.replace(target)
    if not dirty:
        (work / "passed").write_text(commit)
    print(f"[full] {name}: passed in {seconds:.0f} s: {counts}")
    return True


def main(argv):
    parser = argparse.ArgumentParser(description="the full size of the checks")
    parser.add_argument("--list", action="store_true", help="name the checks and what they show")
    parser.add_argument("--again", action="store_true", help="run even what has passed on this commit")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(argv)
    checks = find_checks()
    commit, dirty = source_state()
    if options.list:
        for name, (_, title, _) in checks.items():
            print(f"{name:16} {'done' if is_done(name, commit, dirty) else '    '} {title}")
        return 0
    unknown = [n for n in options.names if n not in checks]
    if unknown:
        print(f"{unknown[0]}: not a full check; expected one of: {' '.join(checks)}", file=sys.stderr)
        return 2
    seed = int(os.environ.get("FERRY_SEED") or time.time_ns() % 2**31)
    names = options.names or list(checks)
    passed = failed = skipped = 0
    for position, name in enumerate(names, 1):
        _, title, path = checks[name]
        if not options.again and is_done(name, commit, dirty):
            print(f"[full] {position}/{len(names)} {name}: has passed on this commit")
            skipped += 1
            continue
        print(f"[full] {position}/{len(names)} {name}: {title}", flush=True)
        if run(name, path, seed, commit, dirty):
            passed += 1
        else:
            failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
