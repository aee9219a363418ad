#!/usr/bin/python3
"""shapes.txt -> C: a function for each thread of each test in each variant, and the table of tests.

usage: generate.py shapes.txt tests.inc

What Arm forbids follows from a few rules (Arm ARM DDI 0487, B2.3) that suffice for these shapes: each access of a test reads or writes
once, and the relaxed outcome needs two accesses of some thread to be observed out of program order. An outcome is forbidden when every
pair of neighbouring accesses of every thread is ordered: memory is multi-copy atomic, so that ordered threads are sequentially consistent.
"""
import sys

# name: how a store and a load are made, what stands between two accesses, and which pairs (earlier, later) that orders.
ALL = {"WW", "WR", "RW", "RR"}
VARIANTS = {
    "plain": ("str", "ldr", lambda pair: "", set()),
    "rel-acq": ("stlr", "ldar", lambda pair: "", ALL),
    "rel-acq-pc": ("stlr", "ldapr", lambda pair: "", {"WW", "RW", "RR"}),
    "rel-acq-unscaled": ("stlur", "ldapur", lambda pair: "", {"WW", "RW", "RR"}),
    "dmb-sy": ("str", "ldr", lambda pair: "dmb sy", ALL),
    "dmb-ish": ("str", "ldr", lambda pair: "dmb ish", ALL),
    "dsb-sy": ("str", "ldr", lambda pair: "dsb sy", ALL),
    "dsb-st": ("str", "ldr", lambda pair: "dsb st", {"WW", "WR"}),
    "dmb-ld-st": ("str", "ldr", lambda pair: "dmb st" if pair == "WW" else "dmb ld" if pair[0] == "R" else "", {"WW", "RW", "RR"}),
    "dmb-ld": ("str", "ldr", lambda pair: "dmb ld", {"RW", "RR"}),
    "dmb-st": ("str", "ldr", lambda pair: "dmb st", {"WW"}),
    "exclusive": ("stlxr", "ldaxr", lambda pair: "", ALL),
    "exclusive-plain": ("stxr", "ldxr", lambda pair: "", set()),
    "lse": ("swpal", "ldaddal", lambda pair: "", ALL),
    "lse-cas": ("casal", "casal", lambda pair: "", ALL),
    "lse-full": ("str", "ldr", lambda pair: "ldaddal w12, w12, [x4]", ALL),
    "lse-plain": ("swp", "ldadd", lambda pair: "", set()),
}
COHERENCE = {"CoRR", "CoWW", "CoRW", "CoWR"}
# What an x86 host reorders: a store with a later load.
HOST_REORDERS = {"WR"}
ADDRESS = {"x": "x0", "y": "x1", "z": "x2"}


def store(how, address, value, label):
    at = f"[{address}]"
    code = [f"mov w9, #{value}"]
    if how in ("str", "stlr", "stlur"):
        return code + [f"{how} w9, {at}"]
    if how in ("stxr", "stlxr"):
        load = "ldxr" if how == "stxr" else "ldaxr"
        return code + [f"{label}: {load} w10, {at}", f"{how} w11, w9, {at}", f"cbnz w11, {label}b"]
    if how == "casal":
        return code + [f"ldr w10, {at}", f"{label}: mov w11, w10", f"casal w10, w9, {at}", "cmp w10, w11", f"b.ne {label}b"]
    return code + [f"{how} w9, w10, {at}"]


def load(how, address, register):
    at = f"[{address}]"
    if how in ("ldadd", "ldaddal"):
        return [f"{how} wzr, {register}, {at}"]
    if how == "casal":
        return [f"mov {register}, #99", f"casal {register}, wzr, {at}"]
    code = [f"{how} {register}, {at}"]
    return code + ["clrex"] if how.endswith("xr") else code


def thread_code(accesses, variant, results):
    how_store, how_load, between, _ = VARIANTS[variant]
    code, label, kinds = [], 0, []
    for access in accesses:
        kinds.append(access[0])
        if len(kinds) > 1 and between("".join(kinds[-2:])):
            code.append(between("".join(kinds[-2:])))
        if access[0] == "W":
            label += 1
            code += store(how_store, ADDRESS[access[2]], access.split("=")[1], label)
        else:
            code += load(how_load, ADDRESS[access.split()[1]], results[access.split()[2]])
    return code


def pairs(accesses):
    kinds = "".join(a[0] for a in accesses)
    return {kinds[i:i + 2] for i in range(len(kinds) - 1)}


def read_shapes(path):
    for line in open(path):
        if line.startswith("#") or not line.strip():
            continue
        name, rest = (x.strip() for x in line.split("|", 1))
        rest, outcome = rest.rsplit("|", 1)
        threads = [[a.strip() for a in t.split(";")] for t in rest.split("||")]
        yield name, threads, dict(x.split("=") for x in outcome.split())


def main(source, target):
    out = ["/* made from shapes.txt by generate.py */"]
    rows = []
    for name, threads, outcome in read_shapes(source):
        names = [a.split()[2] for t in threads for a in t if a[0] == "R"]
        condition = " && ".join(f"{'m' if k in 'xyz' else 'r'}[{'xyz'.index(k) if k in 'xyz' else names.index(k)}] == {v}" for k, v in outcome.items())
        ident = "".join(c if c.isalnum() else "_" for c in name)
        out.append(f"static int relaxed_{ident}(const u32 *m, const u32 *r) {{ (void)m; (void)r; return {condition}; }}")
        needed = set().union(*(pairs(t) for t in threads))
        for variant, (_, _, _, orders) in VARIANTS.items():
            functions = []
            for number, accesses in enumerate(threads):
                own = [a.split()[2] for a in accesses if a[0] == "R"]
                results = {n: f"w{5 + own.index(n)}" for n in own}
                code = thread_code(accesses, variant, results)
                code += [f"str {results[n]}, [x3, #{4 * own.index(n)}]" for n in own]
                function = f"run_{ident}_{variant.replace('-', '_')}_{number}"
                body = "\\n".join(code + ["ret"])
                out.append(f'void {function}(u32 *, u32 *, u32 *, u32 *, u32 *);\n__asm__(".balign 64\\n{function}:\\n{body}\\n");')
                functions.append(function)
            forbidden = name in COHERENCE or needed <= orders
            reads = ", ".join(str(sum(a[0] == "R" for a in t)) for t in threads)
            # The relaxed outcome is within the host's reach when what it reorders is what the test is about.
            shows = name not in COHERENCE and any(p in HOST_REORDERS for p in needed)
            rows.append(f'  {{"{name}", "{variant}", {len(threads)}, {{{reads}}}, {int(forbidden)}, {int(shows)}, relaxed_{ident}, {{{", ".join(functions)}}}}},')
    out.append("static const struct test tests[] = {\n" + "\n".join(rows) + "\n};")
    open(target, "w").write("\n".join(out) + "\n")


main(*sys.argv[1:])
