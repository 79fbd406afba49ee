# Runs inside the new root and writes its initrd to standard output: just what finds the disks and goes on.
set -eu
version=$(ls /lib/modules)
mkdir -p /initrd/bin /initrd/proc /initrd/sys /initrd/dev /initrd/root
cp /bin/busybox /initrd/bin/
for module in virtio_pci virtio_blk; do
    modprobe -S "$version" --show-depends "$module" | while read -r _ file; do
        mkdir -p "/initrd${file%/*}"
        cp "$file" "/initrd$file"
    done
done
cp "/lib/modules/$version"/modules.* "/initrd/lib/modules/$version/"
cat >/initrd/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe virtio_pci
modprobe virtio_blk
mount -t ext4 /dev/vda /root
mkdir -p /root/lab
mount -t tmpfs lab /root/lab
tar -x -f /dev/vdb -C /root/lab
for place in proc sys dev; do
    mount --move /$place /root/$place
done
exec switch_root /root /lab/conformance/machine/run.sh
INIT
chmod 755 /initrd/init
cd /initrd
find . | cpio -o -H newc --quiet | gzip -1
