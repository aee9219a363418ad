#!/usr/bin/python3
"""Whole boots, ferry next to QEMU: the same guest, in turns, medians.

usage: boot.py [--guest min|installer|uboot] [--runs N] [--config NAME=OPTIONS]... [--no-qemu] [--json FILE]

Columns: seconds from the start of the process until the guest's marker (for `min` the shell's prompt), seconds until the
process has ended (`min` powers itself off), processor seconds of all its threads, peak resident memory.
A --config is a further ferry column, such as --config 'no chaining=--set chain.direct=off'.
"""
import argparse
import datetime
import json
import os
import pathlib
import pty
import select
import shlex
import statistics
import sys
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))
import full
import guest as g

os.environ.setdefault("FERRY_CACHE", "off")  # figures of what is compiled in the run; a folder of one's own: of warm starts

# Guest: what it prints when it has arrived, and what to type then.
MARKS = {"min": (b"/ # ", b"poweroff\n"), "installer": (b"Starting system log", b"\x01x"), "uboot": (b"Hit any key", b"\x01x")}


def one_run(argv, mark, answer, limit):
    """Run argv on a pseudo-terminal. Returns its figures, or raises RuntimeError with the end of what it printed."""
    begin = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.execvp(argv[0], argv)
        except OSError as error:
            print(error)
        os._exit(127)
    text, arrived = b"", None
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
            os.write(fd, answer)
    os.close(fd)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if arrived is None or code != 0:
        raise RuntimeError(f"{' '.join(argv)}: status {code}, {mark!r} {'not seen' if arrived is None else 'seen'}\n" +
                           text[-1500:].decode(errors="replace"))
    return {"arrive": arrived, "end": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}


def summary(name, runs, base):
    """One row: medians, the spread of the first column, and the factors over the base row (QEMU)."""
    median = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
    row = {"emulator": name, "runs": len(runs), "arrive s": round(median["arrive"], 2),
           "from": round(min(r["arrive"] for r in runs), 2), "to": round(max(r["arrive"] for r in runs), 2),
           "end s": round(median["end"], 2), "cpu s": round(median["cpu"], 2), "peak MiB": round(median["mib"])}
    if base:
        row["time factor"] = round(median["arrive"] / base["arrive s"], 2)
        row["memory factor"] = round(median["mib"] / base["peak MiB"], 2)
    return row


def main(argv):
    parser = argparse.ArgumentParser(description="whole boots, ferry next to QEMU")
    parser.add_argument("--guest", default="min", choices=MARKS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--config", action="append", default=[], metavar="NAME=OPTIONS")
    parser.add_argument("--no-qemu", action="store_true")
    parser.add_argument("--no-ferry", action="store_true", help="only QEMU: to check this harness")
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(argv)
    mark, answer = MARKS[options.guest]
    columns = {} if options.no_qemu else {"QEMU": g.command("qemu", options.guest)}
    if not options.no_ferry:
        columns["ferry"] = g.command("ferry", options.guest)
        columns["ferry -cpu max"] = g.command("ferry", options.guest, ["-cpu", "max"])
    for config in options.config:
        name, _, words = config.partition("=")
        columns[name] = g.command("ferry", options.guest, shlex.split(words))
    results = {name: [] for name in columns}
    for turn in range(options.runs):
        for name, command in columns.items():
            try:
                figures = one_run(command, mark, answer, options.timeout)
            except RuntimeError as error:
                print(f"[bench] {name}: {error}", file=sys.stderr)
                return 1
            results[name].append(figures)
            print(f"[bench] {turn + 1}/{options.runs} {name}: {figures['arrive']:.2f} s, {figures['mib']:.0f} MiB", flush=True)
    rows, base = [], None
    for name, runs in results.items():
        rows.append(summary(name, runs, base))
        base = base or (rows[-1] if name == "QEMU" else None)
    heads = list(rows[-1])
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(str(row.get(h, "")) for h in heads) + " |")
    if options.json:
        commit, dirty = full.source_state()
        record = {"name": f"boot_{options.guest}", "counts": {"rows": rows}, "seed": 0,
                  "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
                  "commit": commit[:12] + ("+changes" if dirty else ""), "machine": full.machine()}
        pathlib.Path(options.json).write_text(json.dumps(record, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
