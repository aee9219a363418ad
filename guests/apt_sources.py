#!/usr/bin/python3
"""Print, as one deb822 file for arm64, the Debian mirrors that this host's apt is configured with.

usage: apt_sources.py CODENAME [ETC_APT]

Reads ETC_APT/sources.list and ETC_APT/sources.list.d/*.{list,sources} (default /etc/apt). Only Debian's own suites
are kept: other vendors' repositories have no arm64 kernel for us and may not answer. With none left, Debian's
own mirror stands in.
"""
import pathlib
import re
import sys

FALLBACK = "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: {0} {0}-updates\nComponents: main\n" \
           "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
KEPT = ("Signed-By", "Trusted", "Check-Valid-Until", "Check-Date", "Allow-Insecure")


def is_debian(uri, suite, codename):
    """Debian's suites on something that looks like a Debian mirror (its path ends in debian, debian-security, or has a date behind it)."""
    names = "|".join(re.escape(n) for n in (codename, "stable"))
    if not re.fullmatch(rf"(?:{names})(?:-updates|-security|/updates)?", suite):
        return False
    return bool(re.match(r"(?:https?|ftp|file|copy|mirror(?:\+\w+)?|tor\+https?|cdn-fastly):", uri)) and "debian" in uri


def stanzas_of_sources(text):
    for block in re.split(r"\n[ \t]*\n", text):
        fields, last = {}, None
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and last:
                fields[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                last = last.strip().title()
                fields[last] = value.strip()
        if fields and fields.get("Enabled", "yes").strip().lower() not in ("no", "false", "0", "off"):
            yield {"Uris": fields.get("Uris", "").split(), "Suites": fields.get("Suites", "").split(),
                   "Components": fields.get("Components", "").split(), "Types": fields.get("Types", "").split(),
                   "options": {k: fields[k.title()] for k in KEPT if k.title() in fields}}


def stanzas_of_list(text):
    for line in text.splitlines():
        m = re.match(r"\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if not m:
            continue
        options = {}
        for word in (m.group(2) or "").split():
            key, _, value = word.partition("=")
            if key.title() in KEPT:
                options[key.title()] = value.replace(",", " ")
        yield {"Types": [m.group(1)], "Uris": [m.group(3)], "Suites": [m.group(4)], "Components": m.group(5).split(),
               "options": options}


def read_all(etc):
    files = [etc / "sources.list"] + sorted((etc / "sources.list.d").glob("*"))
    for path in files:
        if not path.is_file() or path.suffix not in (".list", ".sources"):
            continue
        text = path.read_text(errors="replace")
        yield from (stanzas_of_sources if path.suffix == ".sources" else stanzas_of_list)(text)


def main(argv):
    codename = argv[1]
    etc = pathlib.Path(argv[2] if len(argv) > 2 else "/etc/apt")
    out = []
    for s in read_all(etc):
        if "deb" not in s["Types"] or "main" not in s["Components"]:
            continue
        for uri in s["Uris"]:
            suites = [x for x in s["Suites"] if is_debian(uri, x, codename)]
            if suites:
                block = f"Types: deb\nURIs: {uri}\nSuites: {' '.join(suites)}\nComponents: main\n"
                out.append(block + "".join(f"{k}: {v}\n" for k, v in s["options"].items()))
    if not out:
        out = [FALLBACK.format(codename)]
    print("\n".join(block + "Architectures: arm64\n" for block in out), end="")


if __name__ == "__main__":
    main(sys.argv)
