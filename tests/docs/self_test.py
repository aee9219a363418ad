#!/usr/bin/python3
"""doc_commands.py has to notice a failing command, a wrong output and a block without a fate."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import doc_commands


class SelfTest(unittest.TestCase):
    def check(self, text, size="quick"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "page.md"
            path.write_text(text)
            return doc_commands.check_file(path, size)

    def test_right(self):
        page = "```sh run\necho one; echo two 2\n```\n\n```text expect\none\ntwo ...\n```\n```sh run=3\nexit 3\n```\n```sh skip: needs a disk\nfalse\n```\n"
        self.assertEqual(self.check(page), (2, []))

    def test_sizes(self):
        page = "```sh boot\nexit 1\n```\n"
        self.assertEqual(self.check(page), (0, []))
        self.assertEqual(self.check(page, "boot")[0], 1)
        self.assertEqual(len(self.check(page, "boot")[1]), 1)

    def test_wrong(self):
        self.assertIn("status 1", self.check("```sh run\nfalse\necho on\n```\n")[1][0])
        self.assertIn("'two'", self.check("```sh run\necho two; echo one\n```\n```text expect\none\ntwo\n```\n")[1][0])
        self.assertIn("expected ```sh run", self.check("```sh\ntrue\n```\n")[1][0])
        self.assertIn("expected ```sh run", self.check("```sh skip:\ntrue\n```\n")[1][0])


if __name__ == "__main__":
    unittest.main()
