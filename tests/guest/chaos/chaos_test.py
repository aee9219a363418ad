#!/usr/bin/python3
"""Guests that behave badly: ferry must end them by its own limits, with a status that says so, and every tier must end in
the same state as the interpreter.

usage: chaos_test.py TIER ELF [SEEDS]     on the program $FERRY; SEEDS guests that run random words (default 4)
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from patience import patient, patient_option

MARK = b"MAILBOX-"
# What start.S can do, by number.
KINDS = ["jumps nowhere", "has no vectors", "walks tables in devices", "keeps its stack in devices", "waits forever", "runs random words"]
WAITS, RANDOM = 4, 5
STOP = "insns=300000"


def run(image, options):
    """(exit status, the line with the hash, what was said on stderr)"""
    command = [os.environ.get("FERRY", "build/ferry"), "run", "-kernel", image, "-m", "64M", "-serial", "null", "-nic", "none",
               "--seed", "1", *options]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(100), errors="replace")
    except subprocess.TimeoutExpired:
        return "hangs", "", " ".join(command)
    if done.returncode == 2 and "no compiler for it" in done.stderr:
        print("this build has no such tier")
        sys.exit(77)
    return done.returncode, done.stdout.strip(), " ".join(command) + "\n" + done.stderr


def main(tier, elf, seeds=4):
    original = pathlib.Path(elf).read_bytes()
    at = original.index(MARK) - 32
    guests = [(kind, 1) for kind in range(RANDOM)] + [(RANDOM, seed) for seed in range(1, int(seeds) + 1)]
    wrong = 0

    def complain(kind, seed, what, words):
        nonlocal wrong
        wrong += 1
        print(f"a guest that {KINDS[kind]}, seed {seed}: {what}\n{words[-800:]}")

    with tempfile.TemporaryDirectory() as folder:
        image = str(pathlib.Path(folder) / "guest.elf")
        for kind, seed in guests:
            patched = original[:at] + struct.pack("<QQ", kind, seed * 0x9E3779B97F4A7C15 % 2**64) + original[at + 16:]
            pathlib.Path(image).write_bytes(patched)
            if kind != RANDOM or seed == 1:
                status, _, words = run(image, ["--tier", tier, "--timeout", "1s"])
                if status not in (0, 124):
                    complain(kind, seed, f"status {status}, expected 124 (or 0: it powered off)", words)
            if kind == WAITS:  # in virtual time nothing ever happens: only the host can end it
                status, _, words = run(image, ["--tier", tier, "--time", "virtual", "--timeout", "1s"])
                if status != 124:
                    complain(kind, seed, f"virtual time: status {status}, expected 124", words)
                continue
            virtual = ["--time", "virtual", "--stop-at", STOP, "--hash", "--timeout", patient_option(90)]
            reference = run(image, ["--tier", "interp", *virtual])
            status, digest, words = run(image, ["--tier", tier, *virtual])
            if status != 0 or "hash" not in digest:
                complain(kind, seed, f"virtual time: status {status} without a hash, expected 0 with one", words)
            elif digest != reference[1]:
                complain(kind, seed, f"not as the interpreter has it:\n  {reference[1]}\n  {digest}", words)
    print("every guest ended in good order" if wrong == 0 else f"{wrong} runs went wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
