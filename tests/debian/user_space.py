#!/usr/bin/python3
"""Debian's own programs in the guest of `./dev guest debian`, on ferry and on QEMU, whose answers are held against known ones
and against each other.

usage: user_space.py [--size quick|full] [--groups A,B] [--cpu cortex-a57,max] [--qemu-cpu cortex-a57] [--qemu-quick A,B]
                     [--work FOLDER] [--json FILE] [--only ferry|qemu] [--no-new]

QEMU takes about five times as long as ferry. At full size it runs the groups of --qemu-quick (openssl, pack, python, stress) at the quick size;
where the size decides what is made (pack), ferry runs that size too, so that there is something to compare. The record tells which size
each ran. QEMU's `max` is five times as slow again, mostly for pointer authentication, and is left out unless asked for; digests of what
programs made are compared between all machines anyway.

A run that was stopped goes on: what WORK/EMULATOR-CPU-GROUP-SIZE.json says to have run to its end, with the same image and the same
checks, is not run again; its row of the record tells with which program it was made. --no-new judges and records what was run, runs
nothing, and is no failure for that; in place of a full run that is missing stands the quick one, if there is one.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tools"))
import full

GUEST = pathlib.Path(os.environ.get("FERRY_GUESTS", TOP / "build/guests")) / "debian"
FERRY = os.environ.get("FERRY", str(TOP / "build/ferry"))
GROUPS = ("openssl", "pack", "sqlite", "gcc", "perl", "python", "stress")
QEMU_QUICK = "openssl,pack,python,stress"
SIZED = {"pack"}  # groups whose digests depend on the size
LIMIT = 7200  # seconds of host time for a group


def make_disk(work):
    """A tar file as a second disk: checks.sh, its inputs and what is expected."""
    folder = work / "vectors"
    disk = work / "checks.tar"
    if not disk.is_file():
        subprocess.run([sys.executable, HERE / "vectors.py", folder], check=True)
        for name in ("checks.sh", "sums.c"):
            shutil.copy(HERE / name, folder / name)
        with tarfile.open(work / "checks.part", "w") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, arcname=f"checks/{path.name}")
        (work / "checks.part").rename(disk)
    return disk


def command(emulator, cpu, disk, size, group):
    # The initial RAM disk runs this instead of init; blanks would end it as a word of the command line.
    # Only simple commands: a keyword would not be seen before the blanks are.
    unpack = "tar -C /run -xf /dev/vd{} checks"
    program = f"{unpack.format('b')}||{unpack.format('a')};sh /run/checks/checks.sh {size} {group}".replace(" ", "${IFS}")
    machine = [FERRY, "run", "-snapshot"] if emulator == "ferry" else \
        ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-nographic", "-nic", "none", "-snapshot", "-monitor", "none"]
    return [*machine, "-cpu", cpu, "-m", "1G", "-kernel", str(GUEST / "Image"), "-initrd", str(GUEST / "initrd.gz"),
            "-drive", f"if=none,format=raw,id=d0,file={GUEST / 'disk.img'}", "-device", "virtio-blk-device,drive=d0",
            "-drive", f"if=none,format=raw,id=d1,file={disk}", "-device", "virtio-blk-device,drive=d1",
            "-append", f"console=ttyAMA0 panic=-1 loglevel=4 root=LABEL=debian ferry.run={program}"]


def digest(path, known={}):
    if path not in known:
        with open(path, "rb") as f:
            known[path] = hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(f.read()).hexdigest()
    return known[path]


def inputs_of(group, size, work):
    """What a group's answers depend on but for the machine: the image, its part of checks.sh and what that reads."""
    script = (HERE / "checks.sh").read_text()
    own = re.sub(r"^group_(?!%s\b)\w+\(\) \{\n.*?^\}\n" % group, "", script, flags=re.M | re.S)
    files = [GUEST / "Image", GUEST / "initrd.gz", GUEST / "disk.img"]
    if group == "openssl":
        files += [p for p in sorted((work / "vectors").rglob("*")) if p.is_file() and p.name not in ("checks.sh", "sums.c")]
    if group == "gcc":
        files.append(HERE / "sums.c")
    return hashlib.sha256("\n".join([size, own, *(f"{p.name} {digest(p)}" for p in files)]).encode()).hexdigest()


def program_of(emulator):
    if emulator == "qemu":
        said = subprocess.run(["qemu-system-aarch64", "--version"], capture_output=True, text=True).stdout
        return "QEMU " + re.search(r"version (\S+)", said)[1]
    beside = pathlib.Path(FERRY).parent / "commit"  # of a copy that is not this tree's
    if beside.is_file():
        return "ferry " + beside.read_text().strip()
    commit, dirty = full.source_state()  # records of other checks do not make it another program
    return f"ferry {commit[:12]}" + ("+changes" if dirty else "")


def run(emulator, cpu, group, size, work, disk, begin=True):
    """The transcript of a group on one machine, and its note: program, seconds. None, and nothing is run, without `begin`."""
    name = f"{emulator}-{cpu}-{group}-{size}"
    log, note = work / f"{name}.log", work / f"{name}.json"
    inputs = inputs_of(group, size, work)
    if log.is_file() and note.is_file():
        said = json.loads(note.read_text())
        if said["inputs"] == inputs:
            return log.read_text(errors="replace").replace("\r", ""), said
    if not begin:
        return None, None
    note.unlink(missing_ok=True)
    words = command(emulator, cpu, disk, size, group)
    (work / f"{name}.command").write_text(" ".join(f"'{w}'" if re.search(r"[^\w./:,=-]", w) else w for w in words) + "\n")
    began = time.monotonic()
    with open(log, "w") as out:
        try:
            status = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=LIMIT).returncode
        except subprocess.TimeoutExpired:
            status = f"more than {LIMIT} s"
    seconds = round(time.monotonic() - began)
    text = log.read_text(errors="replace").replace("\r", "")
    said = {"inputs": inputs, "program": program_of(emulator), "seconds": seconds}
    if "CHECKS END" in text:
        note.write_text(json.dumps(said))
    else:
        print(f"  {emulator} {cpu} {group}: ended with {status} before its end: see {log}")
    print(f"  {emulator} {cpu} {group} {size}: {seconds} s", flush=True)
    return text, said


def judge(text):
    checks = {}
    for name, said in re.findall(r"^CHECK (\S+ \S+) (\S+)", text, re.M):  # one that failed once has failed
        checks[name] = "FAILED" if "FAILED" in (said, checks.get(name)) else said
    return checks, dict(re.findall(r"^DIGEST (\S+) (\S+)", text, re.M)), "CHECKS END" in text


def plan(options):
    """Rows: group, cpu and {emulator: size}."""
    rows = []
    for group in options.groups.split(","):
        quick = options.size == "quick" or group in options.qemu_quick.split(",")
        for cpu in options.cpu.split(","):
            with_qemu = cpu in options.qemu_cpu.split(",")
            own_row = with_qemu and quick and options.size == "full" and group in SIZED
            rows.append((group, cpu, {"ferry": options.size} | ({"qemu": "quick" if quick else "full"} if with_qemu and not own_row else {})))
            if own_row:
                rows.append((group, cpu, {"ferry": "quick", "qemu": "quick"}))
    return [(g, c, {e: size for e, size in sizes.items() if options.only in (None, e)}) for g, c, sizes in rows]


def told(checks, complete):
    skipped = sum(said == "skipped" for said in checks.values())
    return f"{sum(said == 'ok' for said in checks.values())} of {len(checks) - skipped}" + ("" if complete else ", not complete")


def main(argv):
    parser = argparse.ArgumentParser(description="Debian's programs as tests")
    parser.add_argument("--size", default="quick", choices=("quick", "full"))
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--cpu", default="cortex-a57,max")
    parser.add_argument("--qemu-cpu", default="cortex-a57")
    parser.add_argument("--qemu-quick", default=QEMU_QUICK)
    parser.add_argument("--work", default=str(TOP / "build/debian-checks"))
    parser.add_argument("--no-new", action="store_true")
    parser.add_argument("--only", choices=("ferry", "qemu"))
    parser.add_argument("--json")
    options = parser.parse_args(argv[1:])
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    disk = make_disk(work)
    emulators = [options.only] if options.only else ["ferry", "qemu"]
    if "qemu" in emulators and shutil.which("qemu-system-aarch64") is None:
        sys.exit("qemu-system-aarch64 is not installed (./dev setup test)")
    bad, own, rows, digests, total, missing = [], [], [], {}, 0, 0
    for group, cpu, sizes in plan(options):
        row, answers, ran = {"group": group, "cpu": cpu}, {}, {}
        for emulator, size in sizes.items():
            text, note = run(emulator, cpu, group, size, work, disk, not options.no_new)
            if text is None and size == "full":
                size = "quick"
                text, note = run(emulator, cpu, group, size, work, disk, False)
            if text is None:
                row |= {emulator: "not run"}
                missing += 1
                continue
            checks, found, complete = judge(text)
            answers[emulator], ran[emulator] = checks, size
            row |= {emulator: told(checks, complete), f"{emulator} size": size, f"{emulator} seconds": note["seconds"], f"{emulator} program": note["program"]}
            for name, value in found.items():
                digests.setdefault((name, size if group in SIZED else ""), {})[f"{emulator} {cpu}"] = value
            if emulator == "ferry" and (not complete or not checks):
                own.append(f"{group} on {cpu}: not complete")
        ours, theirs = answers.get("ferry", {}), answers.get("qemu", {})
        total += sum(said == "ok" for said in ours.values())
        # What fails on both is the guest's own business (a test that wants a network, say): told, and not counted against ferry.
        for name in (n for n, said in ours.items() if said == "FAILED"):
            (bad if theirs.get(name) == "FAILED" else own).append(f"{name} on {cpu}: failed")
        if ours and theirs and (theirs.keys() != ours.keys() if ran["ferry"] == ran["qemu"] else not (theirs.keys() <= ours.keys() or ours.keys() <= theirs.keys())):
            own.append(f"{group} on {cpu}: other checks than on QEMU: {sorted(ours.keys() ^ theirs.keys())[:5]}")
        rows.append(row)
    own += [f"{name} {size}: {values}" for (name, size), values in digests.items() if len(set(values.values())) > 1]
    for row in rows:
        print("  " + "  ".join(f"{k} {v}" for k, v in row.items()))
    for line in bad:
        print(f"  fails on QEMU too: {line}")
    for line in own:
        print(f"  FAILED: {line}")
    if options.json:
        both = sum(len({m.split()[0] for m in values}) == 2 for values in digests.values())
        columns = ("group", "cpu", *(f"{e}{what}" for e in ("ferry", "qemu") for what in ("", " size", " program")))
        pathlib.Path(options.json).write_text(json.dumps({"checks": total, "digests": len(digests), "shared": both, "runs that are missing": missing,
                                                          "rows": [{c: row.get(c, "") for c in columns} for row in rows]}))
    return 1 if own else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
