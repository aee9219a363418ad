#!/usr/bin/python3
"""The benchmarks' harness: a wrong checksum, a hang and a failure are told; an interrupted run goes on; nothing of another
program or option is taken over; the crypto rows' portable form and their instructions make the same."""
import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tools")]
import performance

try:
    import boot
    import common
    import debian
    import programs
except ImportError as error:  # pexpect is in the group `boot` of tools/packages.txt
    print(f"{error}: skipped")
    sys.exit(77)

CHOSEN = [("integer", "one"), ("integer", "two")]


def quiet(function, *args):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function(*args)


def column(checksum, log, seconds=1.0):
    """A column whose programs say `checksum`; what it ran is appended to log."""

    def run(name, turn):
        log.append((name, turn))
        return f"noise\nrow integer {name} {seconds * 2:.6f} {seconds:.6f} {checksum}\n"

    return run


class Harness(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.before, common.STATE = common.STATE, pathlib.Path(self.folder.name)

    def tearDown(self):
        common.STATE = self.before
        self.folder.cleanup()

    def state(self, key="same", fresh=False):
        return quiet(common.State, "t", key, fresh)

    def test_equal_checksums(self):
        log = []
        results = quiet(programs.measure, CHOSEN, {"native": column("aa", log, 0.5), "ferry": column("aa", log, 1.0)}, 2, self.state())
        rows, complaints = programs.judge(results)
        self.assertEqual(complaints, [])
        self.assertEqual(len(log), 8)
        self.assertEqual((rows[0]["first"]["ferry"], rows[0]["best"]["ferry"], rows[0]["spread"]["ferry"]), (2.0, 1.0, [1.0, 1.0]))
        self.assertEqual(programs.ratio(rows[0], "ferry", "native"), 2.0)

    def test_another_checksum_fails(self):
        results = quiet(programs.measure, CHOSEN, {"native": column("aa", []), "ferry": column("ab", [])}, 1, self.state())
        complaints = programs.judge(results)[1]
        self.assertEqual(len(complaints), 2)
        self.assertIn("one: checksums differ: native aa, ferry ab", complaints)

    def test_a_checksum_that_changes_between_rounds_fails(self):
        rounds = iter(["aa", "aa", "aa", "ab"])
        columns = {"ferry": lambda name, turn: f"row integer {name} 1 1 {next(rounds)}"}
        complaints = programs.judge(quiet(programs.measure, CHOSEN, columns, 2, self.state()))[1]
        self.assertEqual(complaints, ["two: checksums differ: ferry aa ab"])

    def test_a_failure_is_told_and_the_others_go_on(self):
        def fails(name, turn):
            raise common.g.GuestError("no prompt within 3 s")

        columns = {"native": column("aa", []), "ferry": fails}
        rows, complaints = programs.judge(quiet(programs.measure, CHOSEN, columns, 1, self.state()))
        self.assertEqual(complaints, [f"{n} failed on ferry: no prompt within 3 s" for n in ("one", "two")])
        self.assertEqual(rows[1]["best"], {"native": 1.0})
        self.assertIn("| - |", programs.table(rows, ["QEMU", "ferry"]))

    def test_page_table_isolation(self):
        class Machines:
            def shell(self, name, line, limit):
                return {"on": "[    0.000000] CPU features: detected: Kernel page table isolation (KPTI)", "off": line}[name]

        self.assertEqual(programs.page_tables_isolated(Machines(), ["on", "off"]), {"on": True, "off": False})

    def test_silence_is_a_failure(self):
        columns = {"ferry": lambda name, turn: "sh: suite: not found"}
        complaints = programs.judge(quiet(programs.measure, CHOSEN, columns, 1, self.state()))[1]
        self.assertEqual(len(complaints), 2)

    def test_resume(self):
        log = []
        calls = 0

        def interrupted(name, turn):
            nonlocal calls
            calls += 1
            if calls == 4:
                raise KeyboardInterrupt
            return column("aa", log)(name, turn)

        with self.assertRaises(KeyboardInterrupt):
            quiet(programs.measure, CHOSEN, {"ferry": interrupted}, 3, self.state())
        rest = []
        results = quiet(programs.measure, CHOSEN, {"ferry": column("aa", rest)}, 3, self.state())
        self.assertEqual(log + rest, [(n, t) for t in range(3) for n in ("one", "two")])
        self.assertEqual(len(results["two"]["columns"]["ferry"]), 3)

    def test_kept_figures_belong_to_their_key(self):
        self.state().put("0/one/ferry", [1, 1, "aa"])
        self.assertIsNotNone(self.state().get("0/one/ferry"))
        self.assertIsNone(self.state(key="other").get("0/one/ferry"))
        self.assertIsNone(self.state(fresh=True).get("0/one/ferry"))
        self.state().path.write_text("{ torn")
        self.assertIsNone(self.state().get("0/one/ferry"))
        done = self.state()
        done.put("x", 1)
        done.finish(["x failed on ferry: no prompt"])
        self.assertIsNotNone(self.state().get("x"))
        done.finish(["x: checksums differ: native aa, ferry ab"])
        self.assertIsNone(self.state().get("x"))

    def test_the_key_follows_the_program(self):
        before, common.g.FERRY = common.g.FERRY, str(pathlib.Path(self.folder.name) / "ferry")
        try:
            pathlib.Path(common.g.FERRY).write_text("one build")
            first = common.identity({})
            pathlib.Path(common.g.FERRY).write_text("another build")
            self.assertNotEqual(first, common.identity({}))
            self.assertNotEqual(common.identity({"rounds": 1}), common.identity({"rounds": 2}))
            self.assertEqual(json.loads(json.dumps(first)), first)
        finally:
            common.g.FERRY = before

    def test_a_guest_that_hangs_is_started_again(self):
        starts = pathlib.Path(self.folder.name) / "starts"
        script = f"echo x >> {starts}; stty -echo; while printf '/ # ' && read -r l; do echo \"$l\"; [ \"$l\" = hang ] && sleep 60; echo said; done"
        with common.Machines({"fake": ["/bin/sh", "-c", script]}, r"/ # $", 60) as machines:
            self.assertIn("said", machines.shell("fake", "word", 60))
            with self.assertRaises(common.g.GuestError):
                machines.shell("fake", "hang", 1)
            self.assertIn("said", machines.shell("fake", "word", 60))
        self.assertEqual(starts.read_text(), "x\nx\n")


class Boots(unittest.TestCase):
    def test_figures_and_failures(self):
        talk = ["/bin/sh", "-c", "printf '/ # '; read -r l; [ \"$l\" = poweroff ]"]
        with tempfile.TemporaryDirectory() as folder:
            before, common.STATE = common.STATE, pathlib.Path(folder)
            try:
                state = quiet(common.State, "b", "same", False)
                columns = {"QEMU": boot.Column(talk), "ferry": boot.Column(["/bin/false"])}
                rows, complaints = quiet(boot.measure, "min", columns, 2, 60, state)
            finally:
                common.STATE = before
        self.assertEqual([r["emulator"] for r in rows], ["QEMU"])
        self.assertEqual(complaints, ["boot of min failed on ferry"] * 2)
        self.assertGreater(rows[0]["peak RSS MiB"] + 1, rows[0]["MiB on arrival"])

    def test_caches(self):
        with tempfile.TemporaryDirectory() as folder:
            empty, filled = boot.empty_cache(folder), boot.filled_cache(folder)
            self.assertNotEqual(empty(0), empty(1))
            self.assertEqual(filled(-1), filled(1))


class Debian(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(debian.parse("x\nwork gzip 852e-3 45a3\n"), [0.852, 0.852, "45a3"])
        self.assertIsNone(debian.parse("work sysbench missing sysbench\n"))
        with self.assertRaises(RuntimeError):
            debian.parse("work gcc failed cc1: out of memory\n")
        with self.assertRaises(RuntimeError):
            debian.parse("bash: work.sh: not found\n")

    def test_what_failed_once_is_not_tried_again(self):
        tried = []

        def fails(name):
            tried.append(name)
            raise RuntimeError("no")

        with tempfile.TemporaryDirectory() as folder:
            before, common.STATE = common.STATE, pathlib.Path(folder)
            try:
                columns = {"native": lambda name: f"work {name} missing it", "ferry": fails, "QEMU": lambda name: f"work {name} 2e-3 aa"}
                results = quiet(debian.measure, ["gzip"], columns, 3, quiet(common.State, "d", "same", False))
            finally:
                common.STATE = before
        rows, complaints = debian.judge(results)
        self.assertEqual((tried, len(complaints)), (["gzip"], 1))
        self.assertEqual(rows[0]["best"], {"QEMU": 0.002})

    def test_inputs_are_the_same_everywhere(self):
        self.assertEqual(debian.make_text(5000), debian.make_text(5000))
        self.assertEqual(debian.make_program(5), debian.make_program(5))

    def test_work(self):
        """The script runs here, and tells a program that is not there."""
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, BENCH_CC="no-such-compiler")
            for path in (TOP / "bench/debian").iterdir():
                shutil.copy(path, folder)
            work = lambda *a: subprocess.run(["bash", f"{folder}/work.sh", folder, *a], check=True, capture_output=True, text=True, env=env).stdout
            self.assertIn("gcc", work("--list").split())
            self.assertIsNone(debian.parse(work("gcc")))
            self.assertRegex(debian.parse(work("processes"))[2], "^[0-9a-f]{16}$")
            with self.assertRaises(RuntimeError):
                debian.parse(work("gzip"))  # there is no text here


class Page(unittest.TestCase):
    """The page's parts from records, and without them."""

    def put(self, folder, name, counts):
        record = {"date": "2026-01-02", "commit": "abc", "counts": {"rounds": 3, "versions": {"QEMU": "7.2.1"}, "complaints": [], **counts},
                  "machine": {"cpu": "a processor", "cores": 2, "memory_gib": 8, "system": "Debian"}}
        (pathlib.Path(folder) / f"bench_{name}.json").write_text(json.dumps(record))

    def row(self, kind, name, native, qemu, ferry):
        best = {"native": native, "QEMU": qemu, "ferry": ferry}
        return {"kind": kind, "name": name, "checksum": ["aa"], "first": best, "best": best, "spread": {c: [v, v * 1.25] for c, v in best.items()}}

    def test_parts(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in performance.PARTS:
                self.assertIn("Not measured yet", performance.part(name, pathlib.Path(folder)))
            rows = [self.row("integer", "sort", 1.0, 8.0, 1.5), self.row("integer", "sieve", 1.0, 8.0, 6.0), self.row("memory", "copy", 1.0, 2.0, 4.0)]
            self.put(folder, "programs", {"rows": rows, "page_tables_isolated": {"QEMU": True, "ferry": True}, "native_crypto": "portable C"})
            boots = [{"emulator": "QEMU", "arrive s": 1.2, "end s": 1.5, "MiB on arrival": 200}, {"emulator": "ferry", "arrive s": 1.0, "end s": 1.2, "MiB on arrival": 150}]
            self.put(folder, "boot", {"rows": boots})
            self.put(folder, "debian", {"rows": [], "login": boots})
            page = performance.part("summary", pathlib.Path(folder))
            self.assertIn("| 8.00x | 3.00x | 2.80x | 2.00x | missed | 2.67 | 2.9 |", page)  # the mean of 1.5 and 6
            self.assertIn("| 1.50 s | 1.20 s | 1.3 s | 1.0 s | least wanted | 1.25 | 1.5 |", page)
            self.assertIn("| 200 MiB | 150 MiB | QEMU + 64 MiB | QEMU | **reached** | 1.33 |", page)
            self.assertIn("Slower than QEMU: copy.", page)
            page = performance.part("programs", pathlib.Path(folder))
            self.assertIn("| sort | 1000.0 | 8.00 | 1.50 | 5.33 | 25 % | 25 % | 25 % | 8.000 | 1.500 |", page)
            self.assertIn("KPTI", page)


class Crypto(unittest.TestCase):
    @unittest.skipUnless(shutil.which("gcc"), "no gcc")
    def test_forms(self):
        """Portable C, x86 instructions and Armv8 instructions make the same checksums."""
        with tempfile.TemporaryDirectory() as folder:
            names = ["integer", "fp", "memory", "thread", "system", "code"]
            empty = '#include "suite.h"\n' + "".join(f"const row {n}_rows[] = {{{{0, 0, 0}}}};\n" for n in names)
            (pathlib.Path(folder) / "empty.c").write_text(empty)
            sources = [f"{folder}/empty.c", *(str(programs.SOURCE / f"{n}.c") for n in ("main", "crypto", "crypto_insn"))]
            said = {}
            for compiler, start in (("gcc", []), ("aarch64-linux-gnu-gcc", ["qemu-aarch64", "-cpu", "cortex-a57"])):
                if not shutil.which(compiler) or (start and not shutil.which(start[0])):
                    continue
                program = f"{folder}/{compiler}"
                subprocess.run([compiler, *programs.FLAGS, "-I", programs.SOURCE, "-static", "-o", program, *sources, "-lm"], check=True)
                for portable in "01":
                    env = dict(os.environ, SUITE_PORTABLE=portable)
                    ask = lambda *a: subprocess.run([*start, program, *a], check=True, capture_output=True, text=True, env=env).stdout
                    if portable == "1":
                        self.assertEqual(ask("-w"), "portable C\n")
                    if portable == "0" or not start:  # the portable form under an emulator takes long and shows nothing more
                        said[compiler + portable] = [line.split()[-1] for line in ask("-n", "1").splitlines()]
            self.assertEqual(len({tuple(s) for s in said.values()}), 1, said)
            self.assertEqual(len(said["gcc0"]), 5)


if __name__ == "__main__":
    unittest.main()
