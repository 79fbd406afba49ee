//! What trackers and groups come to when something fails.

use std::time::{Duration, Instant};

use super::{muzzle, open, quick, quick_down, reload, sound};
use crate::ensure;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, Two, VIP, VRID, ms, says, script, start};
use crate::scenarios::stage::start_nginx;
use crate::table::{Context, Scenario, withstands};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F49", "a group member whose link comes up during the first run of its script", first_run),
    withstands("F49", "a member that a reload adds to a group of masters: master too, and announced", added),
    withstands("F62", "a file that was a fault comes back with another number: that number counts", file),
    withstands(
        "F58",
        "a storm of processes and one that is exchanged at once: the count is right after",
        storm,
    ),
    withstands("F60", "a gateway lost by one box moves the address, one lost by both does not", gateway),
];

/// A member of the group of three: 1, 2 or 3.
fn member(number: u8, more: &str) -> String {
    quick(100, more)
        .replace("VI_1", &format!("VI_{number}"))
        .replace("_id 51", &format!("_id {}", 50 + number))
        .replace("10.9.0.100", &format!("10.9.0.{}", 99 + number))
}

fn group(members: &str) -> String {
    format!("vrrp_sync_group G {{\n    group {{\n        {members}\n    }}\n}}\n")
}

fn holds(lan: &Single, members: u8) -> bool {
    (1..=members).all(|number| lan.a.holds([10, 9, 0, 99 + number].into()))
}

/// A group has one member after the other wait for its own time.
fn together(members: u32) -> Duration {
    quick_down(100) * members + SLACK
}

fn first_run(context: &Context) -> Outcome {
    let track = "track_script {\n        chk\n    }";
    let script = script("interval 1").replace("/usr/bin/test -e /tmp/ok", "/opt/slow");
    let config = script
        + &group("VI_1 VI_2 VI_3")
        + &member(1, track)
        + &member(2, track)
        + &member(3, track).replace("eth0", "eth1");
    let lan = Single::set(context, &config)?;
    lan.a.write("/opt/slow", "#!/bin/sh\n[ -e /tmp/ran ] || sleep 0.8\ntouch /tmp/ran\n", 0o755)?;
    lan.a.cable("eth1", "10.8.0.1/24", None)?;
    lan.a.must("ip link set eth1 down")?;
    lan.start()?;
    says(&lan.a, "FAULT", ms(2000))?;
    until(ms(1500), "its first run", || lan.a.processes().iter().any(|one| one.comm == "slow"))?;
    lan.a.must("ip link set eth1 up")?;
    until(ms(1800) + together(3), "all of the group", || holds(&lan, 3))?;
    always(ms(600), "all of the group", || holds(&lan, 3))?;
    sound(&lan.lab, &[&lan.a])
}

fn added(context: &Context) -> Outcome {
    let two = group("VI_1 VI_2") + &member(1, "") + &member(2, "");
    let lan = Single::set(context, &two)?;
    lan.start()?;
    until(ms(1000) + together(2), "two of them", || holds(&lan, 2))?;
    lan.a.configure(&(group("VI_1 VI_2 VI_3") + &member(1, "") + &member(2, "") + &member(3, "")))?;
    let at = Instant::now();
    reload(&lan.a)?;
    until(ms(1000) + together(3), "all three", || holds(&lan, 3))?;
    let third = std::net::Ipv4Addr::new(10, 9, 0, 102);
    until(SLACK, "the new address was announced", || {
        lan.lab.capture.garps("a", at).iter().any(|garp| garp.address == third)
    })?;
    always(ms(600), "all of the group", || holds(&lan, 3))?;
    sound(&lan.lab, &[&lan.a])
}

fn file(context: &Context) -> Outcome {
    let block = "vrrp_track_file f {\n    file /tmp/f\n    weight 1\n}\n";
    let block = block.replace("vrrp_track_file", "track_file");
    let lan = Single::set(context, &(block + &quick(100, "track_file {\n        f weight 1\n    }")))?;
    let put = |number: i32| lan.a.write("/tmp/f", &format!("{number}\n"), 0o644);
    put(20)?;
    lan.start()?;
    let says = |priority: u8| -> Result<(), Fault> {
        let at = Instant::now();
        let within = quick_down(100) + ms(1000);
        lan.lab.capture.wait_advert("a", VRID, at, within, |advert| advert.priority == priority)?;
        Ok(())
    };
    says(120)?;
    for number in [5, -30, 20] {
        put(-254)?;
        lan.a.loses(VIP, ms(500) + SLACK)?;
        put(number)?;
        says(u8::try_from(100 + number).unwrap_or_default())?;
        lan.a.gains(VIP, SLACK)?;
    }
    sound(&lan.lab, &[&lan.a])
}

fn storm(context: &Context) -> Outcome {
    let block = "vrrp_track_process p {\n    process worker\n    quorum 2\n    weight 20\n}\n";
    let lan = Single::set(context, &(block.to_owned() + &quick(100, "track_process {\n        p\n    }")))?;
    lan.a.must("cp /bin/sleep /tmp/worker; for i in 1 2; do /tmp/worker 1000 & echo $! >/tmp/pid$i; done")?;
    lan.start()?;
    let says = |priority: u8, within: u64| {
        let at = Instant::now();
        lan.lab.capture.wait_advert("a", VRID, at, ms(within), |advert| advert.priority == priority)
    };
    says(120, 4000)?;
    let begin = Instant::now();
    // A shell exchanges one within a millisecond, between two thousand others that come and go.
    lan.a.must(
        "for i in $(seq 1000); do /bin/true & done; kill -9 $(cat /tmp/pid1); /tmp/worker 1000 & \
         echo $! >/tmp/pid1; for i in $(seq 1000); do /bin/true & done; wait $!",
    )?;
    says(120, 1500)?;
    std::thread::sleep(ms(700));
    says(120, 500)?;
    lan.a.must("kill -9 $(cat /tmp/pid1)")?;
    says(100, 1500)?;
    lan.a.must("/tmp/worker 1000 &")?;
    says(120, 1500)?;
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap <= ms(240) + SLACK, "a gap of {gap:?} between adverts");
    Ok(())
}

fn gateway(context: &Context) -> Outcome {
    let check = "vrrp_script gw {\n    script /opt/reach\n    interval 1\n    timeout 1\n    weight -60\n}\n";
    let config = |priority| {
        check.to_owned() + &quick(priority, "preempt_delay 2\n    track_script {\n        gw\n    }")
    };
    let Two { a, b, mut lab } = Two::set(context, &config(150), &config(100))?;
    let gateway = lab.client([10, 9, 0, 50])?;
    start_nginx(&gateway)?;
    for host in [&a, &b] {
        host.write("/opt/reach", "#!/bin/bash\nexec 3<>/dev/tcp/10.9.0.50/80\n", 0o755)?;
    }
    start(&a)?;
    a.gains(VIP, quick_down(100) + ms(2500))?;
    start(&b)?;
    says(&b, "Entering BACKUP STATE", ms(2500))?;
    std::thread::sleep(ms(1500));
    let alone = |host: &Host, other: &Host| host.holds(VIP) && !other.holds(VIP);
    // Up to an interval, the timeout, the delay.
    let within = ms(1000 + 1000 + 2000) + quick_down(100) + SLACK;
    muzzle(&a, "tcp dport 80")?;
    until(within, "B has it", || alone(&b, &a))?;
    open(&a)?;
    until(within, "A has it back", || alone(&a, &b))?;
    std::thread::sleep(ms(1200));
    // Nobody is better off with the other one.
    muzzle(&gateway, "tcp sport 80")?;
    always(ms(5000), "A keeps it", || alone(&a, &b))?;
    sound(&lab, &[&a, &b])
}
