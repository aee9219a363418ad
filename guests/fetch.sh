#!/bin/bash
# Get real guests from Debian's packages into build/guests/NAME, without touching the host's dpkg architectures.
# usage: guests/fetch.sh min|installer|uboot|uefi ...     What is already there and intact is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
apt_dir=$top/build/apt
out_dir=$top/build/guests

say() { printf '[guests] %s\n' "$*"; }
die() { printf '[guests] error: %s\n' "$*" >&2; exit 1; }

. guests/apt_arm64.sh

# Unpack package $1 into a new folder and print the folder's path.
unpack() {
  local package=$1 deb tmp
  say "getting $package" >&2
  tmp=$apt_dir/debs/$package
  rm -rf "$tmp"; mkdir -p "$tmp"
  (cd "$tmp" && apt_arm64 apt-get download "$package") > "$apt_dir/download.log" 2>&1 ||
    { tail -5 "$apt_dir/download.log" >&2; die "cannot download $package: see $apt_dir/download.log"; }
  deb=$(ls "$tmp"/*.deb)
  dpkg-deb -x "$deb" "$tmp/root"
  basename "$deb" >> "$apt_dir/versions"
  rm -f "$deb"
  echo "$tmp/root"
}

# What a guest is made from: when this changes, it is made again.
recipe() { cat guests/fetch.sh guests/apt_arm64.sh guests/apt_sources.py guests/min/* | sha256sum | cut -d' ' -f1; }
intact() { [ -f "$out_dir/$1/.stamp" ] && [ "$(head -1 "$out_dir/$1/.stamp")" = "$(recipe)" ] &&
  (cd "$out_dir/$1" && tail -n +2 .stamp | sha256sum --status -c -); }

make_min() {
  local kernel root busybox image tree modules name dir=$1
  kernel=$(apt_arm64 apt-cache show linux-image-arm64 | sed -n 's/^Depends: *\(linux-image-[^ ,(]*\).*/\1/p' | head -1)
  [ -n "$kernel" ] || die "linux-image-arm64 names no kernel package"
  root=$(unpack "$kernel")
  image=$(ls "$root"/boot/vmlinuz-*)
  [ "$(head -c 60 "$image" | tail -c 4)" = "ARMd" ] || die "$image is not a plain arm64 Image"
  cp "$image" "$dir/Image"
  busybox=$(unpack busybox-static)
  tree=$apt_dir/debs/tree; rm -rf "$tree"; mkdir -p "$tree"/{bin,dev,etc,proc,sys,sbin,tmp,mnt}
  if [ -f "$busybox/bin/busybox" ]; then cp "$busybox/bin/busybox" "$tree/bin/"; else cp "$busybox/usr/bin/busybox" "$tree/bin/"; fi
  cp guests/min/init "$tree/init"
  cp guests/min/shrc "$tree/etc/shrc"
  chmod 755 "$tree/init" "$tree/bin/busybox"
  chmod 644 "$tree/etc/shrc"
  # Drivers for a disk and a random number source, to be loaded by hand (insmod /lib/virtio_mmio.ko ...).
  modules=$(find "$root" -type d -path '*/lib/modules/*' -prune -print -quit)
  mkdir -p "$tree/lib"
  for name in virtio/virtio virtio/virtio_ring virtio/virtio_mmio block/virtio_blk char/hw_random/rng-core char/hw_random/virtio-rng; do
    if [ -f "$modules/kernel/drivers/$name.ko" ]; then cp "$modules/kernel/drivers/$name.ko" "$tree/lib/"; fi
  done
  find "$tree" -exec touch -h -d @0 {} +
  (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --reproducible --quiet -R 0:0 | gzip -9n) > "$dir/initrd.cpio.gz"
  rm -rf "$tree" "$root" "$busybox"
}

make_installer() {
  local root dir=$1
  root=$(unpack debian-installer-12-netboot-arm64)
  cp "$root"/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64/{linux,initrd.gz} "$dir/"
}

make_uboot() {
  local root dir=$1
  root=$(unpack u-boot-qemu)
  cp "$root/usr/lib/u-boot/qemu_arm64/u-boot.bin" "$dir/"
}

make_uefi() {
  local root dir=$1
  root=$(unpack qemu-efi-aarch64)
  cp "$root/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" "$root/usr/share/AAVMF/AAVMF_CODE.fd" "$root/usr/share/AAVMF/AAVMF_VARS.fd" "$dir/"
}

make_guest() {
  local name=$1 new=$out_dir/.$1.new
  prepare_apt
  rm -rf "$new"; mkdir -p "$new"; : > "$apt_dir/versions"
  "make_$name" "$new"
  (cd "$new" && { echo "$2"; sha256sum -- *; } > .stamp)
  cp "$apt_dir/versions" "$new/.versions"
  rm -rf "${out_dir:?}/$name" && mv "$new" "$out_dir/$name"   # a guest is whole or absent
  say "$name: $(cd "$out_dir/$name" && ls | paste -sd' ') from $(paste -sd' ' "$apt_dir/versions")"
}

[ $# -gt 0 ] || die "expected one or more of: min installer uboot uefi"
for name in "$@"; do
  case $name in min|installer|uboot|uefi) ;; *) die "$name: not a guest; expected min, installer, uboot or uefi" ;; esac
done
mkdir -p "$apt_dir" "$out_dir"
exec 9> "$apt_dir/lock"
flock -n 9 || { say "waiting for another fetch"; flock 9; }
for name in "$@"; do
  if intact "$name"; then say "$name: there"; else make_guest "$name" "$(recipe)"; fi
done
