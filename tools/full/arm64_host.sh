#!/bin/bash
# ferry built for an arm64 host (interpreter and LLVM, no baseline) passes its tests under qemu-aarch64
# order: 60
set -eo pipefail
unset FERRY_SIZE
rooms="core ir cpu frontend softmmu jit runtime devices machines debug control verify insn"
tools/arm64_sysroot.sh
cmake --preset arm64 > "$FERRY_WORK/configure.log" || { cat "$FERRY_WORK/configure.log"; exit 1; }
# The test programs: they run by themselves under the emulator. Scripts would start the arm64 program on this host, and what
# runs other programs, guests or compares documents is no question of the host's processor.
# shellcheck disable=SC2086,SC2046
ninja -C build/arm64/ferry -j "$FERRY_JOBS" ferry ferry_optimizing $(printf 'test_%s ' $rooms)
[ -f build/arm64/ferry/ferry_optimizing.so ] || { echo "the LLVM tier was left out"; exit 1; }
# LLVM itself is emulated: a quarter of the random blocks and of the ops' forms.
export FERRY_RANDOM_BLOCKS=60 FERRY_FORM_STEP=43
# qemu-user 7.2 does not see code change that is written through another mapping: no address is used twice.
export FERRY_KEEP_CODE=1
(cd build/arm64/ferry && ctest -j "$FERRY_JOBS" -R "^(${rooms// /|})\$" -E '^verify$' --timeout 3600 --output-on-failure \
  --output-junit "$FERRY_WORK/ctest.xml")
python3 tools/test_summary.py "$FERRY_WORK/ctest.xml"
# All of verify but one: qemu-user's posix_spawn succeeds for a program that does not exist (its vfork is a fork).
FERRY_CACHE=off qemu-aarch64 -cpu max -L build/arm64/sysroot build/arm64/ferry/tests/test_verify \
  '~an oracle that is missing*'
echo "{\"programs\": $(($(grep -c '<testcase' "$FERRY_WORK/ctest.xml") + 1)), \"instruction lines\": $(cat tests/insn/*.txt | grep -c '=>')}" \
  > "$FERRY_COUNTS"
