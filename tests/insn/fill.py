#!/usr/bin/env python3
"""fill.py ORACLE < lines > lines: completes case lines that have no right side with what the oracle (verify/oracle) leaves.

A line is `instructions | state before` (tests/insn/case.h). ORACLE is the command that runs the oracle, e.g. "qemu-aarch64 build/oracle".
The result is a draft to be read against the manual before it is kept."""
import re
import shlex
import struct
import subprocess
import sys
import tempfile

CODE, MEMORY, BYTES = 0x10000100, 0x20000000, 8192
STATE = struct.Struct("<31QQQQIIII64Q")
M64 = (1 << 64) - 1


def default_state():
    return {
        "x": [0xF0E1D2C3B4A59687 ^ (n * 0x0101010101010101) for n in range(31)],
        "sp": 0x20001000,
        "nzcv": 0, "fpcr": 0, "fpsr": 0,
        "v": [((0xC0080000BFC00000 + n * 0x0001000000010000) & M64) << 64 | ((0x3FF8000040200000 + n * 0x0010000000100000) & M64)
              for n in range(32)],
        "m": bytearray(BYTES),
    }


def flag_bits(letters):
    return sum(1 << (31 - i) for i, c in enumerate("NZCV") if c in letters)


def flag_letters(bits):
    return "".join(c for i, c in enumerate("NZCV") if bits >> (31 - i) & 1) or "-"


def read_state(text):
    s = default_state()
    for word in text.split():
        name, value = word.split("=", 1)
        if name == "nzcv":
            s["nzcv"] = flag_bits(value)
        elif name.startswith("m:"):
            at = int(name[2:], 16) - MEMORY
            data = bytes.fromhex(value)
            s["m"][at:at + len(data)] = data
        elif re.fullmatch(r"x\d+", name):
            s["x"][int(name[1:])] = int(value, 16)
        elif re.fullmatch(r"v\d+", name):
            s["v"][int(name[1:])] = int(value, 16)
        elif name in ("sp", "fpcr", "fpsr"):
            s[name] = int(value, 16)
    return s


def pack(s):
    v = [half for r in s["v"] for half in (r & M64, r >> 64)]
    return STATE.pack(*s["x"], s["sp"], 0, 0, s["nzcv"], s["fpcr"], s["fpsr"], 0, *v)


def unpack(data, memory):
    f = STATE.unpack(data)
    return {"x": list(f[:31]), "sp": f[31], "pc": f[32], "far": f[33], "nzcv": f[34], "fpcr": f[35], "fpsr": f[36], "signal": f[37],
            "v": [f[38 + 2 * n] | f[39 + 2 * n] << 64 for n in range(32)], "m": bytearray(memory)}


def assemble(source):
    with tempfile.TemporaryDirectory() as d:
        open(d + "/a.s", "w").write(source + "\n")
        subprocess.run(["aarch64-linux-gnu-as", "-march=armv8.6-a+crc+crypto+sha3+sm4+fp16+fp16fml+bf16+i8mm+flagm", "-o", d + "/a.o", d + "/a.s"], check=True)
        subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", d + "/a.o", d + "/a.bin"], check=True)
        return open(d + "/a.bin", "rb").read()


def changes(before, after, end):
    out = [f"x{n}={after['x'][n]:x}" for n in range(31) if after["x"][n] != before["x"][n]]
    if after["sp"] != before["sp"]:
        out.append(f"sp={after['sp']:x}")
    out += [f"v{n}={after['v'][n]:x}" for n in range(32) if after["v"][n] != before["v"][n]]
    if after["nzcv"] != before["nzcv"]:
        out.append("nzcv=" + flag_letters(after["nzcv"]))
    if after["fpsr"] != before["fpsr"]:
        out.append(f"fpsr={after['fpsr']:x}")
    at = 0
    while at < BYTES:
        if after["m"][at] == before["m"][at]:
            at += 1
            continue
        stop = at
        while stop < BYTES and after["m"][stop] != before["m"][stop]:
            stop += 1
        out.append(f"m:{MEMORY + at:x}={after['m'][at:stop].hex()}")
        at = stop
    if after["signal"] == 4:
        out.insert(0, "exc=undef")
    elif after["signal"] in (7, 11) and CODE <= after["pc"] < end:
        out.insert(0, "FAULT")
    elif after["pc"] != end:
        out.append(f"pc={after['pc']:x}")
    return out


def main():
    oracle = subprocess.Popen(shlex.split(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines = [line.rstrip("\n") for line in sys.stdin]
    todo = [i for i, line in enumerate(lines) if line and line[0] != "#" and "=>" not in line]
    code = assemble("\n".join(lines[i].split("|")[0] + " ; .balignl 64, 0x00c0ffee" for i in todo))
    for slot, i in enumerate(todo):
        parts = lines[i].split("|")
        words = []
        for w in struct.unpack_from("<16I", code, 64 * slot):
            if w == 0x00C0FFEE:
                break
            words.append(w)
        before = read_state(parts[1] if len(parts) > 1 else "")
        oracle.stdin.write(struct.pack("<4I", len(words), 1, 0, BYTES) + struct.pack(f"<{len(words)}I", *words) + pack(before) + before["m"])
        oracle.stdin.flush()
        after = unpack(oracle.stdout.read(STATE.size), oracle.stdout.read(BYTES))
        left = parts[0].strip() + " | " + (parts[1].strip() + " " if len(parts) > 1 and parts[1].strip() else "") + "| => "
        lines[i] = (left + " ".join(changes(before, after, CODE + 4 * len(words)))).rstrip()
    print("\n".join(lines))


main()
