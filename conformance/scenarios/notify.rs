//! Notifications: who is called, with which words, in which order, in which surroundings.

use std::thread;

use super::lan::{Single, TRACK, VIP, instance, ms, script};
use crate::both::of_both;
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "notify";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "each state calls its script and the general one, with the address already there", calls),
    both(F, "the calls of a life are the same for both", same_calls),
    both(F, "a group calls before and after its members like the original's", same_group_calls),
    both(F, "scripts are started in the same order by both", same_order),
    both(F, "a weaker router and a removal call the same scripts of both", same_rare_calls),
    original(F, "scripts have the environment of the daemon", inherited),
    ours(F, "scripts find number, previous state, cause and peer in their environment", environment),
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
    let [theirs, ours] = of_both(life)?;
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
    // Whoever pulls the other one along is told before the other's address is there, unless its script is slow.
    Ok(calls_of(&lan).iter().map(|call| call.replace(" with-address", "")).collect())
}

fn same_group_calls(_: &Context) -> Outcome {
    let [theirs, ours] = of_both(group)?;
    ensure_same!(sorted(&ours), sorted(&theirs), "calls of ours and theirs");
    Ok(())
}

/// Writes down who it is: whoever was started first has the lower number.
const NUMBERED: &str = "#!/bin/bash\necho \"$$ $*\" >> /tmp/calls\n";

fn in_order(subject: Subject) -> Result<Vec<String>, Fault> {
    let one = instance(150, ALL_NOTIFY);
    let two = one.replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("0.100", "0.101");
    let two = two.replace("priority 150", "priority 100");
    let group = format!(
        "vrrp_sync_group G1 {{\n    group {{\n        VI_1\n        VI_2\n    }}\n    {ALL_NOTIFY}\n}}\n"
    );
    let lan = Single::of(subject, &(group + &one + &two))?;
    lan.a.write("/opt/witness", NUMBERED, 0o755)?;
    lan.start()?;
    wait_calls(&lan, 6)?;
    lan.a.gains([10, 9, 0, 101].into(), master_down(100) + ms(1500))?;
    wait_calls(&lan, 12)?;
    lan.a.pull_cable()?;
    wait_calls(&lan, 18)?;
    lan.a.push_cable()?;
    wait_calls(&lan, 24)?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    let mut calls: Vec<(u32, String)> = calls_of(&lan)
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(number, words)| (number.parse().unwrap_or(0), words.to_owned()))
        .collect();
    calls.sort();
    Ok(calls.into_iter().map(|(_, words)| words).collect())
}

fn same_order(_: &Context) -> Outcome {
    let [theirs, ours] = of_both(in_order)?;
    ensure_same!(theirs[..2], ["b", "n GROUP G1 BACKUP 0"], "the first calls");
    ensure_same!(ours, theirs, "calls of ours and theirs");
    Ok(())
}

fn rare_calls(subject: Subject) -> Result<Vec<String>, Fault> {
    let all = "notify \"/opt/witness n\"\n    notify_fault \"/opt/witness f\"";
    let one = instance(150, &format!("{all}\n    notify_master_rx_lower_pri \"/opt/witness low\""));
    let other = |number: u8, more: &str| {
        instance(1, &format!("{all}\n    {more}"))
            .replace("VI_1", &format!("VI_{number}"))
            .replace("_id 51", &format!("_id {}", 50 + number))
            .replace("0.100", &format!("0.{}", 99 + number))
    };
    let [two, three] = [other(2, "notify_deleted \"/opt/witness d\""), other(3, "")];
    let lan = witnessed(subject, &(one.clone() + &two + &three))?;
    wait_calls(&lan, 3)?;
    wait_calls(&lan, 6)?;
    lan.injector.send(&Single::forged(50).frame())?;
    wait_calls(&lan, 7)?;
    lan.a.configure(&one)?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    let calls = wait_calls(&lan, 10)?;
    Ok(calls[6..].to_vec())
}

fn same_rare_calls(_: &Context) -> Outcome {
    let theirs = rare_calls(Subject::Theirs)?;
    let ours = rare_calls(Subject::Ours)?;
    ensure!(theirs.iter().any(|call| call.starts_with("n INSTANCE VI_2 DELETED 1")), "{theirs:?}");
    ensure_same!(sorted(&ours), sorted(&theirs), "calls of ours and theirs");
    Ok(())
}

const TELLER: &str = "#!/bin/bash\n{ echo \"$*\"; env | grep -E -e '^KEEPALIVED_(SEQ|PREV|CAUSE|PEER)' -e ^PROBE_; } > /tmp/env.$$\n\
                      cat /tmp/env.$$ >> /tmp/calls\n";

fn inherited(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "notify \"/opt/witness n\""))?;
    lan.a.write("/opt/witness", TELLER, 0o755)?;
    lan.a.must("PROBE_WORD='a b' keepalived -D")?;
    until(ms(2000), "a call", || !calls_of(&lan).is_empty())?;
    thread::sleep(ms(150));
    ensure!(calls_of(&lan).contains(&"PROBE_WORD=a b".to_owned()), "{:?}", calls_of(&lan));
    Ok(())
}

fn environment(context: &Context) -> Outcome {
    let config = script("interval 1") + &instance(150, &format!("notify \"/opt/witness n\"\n    {TRACK}"));
    let lan = Single::set(context, &config)?;
    lan.a.write("/opt/witness", TELLER, 0o755)?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    lan.start_as_master(150)?;
    let has = |expected: &[&str]| {
        let all = calls_of(&lan);
        let call = all.split(|line| line.starts_with("n ")).skip(1);
        let mut call = call.map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
        call.any(|mut lines| {
            lines.sort_unstable();
            lines == expected
        })
    };
    let number = |n: u8| format!("KEEPALIVED_SEQUENCE={n}");
    let told = |expected: &[&str]| until(ms(2500), &expected.join(" "), || has(expected));
    let first = number(1);
    told(&["KEEPALIVED_CAUSE=begin", "KEEPALIVED_PREVIOUS_STATE=INIT", &first])?;
    let second = number(2);
    told(&["KEEPALIVED_CAUSE=master-silent", "KEEPALIVED_PREVIOUS_STATE=BACKUP", &second])?;
    lan.injector.send(&Single::forged(200).frame())?;
    let (third, peer) = (number(3), "KEEPALIVED_PEER=10.9.0.77");
    told(&["KEEPALIVED_CAUSE=higher-priority", peer, "KEEPALIVED_PREVIOUS_STATE=MASTER", &third])?;
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    let (fourth, object) = (number(4), "KEEPALIVED_CAUSE_OBJECT=chk");
    told(&["KEEPALIVED_CAUSE=script", object, "KEEPALIVED_PREVIOUS_STATE=BACKUP", &fourth])?;
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
