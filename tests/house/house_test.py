#!/usr/bin/python3
"""Holds the repository to the rules of house.py, and house.py to its own: each check has to find a planted fault."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import house

TOP = pathlib.Path(__file__).resolve().parents[2]
ROOMS = "core:\nir: core\ncpu: core\nfrontend: ir cpu\njit: ir cpu\nruntime: frontend jit\ndevices: core\n"


def tool(name):
    spec = importlib.util.spec_from_file_location(name, TOP / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Repository(unittest.TestCase):
    """The real tree."""

    def test_rules(self):
        for check in house.CHECKS:
            with self.subTest(check.__doc__):
                self.assertEqual(check(TOP), [])

    def test_figures_in_documents(self):
        self.assertEqual(tool("results").main(["--check"], TOP), 0)

    def test_full_checks_say_what_they_show(self):
        done = subprocess.run([sys.executable, TOP / "tools/full.py", "--list"], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            self.assertGreater(len(line[22:].strip()), 10, line)


class PlantedFaults(unittest.TestCase):
    """A small bad tree: every rule must be able to fail, and must not complain of what is right."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.top = pathlib.Path(self.folder.name)
        self.put("docs/rooms.txt", ROOMS)

    def tearDown(self):
        self.folder.cleanup()

    def put(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_doors(self):
        self.put("runtime/good.cpp", '#include "core/types.h"\n#include <vector>\n#include "ir/ops.h"\n')
        self.put("tests/runtime/good.cpp", '#include "frontend/decode.h"\n#include "tests/catch.h"\n')
        self.put("ir/comment.cpp", '/*\n#include "jit/abi.h"\n*/\n// #include "cpu/mode.h"\n')
        self.assertEqual(house.check_doors(self.top), [])
        self.put("core/up.h", '#pragma once\n\n  #  include "cpu/mode.h"\n')
        self.put("devices/uart.cpp", '#include "ir/ops.h"\n')
        self.put("tests/ir/far.cpp", '#include "runtime/loop.h"\n')
        self.put("jit/dots.cpp", '#include "../core/types.h"\n')
        found = house.check_doors(self.top)
        self.assertEqual([f.split(": ")[0] for f in found], ["core/up.h:3", "devices/uart.cpp:1", "jit/dots.cpp:1", "tests/ir/far.cpp:1"])

    def test_circles(self):
        self.put("docs/rooms.txt", "core: ir\nir: core\n")
        with self.assertRaisesRegex(ValueError, "circle"):
            house.read_rooms(self.top)
        self.put("docs/rooms.txt", "core:\nir: core attic\n")
        with self.assertRaisesRegex(ValueError, "attic"):
            house.read_rooms(self.top)

    def test_outsiders(self):
        self.put("frontend/decoder.cpp", "#include <capstone/capstone.h>\n")
        self.put("jit/baseline/emit.cpp", "#include <asmjit/x86.h>\n")
        self.put("jit/optimizing/orc.cpp", '#include "llvm/IR/Module.h"\n')
        self.assertEqual(house.check_outsiders(self.top), [])
        self.put("jit/interp.cpp", "#include <capstone/capstone.h>\n#include <asmjit/x86.h>\n#include <llvm/IR/Module.h>\n")
        self.put("tests/verify/oracle.cpp", "#include <unicorn/unicorn.h>\n")
        self.assertEqual(len(house.check_outsiders(self.top)), 4)

    def test_words(self):
        self.put("docs/good.md", "an LLVM session of gdb, /proc/cpuinfo, \"$tmp/ro" "ot/boot\", build/wo" "rk/x, a user agent\n")
        self.assertEqual(house.check_words(self.top), [])
        self.put("docs/bad.md", "see /wo" "rk/main\nby Cla" "ude\nfrom /ro" "ot/x and /ho" "me/me/y\nin ../sha" "red/DESIGN.md\n")
        self.assertEqual(len(house.check_words(self.top)), 5)

    def test_names(self):
        self.put("core/good_name.h", "")
        self.assertEqual(house.check_names(self.top), [])
        self.put("core/BadName.h", "")
        self.assertEqual(len(house.check_names(self.top)), 1)

    def test_links(self):
        self.put("docs/a.md", "[b](b.md#part) [c](https://example.org/x)\n```\n[x](none.md)\n```\n")
        self.put("docs/b.md", "[up](../docs/a.md)")
        self.assertEqual(house.check_links(self.top), [])
        self.put("docs/b.md", "[gone](c.md)")
        self.assertEqual(len(house.check_links(self.top)), 1)

    def test_figures(self):
        results = tool("results")
        self.put("tools/packages.txt", "build  cmake  builds\n")
        self.put("docs/results/x.json", '{"counts": {"cases": 1200, "rows": [{"a": 1}]}}')
        page = "<!--r x.counts.cases-->{}<!--/r--> and\n<!--t x.counts.rows-->{}<!--/t-->\n<!--packages-->{}<!--/packages-->"
        self.put("docs/page.md", page.format(7, "", ""))
        self.assertEqual(results.main(["--check"], self.top, quiet=True), 1)
        self.assertEqual(results.main([], self.top, quiet=True), 0)
        written = (self.top / "docs/page.md").read_text()
        self.assertIn(">1,200<", written)
        self.assertIn("| `cmake` |", written)
        self.assertEqual(results.main(["--check"], self.top), 0)
        self.put("docs/page.md", "<!--r y.counts.cases-->7<!--/r-->")
        self.assertEqual(results.main(["--check"], self.top, quiet=True), 1)


class FullChecks(unittest.TestCase):
    """tools/full.py: what passes is recorded, what fails is not, what is unknown is an error."""

    def run_full(self, folder, *args):
        env = dict(os.environ, FERRY_FULL_CHECKS=f"{folder}/checks", FERRY_RESULTS=f"{folder}/results", FERRY_FULL_WORK=f"{folder}/work")
        return subprocess.run([sys.executable, TOP / "tools/full.py", *args], env=env, capture_output=True, text=True)

    def test_pass_fail_unknown(self):
        with tempfile.TemporaryDirectory() as folder:
            checks = pathlib.Path(folder) / "checks"
            checks.mkdir()
            (checks / "good.sh").write_text('#!/bin/bash\n# shows a count\n[ "$FERRY_SIZE" = full ]\necho "{\\"n\\": 5}" > "$FERRY_COUNTS"\n')
            (checks / "bad.sh").write_text("#!/bin/bash\n# always fails\nexit 3\n")
            done = self.run_full(folder)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 1 failed")
            self.assertTrue((pathlib.Path(folder) / "results/good.json").is_file())
            self.assertFalse((pathlib.Path(folder) / "results/bad.json").exists())
            self.assertEqual(self.run_full(folder, "good").returncode, 0)
            self.assertEqual(self.run_full(folder, "none").returncode, 2)


class Mirrors(unittest.TestCase):
    """guests/apt_sources.py takes Debian's mirrors from the host's configuration, and only those."""

    def sources(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            etc = pathlib.Path(folder)
            (etc / "sources.list.d").mkdir()
            for name, text in files.items():
                path = etc / "sources.list" if name == "main" else etc / "sources.list.d" / name.replace("__", ".")
                path.write_text(text)
            done = subprocess.run([sys.executable, TOP / "guests/apt_sources.py", "bookworm", folder], capture_output=True, text=True, check=True)
            return done.stdout

    def test_one_line_style(self):
        out = self.sources(main="# deb http://old/debian bookworm main\n"
                                "deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main contrib\n"
                                "deb-src http://mirror/debian bookworm main\n"
                                "deb cdrom:[x]/debian bookworm main\n",
                           vendor__list="deb https://download.docker.com/linux/debian bookworm stable\n"
                                        "deb http://apt.postgresql.org/pub/repos/apt bookworm-pgdg main\n")
        self.assertEqual(out, "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm\nComponents: main\nSigned-By: /k.gpg\nArchitectures: arm64\n")

    def test_deb822_style(self):
        out = self.sources(debian__sources="Types: deb deb-src\nURIs: http://m/debian\nSuites: bookworm bookworm-updates bookworm-backports\n"
                                           "Components: main\nSigned-By:\n -----BEGIN-----\n .\n abc\n\n"
                                           "Enabled: no\nTypes: deb\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\n",
                           gone__disabled="Types: deb\nURIs: http://gone/debian\nSuites: bookworm\nComponents: main\n")
        self.assertIn("Suites: bookworm bookworm-updates\n", out)
        self.assertIn("\n -----BEGIN-----\n .\n abc\n", out)
        self.assertNotIn("off", out)
        self.assertNotIn("gone", out)

    def test_none_left(self):
        self.assertIn("http://deb.debian.org/debian", self.sources(main=""))


if __name__ == "__main__":
    unittest.main(verbosity=1)
