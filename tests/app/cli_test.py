#!/usr/bin/python3
"""The ferry program from outside: exit statuses, files it refuses, the terminal, signals, repeatable runs.

usage: cli_test.py FERRY [unittest options]    guests are a few words of code, put into memory by -device loader
"""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient, patient_option

FERRY = None
BASE = 0x40000000
UART = 0x09000000


def movz(rd, value, shift=0):
    return 0xD2800000 | (shift // 16) << 21 | value << 5 | rd


def movk(rd, value, shift=0):
    return 0xF2800000 | (shift // 16) << 21 | value << 5 | rd


def load(rd, value):
    """Words that put a 32-bit value into X<rd>."""
    return [movz(rd, value & 0xFFFF), movk(rd, value >> 16, 16)]


def put(text):
    """Words that print text on the UART, which works without being set up."""
    words = load(1, UART) + [movz(2, 0x301), 0xB9003022]  # UARTCR: on
    for char in text.encode():
        words += [movz(2, char), 0x39000022]  # strb w2, [x1]
    return words


SYSTEM_OFF = load(0, 0x84000008) + [0xD4000002]
SYSTEM_RESET = load(0, 0x84000009) + [0xD4000002]
FOREVER = [0x14000000]
SLEEP = [0xD503207F, 0x17FFFFFF]  # wfi; b .-4


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferry-cli-"))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def program(self, words):
        """Options that run these words."""
        path = self.file("code.bin", struct.pack(f"<{len(words)}I", *words))
        return ["-m", "64", "-device", f"loader,file={path},addr={BASE + 0x200000:#x},cpu-num=0,force-raw=on"]

    def start(self, *options, **more):
        return subprocess.Popen([FERRY, "run", *options], stdin=more.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def run_ferry(self, *options, status=0, seconds=60):
        process = self.start(*options)
        out, err = process.communicate(timeout=patient(seconds))
        self.assertEqual(process.returncode, status, f"{options}\n{out}\n{err}")
        return out, err

    def refused(self, *options):
        """The one line that says why; status 2."""
        out, err = self.run_ferry(*options, status=2)
        lines = [line for line in err.splitlines() if not re.match(r"ferry: -M \S+ -cpu", line)]
        self.assertEqual(out, "")
        self.assertEqual(len(lines), 1, err)
        self.assertTrue(lines[0].startswith("ferry: "), err)
        return lines[0]


class ExitStatus(Case):
    def test_power_off(self):
        out, err = self.run_ferry(*self.program(put("hello\n") + SYSTEM_OFF))
        self.assertEqual(out, "hello\n")
        self.assertTrue(err.startswith("ferry: -M virt,gic-version=3 -cpu cortex-a57"), err)

    def test_expect_ends_at_once(self):
        self.run_ferry(*self.program(put("login:") + FOREVER), "--expect", "login:")

    def test_expect_not_seen(self):
        _, err = self.run_ferry(*self.program(put("logout") + SYSTEM_OFF), "--expect", "login:", status=3)
        self.assertIn("login:", err)

    def test_timeout(self):
        begin = time.monotonic()
        self.run_ferry(*self.program(SLEEP), "--timeout", "700ms", status=124)
        self.assertGreater(time.monotonic() - begin, 0.6)
        self.run_ferry(*self.program(FOREVER), "--timeout", "300ms", status=124)

    def test_no_reboot(self):
        self.run_ferry(*self.program(SYSTEM_RESET), "-no-reboot")

    def test_reboot(self):
        """Without -no-reboot the guest starts again, with its images as they were."""
        # The word at BASE + 0x100000 counts starts: memory keeps what no image covers.
        words = put("x") + load(1, BASE + 0x100000) + [
            0xB9400022,  # ldr w2, [x1]
            0x11000442,  # add w2, w2, #1
            0xB9000022,  # str w2, [x1]
            0x71000C5F,  # cmp w2, #3
            0x54000080,  # b.eq +16
        ] + SYSTEM_RESET + SYSTEM_OFF
        out, _ = self.run_ferry(*self.program(words))
        self.assertEqual(out, "xxx")

    def test_signals(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start(*self.program(put("up") + SLEEP))
            self.assertEqual(process.stdout.read(2), "up")
            process.send_signal(number)
            process.communicate(timeout=patient(20))
            self.assertEqual(process.returncode, status)

    def test_unknown_options(self):
        self.assertIn("did you mean -kernel?", self.refused("-kernle", "x"))
        self.assertIn("nothing to run", self.refused("-m", "64"))
        process = subprocess.run([FERRY], capture_output=True, text=True, check=False)
        self.assertEqual(process.returncode, 2)

    def test_questions(self):
        for options, word in ((["-M", "help"], "virt"), (["-cpu", "help"], "cortex-a57"), (["-device", "help"], "virtio-blk-device"),
                              (["-d", "help"], "guest_errors"), (["--settings"], "chain.direct"), (["--help"], "-kernel FILE"),
                              (["--version"], "ferry ")):
            out, _ = self.run_ferry(*options)
            self.assertIn(word, out)


class BadFiles(Case):
    def test_files(self):
        missing = str(self.folder / "missing")
        junk = self.file("junk", b"junk" * 100)
        for option in ("-kernel", "-bios", "-dtb"):
            self.assertIn(missing, self.refused(option, missing))
        self.assertIn("not a kernel image", self.refused("-kernel", junk))
        self.assertIn("device tree blob", self.refused("-dtb", junk, "-kernel", junk))
        self.assertIn("is a folder", self.refused("-kernel", str(self.folder)))
        big = str(self.folder / "big")
        with open(big, "wb") as file:
            file.truncate(65 << 20)
        self.assertIn("too large", self.refused("-bios", big))
        self.assertIn("too large", self.refused("-kernel", big, "-m", "64"))

    def test_disks(self):
        program = self.program(SYSTEM_OFF)
        drive = lambda path, more="": self.refused(*program, "-drive", f"if=none,file={path},id=d{more}", "-device", "virtio-blk-device,drive=d")
        self.assertIn("No such file", drive(self.folder / "missing"))
        self.assertIn("whole sectors", drive(self.file("odd", b"x" * 700)))
        self.assertIn("is empty", drive(self.file("empty", b"")))
        self.assertIn("no such drive", self.refused(*program, "-device", "virtio-blk-device,drive=d"))
        self.assertIn("did you mean virtio-blk-device", self.refused(*program, "-device", "virtio-blk-devic"))

    def test_cpu_and_board(self):
        program = self.program(SYSTEM_OFF)
        self.assertIn("cortex-a99", self.refused(*program, "-cpu", "cortex-a99"))
        self.assertIn("vritual", self.refused(*program, "-M", "vritual"))
        self.assertIn("expected 1 to 8", self.refused(*program, "-smp", "9"))

    def test_dumpdtb(self):
        path = str(self.folder / "board.dtb")
        self.run_ferry("-M", f"virt,dumpdtb={path}", "-m", "2G")
        blob = pathlib.Path(path).read_bytes()
        self.assertEqual(blob[:4], b"\xd0\x0d\xfe\xed")
        self.run_ferry(*self.program(put("ok") + SYSTEM_OFF), "-dtb", path, "--expect", "ok")
        for size in (0, 10, 100, len(blob) // 2, len(blob) - 8):
            self.refused("-dtb", self.file("cut.dtb", blob[:size]), "-kernel", path)
        full = "/dev/full"
        self.assertIn("No space left", self.refused("-M", f"virt,dumpdtb={full}"))


class Module(Case):
    """The optimizing tier is a file of its own, which must be of the program's build."""

    def test_of_another_build(self):
        real = pathlib.Path(FERRY).parent / "ferry_optimizing.so"
        if not real.exists():
            self.skipTest("a build without the optimizing tier")
        mark = int((real.parent / "jit/build_id.inc").read_text(), 16).to_bytes(8, "little")
        module = real.read_bytes()
        self.assertIn(mark, module)
        program = shutil.copy2(FERRY, self.folder / "ferry")
        other = pathlib.Path(self.file("ferry_optimizing.so", module.replace(mark, bytes(8))))
        run = [program, "run", *self.program(SYSTEM_OFF), "--tier", "llvm"]
        done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(60))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"{other}: belongs to another build, expected that of the program", done.stderr)
        other.write_bytes(module)
        done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(60))
        self.assertEqual(done.returncode, 0, done.stderr)


class Repeatable(Case):
    WORDS = put("start") + load(3, 200000) + [0xD1000463, 0xB5FFFFE3] + put("end") + SYSTEM_OFF

    def test_same_hash_in_every_run_and_tier(self):
        for insns in (1000, 123457, 300001):
            seen = set()
            for tier in ("interp", "baseline", "tiered", "interp"):
                out, _ = self.run_ferry(*self.program(self.WORDS), "--time", "virtual", "--stop-at", f"insns={insns}", "--hash", "--tier", tier)
                seen.add(out)
            self.assertEqual(len(seen), 1, seen)
            self.assertRegex(out, r"hash ram=\w{16} registers=\w{16} console=\w{16}\n$")

    def test_limits(self):
        _, err = self.run_ferry(*self.program(FOREVER), "--time", "virtual", "--limit-insns", "50000", "--stats=json", status=124)
        report = json.loads(err.splitlines()[-1])
        self.assertEqual(report["ended_by"], "limit-insns")
        self.assertEqual(report["instructions"], 50000)
        self.run_ferry(*self.program(FOREVER), "--stop-at", "insns=5")
        self.assertIn("--time virtual", self.refused(*self.program(FOREVER), "--time", "real", "--stop-at", "insns=5"))

    def test_virtual_time_jumps_over_idle(self):
        """A guest that sleeps for an hour of its time is done at once."""
        # cntv_tval_el0 = 0x0fffffff ticks; cntv_ctl_el0 = 1; wfi
        words = load(0, 0x0FFFFFFF) + [0xD51BE300, movz(0, 1), 0xD51BE320, 0xD503207F, 0xD53BE320] + put("woke") + SYSTEM_OFF
        begin = time.monotonic()
        self.run_ferry(*self.program(words), "--time", "virtual", "--expect", "woke", "--timeout", patient_option(20))
        self.assertLess(time.monotonic() - begin, patient(10))


class Terminal(Case):
    # Reads the UART and prints what comes, in a loop: ldr w2,[x1,#0x18]; tbnz w2,#4,.-4; ldrb w3,[x1]; strb w3,[x1]; b .-16
    ECHO = put("ready") + [0xB9401822, 0x3727FFE2, 0x39400023, 0x39000023, 0x17FFFFFC]

    def open(self, *options):
        leader, follower = pty.openpty()
        before = termios.tcgetattr(follower)
        process = subprocess.Popen([FERRY, "run", *self.program(self.ECHO), *options], stdin=follower, stdout=follower, stderr=subprocess.DEVNULL,
                                   start_new_session=True, preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0))
        self.addCleanup(os.close, leader)
        self.addCleanup(os.close, follower)
        self.addCleanup(lambda: (process.kill(), process.wait()) if process.poll() is None else None)
        self.text = b""
        self.wait_for(leader, b"ready")
        return process, leader, follower, before

    def wait_for(self, leader, wanted, seconds=20):
        end = time.monotonic() + patient(seconds)
        while wanted not in self.text:
            self.assertLess(time.monotonic(), end, f"{wanted} did not come: {self.text}")
            if select.select([leader], [], [], 0.1)[0]:
                self.text += os.read(leader, 4096)

    def check_restored(self, follower, before):
        self.assertEqual(termios.tcgetattr(follower), before)

    def test_keys(self):
        process, leader, follower, before = self.open()
        self.assertNotEqual(termios.tcgetattr(follower)[3], before[3])
        os.write(leader, b"abc\x03")
        self.wait_for(leader, b"abc\x03")  # Ctrl-C goes to the guest
        os.write(leader, b"\x01h")
        self.wait_for(leader, b"Ctrl-A x")
        os.write(leader, b"\x01chelp\r")
        self.wait_for(leader, b"info registers")
        os.write(leader, b"info registers\r")
        self.wait_for(leader, b"SCTLR_EL1=")
        os.write(leader, b"info cpus\rcpu 0\rcpu 9\r")
        self.wait_for(leader, b"* CPU 0: pc=")
        self.wait_for(leader, b"cpu 9: no such processor, expected 0 to 0")
        os.write(leader, b"info stats\rinfo mtree\r")
        self.wait_for(leader, b"pl011@9000000")
        os.write(leader, b"bogus\r")
        self.wait_for(leader, b"no such command")
        os.write(leader, b"\x01cdef")
        self.wait_for(leader, b"def")
        os.write(leader, b"\x01x")
        self.assertEqual(process.wait(20), 0)
        self.check_restored(follower, before)

    def test_quit_in_the_monitor(self):
        process, leader, follower, before = self.open()
        os.write(leader, b"\x01cquit\r")
        self.assertEqual(process.wait(20), 0)
        self.check_restored(follower, before)

    def test_signals_and_crash_restore_the_terminal(self):
        for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGSEGV, 70), (signal.SIGABRT, 70)):
            process, _, follower, before = self.open()
            process.send_signal(number)
            self.assertEqual(process.wait(20), status)
            self.check_restored(follower, before)

    def test_interrupt_key_with_plain_stdio(self):
        process, leader, follower, before = self.open("-serial", "stdio")
        os.write(leader, b"\x03")
        self.assertEqual(process.wait(20), 130)
        self.check_restored(follower, before)


class Serial(Case):
    def test_back_ends(self):
        log = self.folder / "serial.log"
        out, _ = self.run_ferry(*self.program(put("to a file\n") + SYSTEM_OFF), "-serial", f"file:{log}")
        self.assertEqual((out, log.read_text()), ("", "to a file\n"))
        out, _ = self.run_ferry(*self.program(put("x") + SYSTEM_OFF), "-serial", "null")
        self.assertEqual(out, "")
        self.assertIn("expected a file", self.refused(*self.program(SYSTEM_OFF), "-serial", f"file:{self.folder}/no/such"))

    def test_full_disk_does_not_end_the_guest(self):
        _, err = self.run_ferry(*self.program(put("lost") + SYSTEM_OFF), "-serial", "file:/dev/full")
        self.assertIn("No space left", err)

    def test_piped_input_arrives_whole(self):
        text = "".join(f"{i}," for i in range(3000)) + "!"
        process = self.start(*self.program(Terminal.ECHO), "--expect", "!", "--timeout", patient_option(60), stdin=subprocess.PIPE)
        out, err = process.communicate(text, timeout=patient(60))
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, "ready" + text)

    def test_silence_is_explained(self):
        process = self.start(*self.program(SLEEP), "--timeout", "11s")
        _, err = process.communicate(timeout=patient(30))
        self.assertRegex(err, r"nothing on the serial line for 10 s.*console=ttyAMA0")


class Guests(Case):
    """Guests that do what no guest should: an exception or a log line, never a crash of ferry's."""

    def test_jump_into_nowhere(self):
        for target in (0x00100000, 0x30000000, 0x0000FFF0):
            words = load(0, target) + [movk(0, 0x7F, 32), 0xD61F0000]
            self.run_ferry(*self.program(words), "--timeout", "400ms", status=124)

    def test_faults_in_the_fault_handler(self):
        words = load(0, 0xFFFFFFF8) + [0xD518C000, 0x00000000]  # msr vbar_el1, x0; udf
        self.run_ferry(*self.program(words), "--timeout", "400ms", status=124)

    def test_garbage_into_every_device(self):
        windows = [(0x08000000, 0x10000), (0x080A0000, 0x20000)] + [(0x09000000 + i * 0x10000, 0x1000) for i in (0, 1, 3)] + [(0x0A000000, 0x4000)]
        words = []
        for base, size in windows:  # for x1 from base by 4: ldr w2, [x1]; str w1, [x1]
            words += load(1, base) + load(3, base + size) + [0xB9400022, 0xB9000021, 0x91001021, 0xEB03003F, 0x54FFFF83]
        words += SYSTEM_OFF
        self.run_ferry(*self.program(words), "-serial", "null", "--timeout", patient_option(60))


if __name__ == "__main__":
    FERRY = sys.argv.pop(1)
    unittest.main(verbosity=2)
