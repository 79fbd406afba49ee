#!/bin/sh
# image.sh DIR SUITE: makes a Debian machine in DIR: `vmlinuz`, `initrd` and `root.img`. Needs root, mmdebstrap and
# mke2fs; about two minutes. How it is used: ../README.md, "The machine".
set -eu
here=$(dirname "$(realpath "$0")")
cd "$1"
rm -rf root
mmdebstrap --quiet --mode=root --variant=minbase \
    --include=systemd-sysv,dbus,network-manager,keepalived,iproute2,nftables,ifenslave,procps,psmisc,kmod \
    --include=initscripts,sysv-rc,insserv,init-system-helpers,busybox-static,cpio,nginx-light \
    --dpkgopt=force-unsafe-io --dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/* \
    --dpkgopt=path-exclude=/usr/share/locale/* \
    --customize-hook="$here/kernel.sh \"\$1\"" \
    "$2" root
mv root/vmlinuz .
chroot root /bin/sh -s <"$here/initrd.sh" >initrd
rm -r root/initrd
# Every host takes a name of its own when it starts.
: >root/etc/machine-id
mke2fs -q -F -t ext4 -d root root.img 1200M
rm -rf root
