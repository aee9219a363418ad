#!/usr/bin/python3
"""Whole boots, ferry next to QEMU: the same guest, in turns, medians.

usage: boot.py [--guest min|installer|uboot] [-n RUNS] [--config NAME=OPTIONS]... [--qemu PATH]... [--no-qemu] [--fresh] [--json [FILE]]

Columns: seconds from the start of the process until the guest's marker (for `min` the shell's prompt), seconds until the
process has ended (`min` powers itself off), processor seconds of all its threads, memory at the marker (a page mapped
twice counts once) and the peak of the resident set (where it counts twice).
`ferry` runs with an empty code cache of its own, as a user meets it first; `ferry, filled code cache` with what one run before has
kept. A --config is a further ferry row without a cache, such as --config 'no chaining=--set chain.direct=off'.
"""
import argparse
import os
import pathlib
import pty
import re
import select
import shlex
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from common import TOP, State, add_options, g, identity, qemu_version, write_record

os.environ.setdefault("FERRY_CACHE", "off")  # figures of what is compiled in the run, but for the rows that name a cache

# Guest: what it prints when it has arrived, and what to type then.
MARKS = {"min": (b"/ # ", b"poweroff\n"), "installer": (b"Starting system log", b"\x01x"), "uboot": (b"Hit any key", b"\x01x"),
         "debian": (b"root@debian:~# ", b"\x01x")}


class Column:
    """A command, and what gives a run its environment: called with the number of the run, -1 for one that is not counted."""

    def __init__(self, argv, cache=None):
        self.argv, self.cache = argv, cache


def empty_cache(folder):
    """A new cache folder for every run."""
    return lambda run: {"FERRY_CACHE": tempfile.mkdtemp(dir=folder)}


def filled_cache(folder):
    """One cache folder for all runs, filled by the one that is not counted."""
    own = tempfile.mkdtemp(dir=folder)
    cache = lambda run: {"FERRY_CACHE": own}
    cache.fill = True
    return cache


def used_mib(pid):
    """Memory of a process that runs, in MiB: a page that it has mapped twice (translated code, to write and to run) counts once."""
    m = re.search(r"^Pss:\s*(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(m[1]) / 1024 if m else 0.0


def one_run(argv, mark, answer, limit, env=None):
    """Run argv on a pseudo-terminal. Returns its figures, or raises RuntimeError with the end of what it printed."""
    begin = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.execvpe(argv[0], argv, dict(os.environ, **(env or {})))
        except OSError as error:
            print(error)
        os._exit(127)
    text, arrived, used = b"", None, 0.0
    while True:
        left = begin + limit - time.monotonic()
        if left <= 0:
            os.kill(pid, 9)
        ready, _, _ = select.select([fd], [], [], max(left, 1))
        try:
            chunk = os.read(fd, 65536) if ready else b""
        except OSError:  # the terminal's other side is closed
            break
        if ready and not chunk:
            break
        text += chunk
        if arrived is None and mark in text:
            arrived = time.monotonic() - begin
            used = used_mib(pid)
            os.write(fd, answer)
    os.close(fd)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if arrived is None or code != 0:
        raise RuntimeError(f"{' '.join(argv)}: status {code}, {mark!r} {'not seen' if arrived is None else 'seen'}\n" +
                           text[-1500:].decode(errors="replace"))
    return {"arrive": arrived, "end": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime, "mib": used,
            "peak": usage.ru_maxrss / 1024}


def summary(name, runs, base):
    """One row: medians, the spread of the first column, and the factors over the base row (QEMU)."""
    median = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
    row = {"emulator": name, "runs": len(runs), "arrive s": round(median["arrive"], 2),
           "from": round(min(r["arrive"] for r in runs), 2), "to": round(max(r["arrive"] for r in runs), 2),
           "end s": round(median["end"], 2), "cpu s": round(median["cpu"], 2), "MiB on arrival": round(median["mib"]),
           "peak RSS MiB": round(median["peak"])}
    if base:
        row["time factor"] = round(median["arrive"] / base["arrive s"], 2)
        row["memory factor"] = round(median["mib"] / base["MiB on arrival"], 2)
    return row


def measure(guest, columns, rounds, limit, state):
    """Boots of all columns in turns. Returns the rows and what failed."""
    mark, answer = MARKS[guest]
    results, complaints = {name: [] for name in columns}, []
    for turn in range(rounds):
        for name, column in columns.items():
            key = f"{turn}/boot {guest}/{name}"
            figures = state.get(key)
            if figures is None:
                try:
                    if getattr(column.cache, "fill", False):
                        one_run(column.argv, mark, answer, limit, column.cache(-1))
                        column.cache.fill = False
                    figures = one_run(column.argv, mark, answer, limit, column.cache(turn) if column.cache else None)
                except RuntimeError as error:
                    print(f"[bench] {name}: {error}", file=sys.stderr)
                    complaints.append(f"boot of {guest} failed on {name}")
                    continue
                state.put(key, figures)
            results[name].append(figures)
            print(f"[bench] round {turn + 1}/{rounds} boot {guest}, {name}: {figures['arrive']:.2f} s, {figures['mib']:.0f} MiB", flush=True)
    rows, base = [], None
    for name, runs in results.items():
        if runs:
            rows.append(summary(name, runs, base))
            base = base or (rows[-1] if name == "QEMU" else None)
    return rows, complaints


def table(rows):
    heads = list(rows[-1]) if rows else []
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads),
                      *("| " + " | ".join(str(row.get(h, "")) for h in heads) + " |" for row in rows)])


def main(argv):
    parser = argparse.ArgumentParser(description="whole boots, ferry next to QEMU")
    add_options(parser, "boot", 5)
    parser.add_argument("--guest", default="min", choices=[m for m in MARKS if m != "debian"])
    parser.add_argument("--config", action="append", default=[], metavar="NAME=OPTIONS")
    parser.add_argument("--no-ferry", action="store_true", help="only QEMU: to check this harness")
    options = parser.parse_args(argv)
    guest = options.guest
    columns = {} if options.no_qemu else {"QEMU": Column(g.command("qemu", guest))}
    columns |= {f"QEMU {path}": Column([path, *g.command("qemu", guest)[1:]]) for path in options.qemu}
    (TOP / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOP / "build") as caches:
        if not options.no_ferry:
            columns["ferry"] = Column(g.command("ferry", guest), empty_cache(caches))
            columns["ferry, filled code cache"] = Column(g.command("ferry", guest), filled_cache(caches))
            columns["ferry -cpu max"] = Column(g.command("ferry", guest, ["-cpu", "max"]), empty_cache(caches))
        for config in options.config:
            name, _, words = config.partition("=")
            columns[name] = Column(g.command("ferry", guest, shlex.split(words)))
        state = State(f"boot-{guest}", identity({n: c.argv for n, c in columns.items()} | {"rounds": options.rounds}), options.fresh)
        rows, complaints = measure(guest, columns, options.rounds, 60 * options.patience, state)
    print("\n" + table(rows))
    for complaint in complaints:
        print(f"[bench] {complaint}", file=sys.stderr)
    state.finish(complaints)
    if options.json:
        versions = {n: qemu_version(c.argv[0]) for n, c in columns.items() if n.startswith("QEMU")}
        write_record(options.json, "bench_boot", options.rounds, {"guest": guest, "rows": rows, "versions": versions, "complaints": complaints})
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
