#!/bin/bash
# ferry built for an arm64 host (interpreter and LLVM, no baseline) passes its tests under qemu-aarch64
# order: 60
set -eo pipefail
unset FERRY_SIZE
tools/arm64_sysroot.sh
cmake --preset arm64 > "$FERRY_WORK/configure.log" || { cat "$FERRY_WORK/configure.log"; exit 1; }
nice ninja -C build/arm64/ferry -j "$FERRY_JOBS"
# What runs other programs, guests or scripts is no question of the host's processor.
(cd build/arm64/ferry && ctest -j "$FERRY_JOBS" -LE boot -E 'docs|house|bench|app' --timeout 3600 --output-on-failure --output-junit "$FERRY_WORK/ctest.xml")
python3 tools/test_summary.py "$FERRY_WORK/ctest.xml"
echo "{\"tests\": $(grep -c '<testcase' "$FERRY_WORK/ctest.xml")}" > "$FERRY_COUNTS"
