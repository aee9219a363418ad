"""Python's share: objects, dictionaries, strings, big integers, floats, regular expressions, JSON."""
import collections
import hashlib
import json
import re


def queens(n, row=0, columns=0, left=0, right=0):
    if row == n:
        return 1
    free, found = ~(columns | left | right) & ((1 << n) - 1), 0
    while free:
        bit = free & -free
        free ^= bit
        found += queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return found


class Body:
    def __init__(self, x, v):
        self.x, self.v = x, v


def springs(steps):
    bodies = [Body(float(i), 0.25 * i) for i in range(12)]
    for _ in range(steps):
        for a, b in zip(bodies, bodies[1:]):
            force = (b.x - a.x - 1.0) * 0.01
            a.v += force
            b.v -= force
        for body in bodies:
            body.x += body.v * 0.01
    return [body.x.hex() for body in bodies]


def words(count):
    seed, text = 12345, []
    for _ in range(count):
        seed = seed * 1103515245 + 12345 & 0x7fffffff
        text.append("".join("aeioubcdfg"[int(d)] for d in str(seed)[-5:]))
    counted = collections.Counter(text)
    line = " ".join(text)
    return sorted(counted.items(), key=lambda kv: (-kv[1], kv[0]))[:10], len(re.findall(r"\b[aeiou]\w*([bcdfg])\w\1", line))


def documents(count):
    data = [{"id": i, "name": f"n{i * 7919 % 1000}", "values": [i * k / 8 for k in range(10)]} for i in range(count)]
    return hashlib.sha256(json.dumps(json.loads(json.dumps(data)), sort_keys=True).encode()).hexdigest()


print(queens(8), springs(3000), words(40000), documents(4000), pow(3, 2**13 + 1, 2**2203 - 1) % 10**20, sep="\n")
