#!/bin/bash
# Debian's openssl, 7z, xz, zstd, sqlite3, gcc, perl, python3 and stress-ng give the known answers, and QEMU's, on cortex-a57 and max
# order: 95
set -e
./dev guest debian
python3 tests/debian/user_space.py --size full --work "$FERRY_WORK" --json "$FERRY_COUNTS"
