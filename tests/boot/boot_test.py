#!/usr/bin/python3
"""Real guests, typed at through a pseudo-terminal.

usage: boot_test.py CASE [--tier TIER] [--emulator ferry|qemu] [--list]

Exit status 0: passed; 1: failed, with the end of the transcript; 77: the guest is not fetched (skipped; with
FERRY_NEED_GUESTS set it fails instead). --emulator qemu checks the script, not ferry.
"""
import argparse
import atexit
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import termios
import time
from random import Random

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import guest as g

CASES = {}


class Failed(Exception):
    """A case saw something else than it expected."""


def case(guest, name=None):
    """Register a case: a function of (start, options); start(*extra) begins a run of the guest."""
    def register(function):
        CASES[name or function.__name__] = (guest, function)
        return function
    return register


def check(condition, sentence):
    if not condition:
        raise Failed(sentence)


def check_end(vm, want, timeout=180):
    status = vm.wait_end(timeout)
    check(status == want, f"exit status {status}, expected {want}")


def disk_image(name):
    """A new 4 MiB raw disk of pseudo-random bytes in build/test-logs."""
    path = g.TOP / "build/test-logs" / f"boot-{name}-{os.getpid()}.img"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(Random(1).randbytes(4 << 20))
    atexit.register(path.unlink, missing_ok=True)
    return path


def disk_options(image, more=""):
    return ["-drive", f"if=none,file={image},format=raw,id=d0{more}", "-device", "virtio-blk-device,drive=d0"]


def load_disk(vm):
    """Load the disk's drivers; Debian's kernel has them as modules."""
    vm.shell("insmod /lib/virtio_mmio.ko; insmod /lib/virtio_blk.ko; sleep 1")
    check(vm.shell("cat /sys/block/vda/size") == "8192", "no disk of 8192 sectors appeared")


@case("min")
def shell(start, _):
    """The kernel with a busybox initramfs runs commands typed at its shell and powers off with status 0."""
    with start() as vm:
        vm.wait_for(g.PROMPT)
        check(re.search(r"^Linux ferry 6\.\S+-arm64 .* aarch64", vm.shell("uname -a")), "uname -a names no arm64 kernel")
        check(vm.shell("echo $((6 * 7)) $((1 << 40))") == "42 1099511627776", "shell arithmetic is wrong")
        check(vm.shell("seq 1 2000 | awk '{ s += $1 / 4 } END { print s }'") == "500250", "awk's floating point is wrong")
        digest = vm.shell("head -c 1000000 /dev/zero | sha256sum")
        check(digest.startswith(hashlib.sha256(bytes(1000000)).hexdigest()), f"sha256sum says {digest}")
        text = "".join(f"{n}\n" for n in range(1, 3001)).encode()
        check(vm.shell("seq 1 3000 | gzip | gunzip | md5sum").startswith(hashlib.md5(text).hexdigest()), "gzip or md5sum is wrong")
        check(vm.shell("sh -c 'exit 7'; echo $?") == "7", "a child's exit status is lost")
        vm.send("poweroff\n")
        vm.wait_for("reboot: Power down")
        check_end(vm, 0)


# Linux' names in /proc/cpuinfo of the features of cpu/features.def, and those that every model has.
HWCAPS = {
    "LSE": "atomics", "RDM": "asimdrdm", "SHA512": "sha512", "SHA3": "sha3", "SM3": "sm3", "SM4": "sm4", "DotProd": "asimddp",
    "FHM": "asimdfhm", "FlagM": "flagm", "FlagM2": "flagm2", "RNG": "rng", "DPB": "dcpop", "DPB2": "dcpodp", "PAuth": "paca pacg",
    "JSCVT": "jscvt", "FCMA": "fcma", "LRCPC": "lrcpc", "LRCPC2": "ilrcpc", "FRINTTS": "frint", "SB": "sb", "BF16": "bf16", "DGH": "dgh",
    "I8MM": "i8mm", "FP16": "fphp", "AdvSIMDHP": "asimdhp", "DIT": "dit", "BTI": "bti", "SSBS2": "ssbs", "ECV": "ecv", "LSE2": "uscat",
}
BASE_HWCAPS = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid".split()
# What Linux says it uses of the others.
DETECTED = {
    "BTI": "Branch Target Identification", "PAN": "Privileged Access Never", "PAN3": "Enhanced Privileged Access Never",
    "HAFDBS": "Hardware dirty bit management", "CnP": "Common not Private translations", "E0PD": "E0PD", "RNG": "Random Number Generator",
    "TLBIRANGE": "TLB range maintenance instructions", "TTL": "ARMv8.4 Translation Table Level", "LSE": "LSE atomic instructions",
    "LRCPC": "RCpc load-acquire (LDAPR)", "ECV": "Enhanced Counter Virtualization", "SB": "Speculation barrier (SB)",
    "PACIMP": "Address authentication (IMP DEF algorithm)", "PACQARMA5": "Address authentication (architected QARMA5 algorithm)",
}


def features_of(model):
    text = subprocess.run([g.FERRY, "cpu", "list", "--json", model], check=True, capture_output=True, text=True).stdout
    return {f["feature"] for f in json.loads(text)["features"] if f["present"]}


@case("min", "max")
def cpu_max(start, _):
    """-cpu max boots, by both pointer authentications and by none, and Linux sees the features that `ferry cpu list` has."""
    for model in ("max", "max,pauth-impdef=off", "max,pauth=off"):
        features = features_of(model)
        with start("-cpu", model) as vm:
            vm.wait_for(g.PROMPT)
            want = sorted(BASE_HWCAPS + " ".join(HWCAPS[f] for f in HWCAPS if f in features).split())
            got = sorted(vm.shell("grep Features /proc/cpuinfo").partition(":")[2].split())
            check(got == want, f"{model}: Linux does not see {set(want) - set(got)}, and sees {set(got) - set(want)}")
            detected = set(re.findall(r"CPU features: detected: (.*)", vm.shell("dmesg")))
            for feature, text in DETECTED.items():
                check((text in detected) == (feature in features), f"{model}: {feature}: {text!r} among {detected}")
            vm.send("poweroff\n")
            check_end(vm, 0)


@case("min")
def job_control(start, _):
    """Ctrl-C reaches the guest and ends its foreground process, the shell goes on."""
    with start() as vm:
        vm.wait_for(g.PROMPT)
        vm.send("sleep 1000\n")
        vm.wait_for(r"sleep 1000\r+\n")
        time.sleep(1)  # the shell gives the terminal to its child
        vm.send("\x03")
        vm.wait_for(g.PROMPT)
        check(vm.shell("sleep 1000 & kill %1; echo $?") .endswith("0"), "kill of a background job failed")
        vm.send("exit\n")
        check_end(vm, 0)


@case("min")
def ctrl_a_x(start, _):
    """Ctrl-A x leaves with status 0."""
    with start() as vm:
        vm.wait_for("Booting Linux")
        vm.send(g.LEAVE)
        check_end(vm, 0)


@case("installer")
def installer(start, _):
    """Debian's installer kernel and its unmodified initrd come up to the system log."""
    with start() as vm:
        for text in ("Booting Linux", "Run /init", "Starting system log"):
            vm.wait_for(text)
        vm.send(g.LEAVE)
        check_end(vm, 0)


@case("uboot")
def uboot(start, _):
    """U-Boot reaches its prompt and answers."""
    with start() as vm:
        vm.wait_for("Hit any key")
        vm.send("\r")
        vm.wait_for("=> $")
        check("U-Boot 20" in vm.shell("version", prompt="=> $"), "version does not name U-Boot")
        vm.send(g.LEAVE)
        check_end(vm, 0)


@case("min")
def disk(start, _):
    """A raw disk reads and writes through virtio-blk; what the guest has synced is in the host's file."""
    image = disk_image("disk")
    before = image.read_bytes()
    with start(*disk_options(image)) as vm:
        vm.wait_for(g.PROMPT)
        load_disk(vm)
        check(vm.shell("md5sum < /dev/vda").startswith(hashlib.md5(before).hexdigest()), "the guest reads other bytes than the file has")
        vm.shell("seq 1 20000 | dd of=/dev/vda bs=4096 seek=512 conv=fsync 2>/dev/null")
        vm.send("poweroff\n")
        check_end(vm, 0)
    written = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    after = image.read_bytes()
    check(len(after) == len(before), "the disk changed its size")
    check(after[512 * 4096:512 * 4096 + len(written)] == written, "the file does not hold what the guest wrote and synced")
    check(after[:512 * 4096] == before[:512 * 4096], "the write touched other blocks")


@case("min")
def disk_snapshot(start, _):
    """snapshot=on: the guest sees its own writes, the file stays as it was."""
    image = disk_image("snapshot")
    before = image.read_bytes()
    with start(*disk_options(image, ",snapshot=on")) as vm:
        vm.wait_for(g.PROMPT)
        load_disk(vm)
        vm.shell("echo changed | dd of=/dev/vda conv=fsync 2>/dev/null")
        vm.shell("echo 3 > /proc/sys/vm/drop_caches")
        check(vm.shell("head -c 7 /dev/vda") == "changed", "the guest does not see its own write")
        vm.send("poweroff\n")
        check_end(vm, 0)
    check(image.read_bytes() == before, "snapshot=on wrote to the file")


@case("min")
def random(start, _):
    """virtio-rng gives random bytes."""
    with start("-device", "virtio-rng-device") as vm:
        vm.wait_for(g.PROMPT)
        vm.shell("insmod /lib/virtio_mmio.ko; insmod /lib/virtio-rng.ko; echo loaded")
        first, second = (vm.shell("head -c 64 /dev/hwrng | md5sum") for _ in range(2))
        check(re.match(r"[0-9a-f]{32}", first) and first != second, f"two reads of /dev/hwrng gave {first!r} and {second!r}")
        check(not first.startswith("d41d8cd98f00b204"), "/dev/hwrng is empty")
        vm.send("poweroff\n")
        check_end(vm, 0)


@case("min")
def reboot(start, _):
    """A reset boots again; with -no-reboot it ends the run with status 0."""
    with start() as vm:
        vm.wait_for(g.PROMPT)
        vm.send("reboot\n")
        vm.wait_for("reboot: Restarting system")
        vm.wait_for("Booting Linux")
        vm.wait_for(g.PROMPT)
        check(float(vm.shell("cut -d' ' -f1 /proc/uptime")) < 60, "uptime survived the reset")
        vm.send(g.LEAVE)
        check_end(vm, 0)
    with start("-no-reboot") as vm:
        vm.wait_for(g.PROMPT)
        vm.send("reboot\n")
        check_end(vm, 0)


def use_processors(start, count):
    """`count` processors come up, interrupt each other, leave and come back, and work at once."""
    with start("-smp", str(count)) as vm:
        vm.wait_for(g.PROMPT)
        check(vm.shell("nproc") == str(count), f"not {count} processors")
        online = "/sys/devices/system/cpu/cpu1/online"
        for _ in range(3):
            check(vm.shell(f"echo 0 > {online} && nproc").endswith(str(count - 1)), "a processor does not go")
            check(vm.shell(f"echo 1 > {online} && nproc").endswith(str(count)), "a processor does not come back")
        text = "".join(f"{n}\n" for n in range(1, 3001)).encode()
        sums = vm.shell(f"for i in $(seq {2 * count}); do seq 1 3000 | md5sum & done; wait", timeout=120)
        check(sums.count(hashlib.md5(text).hexdigest()) == 2 * count, "processes at once gave wrong sums")
        for what in ("IPI1", "arch_timer"):
            line = vm.shell(f"grep -w {what} /proc/interrupts").replace("11:", "", 1)
            counts = [int(n) for n in re.findall(r"(?<= )\d+(?= )", line)][:count]
            check(len(counts) == count and all(counts), f"not every processor has had {what}: {line!r}")
        vm.send("poweroff\n")
        check_end(vm, 0)


@case("min")
def window(start, _):
    """Processes that fork, alternate and compute give the same results with the host-MMU window open at once."""
    with start("-smp", "2", "--set", "mem.window=on", "--set", "mem.window_contexts=2", "--set", "llvm.threshold=200") as vm:
        vm.wait_for(g.PROMPT)
        digest = hashlib.sha256(bytes(2000000)).hexdigest()
        for _ in range(3):
            text = vm.shell("for i in 1 2 3 4; do head -c 2000000 /dev/zero | sha256sum & done; wait")
            check(text.count(digest) == 4, f"four processes at once say {text}")
        text = "".join(f"{n}\n" for n in range(1, 20001)).encode()
        check(vm.shell("seq 1 20000 | sort -rn | gzip | gunzip | sort -n | md5sum").startswith(hashlib.md5(text).hexdigest()),
              "sort, gzip or md5sum is wrong")
        check(vm.shell("i=0; while [ $i -lt 300 ]; do i=$(($i + 1)); x=$(echo $i); done; echo $x $i") == "300 300",
              "300 children do not give their numbers back")
        check(vm.shell("seq 1 3000 | awk '{ s += $1 / 4 } END { print s }'") == "1125375", "awk's floating point is wrong")
        vm.send("poweroff\n")
        vm.wait_for("reboot: Power down")
        check_end(vm, 0)


@case("min")
def limits(start, _):
    """With the least code memory and hardly any regions the caches are emptied again and again, and the guest works."""
    bounds = ("code.cache=4M", "llvm.regions=2", "llvm.queue=1", "llvm.heap=16M", "llvm.region_insns=20", "llvm.threshold=100")
    with start("--stats", *(word for bound in bounds for word in ("--set", bound))) as vm:
        vm.wait_for(g.PROMPT)
        check(vm.shell("seq 1 3000 | awk '{ s += $1 / 4 } END { print s }'") == "1125375", "awk is wrong")
        vm.send("poweroff\n")
        vm.wait_for("reboot: Power down")
        vm.wait_for(r"cache_flushes +[1-9]")
        check_end(vm, 0)


@case("min")
def smp2(start, _):
    """Two processors."""
    use_processors(start, 2)


@case("min")
def smp4(start, _):
    """Four processors, more than the host may have."""
    use_processors(start, 4)


@case("min")
def smp_reboot(start, _):
    """A reset with two processors boots both again; a signal ends the run."""
    with start("-smp", "2") as vm:
        vm.wait_for(g.PROMPT)
        vm.send("reboot\n")
        vm.wait_for("reboot: Restarting system")
        vm.wait_for(g.PROMPT)
        check(vm.shell("nproc") == "2", "a processor is lost by the reset")
        vm.send("while :; do :; done & while :; do :; done\n")
        time.sleep(1)
        os.kill(vm.child.pid, signal.SIGTERM)
        check_end(vm, 143)


@case("min")
def expect(start, _):
    """--expect ends the run with status 0 as soon as the string has been printed."""
    with start("--expect", "Run /init as init") as vm:
        check_end(vm, 0, 120)
    check("type poweroff" not in vm.log.read_text(errors="replace"), "the run went on after the expected string")


@case("min")
def expect_missed(start, _):
    """A guest that ends without the string of --expect: status 3."""
    with start("--expect", "no such text") as vm:
        vm.wait_for(g.PROMPT)
        vm.send("poweroff\n")
        check_end(vm, 3)


@case("min")
def timeout(start, _):
    """--timeout: status 124."""
    with start("--timeout", "2s") as vm:
        check_end(vm, 124)
        check(1.5 < vm.seconds() < 90, f"--timeout 2s took {vm.seconds():.1f} s")


@case("min")
def signals(start, _):
    """SIGINT and SIGTERM end the run with 130 and 143, what the guest has synced is on the disk, the terminal is as before."""
    for number, want in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        image = disk_image("signals")
        with start(*disk_options(image)) as vm:
            before = termios.tcgetattr(vm.child.child_fd)
            vm.wait_for(g.PROMPT)
            load_disk(vm)
            vm.shell("echo flushed | dd of=/dev/vda conv=fsync 2>/dev/null")
            during = termios.tcgetattr(vm.child.child_fd)
            check(during[3] & termios.ICANON == 0, "the terminal is not raw while the guest runs")
            os.kill(vm.child.pid, number)
            vm.child.expect(g.pexpect.EOF, timeout=180)
            check(termios.tcgetattr(vm.child.child_fd) == before, "the terminal's settings are not restored")
            vm.child.close()
            check(vm.status() == want, f"exit status {vm.status()}, expected {want}")
        check(image.read_bytes()[:7] == b"flushed", "the write is lost")


@case("min")
def clock(start, _):
    """--time real: the guest's clock drifts less than 1 % from the host's, busy and idle."""
    with start("--time", "real") as vm:
        vm.wait_for(g.PROMPT)
        for load in ("sleep 10", "timeout 10 sha256sum /dev/zero; true"):
            # Another program of the host may delay one reading; a clock that drifts is off in every attempt.
            for attempts_left in (2, 1, 0):
                points = []
                for command in ("true", load):
                    vm.shell(command)
                    begin = time.monotonic()
                    up = float(vm.shell("cut -d' ' -f1 /proc/uptime"))
                    points.append(((begin + time.monotonic()) / 2, up))
                host, guest = (b - a for a, b in zip(*points))
                if abs(guest / host - 1) < 0.01:
                    break
                check(attempts_left > 0, f"during {load!r} the guest counted {guest:.2f} s, the host {host:.2f} s")
        drift = abs(int(vm.shell("date +%s")) - time.time())
        check(drift < 3, f"the guest's date is {drift:.0f} s from the host's")
        vm.send("poweroff\n")
        check_end(vm, 0)


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--tier", default="tiered")
    parser.add_argument("--emulator", default="ferry", choices=("ferry", "qemu"))
    parser.add_argument("--timeout", type=float, default=float(os.environ.get("FERRY_BOOT_TIMEOUT", 700)))
    parser.add_argument("case", nargs="?", choices=sorted(CASES))
    options = parser.parse_args(argv)
    if options.list or not options.case:
        print("\n".join(f"{name:16} {f.__doc__}" for name, (_, f) in CASES.items()))
        return 0
    guest, function = CASES[options.case]
    missing = [w for w in g.guest_options(guest) if w.startswith("/") and not pathlib.Path(w).is_file()]
    if missing:
        print(f"{missing[0]}: not there, expected from ./dev guests {guest}")
        return 1 if os.environ.get("FERRY_NEED_GUESTS") else 77
    name = f"boot_{options.case}_{options.tier}"
    runs = 0

    def start(*extra):
        nonlocal runs
        runs += 1
        tier = ["--tier", options.tier] if options.emulator == "ferry" else []
        log = g.TOP / "build/test-logs" / f"{name}{'' if runs == 1 else f'-{runs}'}.log"
        if options.emulator == "qemu" and extra[:1] == ("--time",):
            extra = extra[2:]
        return g.Guest(g.command(options.emulator, guest, [*tier, *extra]), log, options.timeout)

    try:
        function(start, options)
    except (g.GuestError, Failed) as error:
        print(f"{name}: {error}")
        return 1
    print(f"{name}: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
