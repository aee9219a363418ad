#!/usr/bin/python3
"""Print the result of a ctest run (its JUnit file) as one plain line: N passed, N failed[, N skipped]. Status 1 on failures or no test."""
import sys
import xml.etree.ElementTree as ET


def main(path):
    passed = failed = skipped = 0
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError) as error:
        print(f"{path}: {error}, expected ctest's results", file=sys.stderr)
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.get("status") == "fail":
            failed += 1
            print(f"failed: {case.get('name')}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    if not passed and not failed:
        print("no test ran", file=sys.stderr)
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
