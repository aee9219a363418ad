#!/bin/bash
# libFuzzer finds no device tree, image, command line or instruction words that crash ferry (FERRY_FUZZ_RUNS inputs each)
# order: 60
set -e
cmake --preset fuzz > "$FERRY_WORK/configure.log" || { cat "$FERRY_WORK/configure.log"; exit 1; }
nice ninja -C build/fuzz -j "$FERRY_JOBS" fuzz_targets
runs=${FERRY_FUZZ_RUNS:-200000}
python3 tests/fuzz/seeds.py build/fuzz/machines/virt.dtb "$FERRY_WORK/seeds"
counts=""
for target in tree image options words; do
  mkdir -p "$FERRY_WORK/corpus/$target"   # kept: what a run finds worth keeping, the next begins with
  nice -n 19 "build/fuzz/tests/fuzz_$target" -runs="$runs" -max_len=16384 -timeout=30 -rss_limit_mb=4096 -seed="$FERRY_SEED" \
    -print_final_stats=1 -artifact_prefix="$FERRY_WORK/$target-" "$FERRY_WORK/corpus/$target" "$FERRY_WORK/seeds/$target" \
    > "$FERRY_WORK/$target.log" 2>&1 || { tail -40 "$FERRY_WORK/$target.log"; exit 1; }
  ran=$(sed -n 's/^stat::number_of_executed_units: *//p' "$FERRY_WORK/$target.log")
  echo "fuzz_$target: $ran inputs"
  counts="$counts, \"$target\": $ran"
done
echo "{${counts#, }}" > "$FERRY_COUNTS"
