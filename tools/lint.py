#!/usr/bin/python3
"""clang-tidy 19 over the sources of the release build, in parallel. usage: lint.py [--again] [FILE...] (default: all but tests and benches)

Sources of one folder are read as one, which needs less than half the time; those whose names collide go by themselves.
What has passed is not run again while nothing that it was read from has changed: the file, the project's headers it
includes (all that it could, whatever #if says), .clang-tidy, how it is compiled. The digests are in build/lint; --again
forgets them.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
PASSED = TOP / "build/lint"
TOGETHER = 8
# The analyzer looks into small callees only: it needs an eighth of the time for that (4 s a file in place of 31).
ANALYZER = ["-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]
OPTIONS = [*(f"--extra-arg={a}" for a in ANALYZER), "--extra-arg=-Wno-unknown-warning-option"]  # gcc's, which clang does not know


def flags_of(command):
    """How a source is compiled, less its name, its object and where to note what it includes."""
    words = shlex.split(command)
    words = words[next(i for i, w in enumerate(words) if w.startswith("-")):]
    flags, skip = [], False
    for word in words:
        if not skip and word not in ("-c", "-o", "-MD", "-MT", "-MF") and not word.endswith(".cpp"):
            flags.append(word)
        skip = not skip and word in ("-o", "-MT", "-MF")
    return tuple(flags)


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


def digest(path, flags):
    """Of all that decides what is found in `path`."""
    seen = set()
    read_from(path, seen)
    whole = hashlib.sha256(" ".join(flags).replace(str(TOP), "").encode())
    for part in (TOP / ".clang-tidy", *sorted(seen)):
        whole.update(hashlib.sha256(part.read_bytes()).digest())
    return whole.hexdigest()


def stamp_of(path):
    return PASSED / (str(path.relative_to(TOP)).replace("/", "__") + ".passed")


def tidy(source, flags, *options):
    done = subprocess.run(["clang-tidy-19", "--quiet", *OPTIONS, *options, str(source), "--", *flags], cwd=TOP / "build",
                          capture_output=True, text=True)
    found = re.findall(r"^(/[^:]+):\d+:\d+: (?:warning|error): ", done.stdout, re.M)
    return done.stdout, {pathlib.Path(f) for f in found} or ({source} if done.returncode != 0 else set())


def check(files, flags):
    """Files with findings and what was found: of `files`, read as one where their names do not collide."""
    single, failed, text = list(files), set(), ""
    if len(files) > 1:
        one = PASSED / f"UnifiedSource_{stamp_of(files[0]).stem}.cpp"  # a name by which the analyzer looks into what it includes
        one.write_text("".join(f'#include "{f}"\n' for f in files))
        syntax = subprocess.run(["clang++-19", *flags, "-w", "-ferror-limit=0", "-fsyntax-only", str(one)], cwd=TOP / "build",
                                capture_output=True, text=True)
        collide = {pathlib.Path(f) for f in re.findall(r"^(/[^:]+):\d+:\d+: (?:fatal )?error: ", syntax.stderr, re.M)}
        rest = [f for f in files if f not in collide]
        if len(rest) > 1:
            one.write_text("".join(f'#include "{f}"\n' for f in rest))
            text, found = tidy(one, flags, "--checks=-bugprone-suspicious-include")
            failed = found & set(rest) if found <= set(rest) else set(rest)
            single = [f for f in files if f in collide]
            if "clang-diagnostic-error" in text:  # still not to be read as one
                single, failed, text = list(files), set(), ""
    for path in single:
        out, found = tidy(path, flags)
        if found:
            failed.add(path)
            text += out
    return failed, text


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
        files = sorted(f for f in commands if f.suffix == ".cpp" and not any(s in f.parents for s in skip))
    unknown = [f for f in files if f not in commands]
    if unknown:
        print(f"{unknown[0]}: not compiled in the release build; expected a source of it", file=sys.stderr)
        return 2
    PASSED.mkdir(parents=True, exist_ok=True)
    keys = {f: digest(f, flags_of(commands[f])) for f in files}
    before = [f for f in files if not options.again and stamp_of(f).is_file() and stamp_of(f).read_text() == keys[f]]
    groups = {}
    for f in files:
        if f not in before:
            groups.setdefault((f.parent, flags_of(commands[f])), []).append(f)
    batches = [(g[i:i + TOGETHER], flags) for (_, flags), g in groups.items() for i in range(0, len(g), TOGETHER)]
    count, failures = len(before), 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FERRY_JOBS", os.cpu_count()))) as pool:
        runs = [pool.submit(lambda b: (b[0], *check(*b)), b) for b in batches]
        for count, path in enumerate(before, 1):
            print(f"[lint] {count}/{len(files)} {path.relative_to(TOP)}: as before")
        for run in concurrent.futures.as_completed(runs):
            batch, failed, text = run.result()
            for path in batch:
                count += 1
                if path not in failed:
                    stamp_of(path).write_text(keys[path])
                print(f"[lint] {count}/{len(files)} {path.relative_to(TOP)}{': findings' if path in failed else ''}", flush=True)
            failures += len(failed)
            if failed:
                print(text, flush=True)
    print(f"{len(files) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
