"""Run a guest on ferry (or on QEMU, to check the scripts themselves) at a pseudo-terminal, and talk to it.

The guests are those of guests/fetch.sh. Every run keeps its transcript in a file; a wait that fails prints its end.
"""
import os
import pathlib
import re
import sys
import time

import pexpect

TOP = pathlib.Path(__file__).resolve().parent.parent
GUESTS = pathlib.Path(os.environ.get("FERRY_GUESTS", TOP / "build/guests"))
FERRY = os.environ.get("FERRY", str(TOP / "build/ferry"))
QEMU = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-m", "1G", "-nographic", "-nic", "none"]
LEAVE = "\x01x"  # Ctrl-A x
ROOT_PROMPT = r"root@debian:\S+# "
PROMPT = r"/ # (?:\x1b\[6n)?$"

# Guest: options that both emulators take, the files they need, seconds to wait at most for a string.
TABLE = {
    "min": ["-kernel", "min/Image", "-initrd", "min/initrd.cpio.gz", "-append", "console=ttyAMA0"],
    "installer": ["-kernel", "installer/linux", "-initrd", "installer/initrd.gz", "-append", "console=ttyAMA0 priority=low"],
    "uboot": ["-bios", "uboot/u-boot.bin"],
    "uefi": ["-bios", "uefi/QEMU_EFI.fd"],
    "debian": ["-kernel", "debian/Image", "-initrd", "debian/initrd.gz", "-append", "console=ttyAMA0 root=LABEL=debian", "-drive",
               "if=none,format=raw,id=d0,file={}/debian/disk.img", "-device", "virtio-blk-device,drive=d0"],
}


def guest_options(name):
    """The options that boot guest `name`, with full paths."""
    words = TABLE[name]
    files = ("-kernel", "-initrd", "-bios")
    return [str(GUESTS / w) if i and words[i - 1] in files else w.replace("{}", str(GUESTS)) for i, w in enumerate(words)]


def command(emulator, name, extra=()):
    """The command line for guest `name` on `emulator` (ferry or qemu)."""
    start = [FERRY, "run"] if emulator == "ferry" else QEMU
    return [*start, *guest_options(name), *extra]


def plain(text):
    """Text without terminal control sequences and carriage returns."""
    return re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()=>][A-Z0-9]?)", "", text).replace("\r", "")


class GuestError(Exception):
    """The guest did not do what the script waited for."""


class _Transcript:
    """A file (and perhaps the terminal) that gets everything the guest says."""

    def __init__(self, path, echo):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "w", encoding="utf-8", newline="")
        self.echo = echo

    def write(self, text):
        self.file.write(text)
        self.file.flush()
        if self.echo:
            sys.stdout.write(text.replace("\x1b[6n", ""))
            sys.stdout.flush()

    def flush(self):
        self.file.flush()


class Guest:
    """One run of an emulator. Use as a context manager: the process never outlives the block."""

    def __init__(self, argv, log, timeout=120.0, echo=False, env=None):
        self.argv = [str(a) for a in argv]
        self.log = pathlib.Path(log)
        self.timeout = timeout
        self.started = time.monotonic()
        self.child = pexpect.spawn(self.argv[0], self.argv[1:], timeout=timeout, encoding="utf-8", codec_errors="replace",
                                   dimensions=(40, 200), echo=False, env=env)
        self.child.logfile_read = _Transcript(self.log, echo)
        self.child.delaybeforesend = 0.02

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.child.close(force=True)
        except pexpect.ExceptionPexpect:  # a busy host: it has been killed, and takes longer to go than pexpect waits
            os.waitpid(self.child.pid, 0)
        self.child.logfile_read.file.close()

    def fail(self, what):
        """Raise GuestError with the end of the transcript."""
        tail = "\n".join(plain(self.log.read_text(encoding="utf-8", errors="replace")).splitlines()[-25:])
        raise GuestError(f"{what}\n  command: {' '.join(self.argv)}\n  transcript: {self.log}; its end:\n{tail}")

    def wait_for(self, pattern, timeout=None):
        """Wait until the regular expression has been printed; returns the match."""
        limit = self.timeout if timeout is None else timeout
        try:
            self.child.expect(pattern, timeout=limit)
        except pexpect.TIMEOUT:
            self.fail(f"no {pattern!r} within {limit:g} s")
        except pexpect.EOF:
            self.child.close()
            self.fail(f"ended (status {self.status()}) before {pattern!r}")
        return self.child.match

    def send(self, text):
        """Type text as it is."""
        self.child.send(text)

    def shell(self, line, timeout=None, prompt=PROMPT):
        """Type a line at the shell's prompt; returns what it printed, up to the next prompt."""
        self.child.send(line + "\r" if prompt != PROMPT else line + "\n")
        self.wait_for(re.escape(line[-20:]), timeout)  # the terminal's echo
        self.wait_for(prompt, timeout)
        return plain(self.child.before).strip()

    def status(self):
        """Exit status, 128 + N when signal N ended it (after wait_end)."""
        c = self.child
        return c.exitstatus if c.signalstatus is None else 128 + c.signalstatus

    def wait_end(self, timeout=None):
        """Wait for the emulator to end; returns its exit status."""
        limit = self.timeout if timeout is None else timeout
        try:
            self.child.expect(pexpect.EOF, timeout=limit)
        except pexpect.TIMEOUT:
            self.fail(f"still running after {limit:g} s")
        self.child.close()
        return self.status()

    def seconds(self):
        """Wall seconds since the start."""
        return time.monotonic() - self.started
