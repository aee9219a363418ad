#!/usr/bin/python3
"""The programs of bench/guest on ferry, on QEMU and on the host: the same source, in turns, medians.

usage: programs.py [-r ROUNDS] [--tier T]... [--qemu PATH]... [--no-qemu] [--fresh] [NAME...] [--json [FILE]]   NAME: of a program or a kind

Each emulator boots the small Debian guest once and runs a program in turn with the others, so that a noisy moment meets
all of them. `first` is the program's first pass in a new process of a new copy of its file, which no translation of an earlier
round fits; `best` is the fastest of its passes; medians over the rounds. Programs of two threads run on one processor and
once more on two (`NAME/2`); native ones of a single processor then stay on one of the host's. A checksum that differs from
the others makes the row wrong. What an interrupted run has measured is kept.
"""
import argparse
import gzip
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from common import TOP, Machines, State, add_options, g, identity, qemu_version, write_record

os.environ.setdefault("FERRY_CACHE", "off")  # figures of what is compiled in the run; a folder of one's own: of warm starts

SOURCE = TOP / "bench/guest"
OUT = TOP / "build/bench-guest"
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-ffp-contract=off", "-pthread"]
ENOUGH = 1.2  # seconds of passes, after which a program makes no further one
LIMIT = 60    # seconds of the host in which a program has to end


def build(compiler, name):
    """One static program from bench/guest; only sources that are newer than their objects are compiled again."""
    program, objects = OUT / name, []
    headers = max(p.stat().st_mtime for p in SOURCE.glob("*.h"))
    ccache = [shutil.which("ccache")] if shutil.which("ccache") else []
    for source in sorted(SOURCE.glob("*.c")):
        target = OUT / f"{name}-{source.stem}.o"
        if not target.is_file() or target.stat().st_mtime < max(headers, source.stat().st_mtime):
            print(f"[bench] {compiler} {source.name}", flush=True)
            subprocess.run([*ccache, compiler, *FLAGS, "-c", "-o", target, source], check=True)
        objects.append(target)
    if not program.is_file() or program.stat().st_mtime < max(o.stat().st_mtime for o in objects):
        subprocess.run([compiler, *FLAGS, "-static", "-o", program, *objects, "-lm"], check=True)
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


def measure(chosen, columns, rounds, state):
    """Every program in every column, in turns. columns: name -> function(program, turn) giving what it printed.
    Returns name -> {"kind", "columns": {column: [[first, best, checksum], ...]}, "failed": [text]}."""
    results = {name: {"kind": kind, "columns": {}, "failed": []} for kind, name in chosen}
    for turn in range(rounds):
        for position, (_, name) in enumerate(chosen, 1):
            said = []
            for column, run in columns.items():
                key = f"{turn}/{name}/{column}"
                row = state.get(key)
                if row is None:
                    try:
                        row = list(parse(run(name, turn)))
                        state.put(key, row)
                    except (RuntimeError, g.GuestError, subprocess.SubprocessError) as error:
                        results[name]["failed"].append(f"{column}: {error}")
                        print(f"[bench] {name} on {column}: {error}", file=sys.stderr)
                        continue
                results[name]["columns"].setdefault(column, []).append(row)
                said.append(f"{column} {row[1]:.3f}")
            print(f"[bench] round {turn + 1}/{rounds}, {position}/{len(chosen)} {name}: {', '.join(said)}", flush=True)
    return results


def judge(results):
    """The rows of the record, and the complaints: programs that failed, or whose checksums differ."""
    rows, complaints = [], []
    for name, result in results.items():
        sums = sorted({row[2] for rows_of in result["columns"].values() for row in rows_of})
        complaints += [f"{name} failed on {text.splitlines()[0]}" for text in result["failed"]]
        if len(sums) > 1:
            where = {c: sorted({r[2] for r in rows_of}) for c, rows_of in result["columns"].items()}
            complaints.append(f"{name}: checksums differ: " + ", ".join(f"{c} {' '.join(s)}" for c, s in where.items()))
        row = {"kind": result["kind"], "name": name, "checksum": sums, "first": {}, "best": {}, "spread": {}}
        for column, rows_of in result["columns"].items():
            row["first"][column] = statistics.median(r[0] for r in rows_of)
            row["best"][column] = statistics.median(r[1] for r in rows_of)
            row["spread"][column] = [min(r[1] for r in rows_of), max(r[1] for r in rows_of)]
        rows.append(row)
    return rows, complaints


def geometric_mean(values):
    values = [v for v in values if v is not None]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio_text(value):
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def ratio(row, over, under, what="best"):
    """Seconds of column `over` by those of `under`, or None where one is missing."""
    a, b = row[what].get(over), row[what].get(under)
    return a / b if a and b else None


def table(rows, columns):
    """Markdown: native seconds, each emulator's seconds over native (best, spread, first), QEMU's over ferry's."""
    base = next((c for c in columns if c.startswith("QEMU")), None)
    others = [c for c in columns if base and not c.startswith("QEMU")]
    heads = ["kind", "program", "native s", *(f"{c} / native" for c in columns), *(f"{c} spread" for c in columns),
             *(f"{c} first s" for c in columns), *(f"{base} / {c}" for c in others)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for r in rows:
        spread = [f"{(r['spread'][c][1] / r['spread'][c][0] - 1) * 100:.0f} %" if c in r["spread"] else "-" for c in columns]
        cells = [r["kind"], r["name"], f"{r['best'].get('native', 0):.4f}", *(ratio_text(ratio(r, c, "native")) for c in columns), *spread,
                 *(f"{r['first'].get(c, 0):.3f}" for c in columns), *(ratio_text(ratio(r, base, c)) for c in others)]
        lines.append("| " + " | ".join(cells) + " |")
    for kind in dict.fromkeys(r["kind"] for r in rows):
        mine = [r for r in rows if r["kind"] == kind]
        means = [ratio_text(geometric_mean([ratio(r, c, "native") for r in mine])) for c in columns]
        gains = [ratio_text(geometric_mean([ratio(r, base, c) for r in mine])) for c in others]
        lines.append("| " + " | ".join([kind, "**geometric mean**", "", *means, *[""] * (2 * len(columns)), *gains]) + " |")
    return "\n".join(lines)


def native_column(program, patience):
    """Runs a program on the host: of two threads on one processor unless it is NAME/2."""

    def run(name, _):
        plain, _, processors = name.partition("/")
        only = sorted(os.sched_getaffinity(0))[:1]
        pin = (lambda: os.sched_setaffinity(0, only)) if plain.startswith("two-thread") and not processors else None
        return subprocess.run([program, "-n", "3", "-t", str(ENOUGH), plain], check=True, capture_output=True, text=True, timeout=LIMIT * patience,
                              preexec_fn=pin).stdout

    return run


def guest_column(machines, emulator):
    """Runs a program in the guest, from a copy of the file that this round is the first to run."""

    def run(name, turn):
        plain, _, processors = name.partition("/")
        machine = emulator + (" -smp 2" if processors else "")
        fresh = f"[ -f /suite{turn} ] || cp /bin/suite /suite{turn}"
        machines.shell(machine, fresh, LIMIT)
        return machines.shell(machine, f"/suite{turn} -n 3 -t {ENOUGH} {plain}", LIMIT)

    return run


def page_tables_isolated(machines, emulators):
    """Column -> whether its kernel keeps its page tables apart from those of programs (KPTI), as it does by default on this board."""
    return {e: "detected: Kernel page table isolation (KPTI)" in machines.shell(e, "dmesg | grep isolation", LIMIT) for e in emulators}


def main(argv):
    parser = argparse.ArgumentParser(description="guest programs on ferry, QEMU and the host")
    add_options(parser, "programs", 3)
    parser.add_argument("--tier", action="append", default=[], help="a further ferry column with this --tier")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(argv)
    OUT.mkdir(parents=True, exist_ok=True)
    native, guest = build("gcc", "suite-native"), build("aarch64-linux-gnu-gcc", "suite-arm64")
    lines = subprocess.run([native, "-l"], check=True, capture_output=True, text=True).stdout.splitlines()
    known = [tuple(line.split()) for line in lines]
    known += [(f"{kind}/2", f"{name}/2") for kind, name in known if kind == "threads"]
    chosen = [(k, n) for k, n in known if not options.names or k in options.names or n in options.names]
    if not chosen:
        print(f"{' '.join(options.names)}: no such program, expected some of: {' '.join(n for _, n in known)}", file=sys.stderr)
        return 2
    disk = initrd(guest)
    emulators = {} if options.no_qemu else {"QEMU": (g.QEMU, [])}
    emulators |= {f"QEMU {path}": ([path, *g.QEMU[1:]], []) for path in options.qemu}
    emulators["ferry"] = ([g.FERRY, "run"], [])
    emulators |= {f"ferry {tier}": ([g.FERRY, "run"], ["--tier", tier]) for tier in options.tier}
    commands = {name: command(start, disk, extra) for name, (start, extra) in emulators.items()}
    commands |= {f"{name} -smp 2": command(start, disk, [*extra, "-smp", "2"]) for name, (start, extra) in emulators.items()}
    state = State("programs", identity({"emulators": list(emulators), "names": options.names, "rounds": options.rounds}), options.fresh)
    with Machines(commands, g.PROMPT, 60, patience=options.patience) as machines:
        isolated = page_tables_isolated(machines, emulators)
        columns = {"native": native_column(native, options.patience)} | {e: guest_column(machines, e) for e in emulators}
        results = measure(chosen, columns, options.rounds, state)
    rows, complaints = judge(results)
    print("\n" + table(rows, list(emulators)))
    if not all(isolated.values()):
        complaints.append(f"kernels without page-table isolation, which is the default: {[e for e, on in isolated.items() if not on]}")
    for complaint in complaints:
        print(f"[bench] {complaint}", file=sys.stderr)
    state.finish(complaints)
    if options.json:
        form = subprocess.run([native, "-w"], check=True, capture_output=True, text=True).stdout.strip()
        versions = {e: qemu_version(start[0]) for e, (start, _) in emulators.items() if e.startswith("QEMU")}
        write_record(options.json, "bench_programs", options.rounds,
                     {"rows": rows, "page_tables_isolated": isolated, "native_crypto": form, "versions": versions, "complaints": complaints})
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
