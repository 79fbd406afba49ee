#!/bin/sh
# Process 1 of the machine: runs the family `machine` on its kernel, packs what is left of failures onto the third disk,
# and switches the machine off.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
exec </dev/null >/dev/console 2>&1
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
modprobe -a overlay bridge veth macvlan vrf ipvlan 8021q bonding dummy sch_netem nf_tables af_packet
ip link set lo up
. /lab/environment
mkdir -p "$CONFORMANCE_ROOT/target/conformance"
/lab/keepalived-conformance --family machine --jobs 3 "$@"
echo $? >/lab/target/conformance/status
tar -c -C /lab/target/conformance . >/dev/vdc
sync
poweroff -f
