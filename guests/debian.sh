#!/bin/bash
# Builds build/guests/debian: disk.img, a Debian arm64 system on ext4, with Image and initrd.gz to boot it.
# usage: guests/debian.sh
# The first stage is debootstrap's on this host; the second runs inside the guest, on ferry (FERRY_EMULATOR=qemu: on
# QEMU). No loop mount, no binfmt. Each step leaves its result in build/guests/.debian; a run that was stopped goes on there.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
apt_dir=$top/build/apt-debian
out_dir=$top/build/guests
work=$out_dir/.debian
ferry=${FERRY:-$top/build/ferry}

say() { printf '[debian] %s\n' "$*"; }
die() { printf '[debian] error: %s\n' "$*" >&2; exit 1; }

. guests/apt_arm64.sh

disk_size=4G

# A step whose recipe has not changed is not done again; a changed one makes those after it be done again.
recipe=$(sha256sum guests/debian.sh guests/debian/* guests/apt_arm64.sh guests/apt_sources.py | sha256sum | cut -d' ' -f1)
step() { # NAME FUNCTION
  local stamp=$work/$1.done
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ] && return 0
  say "$1"
  rm -f "$stamp"
  "$2"
  echo "$recipe" > "$stamp"
}

packages() { grep -v '^#' guests/debian/packages.txt; }

# The archive itself only, without updates: debootstrap and apt then agree on every version.
one_suite() {
  prepare_apt
  sed -i "s/^Suites:.*/Suites: $codename/" "$apt_dir/sources.d/debian.sources"
  python3 - "$apt_dir/sources.d/debian.sources" <<'PY'
import sys
blocks = [b for b in open(sys.argv[1]).read().split("\n\n") if "debian-security" not in b]
open(sys.argv[1], "w").write("\n\n".join(blocks) + "\n")
PY
  apt_arm64 apt-get update > "$apt_dir/update.log" 2>&1 || die "apt-get update failed: see $apt_dir/update.log"
}

source_field() { sed -n "s/^$1: *//p" "$apt_dir/sources.d/debian.sources" | head -1; }

first_stage() {
  one_suite
  local mirror keyring options=()
  mirror=$(source_field URIs); keyring=$(source_field Signed-By)
  [ -z "$keyring" ] || options+=("--keyring=$keyring")
  [ "$(source_field Trusted)" != yes ] || options+=(--no-check-gpg)
  local proxy; proxy=$(apt-config shell p Acquire::http::Proxy | sed "s/^p='\(.*\)'$/\1/")
  [ -z "$proxy" ] || [ "$proxy" = DIRECT ] || export http_proxy=${http_proxy:-$proxy}
  rm -rf "$work/tree"; mkdir -p "$work/tree" "$work/debs"
  debootstrap --foreign --arch=arm64 --variant=minbase --cache-dir="$work/debs" "${options[@]}" "$codename" "$work/tree" "$mirror" \
    > "$work/debootstrap.log" 2>&1 || { tail -5 "$work/debootstrap.log" >&2; die "debootstrap failed: see $work/debootstrap.log"; }
  # Where debootstrap cannot mount, as in containers, it leaves a link here.
  [ ! -L "$work/tree/proc" ] || { rm "$work/tree/proc"; mkdir "$work/tree/proc"; }
}

# The packages and what they need, as files the guest installs; without what the base already has.
fetch_packages() {
  [ -n "$apt_ready" ] || one_suite
  local list=$work/packages
  mkdir -p "$list/partial"
  # shellcheck disable=SC2046
  apt_arm64 apt-get -y --no-install-recommends -o Dir::Cache::archives="$list" --download-only install $(packages) > "$work/packages.log" 2>&1 ||
    { tail -5 "$work/packages.log" >&2; die "cannot download the packages: see $work/packages.log"; }
  mkdir -p "$work/tree/var/cache/ferry"
  rm -f "$work/tree/var/cache/ferry"/*.deb
  local deb
  for deb in "$list"/*.deb; do
    [ -f "$work/tree/var/cache/apt/archives/$(basename "$deb")" ] || cp "$deb" "$work/tree/var/cache/ferry/"
  done
}

fetch_kernel() {
  [ -n "$apt_ready" ] || one_suite
  local kernel root modules tree=$work/initrd
  kernel=$(apt_arm64 apt-cache show linux-image-arm64 | sed -n 's/^Depends: *\(linux-image-[^ ,(]*\).*/\1/p' | head -1)
  [ -n "$kernel" ] || die "linux-image-arm64 names no kernel package"
  rm -rf "$work/kernel" "$work/busybox" "$tree"; mkdir -p "$work/kernel" "$work/busybox" "$tree/bin" "$tree/modules"
  (cd "$work/kernel" && apt_arm64 apt-get download "$kernel" && dpkg-deb -x ./*.deb root && rm -f ./*.deb) > "$work/kernel.log" 2>&1 ||
    { tail -5 "$work/kernel.log" >&2; die "cannot get $kernel: see $work/kernel.log"; }
  (cd "$work/busybox" && apt_arm64 apt-get download busybox-static && dpkg-deb -x ./*.deb root) >> "$work/kernel.log" 2>&1 ||
    die "cannot get busybox-static: see $work/kernel.log"
  root=$work/kernel/root
  cp "$root"/boot/vmlinuz-* "$work/Image"
  modules=$(ls -d "$root"/lib/modules/*)
  guests/debian/modules.py "$modules" "$tree/modules" virtio_mmio virtio_blk ext4 crc32c_generic virtio_rng
  cp "$work"/busybox/root/*bin/busybox "$tree/bin/" 2> /dev/null || cp "$work"/busybox/root/usr/bin/busybox "$tree/bin/"
  ln -s busybox "$tree/bin/sh"
  install -m 755 guests/debian/init "$tree/init"
  mkdir -p "$tree"/{dev,proc,sys,disk}
  find "$tree" -exec touch -h -d @0 {} +
  (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --reproducible --quiet -R 0:0 | gzip -9n) > "$work/initrd.gz"
  mkdir -p "$work/tree/lib/modules"
  rm -rf "$work/tree/lib/modules/$(basename "$modules")"
  cp -a "$modules" "$work/tree/lib/modules/"
}

make_image() {
  install -m 755 guests/debian/second_stage.sh "$work/tree/second_stage.sh"
  rm -f "$work/first.img"
  /sbin/mke2fs -q -t ext4 -L debian -d "$work/tree" "$work/first.img" "$disk_size" || die "mke2fs failed"
}

# Boots a copy of image $1 to run second_stage.sh $2; the copy becomes $3 when the guest says that it is done.
in_guest() {
  local new=$work/$3.part log=$work/$2.log command
  local common=(-m 1G -kernel "$work/Image" -initrd "$work/initrd.gz" -drive "if=none,format=raw,file=$new,id=d0"
    -device virtio-blk-device,drive=d0 -append "console=ttyAMA0 panic=-1 ferry.run=/second_stage.sh\${IFS}$2")
  cp --sparse=always "$work/$1" "$new"
  if [ "${FERRY_EMULATOR:-ferry}" = qemu ]; then
    command=(qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -nographic -nic none -no-reboot "${common[@]}")
  else
    command=("$ferry" run --timeout "${FERRY_TIMEOUT:-2h}" -no-reboot "${common[@]}")
  fi
  printf '%q ' "${command[@]}" > "$work/$2.command"
  local began=$SECONDS
  "${command[@]}" < /dev/null > "$log" 2>&1 || { tail -25 "$log" >&2; die "the guest failed: see $log"; }
  grep -q "^ferry: second stage $2 is done" "$log" || { tail -25 "$log" >&2; die "the guest did not finish: see $log"; }
  mv "$new" "$work/$3"
  say "$2: $((SECONDS - began)) s in the guest"
}
second_stage() { in_guest first.img base base.img; }
install_packages() { in_guest base.img packages disk.img; }

finish() {
  mkdir -p "$out_dir/debian"
  mv "$work/disk.img" "$out_dir/debian/disk.img"
  cp "$work/Image" "$work/initrd.gz" "$out_dir/debian/"
  rm -rf "$work/tree" "$work/kernel" "$work/busybox" "$work/initrd" "$work/first.img" "$work/base.img"
}

[ "$(id -u)" = 0 ] || die "the first stage sets owners of files: run this as root (sudo ./dev guest debian)"
mkdir -p "$work" "$apt_dir"
exec 9> "$work/lock"
flock -n 9 || { say "waiting for another run"; flock 9; }
if [ -f "$work/finished.done" ] && [ "$(cat "$work/finished.done")" = "$recipe" ] && [ -f "$out_dir/debian/disk.img" ]; then
  say "debian: there"
  exit 0
fi
step first_stage first_stage
step packages fetch_packages
step kernel fetch_kernel
step image make_image
step second_stage second_stage
step install install_packages
step finished finish
say "debian: $(cd "$out_dir/debian" && ls | paste -sd' ')"
