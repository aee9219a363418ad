#!/usr/bin/python3
"""Debian's own programs inside the Debian guest on ferry and on QEMU, in turns, and on the host where it has the same package.

usage: debian.py [-r ROUNDS] [--qemu PATH]... [--no-qemu] [--no-login] [--fresh] [WORKLOAD...] [--json [FILE]]

Each emulator boots the image of `./dev guest debian` once, on a snapshot, and does each fixed amount of work (bench/debian/work.sh)
in turn with the others. `first` is a workload's time in the first round, `best` its least; checksums of what the programs made must
agree. Then whole boots to the root prompt behind the login: QEMU, ferry with an empty code cache and with a filled one, seconds and
peak memory. A workload that takes longer than its limit is given up for that emulator and the guest started again. What an
interrupted run has measured is kept.
"""
import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import boot
import programs
from common import TOP, Machines, State, add_options, g, identity, qemu_version, summary, write_record

os.environ.setdefault("FERRY_CACHE", "off")

OUT = TOP / "build/bench-debian"
LIMIT = 60       # seconds of a workload
BOOT_LIMIT = 120  # seconds to the prompt behind the login


def make_text(size):
    """Text of a few thousand words in a skewed order, the same everywhere."""
    rng = random.Random(2024)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(rng.choices(letters, weights=range(len(letters), 0, -1), k=rng.randint(2, 9))) for _ in range(6000)]
    lines, length = [], 0
    while length < size:
        line = " ".join(words[int(rng.random() ** 3 * len(words))] for _ in range(12))
        lines.append(line)
        length += len(line) + 1
    return ("\n".join(lines) + "\n").encode()[:size]


def make_program(functions):
    """C for the compiler: functions with loops, branches, arrays and calls of each other."""
    rng = random.Random(7)
    parts = ["typedef unsigned long u; struct s { u a, b[8]; double d; };"]
    for i in range(functions):
        k = [rng.randint(1, 99) for _ in range(6)]
        call = f"f{rng.randrange(i)}(p, x / {k[4]})" if i else "x"
        parts.append(f"u f{i}(struct s* p, u x) {{ u t = x; for (u i = 0; i < {k[0]}; ++i) {{ t += p->b[(i + {k[1]}) & 7] * {k[2]};"
                     f" if (t & {k[3]}) t ^= {call}; else p->b[i & 7] = t >> {k[5] % 31}; p->d += t * 0.{k[1]}; }}"
                     f" switch (t % 6) {{ case 0: return t; case 1: return p->a; case 2: t *= {k[4]}; break; case 4: p->a += t; }}"
                     f" return t + (u)p->d; }}")
    return "\n".join(parts) + "\n"


def make_inputs():
    """The folder of inputs, and the tar file that is the guest's second disk."""
    folder, disk = OUT / "inputs", OUT / "inputs.tar"
    newest = max(p.stat().st_mtime for p in [pathlib.Path(__file__), *(HERE / "debian").iterdir()])
    if disk.is_file() and disk.stat().st_mtime > newest:
        return folder, disk
    folder.mkdir(parents=True, exist_ok=True)
    text = make_text(1_200_000)
    (folder / "text").write_bytes(text)
    (folder / "text.xz").write_bytes(subprocess.run(["xz", "-6", "-T1", "-c"], input=text, check=True, capture_output=True).stdout)
    (folder / "work.c").write_text(make_program(60))
    for path in (HERE / "debian").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    part = disk.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=f"bench/{path.name}")
    part.replace(disk)
    return folder, disk


def command(start, disk=None):
    """The Debian guest on a snapshot of its disk, with the inputs as a second disk."""
    extra = ["-snapshot"]
    if disk:
        extra += ["-drive", f"if=none,format=raw,id=d1,file={disk}", "-device", "virtio-blk-device,drive=d1"]
    return [*start, *g.guest_options("debian"), *extra]


def parse(text):
    """[seconds, seconds, checksum] of the work line; None where the program is not installed."""
    m = re.search(r"^work (\S+) (\S+)(?: (.*))?$", text, re.M)
    if not m:
        raise RuntimeError(f"no result line, but: {text.strip()[-300:]}")
    if m[2] == "missing":
        return None
    if m[2] == "failed":
        raise RuntimeError(f"failed: {m[3]}")
    return [float(m[2]), float(m[2]), m[3]]


def measure(names, columns, rounds, state):
    """As programs.measure, for workloads; what is missing on a column is left out there."""
    results = {name: {"kind": "debian", "columns": {}, "failed": []} for name in names}
    for turn in range(rounds):
        for position, name in enumerate(names, 1):
            said = []
            for column, run in columns.items():
                key = f"{turn}/{name}/{column}"
                row = state.get(key)
                if row is None:
                    if any(text.startswith(f"{column}:") for text in results[name]["failed"]):
                        continue  # not a second time into the limit
                    try:
                        row = parse(run(name)) or "missing"
                    except (RuntimeError, g.GuestError, subprocess.SubprocessError) as error:
                        results[name]["failed"].append(f"{column}: {error}")
                        print(f"[bench] {name} on {column}: {error}", file=sys.stderr)
                        continue
                    state.put(key, row)
                if row != "missing":
                    results[name]["columns"].setdefault(column, []).append(row)
                said.append(f"{column} {row if row == 'missing' else f'{row[0]:.2f}'}")
            print(f"[bench] round {turn + 1}/{rounds}, {position}/{len(names)} {name}: {', '.join(said)}", flush=True)
    return results


def judge(results):
    """Rows and complaints as programs.judge; `first` is the first round's, `best` the least."""
    rows, complaints = programs.judge(results)
    for row in rows:
        for column, measured in results[row["name"]]["columns"].items():
            row["first"][column], row["best"][column] = measured[0][0], min(r[0] for r in measured)
    return rows, complaints


def prepare(_, guest):
    """Unpack the inputs in a guest that has just come to its prompt: the disk without a file system is the tar file."""
    guest.shell("for d in /dev/vda /dev/vdb; do tar -C /run -xf $d bench 2>/dev/null; done; stty cols 500; ls /run/bench",
                prompt=g.ROOT_PROMPT)


def native_column(folder, patience):
    env = dict(os.environ, BENCH_CC="aarch64-linux-gnu-gcc", PATH="/usr/bin:/bin:/usr/sbin:/sbin")
    return lambda name: subprocess.run(["bash", str(folder / "work.sh"), str(folder), name], check=True, capture_output=True, text=True,
                                       env=env, timeout=LIMIT * patience).stdout


def logins(starts, rounds, limit, state):
    """Whole boots to the prompt behind the login. starts: column -> argv; ferry twice, with an empty and with a filled code cache."""
    columns = {}
    with tempfile.TemporaryDirectory(dir=OUT) as caches:
        for name, start in starts.items():
            columns[name] = boot.Column(command(start))
            if name == "ferry":
                columns[name] = boot.Column(command(start), boot.empty_cache(caches))
                columns["ferry, filled code cache"] = boot.Column(command(start), boot.filled_cache(caches))
        return boot.measure("debian", columns, rounds, limit, state)


def main(argv):
    parser = argparse.ArgumentParser(description="Debian's programs in the Debian guest")
    add_options(parser, "debian", 3)
    parser.add_argument("--no-login", action="store_true", help="without the boots to the login")
    parser.add_argument("names", nargs="*", metavar="WORKLOAD")
    options = parser.parse_args(argv)
    missing = [w for w in g.guest_options("debian") if w.startswith("/") and not pathlib.Path(w).is_file()]
    if missing:
        print(f"{missing[0]}: not there, expected from ./dev guest debian", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    folder, disk = make_inputs()
    known = subprocess.run(["bash", HERE / "debian/work.sh", folder, "--list"], check=True, capture_output=True, text=True).stdout.split()
    unknown = [n for n in options.names if n not in known + ["login"]]
    if unknown:
        print(f"{unknown[0]}: no such workload, expected some of: {' '.join(known)} login", file=sys.stderr)
        return 2
    chosen = [n for n in known if not options.names or n in options.names]
    starts = {} if options.no_qemu else {"QEMU": g.QEMU}
    starts |= {f"QEMU {path}": [path, *g.QEMU[1:]] for path in options.qemu}
    starts["ferry"] = [g.FERRY, "run", "-m", "1G"]
    state = State("debian", identity({"emulators": list(starts), "names": options.names, "rounds": options.rounds}), options.fresh)
    with Machines({n: command(s, disk) for n, s in starts.items()}, g.ROOT_PROMPT, BOOT_LIMIT, prepare, options.patience) as machines:
        columns = {"native": native_column(folder, options.patience)}
        columns |= {e: lambda name, e=e: machines.shell(e, f"bash /run/bench/work.sh /run/bench {name}", LIMIT) for e in starts}
        results = measure(chosen, columns, options.rounds, state)
    rows, complaints = judge(results)
    if rows:
        print("\n" + programs.table(rows, list(starts)))
    login = []
    if not options.no_login and (not options.names or "login" in options.names):
        login, failed = logins(starts, options.rounds, BOOT_LIMIT * options.patience, state)
        complaints += failed
        print("\n" + boot.table(login))
    for complaint in complaints:
        print(f"[bench] {complaint}", file=sys.stderr)
    state.finish(complaints)
    if options.json:
        versions = {e: qemu_version(start[0]) for e, start in starts.items() if e.startswith("QEMU")}
        write_record(options.json, "bench_debian", options.rounds, {"rows": rows, "login": login, "versions": versions, "complaints": complaints})
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
