#!/usr/bin/python3
"""./dev bench: the Google Benchmark programs of build/bench, whole boots and guest programs next to QEMU, Debian's programs.

usage: bench.py                                 everything but `debian`
       bench.py programs|boot|debian [OPTION...]  one of them with its options (--help tells them): bench/NAME.py
       bench.py PART...                         whatever has PART in its name
"""
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = ("boot", "programs", "debian")


def script(name, options=()):
    return ["/usr/bin/python3", str(TOP / f"bench/{name}.py"), *options]


def main(arguments):
    if arguments and arguments[0] in SCRIPTS:
        return subprocess.run(script(*arguments[:1], arguments[1:]), cwd=TOP).returncode
    programs = sorted(p for p in (TOP / "build/bench").glob("bench_*") if p.is_file() and os.access(p, os.X_OK))
    runs = [(p.name, [str(p)]) for p in programs] + [(name, script(name)) for name in SCRIPTS]
    chosen = [r for r in runs if any(part in r[0] for part in arguments) or (not arguments and r[0] != "debian")]
    if not chosen:
        print(f"{' '.join(arguments)}: no such benchmark, expected a part of: {' '.join(n for n, _ in runs)}", file=sys.stderr)
        return 2
    failed = 0
    for name, command in chosen:
        print(f"[bench] {name}", flush=True)
        failed += subprocess.run(command, cwd=TOP).returncode != 0
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("[bench] interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
