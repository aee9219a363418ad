#!/bin/sh
# Runs inside the guest, from the initial RAM disk: what debootstrap --foreign left to do on a processor of the right kind.
# usage: second_stage.sh base|packages
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root
mountpoint -q /dev/pts 2> /dev/null || { mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; }
case $1 in
  base)
    # Nobody needs this disk after a power failure of its host.
    echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/ferry
    /debootstrap/debootstrap --second-stage --keep-debootstrap-dir || { tail -30 /debootstrap/debootstrap.log; exit 1; }
    rm -rf /debootstrap
    ;;
  packages)
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d   # nothing is started while it is installed
    chmod 755 /usr/sbin/policy-rc.d
    cd /var/cache/ferry
    apt-get -q -y -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null \
      --no-install-recommends install ./*.deb
    rm -rf /usr/sbin/policy-rc.d /var/cache/ferry /second_stage.sh
    apt-get clean
    depmod -a
    echo debian > /etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 debian\n' > /etc/hosts
    echo 'LABEL=debian / ext4 defaults,noatime 0 1' > /etc/fstab
    passwd -d root
    mkdir -p /etc/systemd/system/serial-getty@ttyAMA0.service.d
    printf '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,38400,9600 - $TERM\n' \
      > /etc/systemd/system/serial-getty@ttyAMA0.service.d/autologin.conf
    touch /root/.hushlogin
    # Timers and services of a machine that lives long or has a network.
    for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer e2scrub_reap.service; do
      ln -sf /dev/null "/etc/systemd/system/$unit"
    done
    ;;
esac
sync
echo "ferry: second stage $1 is done"
