# The end of host.sh for a host that boots: becomes systemd once somebody says so. Nothing that takes long on an emulated
# machine and does nothing for a scenario is started; the log stays the lab's.
echo ready
until [ -e /dev/lab/boot ]; do sleep 0.1; done
for wanted in lib/systemd/system etc/systemd/system; do
    rm -f /$wanted/*.wants/*
done
ln -sf /dev/null /etc/systemd/system/systemd-journald-dev-log.socket
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/keepalived.service /etc/systemd/system/multi-user.target.wants/
# A cgroup of its own, which looks like the only one there is.
mkdir /tmp/all
mount -t cgroup2 cgroup /tmp/all
own=/tmp/all/$(cat /proc/sys/kernel/random/uuid)
mkdir "$own"
echo 0 >"$own/cgroup.procs"
umount /tmp/all
# Read-only, /sys tells systemd that nobody asks udev here.
mount -o remount,ro,bind /sys
exec unshare --cgroup sh -c 'mount -t cgroup2 cgroup /sys/fs/cgroup
exec env -i container=lab PATH="$PATH" /lib/systemd/systemd --unit=multi-user.target --log-target=null'
