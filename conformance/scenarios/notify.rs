//! Notifications: who is called, with which words, in which order, in which surroundings.

use std::thread;

use super::lan::{Single, TRACK, VIP, instance, ms, script};
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original};
use crate::{ensure, ensure_same};

const F: &str = "notify";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "each state calls its script and the general one, with the address already there", calls),
    both(F, "the calls of a life are the same for both", same_calls),
    both(F, "a group calls before and after its members like the original's", same_group_calls),
    original(F, "a reload without changes calls nobody", reload_calls_nobody),
    original(F, "a script that never ends delays nothing", slow_script),
];

/// Writes its words and whether the address is there; one short write, so lines do not mix.
const WITNESS: &str = "#!/bin/bash
line=\"$*\"
ip -4 -o addr show dev eth0 | grep -q '10.9.0.100/' && line=\"$line with-address\"
echo \"$line\" >> /tmp/calls
";

const ALL_NOTIFY: &str = "notify_master \"/opt/witness m\"
    notify_backup \"/opt/witness b\"
    notify_fault \"/opt/witness f\"
    notify_stop \"/opt/witness s\"
    notify \"/opt/witness n\"";

fn witnessed(subject: Subject, config: &str) -> Result<Single, Fault> {
    let lan = Single::of(subject, config)?;
    lan.a.write("/opt/witness", WITNESS, 0o755)?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    lan.start()?;
    Ok(lan)
}

fn calls_of(lan: &Single) -> Vec<String> {
    lan.a.read("/tmp/calls").lines().map(str::to_owned).collect()
}

/// Waits until that many calls were made and a little longer.
fn wait_calls(lan: &Single, count: usize) -> Result<Vec<String>, Fault> {
    until(master_down(100) + SLACK, &format!("{count} calls"), || calls_of(lan).len() >= count)?;
    thread::sleep(ms(150));
    Ok(calls_of(lan))
}

/// The two calls of one transition are started together, so their order is nobody's promise.
fn sorted(calls: &[String]) -> Vec<&str> {
    let mut calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    calls.sort_unstable();
    calls
}

fn life(subject: Subject) -> Result<Vec<Vec<String>>, Fault> {
    let config = script("interval 1") + &instance(150, &format!("{ALL_NOTIFY}\n    {TRACK}"));
    let lan = witnessed(subject, &config)?;
    let mut chapters = vec![wait_calls(&lan, 2)?];
    chapters.push(wait_calls(&lan, 4)?);
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    chapters.push(wait_calls(&lan, 6)?);
    lan.a.write("/tmp/ok", "", 0o644)?;
    chapters.push(wait_calls(&lan, 8)?);
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(3000))?;
    chapters.push(calls_of(&lan));
    Ok(chapters)
}

fn calls(context: &Context) -> Outcome {
    let chapters = life(context.subject())?;
    let mut before = 0;
    let mut fresh = Vec::new();
    for chapter in &chapters {
        fresh.push(sorted(&chapter[before..]));
        before = chapter.len();
    }
    let n = |state: &str, tail: &str| format!("n INSTANCE VI_1 {state} 150{tail}");
    let (backup, master) = (n("BACKUP", ""), n("MASTER", " with-address"));
    let (fault, stop) = (n("FAULT", ""), n("STOP", ""));
    ensure_same!(fresh[0], ["b", backup.as_str()], "calls at start");
    ensure_same!(fresh[1], ["m with-address", master.as_str()], "calls of the master");
    ensure_same!(fresh[2], ["f", fault.as_str()], "calls of the fault");
    ensure_same!(fresh[3], ["b", backup.as_str()], "calls after the fault");
    let stopped = fresh[4].iter().filter(|call| call.starts_with('s') || **call == stop).count();
    ensure_same!(stopped, 2, "calls at the stop among {:?}", fresh[4]);
    Ok(())
}

fn same_calls(_: &Context) -> Outcome {
    let theirs = life(Subject::Theirs)?;
    let ours = life(Subject::Ours)?;
    for (left, right) in theirs.iter().zip(&ours) {
        ensure_same!(sorted(right), sorted(left), "calls of ours and theirs");
    }
    Ok(())
}

fn group(subject: Subject) -> Result<Vec<String>, Fault> {
    let one = instance(150, ALL_NOTIFY);
    let two = one.replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("0.100", "0.101");
    let group = format!(
        "vrrp_sync_group G1 {{\n    group {{\n        VI_1\n        VI_2\n    }}\n    {ALL_NOTIFY}\n}}\n"
    );
    let lan = witnessed(subject, &(group + &one + &two))?;
    lan.a.gains([10, 9, 0, 101].into(), master_down(150) + ms(1500))?;
    thread::sleep(ms(300));
    lan.a.pull_cable()?;
    lan.a.loses(VIP, ms(500))?;
    thread::sleep(ms(300));
    lan.a.push_cable()?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    thread::sleep(ms(300));
    Ok(calls_of(&lan))
}

fn same_group_calls(_: &Context) -> Outcome {
    let theirs = group(Subject::Theirs)?;
    let ours = group(Subject::Ours)?;
    ensure_same!(sorted(&ours), sorted(&theirs), "calls of ours and theirs");
    Ok(())
}

fn reload_calls_nobody(context: &Context) -> Outcome {
    let lan = witnessed(context.subject(), &instance(150, ALL_NOTIFY))?;
    let before = wait_calls(&lan, 4)?;
    for _ in 0..2 {
        let mark = lan.a.log.mark();
        lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
        lan.a.log.wait(mark, "Reload complete", ms(2000))?;
        thread::sleep(ms(500));
    }
    ensure_same!(calls_of(&lan), before, "calls");
    Ok(())
}

fn slow_script(context: &Context) -> Outcome {
    let lan = Single::set(
        context,
        &instance(150, "notify_master \"/bin/sleep 1000\"\n    notify_backup \"/bin/sleep 1000\""),
    )?;
    lan.start_as_master(150)?;
    let begin = std::time::Instant::now();
    thread::sleep(ms(2500));
    let gap = lan.lab.capture.worst_gap(super::lan::VRID, begin, std::time::Instant::now());
    ensure!(gap < ms(1000) + SLACK, "a gap of {gap:?} between adverts");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    Ok(())
}
