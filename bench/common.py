"""What the benchmarks share: results that survive an interruption, records, guests that are started again when they hang."""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))
import full
import guest as g

STATE = pathlib.Path(os.environ.get("FERRY_BENCH_STATE", TOP / "build/bench-state"))


def digest(path):
    """Digest of a program file, or that it is not there."""
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return "absent"


def qemu_version(program):
    """`7.2.19` of a QEMU program."""
    text = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    m = re.search(r"version (\S+)", text)
    return m.group(1) if m else "unknown"


def identity(options):
    """What a kept figure depends on: the commit, the very programs, the machine, and the options of the run."""
    ferry = pathlib.Path(g.FERRY)
    return {"commit": full.source_state()[0], "ferry": digest(ferry), "optimizing": digest(ferry.with_name("ferry_optimizing.so")),
            "machine": full.machine(), "options": options}


class State:
    """Figures by name in build/bench-state/NAME.json, written after each: an interrupted run goes on behind the last.
    Another commit, program, machine or option, or `fresh`, begins anew."""

    def __init__(self, name, key, fresh=False):
        self.path = STATE / f"{name}.json"
        self.key = key
        self.figures = {}
        if not fresh and self.path.is_file():
            try:
                kept = json.loads(self.path.read_text())
                self.figures = kept["figures"] if kept["key"] == key else {}
            except (ValueError, KeyError, TypeError):
                pass
        if self.figures:
            print(f"[bench] going on behind {len(self.figures)} kept figures (--fresh: from the start)", flush=True)

    def get(self, name):
        return self.figures.get(name)

    def put(self, name, value):
        self.figures[name] = value
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"key": self.key, "figures": self.figures}))
        part.replace(self.path)

    def finish(self, complaints):
        """The run is complete, the next one begins anew; after failures it only does again what failed."""
        if not any(" failed on " in text for text in complaints):
            self.path.unlink(missing_ok=True)


def add_options(parser, name, rounds):
    """The options that all of them take."""
    parser.add_argument("-r", "--rounds", "-n", "--runs", type=int, default=rounds, dest="rounds", help=f"default: {rounds}")
    parser.add_argument("--qemu", action="append", default=[], metavar="PATH", help="a further QEMU column")
    parser.add_argument("--no-qemu", action="store_true")
    parser.add_argument("--patience", type=float, default=1, metavar="FACTOR", help="multiplies every time limit: for a busy machine")
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run has left")
    parser.add_argument("--json", nargs="?", const=str(TOP / f"docs/results/bench_{name}.json"), metavar="FILE",
                        help=f"write a record; without a FILE docs/results/bench_{name}.json")


def write_record(path, name, rounds, counts):
    """A record in the form of docs/results."""
    commit, dirty = full.source_state()
    record = {"name": name, "counts": {"rounds": rounds, **counts}, "seed": 0,
              "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
              "commit": commit[:12] + ("+changes" if dirty else ""), "machine": full.machine()}
    part = pathlib.Path(f"{path}.part")
    part.write_text(json.dumps(record, indent=1) + "\n")
    part.replace(path)
    print(f"[bench] written: {path}")


def summary(values):
    """[median, least, greatest] of seconds, or None where there are none."""
    return [round(v, 6) for v in (statistics.median(values), min(values), max(values))] if values else None


class Machines:
    """Guests at a shell prompt by name, started when they are first asked and anew when a line took too long."""

    def __init__(self, commands, prompt, boot_limit, prepare=None, patience=1.0):
        """commands: name -> argv. prepare: called with a guest that has just come to its prompt. patience: multiplies the limits."""
        self.commands, self.prompt, self.boot_limit, self.prepare = commands, prompt, boot_limit * patience, prepare
        self.patience = patience
        self.running = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.running):
            self.stop(name)

    def stop(self, name):
        self.running.pop(name).__exit__()

    def shell(self, name, line, limit):
        """What the line printed; raises GuestError, and the guest is gone, when it took longer than limit seconds."""
        try:
            if name not in self.running:
                log = TOP / "build/test-logs" / ("bench-" + re.sub(r"[^\w.]+", "-", name) + ".log")
                self.running[name] = g.Guest(self.commands[name], log, timeout=self.boot_limit).__enter__()
                self.running[name].wait_for(self.prompt)
                if self.prepare:
                    self.prepare(name, self.running[name])
            return self.running[name].shell(line, timeout=limit * self.patience, prompt=self.prompt)
        except g.GuestError:
            if name in self.running:
                self.stop(name)
            raise
