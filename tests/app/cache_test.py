#!/usr/bin/python3
"""The persistent code cache from outside: runs that share it, folders that cannot be used, `ferry cache`.

usage: cache_test.py FERRY [unittest options]
"""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient

FERRY = None
BASE = 0x40000000


def movz(rd, value, shift=0):
    return 0xD2800000 | (shift // 16) << 21 | value << 5 | rd


# Two nested loops with a call across a page, then PSCI SYSTEM_OFF.
PROGRAM = [
    movz(19, 300),
    movz(20, 20),       # outer
    0x94000400,         # bl to the next page: .+0x1000
    0xF1000694,         # inner: subs x20, x20, #1
    0x54FFFFC1,         # b.ne to the bl
    0xF1000673,         # subs x19, x19, #1
    0x54FFFF61,         # b.ne outer
    movz(0, 8),
    0xF2B08000,         # movk x0, #0x8400, lsl #16
    0xD4000002,         # hvc
]
FUNCTION = [0x8B1402B5, 0xCA1502D6, 0xD65F03C0]  # add x21, x21, x20; eor x22, x22, x21; ret


class Case(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="ferry-cache-"))
        self.folder = self.home / "cache"
        words = PROGRAM + [0] * (1026 - len(PROGRAM)) + FUNCTION
        (self.home / "code.bin").write_bytes(struct.pack(f"<{len(words)}I", *words))

    def tearDown(self):
        shutil.rmtree(self.home)

    def options(self, *more, addr=BASE + 0x200000, folder=None):
        return [FERRY, "run", "-m", "64", "--time", "virtual", "--hash", "--stats=json", "--tier", "baseline", "-device",
                f"loader,file={self.home}/code.bin,addr={addr:#x},cpu-num=0,force-raw=on", "--set", "cache.persistent=on",
                *([] if folder == "" else ["--set", f"cache.folder={folder or self.folder}"]), *more]

    def go(self, *more, **where):
        """(the hash, the statistics, what the cache said) of one run."""
        done = subprocess.run(self.options(*more, **where), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=patient(100))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stderr.splitlines()
        stats = [json.loads(line) for line in lines if line.startswith("{")]
        return done.stdout.splitlines()[-1], stats[0], [line for line in lines if line.startswith("ferry: code cache: ")]

    def cache(self, *words, status=0):
        done = subprocess.run([FERRY, "cache", *words, "--set", f"cache.folder={self.folder}"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def code_files(self):
        return sorted(self.folder.glob("*.code"), key=lambda f: -f.stat().st_size)


class Runs(Case):
    def test_second_run_compiles_nothing(self):
        plain, off, _ = self.go("--set", "cache.persistent=off")
        self.assertFalse(self.folder.exists())
        cold, first, words = self.go()
        self.assertEqual((first["blocks_kept"], words), (0, []))
        self.assertEqual(first["blocks_baseline"], off["blocks_baseline"])
        warm, second, words = self.go()
        self.assertEqual(words, [])
        self.assertEqual((second["blocks_translated"], second["blocks_baseline"]), (0, 0))
        self.assertEqual(second["blocks_kept"], first["blocks_baseline"])
        self.assertEqual(second["links"], first["links"])
        self.assertEqual({plain, cold, warm}, {plain})
        self.go("--set", "cache.verify=on")

    def test_other_addresses_share(self):
        """Neither the physical nor the virtual page is part of what a block is found by."""
        _, first, _ = self.go()
        _, moved, _ = self.go("--set", "cache.verify=on", addr=BASE + 0x205000)
        self.assertEqual((moved["blocks_kept"], moved["blocks_baseline"]), (first["blocks_baseline"], 0))

    def test_other_engines_do_not(self):
        self.go()
        for other in (["--set", "block.limit=2"], ["-cpu", "max"], ["--tier", "tiered"], ["--set", "ir.passes=off"]):
            _, stats, words = self.go(*other)
            self.assertEqual((stats["blocks_kept"], words), (0, []), other)
        for same in (["--set", "chain.direct=off"], ["--set", "code.cache=8M"]):
            self.assertEqual(self.go(*same)[1]["blocks_baseline"], 0, same)

    def test_at_once(self):
        runs = [subprocess.Popen(self.options(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(4)]
        ends = [run.communicate(timeout=patient(100)) for run in runs]
        self.assertEqual({run.returncode for run in runs}, {0})
        self.assertEqual(len({out for out, _ in ends}), 1)
        self.assertNotIn("code cache", "".join(err for _, err in ends))
        self.assertEqual(self.go()[1]["blocks_baseline"], 0)

    def test_damage(self):
        wanted, _, _ = self.go()
        file = self.code_files()[0]
        whole = file.read_bytes()
        for damage in (whole[:100], whole[:-1], whole[:64], b"", whole[:70] + b"\xff" * 8 + whole[78:], whole[:-40] + bytes(40),
                       os.urandom(len(whole))):
            file.write_bytes(damage)
            got, stats, words = self.go()
            self.assertEqual(got, wanted)
            self.assertLessEqual(len(words), 1)
            self.assertTrue(words or stats["blocks_baseline"] == 0 or len(damage) == 64, words)
            got, stats, words = self.go()
            self.assertEqual((got, stats["blocks_baseline"]), (wanted, 0))

    def test_folders_that_cannot_be_used(self):
        wanted, _, _ = self.go("--set", "cache.persistent=off")
        loose = self.home / "loose"
        loose.mkdir(mode=0o755)
        loose.chmod(0o755)
        (self.home / "file").write_text("a file")
        (self.home / "link").symlink_to(self.home)
        for folder in (loose, self.home / "file", self.home / "link", pathlib.Path("/proc/ferry"), pathlib.Path("relative")):
            got, stats, words = self.go(folder=folder)
            self.assertEqual((got, stats["blocks_kept"]), (wanted, 0))
            self.assertEqual(len(words), 1, folder)
            self.assertIn(str(folder), words[0])
            self.assertIn("expected", words[0])
        self.assertEqual(list(loose.iterdir()), [])

    def test_environment(self):
        for cache, made in (("off", None), (str(self.home / "named"), self.home / "named"), (None, self.home / ".cache/ferry")):
            env = {"PATH": "/usr/bin", "HOME": str(self.home)} | ({"FERRY_CACHE": cache} if cache else {})
            line = self.options(folder="")
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=env)
            self.assertEqual(done.returncode, 0, done.stderr)
            if made:
                self.assertEqual(made.stat().st_mode & 0o777, 0o700)
            else:
                self.assertFalse((self.home / ".cache").exists())


class Command(Case):
    def test_list_and_clear(self):
        self.assertIn("expected a folder", self.cache("list", status=2))
        self.go()
        self.assertIn(self.code_files()[0].name, self.cache("list"))
        self.assertIn("removed", self.cache("clear"))
        self.assertEqual(self.code_files(), [])
        self.assertEqual(self.go()[1]["blocks_kept"], 0)

    def test_profile_travels(self):
        profile = self.home / "profile"
        self.go("--tier", "tiered", "--set", "llvm.threshold=100", "--time", "real")
        self.cache("export", str(profile))
        lines = profile.read_text().splitlines()
        self.assertEqual(lines[0], "ferry profile 1")
        for line in lines[1:]:
            self.assertRegex(line, r"\A[0-9a-f]{32}\Z")
        profile.write_text("ferry profile 1\n" + "0123456789abcdef" * 2 + "\n" + "f" * 32 + "\n")
        self.assertIn("2 digests added", self.cache("import", str(profile)))
        self.assertIn("0 digests added", self.cache("import", str(profile)))
        self.cache("export", str(profile))
        self.assertIn("f" * 32, profile.read_text().splitlines())

    def test_bad_profiles(self):
        profile = self.home / "profile"
        for text, word in (("", "is empty"), ("hello\n", "expected its first line"), ("ferry profile 1\nxyz\n", ":2: not a digest"),
                           ("ferry profile 1\n" + "-" + "1" * 31 + "\n", ":2: not a digest")):
            profile.write_text(text)
            self.assertIn(word, self.cache("import", str(profile), status=2))
        self.assertIn("No such file", self.cache("import", str(self.home / "none"), status=2))

    def test_usage(self):
        for words in ((), ("what",), ("export",), ("list", "more")):
            self.assertIn("expected list, clear", self.cache(*words, status=2))


if __name__ == "__main__":
    FERRY = sys.argv.pop(1)
    unittest.main()
