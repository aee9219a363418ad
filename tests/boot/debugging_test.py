#!/usr/bin/python3
"""A Linux guest whose only program is tests/boot/debugging.c: single steps, hardware breakpoints, watchpoints, perf.

usage: debugging_test.py TIER PROGRAM     on the program $FERRY; 77: the guest is not fetched (1 with FERRY_NEED_GUESTS)
"""
import gzip
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import guest as g


def archive(program):
    """An initial RAM disk (cpio, "newc") with the program as /init."""
    def entry(name, mode, data):
        numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % n for n in numbers) + name.encode() + b"\0"
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return gzip.compress(entry("init", 0o100755, program) + entry("TRAILER!!!", 0, b""), 1)


def main(tier, program):
    kernel = g.GUESTS / "min/Image"
    if not kernel.is_file():
        print(f"{kernel}: not there, expected from ./dev guests min")
        return 1 if os.environ.get("FERRY_NEED_GUESTS") else 77
    with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
        initrd.write(archive(pathlib.Path(program).read_bytes()))
        initrd.flush()
        command = [g.FERRY, "run", "--tier", tier, "-m", "512", "-nic", "none", "-kernel", str(kernel), "-initrd", initrd.name,
                   "-append", "console=ttyAMA0 quiet", "--timeout", "700s"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=800)
    if done.returncode == 2 and "no compiler for it" in done.stderr:
        print(f"this build has no tier {tier}")
        return 77
    passed = re.search(r"^debugging: ([0-9]+) checks, 0 failed", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not passed or int(passed.group(1)) < 100:
        print(f"status {done.returncode}, expected 0 and no failed check\n{done.stderr[-2000:]}\n{done.stdout[-4000:]}")
        return 1
    print(passed.group(0))
    return 0


sys.exit(main(*sys.argv[1:]))
