#!/bin/bash
# clang-tidy 19 finds nothing in the sources, and they are formatted
# order: 10
set -e
cmake --preset release > /dev/null
./dev fmt --check
./dev lint | tee "$FERRY_WORK/lint.log"
echo "{\"files\": $(grep -c '^\[lint\]' "$FERRY_WORK/lint.log")}" > "$FERRY_COUNTS"
