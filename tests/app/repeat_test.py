#!/usr/bin/python3
"""--time virtual: Debian's kernel has the same RAM, registers and console at the same instruction in every run and in every tier,
whether code was kept from an earlier run or not.

usage: repeat_test.py FERRY FOLDER    exit status 77: the guest is not in FOLDER (skipped)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ferry, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if not (folder / "Image").exists():
    sys.exit(77)


def hash_at(insns, *options):
    line = [ferry, "run", "-kernel", str(folder / "Image"), "-initrd", str(folder / "initrd.cpio.gz"), "-append", "console=ttyAMA0",
            "--time", "virtual", "--seed", "11", "--stop-at", f"insns={insns}", "--hash", *options]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=600)
    found = re.search(rb"^hash (.*)\n\Z", done.stdout[-200:], re.M)
    if done.returncode != 0 or found is None:
        sys.exit(f"{options}: status {done.returncode}\n{done.stderr.decode()}")
    return found[1].decode()


failed = False
with tempfile.TemporaryDirectory(prefix="ferry-repeat-") as cache:
    kept = ["--set", "cache.persistent=on", "--set", f"cache.folder={cache}/code"]
    for insns, runs in (
            (20_000_000, (["--tier", "interp"], ["--tier", "llvm"], ["--tier", "baseline"])),
            (100_000_000, (["-smp", "2", "--tier", "interp"], ["-smp", "2", "--tier", "baseline"], ["-smp", "2", "--tier", "tiered"])),
            (700_000_000, (["--tier", "interp"], ["--tier", "baseline"], ["--tier", "tiered"],
                           ["--tier", "tiered", "--set", "llvm.threshold=50", "--set", "llvm.delay=3000"],
                           ["--tier", "baseline", "--set", "chain.direct=off", "--set", "block.limit=7"],
                           ["--tier", "tiered", *kept], ["--tier", "tiered", *kept],
                           ["--tier", "baseline", *kept], ["--tier", "baseline", "--set", "cache.verify=on", *kept]))):
        wanted = None
        for options in runs:
            got = hash_at(insns, *options)
            wanted = wanted or got
            print(f"{insns} {' '.join(options)}: {got}{'' if got == wanted else '  DIFFERS'}", flush=True)
            failed |= got != wanted
sys.exit(1 if failed else 0)
