#!/usr/bin/python3
"""clang-tidy 19 over the sources of the release build, in parallel. usage: lint.py [FILE...] (default: all but tests and benches)"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent


def tidy(path):
    # gcc's warning options that clang does not know are no findings.
    done = subprocess.run(["clang-tidy-19", "-p", str(TOP / "build"), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(path)],
                          capture_output=True, text=True)
    return path, done.returncode, done.stdout


def main(argv):
    database = {pathlib.Path(e["file"]).resolve() for e in json.loads((TOP / "build/compile_commands.json").read_text())}
    if argv:
        files = [pathlib.Path(a).resolve() for a in argv]
    else:
        skip = [TOP / "tests", TOP / "bench", TOP / "build"]
        files = sorted(f for f in database if not any(s in f.parents for s in skip))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FERRY_JOBS", os.cpu_count()))) as pool:
        for i, (path, status, out) in enumerate(pool.map(tidy, files), 1):
            found = status != 0 or re.search(r": (?:warning|error): ", out)
            failed += bool(found)
            print(f"[lint] {i}/{len(files)} {path.relative_to(TOP)}{': findings' if found else ''}", flush=True)
            if found:
                print(out, flush=True)
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
