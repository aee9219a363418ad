#!/bin/bash
# Debian's own programs with a fixed amount of work, the same script in the guest and on the host.
# usage: work.sh INPUTS NAME...|--list     prints "work NAME SECONDS CHECKSUM" a workload, or "work NAME missing PROGRAM"
# $BENCH_CC: the compiler of the gcc workload (on a host of another architecture the cross compiler, whose output is the same).
inputs=$(readlink -f "$1"); shift
export LC_ALL=C
seven=$(command -v 7z || command -v 7zz)

# Each function does the work and leaves what its checksum is of in the file `out`.
needs_7z_compress() { echo "${seven:-7zz}"; }
do_7z_compress() { "$seven" a -bd -mmt=1 -mtm=off -mtc=off -mta=off -mx=5 -m0=LZMA2 out.7z "$inputs/text" > log && mv out.7z out; }
needs_7z_extract() { echo "${seven:-7zz}"; }
do_7z_extract() { for _ in 1 2 3 4 5 6; do "$seven" x -bd -so "$inputs/text.xz"; done | sha256sum > out; }
needs_gzip() { echo gzip; }
do_gzip() { gzip -9nc "$inputs/text" > out; }
needs_openssl_aes() { echo openssl; }
do_openssl_aes() { head -c 100000000 /dev/zero | openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00 | tail -c 4096 > out; }
needs_openssl_sha256() { echo openssl; }
do_openssl_sha256() { head -c 100000000 /dev/zero | openssl dgst -sha256 -r > out; }
needs_openssl_prime() { echo openssl; }
do_openssl_prime() { openssl prime -hex "7$(printf 'F%.0s' $(seq 319))" > out; } # 2^1279 - 1
needs_python() { echo python3; }
do_python() { /usr/bin/python3 -I "$inputs/work.py" > out; }
needs_perl() { echo perl; }
do_perl() { perl "$inputs/work.pl" "$inputs/text" > out; }
needs_sqlite() { echo sqlite3; }
do_sqlite() { sqlite3 :memory: < "$inputs/work.sql" > out; }
needs_gcc() { echo "${BENCH_CC:-gcc}"; }
do_gcc() { "${BENCH_CC:-gcc}" -O2 -S -o - -x c "$inputs/work.c" | grep -v '\.ident\|\.file' > out; }
needs_sysbench() { echo sysbench; }
do_sysbench() { sysbench cpu --cpu-max-prime=20000 --events=500 --time=0 --threads=1 run | grep 'total number of events' > out; }
needs_processes() { echo seq; }
do_processes() { for i in $(seq 60); do /bin/echo "$i" | cat | tr 0-9 a-j; done > out; }

names=$(declare -F | sed -n 's/^declare -f do_//p')
if [ "$1" = --list ]; then echo "$names"; exit; fi
folder=$(mktemp -d) && cd "$folder" || exit 1
for name in "$@"; do
  if ! program=$("needs_$name") || ! command -v "$program" > /dev/null; then echo "work $name missing $program"; continue; fi
  rm -f out
  begin=$(date +%s%N)
  "do_$name" 2> errors
  status=$?
  end=$(date +%s%N)
  if [ "$status" = 0 ] && [ -s out ]; then
    echo "work $name $(((end - begin) / 1000000))e-3 $(sha256sum < out | cut -c1-16)"
  else
    echo "work $name failed $(head -c 200 errors | tr '\n' ' ')"
  fi
done
rm -rf "$folder"
