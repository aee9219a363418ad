#!/usr/bin/python3
"""Semihosting from the guest's side and from the host's: every operation, files inside and outside the folder, exit statuses.

usage: semihosting_test.py FERRY ELF [unittest options]    ELF: tests/guest/semihosting
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient, patient_option

FERRY = ELF = None
HERE = pathlib.Path(__file__).resolve().parent
EACCES, EISDIR, ENOENT = 13, 21, 2

# What QEMU 7.2 says differently.
QEMU_DIFFERS = {
    "flen c": "the file has 12 bytes after an append; QEMU answers 10",
    "tt istty 1": "QEMU asks whether its own standard output is a terminal, which it is not here",
    "written to tt": "QEMU prints SYS_WRITE to :tt on standard output and SYS_WRITE0 on standard error",
    "unknown ffffffffffffffff": "QEMU ends itself at an operation it does not know",
    "system refused 1": "as above: it comes after",
}


class Semihosting(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="ferry-semihosting-"))
        self.folder = self.top / "inside"
        self.folder.mkdir()

    def tearDown(self):
        shutil.rmtree(self.top)

    def run_ferry(self, *options, words="", stdin="", status=0, program=None):
        command = [FERRY, "run", "-kernel", program or ELF, "-append", words, *([] if "--timeout" in options else ["--timeout", patient_option(100)]), *options]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=self.folder)
        if done.returncode == 2 and "no compiler for it" in done.stderr:
            self.skipTest("this build lacks a tier")
        self.assertEqual(done.returncode, status, f"{options} {words}\n{done.stdout}\n{done.stderr}")
        return done.stdout, done.stderr

    def results(self, text):
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if " " in line)

    def test_every_operation_in_every_tier(self):
        expected = (HERE / "semihosting/expected.txt").read_text()
        for options in (["--tier", "interp"], ["--tier", "baseline"], ["--tier", "tiered"], ["--time", "virtual"], ["-serial", "null"]):
            out, err = self.run_ferry("-semihosting", *options, words="bad", status=42)
            self.assertEqual(out.replace("\r", ""), expected, options)
            self.assertIn("written to err\n", err)
            self.assertEqual(list(self.folder.iterdir()), [])

    def test_console_in_a_file(self):
        expected = (HERE / "semihosting/expected.txt").read_text()
        out, err = self.run_ferry("-chardev", f"file,id=output,path={self.top}/console", "-semihosting-config",
                                  "enable=on,target=native,chardev=output", words="bad", status=42)
        console = (self.top / "console").read_text().replace("\r", "")
        self.assertEqual(out, "")
        self.assertNotIn("written to err", err)
        self.assertIn("written to err\n", console)
        # A file is no terminal and has no input; the rest is the same.
        differ = {a for a, b in zip(self.results(expected).items(), self.results(console).items()) if a != b}
        self.assertLess(len(differ), len(self.results(expected)) / 4, console)

    def test_console_nowhere(self):
        out, _ = self.run_ferry("-chardev", "null,id=n", "-semihosting-config", "enable=on,chardev=n", words="bad", status=42)
        self.assertEqual(out, "")

    def test_qemu_says_the_same(self):
        program = shutil.which("qemu-system-aarch64")
        if program is None:
            self.skipTest("qemu-system-aarch64 is not installed")
        done = subprocess.run([program, "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-display", "none", "-serial", "null", "-monitor", "none", "-nic",
                               "none", "-semihosting", "-kernel", ELF, "-append", "bad"], capture_output=True, text=True, cwd=self.folder, timeout=100)
        got = set(done.stderr.splitlines())
        ours = [line for line in (HERE / "semihosting/expected.txt").read_text().splitlines() if not line.startswith(("bad ", "long "))]
        self.assertEqual([line for line in ours if line not in got], list(QEMU_DIFFERS))

    def test_virtual_time_repeats(self):
        runs = [self.run_ferry("-semihosting", "--time", "virtual", "--hash", words="x", status=42)[0] for _ in range(2)]
        self.assertEqual(runs[0], runs[1])
        self.assertIn("hash ram=", runs[0])

    def test_exit_status(self):
        for asked, status in ((0, 0), (1, 1), (3, 3), (77, 77), (255, 255), (257, 1), (256, 1)):
            self.run_ferry("-semihosting", words=f"status {asked}", status=status)
        _, err = self.run_ferry("-semihosting", words="abort", status=1)
        self.assertIn("reason 0x20023", err)
        self.run_ferry("-semihosting", words="bad exit", status=1)
        self.run_ferry("-semihosting", "--expect", "cmdline length", words="status 5", status=0)
        self.run_ferry("-semihosting", "--expect", "never printed", words="status 0", status=3)

    def test_off_it_is_undefined(self):
        for options in ([], ["-semihosting-config", "enable=off"]):
            log = self.top / "log"
            out, _ = self.run_ferry("-d", "int", "-D", str(log), "--timeout", "300ms", *options, status=124)
            self.assertEqual(out, "")
            with log.open() as lines:
                self.assertRegex(lines.readline(), r"exception ec 0x0 .* word d45e0000 el1")

    def test_el0(self):
        out, _ = self.run_ferry("-semihosting", words="el0")
        self.assertEqual(self.results(out)["el0 esr"], "2000000")  # unknown reason, at the HLT
        out, _ = self.run_ferry("-semihosting-config", "enable=on,target=native,userspace=on", words="el0")
        self.assertEqual(self.results(out)["el0 esr"], "56000000")  # the SVC behind it

    def test_command_line(self):
        out, _ = self.run_ferry("-semihosting-config", "enable=on,arg=prog,arg=one,,two,arg=three", words="echo", status=42)
        self.assertIn("words: one,two three\n", out.replace("\r", ""))

    def test_input(self):
        out, _ = self.run_ferry("-semihosting", words="echo", stdin="ab!the rest\n")
        self.assertIn("<a><b>piece of 1\nthe rest\n\nend of input\n", out.replace("\r", ""))
        out, _ = self.run_ferry("-semihosting", "--time", "virtual", "-serial", "null", words="echo", stdin="x" * 300)
        self.assertIn("<x>" * 300 + "\nend of input\n", out.replace("\r", ""))

    def test_waiting_for_input_can_be_ended(self):
        read, write = os.pipe()
        for time in ("real", "virtual"):
            done = subprocess.run([FERRY, "run", "-kernel", ELF, "-append", "echo", "-semihosting", "--time", time, "--timeout", "500ms"], stdin=read,
                                  capture_output=True, timeout=patient(60))
            self.assertEqual(done.returncode, 124, done.stderr)
        os.close(read)
        os.close(write)

    def open_named(self, name, mode=0, options=("-semihosting",)):
        out, err = self.run_ferry(*options, words=f"open {mode} {name}")
        return self.results(out), err

    def test_outside_the_folder(self):
        outside = self.top / "outside"
        outside.mkdir()
        (outside / "secret").write_text("s")
        (self.folder / "link").symlink_to("../outside/secret")
        (self.folder / "way").symlink_to("../outside")
        (self.folder / "absolute").symlink_to(outside / "secret")
        (self.folder / "dangling").symlink_to("../outside/new")
        (self.folder / "sub").mkdir()
        for name in ("../outside/secret", "sub/../../outside/secret", "way/secret", "..", "../inside/../outside/secret", str(outside / "secret"), "/etc/passwd",
                     "/proc/self/exe", str(self.folder) + "/../outside/secret", str(self.folder) + "x"):
            for mode in (0, 4, 8) if name == "way/secret" else (4,):
                said, err = self.open_named(name, mode)
                self.assertEqual((said["open"], int(said["errno"], 16)), ("1", EACCES), name)
                self.assertEqual((said["remove"], said["rename"]), ("1", "1"), name)
                self.assertIn(f"\"{name}\" is not inside {self.folder}", err)
        self.assertEqual((outside / "secret").read_text(), "s")
        # A link is its own to remove and rename, not what it points to.
        for name in ("link", "absolute", "dangling"):
            said, err = self.open_named(name, 4)
            self.assertEqual((said["open"], int(said["errno"], 16)), ("1", EACCES), name)
            self.assertIn(f"\"{name}\" is not inside", err)
        self.assertEqual([path.name for path in outside.iterdir()], ["secret"])
        self.assertEqual((outside / "secret").read_text(), "s")

    def test_inside_the_folder(self):
        (self.folder / "sub").mkdir()
        (self.folder / "file").write_text("x")
        (self.folder / "inner").symlink_to("sub")
        for name in ("new", "sub/new", "sub/../new", "inner/new", f"{self.folder}/sub/new", "./new"):
            said, _ = self.open_named(name, 4)
            self.assertEqual((said["open"], said["remove"]), ("0", "0"), name)
        said, _ = self.open_named("sub", 0)
        self.assertEqual((said["open"], int(said["errno"], 16)), ("1", EISDIR))
        os.mkfifo(self.folder / "pipe")
        for mode in (0, 2):
            said, _ = self.open_named("pipe", mode)
            self.assertEqual(said["open"], "1")

    def test_folder_option(self):
        other = self.top / "other, too"
        other.mkdir()
        (other / "there").write_text("x")
        said, _ = self.open_named("there", 0, ("-semihosting-config", "dir=" + str(other).replace(",", ",,")))
        self.assertEqual((said["open"], said["remove"]), ("0", "0"))
        said, err = self.open_named("any", 4, ("-semihosting-config", "enable=on,dir="))
        self.assertEqual(int(said["errno"], 16), EACCES)
        self.assertIn("may use no files", err)
        for folder, what in (("missing", "No such file"), ("other, too/../inside/file", "")):
            (self.folder / "file").write_text("")
            _, err = self.run_ferry("-semihosting-config", "dir=" + str(self.top / folder).replace(",", ",,"), status=2)
            self.assertRegex(err, rf"ferry: .*: {what}.*expected a folder")

    def test_options_that_are_refused(self):
        for value, sentence in (("target=gdb", "expected native or auto"), ("enable=perhaps", "not a switch"), ("chardev=c0", "no back end has this name"),
                                ("dri=x", "did you mean dir")):
            _, err = self.run_ferry("-semihosting-config", value, status=2)
            self.assertIn(sentence, err)


if __name__ == "__main__":
    FERRY, ELF = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=1)
