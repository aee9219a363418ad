#!/usr/bin/python3
"""Every switch of the settings table, in every position: what runs must not depend on it.

usage: matrix_test.py quick FERRY PROGRAM...         each bare-metal PROGRAM (an .elf) with each value of each switch
       matrix_test.py full FERRY BUILD GUEST WORK    beside the programs of BUILD the instruction tests, random sequences,
                                                     a boot of GUEST (Image, initrd.cpio.gz), the first 100 million
                                                     instructions of it in lockstep with the interpreter, and bounds of
                                                     numbers; goes on from what it left in the folder WORK

The switches are read from `ferry reference settings`, so a new row is tested unasked. PROGRAM's expected output is
tests/guest/NAME/expected.txt.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient, patient_option

TOP = pathlib.Path(__file__).resolve().parents[2]
# Numbers in positions that change how code is translated or thrown away.
NUMBERS = ["block.limit=1", "block.limit=512", "code.cache=4M", "llvm.opt=0", "llvm.opt=2", "llvm.opt=3", "llvm.block_opt=1", "llvm.block_opt=2", "llvm.threshold=1",
           "llvm.heap=1M", "llvm.heap=8M", "llvm.queue=1", "llvm.region_insns=1", "llvm.regions=1", "llvm.delay=5000", "smc.retranslate_limit=0",
           "smc.retranslate_limit=1000", "wfe.sleep=0"]
# What the compilers read; the instruction tests and random sequences run blocks with nothing around them but those.
COMPILERS = ["mem.window", "llvm.opt", "llvm.block_opt"]
# What a switch needs beside it to have an effect.
ALSO = {"mem.window": ["llvm.threshold=50"], "cache.verify": ["cache.persistent=on"], "perf.map": [], "perf.jitdump": []}


def switches(ferry):
    """(name, values) of each row that is on or off, or one of a few words."""
    page = subprocess.run([ferry, "reference", "settings"], capture_output=True, text=True, check=True).stdout
    found = []
    for line in page.splitlines():
        row = re.match(r"\| `([\w.]+)` \| ([^|]*) \|", line)
        if row is None:
            continue
        words = [w for w in re.split(r", | or ", row.group(2).strip()) if w]
        if len(words) > 1 and all(re.fullmatch(r"[a-z]+", w) for w in words):
            found.append((row.group(1), words))
    if len(found) < 8:
        sys.exit(f"only {len(found)} switches found in `ferry reference settings`")
    return found


class Matrix:
    def __init__(self, ferry):
        self.ferry = ferry
        self.folder = tempfile.TemporaryDirectory(prefix="ferry-matrix-")
        self.failed = []

    def command(self, settings, *more):
        assignments = [f"perf.folder={self.folder.name}"]
        for setting in settings:
            assignments += [*ALSO.get(setting.split("=")[0], []), setting]
        return [self.ferry, "run", "-nic", "none", *(x for a in assignments for x in ("--set", a)), *more]

    def environment(self, settings):
        """Of the code cache only those rows make use that are about it, and of one of their own."""
        kept = any(s.startswith("cache.") for s in settings)
        return {**os.environ, "FERRY_CACHE": self.folder.name + "/cache" if kept else "off"}

    def call(self, what, settings, command, expected=None, timeout=600, env=None):
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               errors="replace", env=env or self.environment(settings))
        try:
            out, err = run.communicate(timeout=patient(timeout))
            right = run.returncode == 0 and (expected is None or out.replace("\r", "").splitlines() == expected)
            why = f"status {run.returncode}\n{err[-1500:]}\n{out[-1500:]}"
            if run.returncode == 2 and "no compiler for it" in err:
                return
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()
            right, why = False, f"not done after {patient(timeout)} s"
        pathlib.Path(f"/tmp/perf-{run.pid}.map").unlink(missing_ok=True)
        if not right:
            self.failed.append(f"{' '.join(settings)}: {what}")
            print(f"FAILED {self.failed[-1]}: {why}", flush=True)

    def boots(self, settings, kernel):
        for _ in range(2 if settings[0].startswith("cache.") else 1):
            self.call("boot", settings, self.command(settings, *kernel, "--expect", "/ #", "--timeout", "1200s"), timeout=1300)

    def lockstep(self, settings, kernel):
        tier = dict(s.split("=") for s in settings).get("tier", "tiered")
        if tier == "interp":
            return  # with itself
        options = self.command([s for s in settings if not s.startswith("tier=")], *kernel, "-m", "512M", "--expect", "smp: Brought up")
        self.call("lockstep", settings, [self.ferry, "verify", "--lockstep", "--tier", tier, "--", *options[2:]], timeout=1300)

    def programs(self, settings, elves):
        for elf in elves:
            name = pathlib.Path(elf).stem
            expected = (TOP / "tests/guest" / name / "expected.txt").read_text().splitlines()
            self.call(name, settings, self.command(settings, "-kernel", str(elf), "--timeout", patient_option(300)), expected)

    def finish(self, rows):
        print(f"{rows} rows of settings, {len(self.failed)} failed")
        sys.exit(1 if self.failed else 0)


def quick(ferry, *elves):
    matrix, rows = Matrix(ferry), 0
    for name, values in switches(ferry):
        for value in values:
            rows += 1
            matrix.programs([f"{name}={value}"], elves)
            if matrix.environment([name])["FERRY_CACHE"] != "off":
                matrix.programs([f"{name}={value}"], elves[:1])  # again, with what the first run left
    matrix.finish(rows)


def full(ferry, build, guest, work):
    build, guest, state = pathlib.Path(build), pathlib.Path(guest), pathlib.Path(work) / "matrix.json"
    done = json.loads(state.read_text()) if state.exists() else []
    matrix = Matrix(ferry)
    elves = [build / f"tests/guest/{name}.elf" for name in ("exceptions", "faults", "traps")]
    rows = [[f"{name}={value}"] for name, values in switches(ferry) for value in values] + [[n] for n in NUMBERS]
    for settings in rows:
        if settings in done:
            continue
        failed = len(matrix.failed)
        print(" ".join(settings), flush=True)
        matrix.programs(settings, elves)
        env = {**matrix.environment(settings), "FERRY_SET": " ".join(settings), "FERRY_SEQUENCES": "50"}
        if settings[0].split("=")[0] in COMPILERS:
            matrix.call("instructions", settings, [build / "tests/test_insn"], timeout=3600, env=env)
            matrix.call("random sequences", settings,
                        [build / "tests/test_random", "every tier does what the interpreter does"], timeout=3600, env=env)
        kernel = ["-kernel", str(guest / "Image"), "-initrd", str(guest / "initrd.cpio.gz"), "-append", "console=ttyAMA0"]
        matrix.boots(settings, kernel)
        matrix.lockstep(settings, kernel)
        if len(matrix.failed) == failed:
            done.append(settings)
            state.write_text(json.dumps(done))
    if "FERRY_COUNTS" in os.environ:
        pathlib.Path(os.environ["FERRY_COUNTS"]).write_text(json.dumps({"rows": len(rows)}))
    matrix.finish(len(rows))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("quick", "full"):
        sys.exit(__doc__)
    {"quick": quick, "full": full}[sys.argv[1]](*sys.argv[2:])
