#!/bin/bash
# Build with a CMake preset and run its tests. usage: full_preset.sh PRESET [CTEST ARGUMENT...]; called by tools/full/*.sh
# FERRY_TARGETS: what to build (default: everything)
set -eo pipefail
preset=$1; shift
cmake --preset "$preset" > "$FERRY_WORK/configure.log" || { cat "$FERRY_WORK/configure.log"; exit 1; }
# shellcheck disable=SC2086
ninja -C "build/$preset" -j "$FERRY_JOBS" $FERRY_TARGETS
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
(cd "build/$preset" && ctest -j "$FERRY_JOBS" --timeout 3600 --output-on-failure --output-junit "$FERRY_WORK/ctest.xml" "$@")
python3 tools/test_summary.py "$FERRY_WORK/ctest.xml"
echo "{\"tests\": $(grep -c '<testcase' "$FERRY_WORK/ctest.xml")}" > "$FERRY_COUNTS"
