#!/bin/bash
# the quick checks pass under AddressSanitizer and UndefinedBehaviorSanitizer
# order: 30
set -e
unset FERRY_SIZE   # the quick size: this run is about the compiler
tools/full_preset.sh asan -LE boot
