#!/bin/bash
# The libraries that ferry needs on an arm64 host, in build/arm64/sysroot, for the cross build. What is there is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
apt_dir=$PWD/build/apt
sysroot=$PWD/build/arm64/sysroot
say() { printf '[arm64] %s\n' "$*"; }
die() { printf '[arm64] error: %s\n' "$*" >&2; exit 1; }
. guests/apt_arm64.sh

# The build group of tools/packages.txt, less the tools, which run on this host, and what is for x86 hosts only.
packages=$(awk '$1 == "build" && $2 ~ /-dev$|^catch2$/ && $2 !~ /asmjit/ { print $2 }' tools/packages.txt; echo libatomic1)
stamp=$( (cat tools/arm64_sysroot.sh; echo "$packages") | sha256sum)
if [ -f "$sysroot/.stamp" ] && [ "$(cat "$sysroot/.stamp")" = "$stamp" ]; then say "sysroot: there"; exit 0; fi

prepare_apt
say "getting the arm64 libraries and what they depend on"
# An empty dpkg status makes apt fetch everything that they depend on. libc6-dev's place is taken by libc6-dev-arm64-cross.
# shellcheck disable=SC2086
apt_arm64 apt-get install -y --no-install-recommends --download-only $packages > "$apt_dir/sysroot.log" 2>&1 ||
  { tail -5 "$apt_dir/sysroot.log" >&2; die "cannot download: see $apt_dir/sysroot.log"; }
rm -rf "$sysroot"; mkdir -p "$sysroot"
for deb in "$apt_dir"/cache/archives/*.deb; do
  case $(basename "$deb") in
    libc6-dev_*|linux-libc-dev_*|perl*|libperl*|python3*|libpython3*|gcc-*|g++*|cpp*|binutils*|dpkg*|debconf*|coreutils*) continue ;;
  esac
  dpkg-deb -x "$deb" "$sysroot"
done
echo "$stamp" > "$sysroot/.stamp"
rm -rf "$apt_dir"/cache/archives/*.deb
say "sysroot: $(du -sh "$sysroot" | cut -f1)"
