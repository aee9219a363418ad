#!/bin/bash
# clang 19 compiles everything without a warning, and the quick checks but the boots pass
# order: 20
set -e
unset FERRY_SIZE   # the quick size: this run is about the compiler
tools/full_preset.sh clang -LE boot
