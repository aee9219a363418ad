#!/usr/bin/python3
"""ferry verify from outside: statuses, oracles that are missing, wrong or bad, reports that repeat, lockstep.

usage: verify_test.py FERRY WRONG_ORACLE [unittest options]
"""
import json
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient

FERRY = WRONG = None


class Verify(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferry-verify-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def verify(self, *arguments, status=0, **kw):
        done = subprocess.run([FERRY, "verify", *map(str, arguments)], capture_output=True, text=True, timeout=patient(600), **kw)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def need_qemu(self):
        if not shutil.which("qemu-aarch64") or not WRONG.exists():
            self.skipTest("qemu-aarch64 or the cross compiler is missing")

    def script(self, text):
        path = self.folder / "oracle"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def test_agrees(self):
        self.need_qemu()
        text = self.verify("--class", "immediate,mixed", "--sequences", 20, "--states", 16, "--seed", 5)
        self.assertRegex(text, r"immediate +20 sequences +320 cases")
        self.assertIn("no difference (seed 5)", text)

    def test_programs(self):
        arguments = ["--class", "loops,programs", "--against", "interp", "--sequences", 3, "--seed", 2]
        for tier in "baseline", "tiered":
            text = self.verify(*arguments, "--tier", tier)
            self.assertRegex(text, r"loops +3 sequences +24 cases")
            self.assertIn("no difference (seed 2)", text)

    def test_agrees_with_unicorn(self):
        if not FERRY.with_name("ferry-oracle-unicorn").exists():
            self.skipTest("built without Unicorn")
        self.assertIn("no difference", self.verify("--against", "unicorn", "--class", "register,load-store,fp",
                                                   "--sequences", 20, "--states", 16, "--seed", 5))

    def test_difference_is_found_shrunk_and_repeats(self):
        self.need_qemu()
        text = self.verify("--class", "mixed", "--seed", 3, "--states", 32, "--oracle", WRONG, status=1)
        listing = re.findall(r"^  1000\d{4}  [0-9a-f]{8}  (.*)$", text, re.M)
        self.assertEqual(len(listing), 1)
        self.assertRegex(listing[0], r"^(add|mov|adds|cmn) ")
        self.assertRegex(text, r"(?m)^\* x\d+ ")
        for part in ("IR as translated", "IR after the passes", "host code"):
            self.assertIn(part, text)
        again = shlex.split(re.search(r"^again: ferry verify (.*)$", text, re.M)[1])
        second = self.verify(*again, status=1)
        self.assertEqual(re.findall(r"^[ *] .*", second, re.M)[:3], re.findall(r"^[ *] .*", text, re.M)[:3])

    def test_oracles_that_fail(self):
        self.need_qemu()
        self.assertIn("no such program", self.verify("--oracle", "/nonexistent", status=2))
        self.assertIn("ended with status", self.verify("--oracle", self.script("exit 3\n"), status=2))

    def test_oracle_is_missing(self):
        lone = self.folder / "ferry"
        shutil.copy(FERRY, lone)
        done = subprocess.run([lone, "verify"], capture_output=True, text=True, env={"PATH": "/nonexistent"})
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"ferry: verify: qemu-aarch64: not beside ferry and not on PATH, expected the package")

    def test_usage(self):
        for arguments, sentence in (
            (["--agains", "qemu"], "did you mean --against?"),
            (["--against", "bochs"], "expected one of interp, qemu, unicorn"),
            (["--class", "simb"], "did you mean simd?"),
            (["--cases", "0"], "expected a number from 1"),
            (["--cases"], "no value, expected N"),
            (["--against", "interp", "--tier", "interp"], "the same thing twice"),
            (["--tier", "tiered"], "expected --against interp, or --lockstep"),
            (["--tier", "tiered", "--class", "fp"], "only for programs and --lockstep"),
            (["--class", "fp,loops"], "--class loops: expected --against interp"),
            (["--lockstep"], "expected -- and the options of a run"),
            (["--lockstep", "--", "-nothing"], "no such option"),
            (["--lockstep", "--", "--time", "real"], "only with --time virtual"),
            (["--cpu", "cortex-a99"], "no such CPU model"),
            (["--", "-m", "1G"], "only for --lockstep"),
        ):
            with self.subTest(arguments):
                self.assertIn(sentence, self.verify(*arguments, status=2))
        self.assertIn("usage: ferry verify", self.verify("--help"))
        self.assertIn("load-store-simd", self.verify("--list"))

    def test_progress_goes_on(self):
        progress, counts = self.folder / "progress", self.folder / "counts"
        plan = ["--against", "interp", "--class", "fp", "--states", 8, "--progress", progress, "--counts", counts]
        self.verify(*plan, "--sequences", 10)
        first = json.loads(counts.read_text())
        self.assertEqual((first["sequences"], first["cases"], first["differences"]), (10, 80, 0))
        self.verify(*plan, "--sequences", 25)
        second = json.loads(counts.read_text())
        self.assertEqual((second["sequences"], second["cases"], second["seed"]), (25, 200, first["seed"]))
        self.assertGreater(second["distinct_words"], first["distinct_words"])
        self.assertIn("expected", self.verify(*plan, "--cpu", "max", status=2))
        progress.write_text("rubbish")
        self.assertIn("not a progress file", self.verify(*plan, status=2))

    def test_lockstep(self):
        # movz x0, #0x8400, lsl #16; movk x0, #8; hvc #0 behind a loop
        words = [0xD289C400, 0xF1000400, 0x8B000063, 0xB5FFFFC0, 0xD2800100, 0xF2B08000, 0xD4000002]
        run = [x for i, w in enumerate(words)
               for x in ("-device", f"loader,addr={0x40080000 + 4 * i:#x},data={w:#x},data-len=4")]
        run += ["-device", "loader,addr=0x40080000,cpu-num=0", "-m", "16M", "-serial", "null"]
        text = self.verify("--lockstep", "--quantum", 1000, "--", *run)
        self.assertRegex(text, r"baseline against interp: no difference in 6\d{4} instructions, 6\d looks")
        self.assertIn("ended by: the guest ended", text)


if __name__ == "__main__":
    FERRY, WRONG = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
