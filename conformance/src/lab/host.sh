# Builds the world of one lab host and becomes its process 1. Runs in fresh namespaces: network, PID, mount, UTS.
# A copy-on-write layer over the machine's files is the new root, so nothing written here outlives the host.
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 lab /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay lab -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mkdir -p usr/sbin
touch usr/sbin/keepalived usr/sbin/lab-host
mount --bind "$LAB_SUBJECT" usr/sbin/keepalived
mount --bind "$LAB_SELF" usr/sbin/lab-host
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mkdir -p var/log
mount -t tmpfs -o mode=755 log var/log
mount -t tmpfs -o mode=755 dev dev
for node in null zero full random urandom; do
    touch dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir dev/shm
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
mount -t sysfs sys sys
mkdir -p var/log/nginx usr/local/nginx/sbin usr/local/nginx/logs usr/local/src opt root
ln -sf /usr/sbin/nginx usr/local/nginx/sbin/nginx
rm -rf etc/keepalived
mkdir -p etc/keepalived etc/nginx
cat > etc/nginx/nginx.conf <<NGINX
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 64; }
http {
    access_log off;
    server { listen 80; location / { return 200 "$LAB_NAME\n"; } }
}
NGINX
echo "127.0.0.1 localhost $LAB_NAME" > etc/hosts
: > etc/resolv.conf
hostname "$LAB_NAME"
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
ip link set lo up
[ -z "$LAB_INIT" ] || exec sh -c "$LAB_INIT"
exec /usr/sbin/lab-host host-init
