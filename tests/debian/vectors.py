#!/usr/bin/python3
"""Inputs and expected results for checks.sh: published known answers, and what this host's openssl says.

usage: vectors.py FOLDER

FOLDER/in/* are inputs; FOLDER/digest.txt has lines `ALGORITHM FILE HEX`, cipher.txt `CIPHER KEY IV FILE SHA256-of-the-result`, mac.txt
`ARGUMENTS|FILE|HEX`, kdf.txt `ARGUMENTS|HEX`, sign.txt `KEY FILE SHA256-of-the-signature|- [-rawin]`; the keys are made for the run.
"""
import hashlib
import pathlib
import random
import re
import subprocess
import sys

SIZES = (0, 1, 15, 16, 17, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 255, 256, 1000, 4096, 65537, 300000)
DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "blake2b512",
           "blake2s256", "sm3", "ripemd160")
CIPHERS = [f"{family}-{bits}-{mode}" for family in ("aes", "camellia", "aria") for bits in (128, 192, 256) for mode in ("ecb", "cbc", "ctr", "cfb", "cfb8", "ofb")]
CIPHERS += ["sm4-ecb", "sm4-cbc", "sm4-ctr", "chacha20", "des-ede3-cbc"]

# FIPS 180-4 and FIPS 202 examples, RFC 1321, RFC 7693, GB/T 32905: of "abc".
ABC = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha224": "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    "sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
}
# FIPS 197, appendix C: plaintext 00112233..ff, keys 000102...
FIPS197 = {
    "aes-128-ecb": "69c4e0d86a7b0430d8cdb78070b4c55a",
    "aes-192-ecb": "dda97ca4864cdfe06eaf70a0ec0d7191",
    "aes-256-ecb": "8ea2b7ca516745bfeafc49904b496089",
}
# RFC 4231, case 1; RFC 4493, example 1 (an empty message); RFC 8439, 2.5.2.
MACS = [
    ("hmac-rfc4231", "-digest SHA256 -macopt hexkey:" + "0b" * 20 + " HMAC", b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    ("cmac-rfc4493", "-cipher AES-128-CBC -macopt hexkey:2b7e151628aed2a6abf7158809cf4f3c CMAC", b"", "bb1d6929e95937287fa37d129b756746"),
    ("poly1305-rfc8439", "-macopt hexkey:85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b POLY1305", b"Cryptographic Forum Research Group",
     "a8061dc1305136c6c22b8baf0c0127a9"),
]
KDFS = [
    # RFC 5869, case 1; RFC 6070's password and salt with SHA-256; RFC 7914, section 12.
    ("-keylen 42 -kdfopt digest:SHA256 -kdfopt hexkey:" + "0b" * 22 + " -kdfopt hexsalt:000102030405060708090a0b0c -kdfopt hexinfo:f0f1f2f3f4f5f6f7f8f9 HKDF",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    ("-keylen 20 -kdfopt digest:SHA1 -kdfopt pass:password -kdfopt salt:salt -kdfopt iter:4096 PBKDF2", "4b007901b765489abead49d926f721d065a429c1"),
    ("-keylen 64 -kdfopt pass:password -kdfopt salt:NaCl -kdfopt n:1024 -kdfopt r:8 -kdfopt p:16 SCRYPT",
     "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"),
]


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def supported(*arguments):
    return subprocess.run(["openssl", *arguments], input=b"x" * 16, capture_output=True).returncode == 0


def main(argv):
    top = pathlib.Path(argv[1])
    (top / "in").mkdir(parents=True, exist_ok=True)
    rng = random.Random(20240611)
    inputs = {f"r{size}": rng.randbytes(size) for size in SIZES}
    inputs |= {"abc": b"abc", "fips197": bytes.fromhex("00112233445566778899aabbccddeeff")}
    for name, _, data, _ in MACS:
        inputs[name] = data
    for name, data in inputs.items():
        (top / "in" / name).write_bytes(data)

    lines = [f"{name} abc {value}" for name, value in ABC.items()]
    for name in DIGESTS:
        if supported("dgst", f"-{name}"):
            lines += [f"{name} r{size} {openssl('dgst', f'-{name}', '-r', data=inputs[f'r{size}']).split()[0].decode()}" for size in SIZES]
    (top / "digest.txt").write_text("\n".join(lines) + "\n")

    lines = []
    counting = bytes(range(32)).hex()
    for name, value in FIPS197.items():
        bits = int(name.split("-")[1])
        lines.append(f"{name} {counting[:bits // 4]} - fips197 {hashlib.sha256(bytes.fromhex(value)).hexdigest()} nopad")
    for name in CIPHERS:
        key, iv = rng.randbytes(32).hex(), rng.randbytes(16).hex()
        bits = re.search("-(128|192|256)-", name)
        size = int(bits[1]) // 4 if bits else {"sm4": 32, "des": 48}.get(name[:3], 64)
        key, iv = key[:size], iv[:16] if name.startswith("des") else iv
        words = ["enc", f"-{name}", "-K", key] + ([] if name.endswith("ecb") else ["-iv", iv])
        if not supported(*words):
            continue
        for size in (1, 16, 63, 1000, 65537):
            result = openssl(*words, data=inputs[f"r{size}"])
            lines.append(f"{name} {key} {'-' if name.endswith('ecb') else iv} r{size} {hashlib.sha256(result).hexdigest()} pad")
    (top / "cipher.txt").write_text("\n".join(lines) + "\n")

    macs = [f"{arguments}|{name}|{value}" for name, arguments, _, value in MACS]
    for cipher, size in (("AES-128-GCM", 16), ("AES-256-GCM", 32)):
        arguments = f"-macopt hexkey:{rng.randbytes(size).hex()} -macopt hexiv:{rng.randbytes(12).hex()} -macopt cipher:{cipher} GMAC"
        macs += [f"{arguments}|r{size}|{openssl('mac', '-in', str(top / f'in/r{size}'), *arguments.split()).decode().strip().lower()}" for size in (64, 1000, 65537)]
    (top / "mac.txt").write_text("\n".join(macs) + "\n")
    sign = []
    for name, words in (("rsa", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")), ("ed25519", ("-algorithm", "ED25519")),
                        ("ed448", ("-algorithm", "ED448")), ("p256", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")),
                        ("p384", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"))):
        key, raw = str(top / f"in/{name}.key"), ["-rawin"] if name.startswith("ed") else []
        (top / f"in/{name}.key").write_bytes(openssl("genpkey", *words))
        source = str(top / "in" / ("r1000" if raw else "r64"))
        signature = openssl("pkeyutl", "-sign", "-inkey", key, "-in", source, *raw)
        (top / f"in/{name}.sig").write_bytes(signature)
        # RSA's PKCS #1 1.5 and EdDSA have one right signature.
        sign.append(f"{name} {pathlib.Path(source).name} {hashlib.sha256(signature).hexdigest() if not name.startswith('p') else '-'} {' '.join(raw)}")
    (top / "sign.txt").write_text("\n".join(sign) + "\n")
    for name in ("x25519-a", "x25519-b"):
        (top / f"in/{name}.key").write_bytes(openssl("genpkey", "-algorithm", "X25519"))
    public = openssl("pkey", "-in", str(top / "in/x25519-b.key"), "-pubout")
    (top / "in/x25519-b.pub").write_bytes(public)
    secret = openssl("pkeyutl", "-derive", "-inkey", str(top / "in/x25519-a.key"), "-peerkey", str(top / "in/x25519-b.pub"))
    (top / "derive.txt").write_text(hashlib.sha256(secret).hexdigest() + "\n")
    (top / "kdf.txt").write_text("\n".join(f"{arguments}|{value}" for arguments, value in KDFS) + "\n")


if __name__ == "__main__":
    main(sys.argv)
