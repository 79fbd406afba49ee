//! What scripts do.

use std::thread;
use std::time::Instant;

use super::Couple;
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::scenarios::lan::{Single, TRACK, Two, VIP, VRID, instance, ms, says, script, start};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F22", "a script that ignores TERM and never ends counts as failed, one at a time", stubborn),
    withstands("F23", "a script that leaves a daemon behind does not hold anything up", daemonizing),
    withstands("F24", "two hundred scripts a second: none is called slow", crowd),
    withstands(
        "F26",
        "slow notify scripts and many changes: the last one called is of the state it is in",
        slow_notify,
    ),
    withstands("F29", "a slow notify_stop: first priority 0 and no address, and it is waited for", slow_stop),
    withstands("F61", "nopreempt and a script that recovers: it stays backup", recovered),
];

fn stubborn(context: &Context) -> Outcome {
    let check =
        script("interval 1\n    timeout 1\n    fall 2").replace("/usr/bin/test -e /tmp/ok", "/opt/stubborn");
    let lan = Single::set(context, &(check + &instance(150, TRACK)))?;
    lan.a.write(
        "/opt/stubborn",
        "#!/bin/sh\n[ -e /tmp/bad ] || exit 0\ntrap '' TERM\nwhile :; do sleep 1; done\n",
        0o755,
    )?;
    lan.start_as_master(150)?;
    lan.a.write("/tmp/bad", "", 0o644)?;
    // Twice: up to an interval, the timeout, and two seconds between TERM and KILL.
    lan.a.loses(VIP, ms(2 * (1000 + 1000 + 2000)) + SLACK)?;
    let alive = || lan.a.processes().iter().filter(|one| one.comm == "stubborn" && one.state != 'Z').count();
    always(ms(5000), "at most one of them lives", || alive() <= 1)?;
    std::fs::remove_file(lan.a.path("/tmp/bad"))?;
    lan.a.gains(VIP, ms(4000) + master_down(150) + SLACK)?;
    Ok(())
}

fn daemonizing(context: &Context) -> Outcome {
    let check = script("interval 1").replace("/usr/bin/test -e /tmp/ok", "/opt/forks");
    let lan = Single::set(context, &(check + &instance(150, TRACK)))?;
    lan.a.write("/opt/forks", "#!/bin/sh\nsleep 7 &\nexit 0\n", 0o755)?;
    let begin = lan.start_as_master(150)?;
    always(ms(6000), "the address is held", || lan.a.holds(VIP))?;
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn crowd(context: &Context) -> Outcome {
    let mut config = String::new();
    let mut tracked = String::new();
    for number in 1..=200 {
        config += &format!(
            "vrrp_script c{number} {{\n    script /usr/bin/true\n    interval 1\n    timeout 1\n}}\n"
        );
        tracked += &format!("        c{number}\n");
    }
    let lan = Single::set(context, &(config + &instance(150, &format!("track_script {{\n{tracked}    }}"))))?;
    let begin = lan.start()?;
    // Each of them has to succeed first.
    lan.a.gains(VIP, ms(2500) + master_down(150) + SLACK)?;
    let mark = lan.a.log.mark();
    thread::sleep(ms(10_000));
    ensure_same!(lan.a.log.since(mark, "timed out").len(), 0, "scripts called slow");
    ensure_same!(lan.a.log.since(mark, "Entering").len(), 0, "changes of the role");
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn slow_notify(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "notify /opt/notify"))?;
    lan.a.write("/opt/notify", "#!/bin/sh\nsleep 1\necho $3 >> /tmp/states\n", 0o755)?;
    lan.start_as_master(150)?;
    for _ in 0..5 {
        lan.injector.send(&Single::forged(200).frame())?;
        lan.a.loses(VIP, ms(500))?;
        lan.injector.send(&Single::forged(0).frame())?;
        lan.a.gains(VIP, ms(1000) + SLACK)?;
    }
    // Eleven or twelve calls of a second each, should they wait for each other.
    let count = || lan.a.read("/tmp/states").lines().count();
    until(ms(16_000), "all calls", || count() >= 12)?;
    thread::sleep(ms(1500));
    let states = lan.a.read("/tmp/states");
    ensure_same!(states.lines().last(), Some("MASTER"), "the last state told");
    let states: Vec<&str> = states.lines().skip(1).collect();
    let ordered = states.chunks(2).all(|pair| pair.first() != pair.get(1));
    ensure!(ordered, "out of order: {states:?}");
    Ok(())
}

fn slow_stop(context: &Context) -> Outcome {
    // The script comes first: a missing one is forgotten at the start.
    let script = "global_defs {\n    script_user root\n}\n";
    let pair = Couple::settled_with(context, script, "notify_stop /opt/stop", |host| {
        host.write("/opt/stop", "#!/bin/sh\nsleep 0.7\ndate > /tmp/done\n", 0o755)
    })?;
    let at = Instant::now();
    pair.a.must("kill $(cat /run/keepalived.pid)")?;
    pair.lab().capture.wait_advert("a", VRID, at, ms(300), |advert| advert.priority == 0)?;
    pair.a.loses(VIP, ms(500))?;
    ensure!(!pair.a.has_file("/tmp/done"), "the script was faster than it can be");
    pair.is_with_b(ms(1000) + SLACK)?;
    pair.a.quiet(ms(3000))?;
    until(ms(500), "notify_stop was run to its end", || pair.a.has_file("/tmp/done"))?;
    Ok(())
}

fn recovered(context: &Context) -> Outcome {
    let config = |priority| script("interval 1") + &instance(priority, &format!("nopreempt\n    {TRACK}"));
    let lan = Two::set(context, &config(150), &config(100))?;
    for host in [&lan.a, &lan.b] {
        host.write("/tmp/ok", "", 0o644)?;
        start(host)?;
    }
    until(master_down(100) + ms(2500), "one holder", || lan.a.holds(VIP) != lan.b.holds(VIP))?;
    let (holder, other) = if lan.a.holds(VIP) { (&lan.a, &lan.b) } else { (&lan.b, &lan.a) };
    std::fs::remove_file(holder.path("/tmp/ok"))?;
    other.gains(VIP, ms(3000) + master_down(100) + SLACK)?;
    holder.write("/tmp/ok", "", 0o644)?;
    says(holder, "Entering BACKUP STATE", ms(4000))?;
    always(master_down(150) + ms(1500), "the other one keeps it", || other.holds(VIP) && !holder.holds(VIP))
}
