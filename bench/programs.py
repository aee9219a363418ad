#!/usr/bin/python3
"""The programs of bench/guest on ferry, on QEMU and on the host: the same source, in turns, medians.

usage: programs.py [-r ROUNDS] [--tier T]... [--qemu PATH]... [--no-qemu] [--json FILE] [NAME...]     NAME: of a program or a kind

Each emulator boots the small Debian guest once and runs a program in turn with the others, so that a noisy moment meets
all of them. `first` is the program's first pass in a new process, `best` the fastest of its passes; medians over the
rounds. A checksum that differs from the host's makes the row wrong.
"""
import argparse
import datetime
import gzip
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))
import full
import guest as g

os.environ.setdefault("FERRY_CACHE", "off")  # figures of what is compiled in the run; a folder of one's own: of warm starts

SOURCE = TOP / "bench/guest"
OUT = TOP / "build/bench-guest"
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-ffp-contract=off", "-static", "-pthread"]


def build(compiler, name):
    """One static program from bench/guest, made again when a source is newer."""
    program = OUT / name
    sources = sorted(SOURCE.glob("*.c"))
    newest = max(p.stat().st_mtime for p in [*sources, SOURCE / "suite.h"])
    if not program.is_file() or program.stat().st_mtime < newest:
        print(f"[bench] building {name}", flush=True)
        subprocess.run([compiler, *FLAGS, "-o", program, *sources, "-lm"], check=True)
    return program


def initrd(program):
    """The small guest's initial RAM disk with the program in it: the kernel unpacks one archive after the other."""
    tree = OUT / "tree/bin"
    shutil.rmtree(OUT / "tree", ignore_errors=True)
    tree.mkdir(parents=True)
    shutil.copy2(program, tree / "suite")
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=OUT / "tree", check=True,
                             input=b".\nbin\nbin/suite\n", capture_output=True).stdout
    path = OUT / "initrd.cpio.gz"
    path.write_bytes((g.GUESTS / "min/initrd.cpio.gz").read_bytes() + gzip.compress(archive, 1))
    return path


def command(emulator, disk, extra):
    words = emulator + ["-kernel", str(g.GUESTS / "min/Image"), "-initrd", str(disk), "-append", "console=ttyAMA0"]
    return words + extra


def parse(text):
    """(first, best, checksum) of the row line in what a program printed."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 6 and words[0] == "row":
            return float(words[3]), float(words[4]), words[5]
    raise RuntimeError(f"no result line, but: {text.strip()[-300:]}")


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def ratio_text(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table(rows, columns):
    """Markdown: native seconds, each emulator's seconds over native (best, and first), ferry over QEMU."""
    heads = ["kind", "program", "native s"] + [f"{c} / native" for c in columns] + [f"{c} first s" for c in columns]
    base = next((c for c in columns if c.startswith("QEMU")), None)
    heads += [f"{base} / {c}" for c in columns if base and c != base]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for r in rows:
        ratios = [r["best"][c] / r["best"]["native"] for c in columns]
        gains = [r["best"][base] / r["best"][c] for c in columns if base and c != base]
        cells = [r["kind"], r["name"], f"{r['best']['native']:.4f}", *map(ratio_text, ratios),
                 *(f"{r['first'][c]:.3f}" for c in columns), *map(ratio_text, gains)]
        lines.append("| " + " | ".join(cells) + " |")
    for kind in dict.fromkeys(r["kind"] for r in rows):
        mine = [r for r in rows if r["kind"] == kind]
        ratios = [geometric_mean([r["best"][c] / r["best"]["native"] for r in mine]) for c in columns]
        gains = [geometric_mean([r["best"][base] / r["best"][c] for r in mine]) for c in columns if base and c != base]
        cells = [kind, "**geometric mean**", "", *map(ratio_text, ratios), *[""] * len(columns), *map(ratio_text, gains)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv):
    parser = argparse.ArgumentParser(description="guest programs on ferry, QEMU and the host")
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("-n", "--passes", type=int, default=3, help="passes of a program in a round")
    parser.add_argument("--tier", action="append", default=[], help="a further ferry column with this --tier")
    parser.add_argument("--qemu", action="append", default=[], metavar="PATH", help="a further QEMU column")
    parser.add_argument("--no-qemu", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(argv)
    OUT.mkdir(parents=True, exist_ok=True)
    native, guest = build("gcc", "suite-native"), build("aarch64-linux-gnu-gcc", "suite-arm64")
    known = [line.split() for line in subprocess.run([native, "-l"], check=True, capture_output=True, text=True).stdout.splitlines()]
    chosen = [(k, n) for k, n in known if not options.names or k in options.names or n in options.names]
    if not chosen:
        print(f"{' '.join(options.names)}: no such program, expected some of: {' '.join(n for _, n in known)}", file=sys.stderr)
        return 2
    disk = initrd(guest)
    emulators = {} if options.no_qemu else {"QEMU": command(g.QEMU, disk, [])}
    for path in options.qemu:
        emulators[f"QEMU {path}"] = command([path, *g.QEMU[1:]], disk, [])
    emulators["ferry"] = command([g.FERRY, "run"], disk, [])
    for tier in options.tier:
        emulators[f"ferry {tier}"] = command([g.FERRY, "run"], disk, ["--tier", tier])
    machines, results, wrong = {}, {}, 0
    try:
        for name, line in emulators.items():
            machines[name] = g.Guest(line, TOP / f"build/test-logs/bench-{name.replace(' ', '-').replace('/', '-')}.log", timeout=600).__enter__()
        for machine in machines.values():
            machine.wait_for(g.PROMPT)
        for turn in range(options.rounds):
            for kind, name in chosen:
                record = results.setdefault(name, {"kind": kind, "name": name, "firsts": {}, "bests": {}, "sums": set()})
                line = f"suite -n {options.passes} {name}"
                outputs = {"native": subprocess.run([native, *line.split()[1:]], check=True, capture_output=True, text=True).stdout}
                for emulator, machine in machines.items():
                    outputs[emulator] = machine.shell(line)
                for column, text in outputs.items():
                    first, best, checksum = parse(text)
                    record["firsts"].setdefault(column, []).append(first)
                    record["bests"].setdefault(column, []).append(best)
                    record["sums"].add(checksum)
                print(f"[bench] {turn + 1}/{options.rounds} {name}: " +
                      ", ".join(f"{c} {record['bests'][c][-1]:.3f}" for c in outputs), flush=True)
    finally:
        for machine in machines.values():
            machine.__exit__()
    rows = []
    for record in results.values():
        rows.append({"kind": record["kind"], "name": record["name"], "checksum": sorted(record["sums"]),
                     "first": {c: statistics.median(v) for c, v in record["firsts"].items()},
                     "best": {c: statistics.median(v) for c, v in record["bests"].items()},
                     "spread": {c: [min(v), max(v)] for c, v in record["bests"].items()}})
        if len(record["sums"]) != 1:
            print(f"[bench] {record['name']}: checksums differ: {' '.join(sorted(record['sums']))}", file=sys.stderr)
            wrong += 1
    print("\n" + table(rows, list(emulators)))
    if options.json:
        commit, dirty = full.source_state()
        pathlib.Path(options.json).write_text(json.dumps(
            {"name": "guest_programs", "counts": {"rows": rows}, "seed": 0, "rounds": options.rounds,
             "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
             "commit": commit[:12] + ("+changes" if dirty else ""), "machine": full.machine()}, indent=2) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
