#!/usr/bin/python3
"""Inputs that the fuzz targets begin with: valid ones, for the fuzzer to bend.

usage: seeds.py VIRT_DTB FOLDER
"""
import gzip
import pathlib
import struct
import sys


def image():
    """A Linux Image of 64 KiB (Documentation/arm64/booting)."""
    head = struct.pack("<2I3Q3QI I", 0x14000010, 0, 0x80000, 0x10000, 0xA, 0, 0, 0, 0x644D5241, 0)
    return head + b"\0" * 4096


def elf(machine=183):
    """An ELF file with one segment of code."""
    head = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x40080000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 120, 0x40080000, 0x40080000, 4, 4096, 4096) + struct.pack("<I", 0x14000000)


def main(dtb, folder):
    seeds = {
        "tree": [pathlib.Path(dtb).read_bytes()],
        "image": [bytes([kind]) + content for kind in (0, 1, 2, 3, 7) for content in (image(), elf(), gzip.compress(image(), mtime=0))],
        "options": [text.encode() for text in (
            "-kernel\nImage\n-append\nconsole=ttyAMA0\n-m\n512M\n-smp\n4\n-cpu\nmax\n-nographic",
            "-M\nvirt,gic-version=3,virtualization=on\n-drive\nif=pflash,file=a,,b,unit=0,snapshot=on\n-device\nvirtio-blk-device,drive=d",
            "-device\nloader,addr=0x40000000,data=1,data-len=4,cpu-num=0\n--set\nchain.direct=off\n--timeout\n500ms\n--expect=x",
            "-semihosting-config\nenable=on,target=native,arg=a,arg=b\n-serial\nfile:x\n-serial\nmon:stdio\n--stop-at\ninsns=10\n-d\nexec,op",
            "--against\nqemu\n--class\nsimd,fp\n--cases\n100\n--seed\n0x12\n--tier\nllvm")],
        "words": [struct.pack("<2I", 0x8, 0) + struct.pack("<4I", *words) for words in (
            (0x91000420, 0xF9400041, 0x4E228420, 0xD65F03C0), (0xD5384242, 0xD5184242, 0xD5033FDF, 0xD69F03E0),
            (0xC85F7C41, 0xC8037C42, 0x1E622820, 0x54000040))],
    }
    for target, inputs in seeds.items():
        place = pathlib.Path(folder) / target
        place.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(inputs):
            (place / str(number)).write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:3])
