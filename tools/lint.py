#!/usr/bin/python3
"""clang-tidy 19 over the sources of the release build, in parallel. usage: lint.py [--again] [FILE...] (default: all but tests and benches)

What has passed is not run again while nothing that it was read from has changed: the file, the project's headers it
includes (all that it could, whatever #if says), .clang-tidy, how it is compiled and this script. The digests are in
build/lint; --again forgets them.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
PASSED = TOP / "build/lint"
# The analyzer looks into small callees only: it needs an eighth of the time for that (4 s a file in place of 31).
OPTIONS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option",  # gcc's, which clang does not know
           *(f"--extra-arg={a}" for a in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"))]


def read_from(path, seen):
    """Adds `path` and the project's files that it includes to `seen`. Includes are written from the top or from beside."""
    if path in seen:
        return
    seen.add(path)
    for name in re.findall(rb'^\s*#\s*include\s+"([^"]+)"', path.read_bytes(), re.M):
        for folder in (TOP, path.parent, TOP / "build"):
            if (folder / name.decode()).is_file():
                read_from(folder / name.decode(), seen)
                break


def digest(path, command):
    """Of all that decides what is found in `path`."""
    seen = set()
    read_from(path, seen)
    whole = hashlib.sha256(command.replace(str(TOP), "").encode())
    for part in (TOP / ".clang-tidy", pathlib.Path(__file__), *sorted(seen)):
        whole.update(hashlib.sha256(part.read_bytes()).digest())
    return whole.hexdigest()


def tidy(path, command):
    """Status, output; the status is None where it has passed before."""
    stamp = PASSED / (str(path.relative_to(TOP)).replace("/", "__") + ".passed")
    key = digest(path, command)
    if stamp.is_file() and stamp.read_text() == key:
        return None, ""
    done = subprocess.run(["clang-tidy-19", "-p", str(TOP / "build"), *OPTIONS, str(path)], capture_output=True, text=True)
    failed = done.returncode != 0 or re.search(r": (?:warning|error): ", done.stdout)
    if not failed:
        stamp.write_text(key)
    return int(bool(failed)), done.stdout


def main(argv):
    parser = argparse.ArgumentParser(description="clang-tidy over the sources")
    parser.add_argument("--again", action="store_true", help="run what has passed before, too")
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args(argv)
    commands = {pathlib.Path(e["file"]).resolve(): e["command"]
                for e in json.loads((TOP / "build/compile_commands.json").read_text())}
    if options.files:
        files = [pathlib.Path(f).resolve() for f in options.files]
    else:
        skip = [TOP / "tests", TOP / "bench", TOP / "build"]
        files = sorted(f for f in commands if not any(s in f.parents for s in skip))
    unknown = [f for f in files if f not in commands]
    if unknown:
        print(f"{unknown[0]}: not compiled in the release build; expected a source of it", file=sys.stderr)
        return 2
    PASSED.mkdir(parents=True, exist_ok=True)
    if options.again:
        for stamp in PASSED.glob("*.passed"):
            stamp.unlink()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FERRY_JOBS", os.cpu_count()))) as pool:
        runs = pool.map(lambda f: (f, *tidy(f, commands[f])), files)
        for i, (path, status, out) in enumerate(runs, 1):
            failed += status == 1
            print(f"[lint] {i}/{len(files)} {path.relative_to(TOP)}{ {None: ': as before', 0: '', 1: ': findings'}[status] }", flush=True)
            if status == 1:
                print(out, flush=True)
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
