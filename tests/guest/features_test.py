#!/usr/bin/python3
"""What the identification registers advertise works, and what they do not is not there: the bare-metal program features.

usage: features_test.py ferry TIER ELF [CPU...]   on the program $FERRY; CPU: models for -cpu; `each` stands for max without each of its features
       features_test.py qemu ELF                  the probes themselves, on another emulator

The program compares each ID field with a probe of the feature, so a wrong line names both. Here its lines are held against `ferry cpu list`.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from patience import patient_option

SKIP = 77
FERRY = os.environ.get("FERRY", "build/ferry")
# Features without a sign that a program could see.
UNSEEN = {
    "CSV2": "speculation", "CSV3": "speculation", "DGH": "a hint that changes nothing", "TTL": "a hint of TLB maintenance",
    "PACQARMA5": "which algorithm: extensions, tests/cpu", "PACIMP": "which algorithm: extensions, tests/cpu",
    "GPA_QARMA5": "which algorithm", "GPA_IMP": "which algorithm",
}
# QEMU 7.2's own differences.
QEMU = [
    (r"^\w+ lacks \w+: WRONG class 99 instead of 99", "a control bit of an absent feature is not RES0"),
    (r"^store_below_aptable lacks HPDS", "the same bit has its effect"),
]


def lines_of(done, what):
    lines = done.stdout.replace("\r", "").splitlines()
    if not lines or lines[-1] != "done":
        sys.exit(f"{what}: the program did not reach its end, status {done.returncode}\n{done.stderr}\n" + "\n".join(lines[-5:]))
    return lines[:-1]


def features_of(model):
    text = subprocess.run([FERRY, "cpu", "list", "--json", model], check=True, capture_output=True, text=True).stdout
    return {f["feature"]: f for f in json.loads(text)["features"]}


def check_ferry(tier, elf, model):
    command = [FERRY, "run", "--tier", tier, "-cpu", model, "-kernel", elf, "--timeout", patient_option(100), "-nic", "none"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 2 and "no compiler for it" in done.stderr:
        print(f"this build has no tier {tier}")
        sys.exit(SKIP)
    features, seen, wrong = features_of(model), set(), []
    for line in lines_of(done, model):
        match = re.match(r"(\w+) (has|lacks) (\w+): (.*)", line)
        if not match:
            sys.exit(f"{model}: not understood: {line}")
        _, has, name, verdict = match.groups()
        seen.add(name)
        if verdict != "right" or (has == "has") != features[name]["present"]:
            wrong.append(f"{line} (cpu list: {'present' if features[name]['present'] else 'absent'})")
    for name in features:
        if (name in seen) == (name in UNSEEN):
            wrong.append(f"{name}: no probe, or one that is said to be impossible")
    if wrong:
        sys.exit("\n".join([f"-cpu {model}:"] + wrong))


def check_qemu(elf):
    program = shutil.which("qemu-system-aarch64")
    if program is None:
        print("qemu-system-aarch64 is not installed")
        sys.exit(SKIP)
    for model in ("cortex-a57", "max"):
        command = [program, "-M", "virt,gic-version=3", "-cpu", model, "-m", "1024", "-nographic", "-nic", "none", "-kernel", elf]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        wrong = [x for x in lines_of(done, model) if not x.endswith(": right") and not any(re.search(p, x) for p, _ in QEMU)]
        if wrong:
            sys.exit("\n".join([f"QEMU, -cpu {model}:"] + wrong))


def main(arguments):
    if arguments[0] == "qemu":
        check_qemu(arguments[1])
        return
    tier, elf, models = arguments[1], arguments[2], []
    for model in arguments[3:]:
        models += [f"max,{name.lower()}=off" for name, f in features_of("max").items() if f["present"] and name not in ("PACIMP", "GPA_IMP")] \
            if model == "each" else [model]
    for model in models:
        check_ferry(tier, elf, model)
    print(f"{len(models)} models: every feature is what its ID field says")


main(sys.argv[1:])
