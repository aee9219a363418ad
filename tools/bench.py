#!/usr/bin/python3
"""./dev bench: every Google Benchmark program of build/bench, then whole boots and guest programs next to QEMU.

usage: bench.py [PART...]     PART: a part of a program's name, `boot` or `programs`; default: everything
"""
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent


def main(parts):
    programs = sorted(p for p in (TOP / "build/bench").glob("bench_*") if p.is_file() and os.access(p, os.X_OK))
    runs = [(p.name, [str(p)]) for p in programs]
    runs.append(("boot", ["/usr/bin/python3", str(TOP / "bench/boot.py")]))
    runs.append(("programs", ["/usr/bin/python3", str(TOP / "bench/programs.py")]))
    chosen = [r for r in runs if not parts or any(part in r[0] for part in parts)]
    if not chosen:
        print(f"{' '.join(parts)}: no such benchmark, expected a part of: {' '.join(n for n, _ in runs)}", file=sys.stderr)
        return 2
    failed = 0
    for name, command in chosen:
        print(f"[bench] {name}", flush=True)
        failed += subprocess.run(command, cwd=TOP).returncode != 0
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
