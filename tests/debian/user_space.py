#!/usr/bin/python3
"""Debian's own programs in the guest of `./dev guest debian`, on ferry and on QEMU, whose answers are held against known ones
and against each other.

usage: user_space.py [--size quick|full] [--groups A,B] [--cpu cortex-a57,max] [--qemu-cpu cortex-a57] [--work FOLDER] [--json FILE]
                     [--only ferry|qemu]

QEMU's `max` is five times as slow as its cortex-a57 here, mostly for pointer authentication, and is left out unless asked for; digests of
what programs made are compared between all machines anyway.

A run that was stopped goes on: WORK/EMULATOR-CPU-GROUP.log that ends with CHECKS END is not made again.
"""
import argparse
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
GUEST = pathlib.Path(os.environ.get("FERRY_GUESTS", TOP / "build/guests")) / "debian"
FERRY = os.environ.get("FERRY", str(TOP / "build/ferry"))
GROUPS = ("openssl", "pack", "sqlite", "gcc", "perl", "python", "stress")
LIMIT = {"quick": 1800, "full": 5400}  # seconds of host time for a group


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


def run(emulator, cpu, group, size, work, disk):
    """The transcript of a group on one machine."""
    log = work / f"{emulator}-{cpu}-{group}.log"
    if log.is_file() and "CHECKS END" in log.read_text(errors="replace"):
        return log.read_text(errors="replace"), None
    words = command(emulator, cpu, disk, size, group)
    (work / f"{emulator}-{cpu}-{group}.command").write_text(" ".join(f"'{w}'" if re.search(r"[^\w./:,=-]", w) else w for w in words) + "\n")
    began = time.monotonic()
    with open(log, "w") as out:
        try:
            status = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=LIMIT[size]).returncode
        except subprocess.TimeoutExpired:
            status = f"more than {LIMIT[size]} s"
    text = log.read_text(errors="replace").replace("\r", "")
    if "CHECKS END" not in text:
        print(f"  {emulator} {cpu} {group}: ended with {status} before its end: see {log}")
    print(f"  {emulator} {cpu} {group}: {time.monotonic() - began:.0f} s", flush=True)
    return text, status


def judge(text):
    checks = dict(re.findall(r"^CHECK (\S+ \S+) (\S+)", text, re.M))
    return checks, dict(re.findall(r"^DIGEST (\S+) (\S+)", text, re.M)), "CHECKS END" in text


def main(argv):
    parser = argparse.ArgumentParser(description="Debian's programs as tests")
    parser.add_argument("--size", default="quick", choices=("quick", "full"))
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--cpu", default="cortex-a57,max")
    parser.add_argument("--qemu-cpu", default="cortex-a57")
    parser.add_argument("--work", default=str(TOP / "build/debian-checks"))
    parser.add_argument("--only", choices=("ferry", "qemu"))
    parser.add_argument("--json")
    options = parser.parse_args(argv[1:])
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    disk = make_disk(work)
    emulators = [options.only] if options.only else ["ferry", "qemu"]
    if "qemu" in emulators and shutil.which("qemu-system-aarch64") is None:
        sys.exit("qemu-system-aarch64 is not installed (./dev setup test)")
    bad, rows, digests, total = [], [], {}, 0
    for group in options.groups.split(","):
        for cpu in options.cpu.split(","):
            row = {"group": group, "cpu": cpu}
            answers = {}
            here = [e for e in emulators if e == "ferry" or cpu in options.qemu_cpu.split(",")]
            for emulator in here:
                checks, found, complete = judge(run(emulator, cpu, group, options.size, work, disk)[0])
                answers[emulator] = checks
                failed = [name for name, said in checks.items() if said not in ("ok", "skipped")]
                row[emulator] = f"{sum(said == 'ok' for said in checks.values())} of {sum(said != 'skipped' for said in checks.values())}" + ("" if complete else ", not complete")
                for name, value in found.items():
                    digests.setdefault(name, {})[f"{emulator} {cpu}"] = value
                if emulator == "ferry":
                    total += len(checks) - len(failed)
                    if not complete or not checks:
                        bad.append(f"{group} on {cpu}: not complete")
                    bad += [f"{name} on {cpu}: failed" for name in failed]
            if len(here) == 2 and answers["ferry"].keys() != answers["qemu"].keys():
                bad.append(f"{group} on {cpu}: other checks than on qemu: {sorted(answers['ferry'].keys() ^ answers['qemu'].keys())[:5]}")
            rows.append(row)
    bad += [f"{name}: {values}" for name, values in digests.items() if len(set(values.values())) > 1]
    for row in rows:
        print("  " + "  ".join(f"{k} {v}" for k, v in row.items()))
    # What fails on both is the guest's own business (a test that wants a network, say): told, and not counted against ferry.
    own = []
    for line in bad:
        name, _, rest = line.partition(" on ")
        cpu = rest.split(":")[0]
        log = work / f"qemu-{cpu}-{name.split()[0]}.log"
        if rest.endswith("failed") and log.is_file() and re.search(rf"^CHECK {re.escape(name)} FAILED", log.read_text(errors="replace"), re.M):
            print(f"  fails on QEMU too: {line}")
        else:
            own.append(line)
    for line in own:
        print(f"  FAILED: {line}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"checks": total, "digests": len(digests), "rows": rows}))
    return 1 if own else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
