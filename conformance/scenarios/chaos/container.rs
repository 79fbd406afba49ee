//! A container as strict as they come, and a wall clock that jumps.

use std::process::Child;
use std::thread;
use std::time::Instant;

use super::{Couple, quick, quick_down};
use crate::ensure;
use crate::lab::until;
use crate::outcome::{Fault, Outcome, skipped};
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, VIP, VRID, ms};
use crate::table::{Context, Scenario, withstands};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F41",
        "process 1 with a read-only root, no /tmp and two capabilities: it lives a life",
        caged,
    ),
    withstands("F55", "the wall clock jumps an hour and creeps back: nobody notices", clock),
];

/// Process 1 of a new PID namespace, in a root that has only what is named here, all of it read-only but `/run`.
const CAGE: &str = "exec unshare --pid --mount --fork --kill-child sh -c '
set -e
mount -t tmpfs box /mnt
cd /mnt
for part in usr etc dev; do mkdir $part; mount --rbind /$part $part; mount -o remount,ro,bind $part; done
for link in bin sbin lib lib64; do cp -a /$link . 2>/dev/null || true; done
mkdir proc run opt
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t tmpfs run run
mount -o remount,ro .
exec setpriv --bounding-set=-all,+net_admin,+net_raw,+sys_chroot chroot . \\
    setpriv --bounding-set=-sys_chroot /usr/sbin/keepalived -n -l -D' >/opt/said 2>&1";

fn caged(context: &Context) -> Outcome {
    let own_mac = quick(150, "use_vmac").replace("VI_1", "VI_2").replace("_id 51", "_id 52");
    let script = "vrrp_script chk {\n    script /usr/bin/true\n    interval 1\n    user nobody\n}\n";
    let config = format!(
        "{script}{}{}",
        quick(150, "track_script {\n        chk\n    }"),
        own_mac.replace("10.9.0.100", "10.9.0.101")
    );
    let lan = Single::set(context, &config)?;
    let mut cage = lan.a.background(CAGE)?;
    let said = || lan.a.read("/opt/said");
    let lived = life(&lan, &mut cage);
    if lived.is_err() {
        println!("{}", said());
    }
    lived?;
    for sign in ["/proc/sys/net/", "CAP_SETUID", "CAP_SYS_NICE"] {
        ensure!(said().contains(sign), "nothing is said of {sign}: {}", said());
    }
    Ok(())
}

fn life(lan: &Single, cage: &mut Child) -> Outcome {
    let second = std::net::Ipv4Addr::new(10, 9, 0, 101);
    let both = || lan.a.holds(VIP) && lan.a.holds(second);
    until(quick_down(150) + ms(3000), "both addresses", both)?;
    let at = Instant::now();
    lan.a.must("pkill -o -HUP -x keepalived")?;
    thread::sleep(ms(1000));
    let gap = lan.lab.capture.worst_gap(VRID, at, Instant::now());
    ensure!(gap <= ms(240) + SLACK && both(), "a gap of {gap:?} after a reload");
    lan.injector.send(&foreign(200).frame())?;
    lan.a.loses(VIP, ms(500))?;
    lan.a.gains(VIP, quick_down(150) + ms(500) + SLACK)?;
    let at = Instant::now();
    lan.a.must("pkill -o -TERM -x keepalived")?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(500), |advert| advert.priority == 0)?;
    until(ms(500), "no address is left", || !lan.a.holds(VIP) && !lan.a.holds(second))?;
    let gone = until(ms(3000), "the container ends", || matches!(cage.try_wait(), Ok(Some(_))));
    gone.map(drop)
}

fn foreign(priority: u8) -> crate::wire::Forged {
    let mut forged = Single::forged(priority);
    forged.version_type = 0x31;
    // A fifth of a second, in hundredths.
    (forged.auth_type, forged.interval) = (0, 20);
    forged.auth.clear();
    forged
}

/// What the C library is asked for the wall clock says that many seconds more.
const SHIFT: &str = r#"#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void)
{
    char text[32] = { 0 };
    int file = open("/opt/shift", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    long got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *at)
{
    int done = syscall(SYS_clock_gettime, clock, at);
    if (!done && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += shift();
    return done;
}
int gettimeofday(struct timeval *at, void *zone)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
"#;

fn clock(context: &Context) -> Outcome {
    let script = "vrrp_script chk {\n    script /usr/bin/true\n    interval 1\n    timeout 1\n}\n";
    let config = |priority| script.to_owned() + &quick(priority, "track_script {\n        chk\n    }");
    let pair = Couple::of(context, &config(150), &config(100))?;
    let shift = |seconds: i64| -> Result<(), Fault> {
        for host in [&pair.a, &pair.b] {
            host.write("/opt/shift", &seconds.to_string(), 0o644)?;
        }
        Ok(())
    };
    for host in [&pair.a, &pair.b] {
        host.write("/opt/shift.c", SHIFT, 0o644)?;
        if host.run("cc -shared -fPIC -o /opt/shift.so /opt/shift.c")?.code != 0 {
            return skipped("no C compiler here to fool programs about the wall clock");
        }
        host.must("kill $(cat /run/keepalived.pid)")?;
        host.quiet(ms(4000))?;
    }
    shift(0)?;
    for host in [&pair.a, &pair.b] {
        host.must("LD_PRELOAD=/opt/shift.so keepalived -D")?;
    }
    pair.is_with_a(quick_down(100) + ms(3000))?;
    thread::sleep(ms(500));
    let (mark_a, mark_b, begin) = (pair.a.log.mark(), pair.b.log.mark(), Instant::now());
    for seconds in [3600, 0, -3600] {
        shift(seconds)?;
        pair.stays_with_a(ms(1300))?;
    }
    for seconds in 0..20 {
        shift(-3600 + seconds * 180)?;
        thread::sleep(ms(60));
    }
    pair.stays_with_a(ms(500))?;
    let gap = pair.lab().capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap <= ms(240) + SLACK / 2, "a gap of {gap:?} between adverts");
    for (host, mark) in [(&pair.a, mark_a), (&pair.b, mark_b)] {
        let changes = host.log.since(mark, "Entering").len() + host.log.since(mark, "timed out").len();
        ensure!(changes == 0, "{changes} lines of {} about changes", host.name);
    }
    pair.is_sound()
}
