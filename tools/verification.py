#!/usr/bin/python3
"""Writes docs/reference/verification.md from docs/results/verify_*.json and `ferry verify --list`.

usage: verification.py [FERRY] [--check]      FERRY: default build/ferry
"""
import json
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
RUNS = (
    ("verify_oracle", "Meaning, ARMv8.0: baseline against `qemu-aarch64 -cpu cortex-a57`"),
    ("verify_oracle_max", "Meaning, with extensions: baseline against `qemu-aarch64 -cpu max`"),
    ("verify_tiers", "Lowering: baseline against the interpreter"),
    ("verify_llvm", "Lowering: LLVM against the interpreter"),
    ("verify_programs", "Programs: regions of the tier tiered against the interpreter"),
)
HEAD = """# How instructions are verified

<!-- written by tools/verification.py from docs/results and `ferry verify --list`; a test compares -->

`ferry verify` draws random sequences from the frontend's own tables of encodings, and random states that make them do something:
corner values among random ones, every rounding mode and FZ, DN, AHP, accesses that fault. A *case* is a sequence on a state. A
sequence of one to a dozen instructions is translated once and runs on some hundred states, in turn with and without the IR passes,
one instruction a block or many, and with a shadow TLB that holds the memory or not. Registers, flags, FPSR, the PC and memory have
to be equal, and what faults has to fault. A row that is added to a table is drawn from the next run on.

- *Meaning* is held against an oracle: other hands' opinion, in a process of its own. `--against qemu` runs `ferry-oracle-aarch64` under
  qemu-aarch64 (the same program runs on an Arm host), `--against unicorn` a small program on Unicorn.
- *Lowering* is held against the interpreter on the same IR (`--against interp`), which is quicker and sees all of memory, the syndrome
  and the fault address.
- *Programs* (classes `loops`, `flow`, `programs`) have control flow: counted loops over pages whose host memory lies apart, branches,
  calls, indirect jumps, exclusives, code that is written, mappings that change, pages of code that stand in two places. A program runs on a whole machine at EL0 or EL1, in
  real or virtual time, on eight states; in the tier `tiered` hot enough that regions are made of it, and again on them. All of
  memory, the registers, the exception that ends it and, in virtual time, the number of instructions have to be those of the
  interpreter, which runs it an instruction a block without IR passes. What does not matter becomes a NOP in the report.
- A whole guest is held against itself in another tier by `ferry verify --lockstep`, every 100,000 instructions.

A difference is shrunk to the shortest sequence and the fewest registers that still show it, and told in full, with the command
that finds it again:

```sh run
build/ferry verify --class fp --sequences 10 --seed 1 --against interp
build/ferry verify --class loops,flow --tier tiered --sequences 5 --seed 1 --against interp
build/ferry verify --list
```

The tool itself is tried on faults put into a tier and into an oracle (`tests/verify`, `tests/app/verify_test.py`).
"""


def number(n):
    return f"{n:,}"


def table(rows):
    head, *body = rows
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|"]
                     + ["| " + " | ".join(r) + " |" for r in body]) + "\n"


def section(name, title, results):
    path = results / f"{name}.json"
    if not path.is_file():
        return f"\n## {title}\n\nNot run in full yet: `./dev test --full {name}`.\n"
    result = json.loads(path.read_text())
    counts = result["counts"]
    rows = [["class", "sequences", "instructions", "cases"]]
    for one, c in counts["classes"].items():
        rows.append([one, number(c["sequences"]), number(c["instructions"]), number(c["cases"])])
    total = f"{number(counts['cases'])} cases of {number(counts['distinct_words'])} different instruction words: "
    found = counts["differences"]
    total += "no difference" if found == 0 else f"{found} differences"
    note = f"{result['note']}\n\n" if "note" in result else ""
    return (f"\n## {title}\n\n{total} (seed {result['seed']}, {result['date']}, commit {result['commit']}; "
            f"`./dev test --full {name}`).\n\n{note}{table(rows)}")


def lockstep(results):
    path = results / "verify_lockstep.json"
    if not path.is_file():
        return ""
    result = json.loads(path.read_text())
    rows = [["Debian's kernel to its shell, against the interpreter", "instructions", "looks at registers", "looks at memory"]]
    for one, c in result["counts"].items():
        rows.append([one, number(c["instructions"]), number(c["looks_at_registers"]), number(c["looks_at_memory"])])
    return f"\n## Whole guests\n\nNo difference ({result['date']}, commit {result['commit']}).\n\n{table(rows)}"


def decoder(results):
    path = results / "decoder.json"
    if not path.is_file():
        return ""
    result = json.loads(path.read_text())
    rows = [["features", "words", "allocated", "where LLVM says the same"]]
    for key, name in (("v80", "ARMv8.0"), ("max", "`-cpu max`")):
        c = result["counts"][key]
        rows.append([name, number(c["words"]), number(c["allocated"]), number(c["llvm_agrees"])])
    return (f"\n## Which words are instructions\n\nAll of them, and {number(result['counts']['objdump'])} held against objdump "
            f"({result['date']}, commit {result['commit']}; `./dev test --full decoder`). Where others say otherwise is explained in "
            f"[decoder.md](decoder.md).\n\n{table(rows)}")


def other_checks(top):
    """The other checks of tools/full, with what their last full run reached."""
    shown = {name for name, _ in RUNS} | {"verify_lockstep", "decoder"}
    rows = ["| `./dev test --full` | what it shows | figures | when |", "|---|---|---|---|"]
    for path in sorted((top / "tools/full").glob("*.sh")):
        if path.stem in shown:
            continue
        title = next(line[2:] for line in path.read_text().splitlines()[1:] if line.startswith("# "))
        record = top / f"docs/results/{path.stem}.json"
        figures, when = "", "no record"
        if record.is_file():
            result = json.loads(record.read_text())
            counts = result.get("counts", {})
            figures = ", ".join(f"{k}: {number(v)}" for k, v in counts.items() if isinstance(v, int))
            when = f"{result['date']}, commit {result['commit']}"
        rows.append(f"| `{path.stem}` | {title} | {figures} | {when} |")
    return "\n## The other full checks\n\n" + "\n".join(rows) + "\n"


SKIPPED = """
## What is skipped

Of the instructions that the tables hold, these are not drawn, because two correct processors may differ:

"""
ELSEWHERE = """
Exceptions, ERET, and what only EL1 may do are not cases: bare-metal programs (`tests/guest`) and one-line cases (`tests/insn`, values
worked out from the manual's pseudocode) hold them. The same goes for pointer authentication with known keys, which no user-mode oracle
can be given. FPSR<31:28> and the bits of FPCR that only processors with AArch32 keep are masked before the comparison with an oracle.
DC ZVA is not drawn for `-cpu max`, whose block is 512 bytes at qemu-aarch64 and 64 here. Where Unicorn faults on an access, or
qemu-aarch64 7.2 on DC ZVA, their PC is not exact and is not compared.
"""

# What neither qemu-aarch64 nor qemu-system-aarch64 7.2 has: feature, what is held, where the values worked out from the manual are.
ALONE = (
    ("FEAT_LSE2", "an ordered access within 16 bytes goes ahead, one across faults (B2.2.1)", "tests/guest/features"),
    ("FEAT_ECV", "CNTVCTSS_EL0, CNTPCTSS_EL0 and the self-synchronised order (D13.8)", "tests/guest/features"),
    ("FEAT_PAN3", "SCTLR_EL1.EPAN: PAN holds for pages that EL0 may only execute (D8.4.6)", "tests/guest/features"),
    ("FEAT_HPDS2", "the page-based bits are the tables' own and change no permission (D8.3)", "tests/guest/features"),
    ("PACIMP, GPA_IMP", "ferry's own algorithm, with AddPAC and Auth of the manual around it (D8.8)", "tests/insn/pauth.txt"),
    ("PACQARMA5", "the paper's known answer; in `extensions` also against qemu-system-aarch64 with known keys", "tests/cpu/pauth.cpp"),
    ("FPToFixedJS with FZ", "FJCVTZS of a denormal that is flushed: Z = 0, where QEMU 7.2 gives 1", "tests/insn/simd_extra.txt"),
    ("FMOV (vector, immediate), o2 = 1 and op = 1", "unallocated: UNDEFINED (C4.1.96)", "tests/frontend/map/sweep.cpp"),
)


def alone(top):
    rows = ["| feature | what is held | by |", "|---|---|---|"]
    for feature, what, where in ALONE:
        if not (top / where).exists():
            sys.exit(f"verification.py: {where}: no such test")
        rows.append(f"| {feature} | {what} | `{where}` |")
    return ("\n## Held without an oracle\n\nNo packaged oracle has these, or none has them right. The expected values are worked out from the "
            "manual's\npseudocode (further differences of QEMU: [qemu_differences.md](qemu_differences.md)). CSV2, CSV3, DGH and TTL change "
            "nothing that a\nprogram could see.\n\n" + "\n".join(rows) + "\n")


def page(top, ferry):
    results = top / "docs/results"
    listing = subprocess.run([ferry, "verify", "--list"], capture_output=True, text=True, check=True).stdout
    classes, skipped = listing.split("skipped:\n")
    text = HEAD + "\n## Classes\n\n| class | what it holds |\n|---|---|\n"
    text += "".join("| `{}` | {} |\n".format(*line.split(None, 1)) for line in classes.splitlines())
    text += "".join(section(name, title, results) for name, title in RUNS) + lockstep(results) + decoder(results) + other_checks(top)
    return text + SKIPPED + "".join(f"- {line.strip()}\n" for line in skipped.splitlines()) + ELSEWHERE + alone(top)


def main(argv):
    check = "--check" in argv
    ferry = next((a for a in argv if not a.startswith("-")), str(TOP / "build/ferry"))
    path = TOP / "docs/reference/verification.md"
    new = page(TOP, ferry)
    if not check:
        path.write_text(new)
        return 0
    if path.is_file() and path.read_text() == new:
        return 0
    print(f"{path.relative_to(TOP)}: differs from docs/results and ferry verify --list; run ./dev results", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
