#!/usr/bin/python3
"""Copy kernel modules and what they depend on, and write the order to load them in.

usage: modules.py LIB_MODULES_VERSION TARGET NAME...     NAME: as modprobe takes it

What a module depends on is in its .modinfo section: `depends=a,b`, and softdep lines, of which only `pre:` counts.
"""
import pathlib
import re
import shutil
import sys


def main(argv):
    source, target, names = pathlib.Path(argv[1]), pathlib.Path(argv[2]), argv[3:]
    found = {path.stem.replace("-", "_"): path for path in source.rglob("*.ko")}
    builtin = {pathlib.Path(line).stem.replace("-", "_") for line in (source / "modules.builtin").read_text().split()}
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name in builtin or name in order:
            return
        if name not in found:
            sys.exit(f"{source}: has no module {name}")
        data = found[name].read_bytes()
        for match in re.finditer(rb"\0depends=([^\0]*)\0", b"\0" + data):
            for dependency in filter(None, match.group(1).decode().split(",")):
                add(dependency)
        for match in re.finditer(rb"\0softdep=pre: ([^\0]*)\0", data):
            for dependency in match.group(1).decode().split():
                if dependency in found or dependency.replace("-", "_") in found:
                    add(dependency)
        order.append(name)

    for name in names:
        add(name)
    target.mkdir(parents=True, exist_ok=True)
    for name in order:
        shutil.copyfile(found[name], target / f"{name}.ko")
    (target / "order").write_text("".join(f"{name}.ko\n" for name in order))


if __name__ == "__main__":
    main(sys.argv)
