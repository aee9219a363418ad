#!/usr/bin/python3
"""perf's view of translated code: the files that perf.jitdump and perf.map write, and what perf makes of them.

usage: perf_test.py FERRY PROGRAM.elf

The files are always checked here. Where perf is installed and may record, `perf inject --jit` must find every piece of code
in the dump.
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient_option

HEADER, RECORD, LOAD = "<IIIIIIQQ", "<IIQ", "<IIQQQQ"


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", **more)


def ferry_command(ferry, elf, folder, *more):
    return [ferry, "run", "-nic", "none", "-kernel", elf, "--timeout", patient_option(200), "--set", f"perf.folder={folder}", *more]


def check(condition, sentence):
    if not condition:
        sys.exit(sentence)


def read_dump(path):
    """The load records: (time, address, name, bytes)."""
    data = path.read_bytes()
    magic, version, size, _, _, pid, _, _ = struct.unpack_from(HEADER, data)
    check((magic, version, size) == (0x4A695444, 1, 40), f"{path}: not a header: {magic:x} {version} {size}")
    check(path.name == f"jit-{pid}.dump", f"{path}: of process {pid}")
    at, loads, closed = size, [], False
    while at < len(data):
        kind, total, time = struct.unpack_from(RECORD, data, at)
        check(total >= 16 and at + total <= len(data), f"{path}: a record of {total} bytes at {at}")
        if kind == 0:
            _, _, vma, address, code_size, index = struct.unpack_from(LOAD, data, at + 16)
            name, code = data[at + 56:at + total].split(b"\0", 1)
            check(vma == address and len(code) == code_size and index == len(loads), f"{path}: record {len(loads)} is wrong")
            check(not loads or loads[-1][0] <= time, f"{path}: record {index} is older than the one before")
            loads.append((time, address, name.decode(), code))
        closed = kind == 3
        at += total
    check(closed, f"{path}: no end")
    return loads


def check_map(path, names):
    rows = []
    for line in path.read_text().splitlines():
        row = re.fullmatch(r"([0-9a-f]+) ([0-9a-f]+) (\S+)", line)
        check(row is not None, f"{path}: {line}")
        rows.append((int(row[1], 16), int(row[2], 16), row[3]))
    rows.sort()
    for one, other in zip(rows, rows[1:]):
        check(one[0] + one[1] <= other[0], f"{path}: {one} and {other} overlap")
    check(rows and {name for _, _, name in rows} <= names, f"{path}: names that are not in the dump")


def check_files(ferry, elf, folder):
    started = subprocess.Popen(ferry_command(ferry, elf, folder, "-perfmap", "-jitdump", "--set", "llvm.threshold=100"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, errors = started.communicate()
    map_path = pathlib.Path(f"/tmp/perf-{started.pid}.map")
    try:
        check(started.returncode == 0, f"status {started.returncode}: {errors}")
        loads = read_dump(folder / f"jit-{started.pid}.dump")
        names = {name for _, _, name, _ in loads}
        check(len(loads) > 100, f"only {len(loads)} pieces of code")
        check(all(code for *_, code in loads), "a piece of code without bytes")
        check("main" in names, f"no code of main: {sorted(names)[:20]}")
        check(any(name.startswith("main+0x") for name in names), "no code inside main")
        check_map(map_path, names)
    finally:
        map_path.unlink(missing_ok=True)


def check_bad_input(ferry, elf, folder):
    missing = run(ferry_command(ferry, elf, folder / "missing", "-jitdump"))
    check(missing.returncode == 2 and "missing/jit-" in missing.stderr, f"a folder that is not there: {missing.stderr}")
    (folder / "no.map").write_text("nothing\n")
    wrong = run(ferry_command(ferry, elf, folder, "-jitdump", "--set", f"perf.symbols={folder}/no.map"))
    check(wrong.returncode == 2 and "no symbols" in wrong.stderr, f"a map without symbols: {wrong.stderr}")


def check_with_perf(ferry, elf, folder):
    perf = shutil.which("perf")
    if perf is None:
        return "perf is not installed"
    data, injected = folder / "perf.data", folder / "injected.data"
    recorded = run([perf, "record", "-q", "-k", "mono", "-e", "cpu-clock:u", "-o", data, *ferry_command(ferry, elf, folder, "-jitdump")])
    if recorded.returncode != 0 or not data.exists():
        return f"perf may not record here: {(recorded.stderr.strip().splitlines() or ['?'])[-1]}"
    dump = max(folder.glob("jit-*.dump"), key=lambda path: path.stat().st_mtime)
    loads = read_dump(dump)
    done = run([perf, "inject", "--jit", "-i", data, "-o", injected], cwd=folder)
    check(done.returncode == 0, f"perf inject: {done.stderr}")
    script = run([perf, "script", "-i", injected, "--show-mmap-events"], cwd=folder)
    seen = set(re.findall(r"jitted-\d+-(\d+)\.so", script.stdout))
    check(len(seen) == len(loads), f"perf inject found {len(seen)} of {len(loads)} pieces of code")
    which = next(i for i, load in enumerate(loads) if load[2] == "main")
    shared = next(folder.glob(f"jitted-*-{which}.so")).read_bytes()
    check(b"main\0" in shared and loads[which][3] in shared, "what perf made of main does not hold its name and code")
    return f"perf found {len(seen)} pieces of code"


def check_map_with_perf(ferry, folder):
    """perf names translated code by the map alone, of a guest that only counts."""
    perf, data, counting = shutil.which("perf"), folder / "map.data", folder / "counting.bin"
    counting.write_bytes(struct.pack("<II", 0x91000400, 0x17FFFFFF))  # add x0, x0, #1; b .-4
    if perf is None:
        return "perf is not installed"
    recorded = run([perf, "record", "-q", "-e", "cpu-clock:u", "-o", data,
                    ferry, "run", "-perfmap", "-kernel", counting, "--tier", "baseline", "--timeout", "2s"])
    if recorded.returncode not in (0, 124) or not data.exists():
        return f"perf may not record here: {(recorded.stderr.strip().splitlines() or ['?'])[-1]}"
    script = run([perf, "script", "-i", data, "-F", "pid,ip,sym,dso"])
    maps = {pathlib.Path(f"/tmp/perf-{pid}.map") for pid in re.findall(r"^\s*(\d+)", script.stdout, re.M)}
    try:
        spans = [(int(row[0], 16), int(row[1], 16)) for path in maps if path.exists()
                 for row in (line.split() for line in path.read_text().splitlines())]
        samples = re.findall(r"^\s*\d+\s+([0-9a-f]+) (\S+)", script.stdout, re.M)
        named = [name for address, name in samples if any(at <= int(address, 16) < at + size for at, size in spans)]
        check(named, f"{len(samples)} samples, none in {len(spans)} pieces of translated code")
        check("[unknown]" not in named, f"{named.count('[unknown]')} of {len(named)} samples in translated code have no name")
    finally:
        for path in maps:
            path.unlink(missing_ok=True)
    return f"perf named {len(named)} samples"


def main():
    ferry, elf = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="ferry-perf-") as name:
        folder = pathlib.Path(name)
        check_files(ferry, elf, folder)
        check_bad_input(ferry, elf, folder)
        print(check_with_perf(ferry, elf, folder))
        print(check_map_with_perf(ferry, folder))


if __name__ == "__main__":
    main()
