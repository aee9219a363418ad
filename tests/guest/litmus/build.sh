#!/bin/sh
# build.sh CC OUTPUT [-DBATCHES=N] [-DINSTANCES=N] [-DCROSSINGS=N] ...: the litmus program (main.c names them)
set -e
cc=$1; here=$(dirname "$0"); out=$2; made=$out.d
mkdir -p "$made"
shift 2
python3 "$here/generate.py" "$here/shapes.txt" "$made/tests.inc"
"$cc" -O2 -march=armv8-a -mno-outline-atomics -ffreestanding -nostdlib -static -mgeneral-regs-only -fno-pic -Wall -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
  -DHOST_CPUS="$(nproc)" -I "$made" -T "$here/../common/image.ld" "$here/start.S" "$here/main.c" "$@" -o "$out"
