#!/bin/bash
# ferry built for an arm64 host (interpreter and LLVM, no baseline) passes its tests under qemu-aarch64
# order: 60
set -eo pipefail
unset FERRY_SIZE
tools/arm64_sysroot.sh
cmake --preset arm64 > "$FERRY_WORK/configure.log" || { cat "$FERRY_WORK/configure.log"; exit 1; }
nice ninja -C build/arm64/ferry -j "$FERRY_JOBS"
# The test programs: they run by themselves under the emulator. Scripts would start the arm64 program on this host, and what
# runs other programs, guests or compares documents is no question of the host's processor.
(cd build/arm64/ferry && ctest -j "$FERRY_JOBS" -R '^(core|ir|cpu|frontend|softmmu|jit|runtime|devices|machines|debug|control|verify|insn)$' \
  --timeout 3600 --output-on-failure --output-junit "$FERRY_WORK/ctest.xml")
python3 tools/test_summary.py "$FERRY_WORK/ctest.xml"
echo "{\"tests\": $(grep -c '<testcase' "$FERRY_WORK/ctest.xml")}" > "$FERRY_COUNTS"
