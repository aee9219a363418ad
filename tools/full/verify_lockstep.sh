#!/bin/bash
# Debian's kernel boots to its shell in two tiers side by side: the same registers and memory all the way
# order: 44
set -e
if [ -z "$FERRY_BINARY" ]; then ./dev build ferry; FERRY_BINARY=build/ferry; fi
guest=${FERRY_GUESTS:-build/guests}/min
counts=""
lockstep() { # NAME TIER OPTION...
  local name=$1 tier=$2; shift 2
  "$FERRY_BINARY" verify --lockstep --tier "$tier" --counts "$FERRY_WORK/$name.json" -- -kernel "$guest/Image" \
    -initrd "$guest/initrd.cpio.gz" -append console=ttyAMA0 -m 512M --expect '/ #' "$@"
  counts="$counts, \"$name\": $(cat "$FERRY_WORK/$name.json")"
}
lockstep baseline baseline -cpu cortex-a57
lockstep baseline_max baseline -cpu max
lockstep baseline_smp2 baseline -cpu max -smp 2
lockstep tiered tiered -cpu cortex-a57
lockstep tiered_max tiered -cpu max
echo "{${counts#, }}" > "$FERRY_COUNTS"
