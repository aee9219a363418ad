#!/usr/bin/python3
"""./dev boot: put a person in front of a guest; without a terminal, show that it boots and leave.

usage: boot.py min|installer|uboot|uefi|debian [OPTION...]     options go to `ferry run` (or --emulator qemu)
"""
import os
import sys

import guest as g


def drive(name, vm):
    """Without a terminal: wait for the guest, ask it something, leave. Returns the emulator's exit status."""
    if name == "min":
        vm.wait_for(g.PROMPT)
        vm.shell("uname -a")
        vm.send("poweroff\n")
        return vm.wait_end(60)
    if name == "installer":
        vm.wait_for("Starting system log")
    elif name == "uboot":
        vm.wait_for("Hit any key")
        vm.send("\r")
        vm.wait_for("=> $")
        vm.shell("version", prompt="=> $")
    elif name == "debian":
        vm.wait_for(g.ROOT_PROMPT, 600)
        vm.shell("systemctl is-system-running --wait", prompt=g.ROOT_PROMPT, timeout=600)
        vm.send("poweroff\r")
        return vm.wait_end(300)
    else:
        vm.wait_for("Shell> ")
        vm.send("ver\r")
        vm.wait_for("UEFI v")
    vm.send(g.LEAVE)
    return vm.wait_end(60)


def main(argv):
    name, rest = argv[1], argv[2:]
    emulator = "ferry"
    if rest[:1] == ["--emulator"]:
        emulator, rest = rest[1], rest[2:]
    command = g.command(emulator, name, rest)
    print("[boot]", " ".join(command), flush=True)
    if sys.stdin.isatty():
        print("[boot] press Ctrl-A x to leave", flush=True)
        os.execvp(command[0], command)
    try:
        with g.Guest(command, g.TOP / "build/test-logs" / f"dev-boot-{name}.log", timeout=300, echo=True) as vm:
            status = drive(name, vm)
            print(f"\n[boot] {name}: left after {vm.seconds():.1f} s with status {status}")
            return status
    except g.GuestError as error:
        print(f"\n[boot] {name}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
