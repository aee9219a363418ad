#!/bin/bash
# the quick checks of threads pass under ThreadSanitizer
# order: 40
set -e
unset FERRY_SIZE   # the quick size: this run is about the compiler
tools/full_preset.sh tsan -LE boot
