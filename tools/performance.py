"""The generated parts of docs/performance.md, from the records of ./dev bench in docs/results: a part stands between the marks
<!--bench NAME--> and <!--/bench-->. Where a record is not there, the part says by which command it is made."""
import json
import math

# What a kind of programs is held to: seconds over native, the least wanted and the aim, and the factor over QEMU.
KINDS = {"integer": ("integer, branchy, indirect calls, hashing, sorting", 2.8, 2.0, 2.9), "fp": ("floating point and SIMD", 4, 2.5, 8),
         "crypto": ("crypto and CRC instructions", None, None, None), "memory": ("memory", None, None, None),
         "threads": ("two threads, one processor", None, None, None), "threads/2": ("two threads, two processors", None, None, None),
         "system": ("system work, page tables isolated", 10, 6, 4)}


class Records:
    """Records of docs/results by name, read when they are asked for."""

    def __init__(self, folder):
        self.folder = folder

    def get(self, name):
        path = self.folder / f"bench_{name}.json"
        return json.loads(path.read_text()) if path.is_file() else None


def absent(name):
    return f"Not measured yet: `./dev bench {name} --json`.\n"


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def factor(value):
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def over(row, a, b, what="best"):
    x, y = row[what].get(a), row[what].get(b)
    return x / y if x and y else None


def method(record):
    """One sentence: when, what, where."""
    m, counts = record["machine"], record["counts"]
    versions = ", ".join(f"{name} is {version}" for name, version in counts["versions"].items())
    return (f"Measured {record['date']} at commit {record['commit']} on {m['cores']} cores of {m['cpu']}, {m['memory_gib']} GiB, {m['system']}; "
            f"{counts['rounds']} round{'s' if counts['rounds'] != 1 else ''}; {versions}.\n")


def complaints(record):
    bad = record["counts"]["complaints"]
    return "".join(f"\n- **{text}**" for text in bad) + ("\n" if bad else "")


def verdict(value, least, aim):
    return "-" if value is None else "**reached**" if value <= aim else "least wanted" if value <= least else "missed"


def summary_programs(record):
    rows = record["counts"]["rows"]
    for kind, (title, least, aim, gain) in KINDS.items():
        mine = [r for r in rows if r["kind"] == kind]
        if not mine:
            continue
        ours, theirs = (mean(over(r, c, "native") for r in mine) for c in ("ferry", "QEMU"))
        want = (f"{factor(least)}x", f"{factor(aim)}x", verdict(ours, least, aim)) if aim else ("", "", "")
        faster = mean(over(r, "QEMU", "ferry") for r in mine)
        yield [f"{title} ({len(mine)} programs)", f"{factor(theirs)}x", f"{factor(ours)}x", *want, factor(faster), f"{gain}" if gain else ""]
    for name, title, least, aim, gain in (("written-code", "code written at run time", 60, 30, "5"),):
        for r in (r for r in rows if r["name"] == name):
            ours = over(r, "ferry", "native")
            yield [title, f"{factor(over(r, 'QEMU', 'native'))}x", f"{factor(ours)}x", f"{least}x", f"{aim}x", verdict(ours, least, aim),
                   factor(over(r, "QEMU", "ferry")), gain]
    for r in (r for r in rows if r["name"] == "cold-code"):
        ours, theirs = r["first"].get("ferry"), r["first"].get("QEMU")
        if ours:
            yield ["first execution of cold code (4,096 functions)", f"{theirs:.3f} s" if theirs else "-", f"{ours:.3f} s", "0.12 s", "0.10 s",
                   verdict(ours, 0.12, 0.10), factor(over(r, "QEMU", "ferry", "first")), "1"]


def summary_boot(rows, title, column, least, aim, warm, gain):
    by = {r["emulator"]: r for r in rows}
    base = by.get("QEMU")
    for name, words, low, high in (("ferry", "", least, aim), ("ferry, filled code cache", ", filled code cache", least, warm)):
        if name in by:
            value = by[name][column]
            yield [title + words, f"{base[column]:.2f} s" if base else "-", f"{value:.2f} s", f"{low} s", f"{high} s", verdict(value, low, high),
                   factor(base[column] / value) if base else "-", gain]


def summary_memory(rows, title):
    by = {r["emulator"]: r for r in rows}
    if "QEMU" in by and "ferry" in by:
        ours, theirs = by["ferry"]["MiB on arrival"], by["QEMU"]["MiB on arrival"]
        yield [f"memory, {title}", f"{theirs} MiB", f"{ours} MiB", "QEMU + 64 MiB", "QEMU", verdict(ours, theirs + 64, theirs), factor(theirs / ours), ""]


def summary(records):
    programs, boot, debian = (records.get(n) for n in ("programs", "boot", "debian"))
    rows = list(summary_programs(programs)) if programs else []
    if boot:
        rows += summary_boot(boot["counts"]["rows"], "Debian's kernel to a shell, whole process", "end s", 1.3, 1.0, 0.5, "1.5")
    if debian:
        rows += summary_boot(debian["counts"]["login"], "Debian to the prompt behind the login", "arrive s", 12, 8, 4, "3")
    if boot:
        rows += summary_memory(boot["counts"]["rows"], "small guest")
    if debian:
        rows += summary_memory(debian["counts"]["login"], "Debian at login")
    if not rows:
        return absent("programs")
    slower = [r["name"] for r in programs["counts"]["rows"] if (over(r, "QEMU", "ferry") or 1) < 1] if programs else []
    slower += [r["name"] for r in debian["counts"]["rows"] if (over(r, "QEMU", "ferry") or 1) < 1] if debian else []
    heads = ["kind (geometric means)", "QEMU", "ferry", "least wanted", "aim", "", "QEMU / ferry", "aim"]
    return table(heads, rows) + f"\nSlower than QEMU: {', '.join(slower) if slower else 'none'}.\n"


def spread(row, column):
    low, high = row["spread"].get(column, (None, None))
    return f"{(high / low - 1) * 100:.0f} %" if low else "-"


def program_rows(rows, columns):
    for r in rows:
        native = r["best"].get("native")
        yield [r["name"], f"{native * 1000:.1f}" if native else "-", *(factor(over(r, c, "native")) for c in columns), factor(over(r, "QEMU", "ferry")),
               spread(r, "native"), *(spread(r, c) for c in columns), *(f"{r['first'][c]:.3f}" if c in r["first"] else "-" for c in columns)]


def columns_of(rows):
    return [c for c in dict.fromkeys(c for r in rows for c in r["best"]) if c != "native"]


def program_heads(first, columns):
    return [first, "native ms", *(f"{c} / native" for c in columns), "QEMU / ferry", "native spread", *(f"{c} spread" for c in columns),
            *(f"{c} first s" for c in columns)]


def programs(records):
    record = records.get("programs")
    if not record:
        return absent("programs")
    rows, text = record["counts"]["rows"], method(record)
    columns = columns_of(rows)
    isolated = "apart from those of programs (KPTI)" if all(record["counts"]["page_tables_isolated"].values()) else "together with those of programs (no KPTI)"
    text += f"The guests' kernels keep their page tables {isolated}. The host's crypto rows run by: {record['counts']['native_crypto']}.\n{complaints(record)}"
    for kind in dict.fromkeys(r["kind"] for r in rows):
        mine = [r for r in rows if r["kind"] == kind]
        means = ["**geometric mean**", "", *(factor(mean(over(r, c, "native") for r in mine)) for c in columns), factor(mean(over(r, "QEMU", "ferry") for r in mine))]
        body = [*program_rows(mine, columns), means + [""] * (1 + 2 * len(columns))]
        text += f"\n### {KINDS.get(kind, (kind,))[0]}\n\n" + table(program_heads("program", columns), body)
    return text


def dict_table(rows):
    heads = list(rows[-1])
    return table(heads, [[str(r.get(h, "")) for h in heads] for r in rows])


def boot(records):
    record = records.get("boot")
    return method(record) + complaints(record) + "\n" + dict_table(record["counts"]["rows"]) if record else absent("boot")


def debian(records):
    record = records.get("debian")
    if not record:
        return absent("debian")
    rows, text = record["counts"]["rows"], method(record) + complaints(record)
    if rows:
        text += "\n" + table(program_heads("workload", columns_of(rows)), program_rows(rows, columns_of(rows)))
    if record["counts"]["login"]:
        text += "\nTo the prompt behind the login:\n\n" + dict_table(record["counts"]["login"])
    return text


PARTS = {"summary": summary, "programs": programs, "boot": boot, "debian": debian}


def part(name, folder):
    """The text of a part; KeyError for one that does not exist."""
    return "\n" + PARTS[name](Records(folder))
