#!/bin/sh
# kernel.sh ROOT: Debian's cloud kernel with its modules, and the other process 1, which cannot be installed beside
# systemd's. Unpacked, not installed: that would make an initrd for hours of hardware we do not have.
set -eu
cd "$1"
export APT_CONFIG="${MMDEBSTRAP_APT_CONFIG:-}"
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
mkdir fetched
(cd fetched && apt-get download -qq -o APT::Sandbox::User=root "$kernel" sysvinit-core)
dpkg -x fetched/linux-image-*.deb fetched/kernel
mv fetched/kernel/lib/modules lib/
mv fetched/kernel/boot/vmlinuz-* vmlinuz
dpkg -x fetched/sysvinit-core_*.deb opt/sysvinit
rm -r fetched
depmod -b "$1" "$(ls lib/modules)"
