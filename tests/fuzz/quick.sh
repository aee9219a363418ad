#!/bin/bash
# The fuzz targets' quick size. usage: quick.sh FOLDER_OF_THE_PROGRAMS VIRT_DTB
set -e
folder=$(mktemp -d "${TMPDIR:-/tmp}/ferry-fuzz-XXXXXX")
trap 'rm -rf "$folder"' EXIT
python3 "$(dirname "$0")/seeds.py" "$2" "$folder"
for target in tree image options words; do
  "$1/fuzz_$target" "$folder/$target" "${FERRY_FUZZ_RUNS:-3000}" "${FERRY_SEED:-1}" > "$folder/log" 2>&1 || { tail -20 "$folder/log"; echo "fuzz_$target: crashed"; exit 1; }
  tail -1 "$folder/log"
done
