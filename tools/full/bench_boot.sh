#!/bin/bash
# Whole boots next to QEMU on the same guest: seconds to the shell and peak memory
# order: 90
set -e
unset FERRY_SIZE
./dev build ferry
python3 bench/boot.py --runs 9 --json "$FERRY_WORK/boot.json"
python3 -c 'import json, sys; json.dump(json.load(open(sys.argv[1]))["counts"], open(sys.argv[2], "w"))' "$FERRY_WORK/boot.json" "$FERRY_COUNTS"
