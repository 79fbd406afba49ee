//! Who is master when: start, preemption, equal priorities, what adverts of others do.

use std::thread;
use std::time::{Duration, Instant};

use super::lan::{A, B, STRANGER, Single, Two, VIP, VRID, in_window, instance, ms, says, start};
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down, skew};
use crate::subject::Subject::{Ours, Theirs};
use crate::table::{Context, Scenario, decision, mixed, original, ours};
use crate::wire::Forged;
use crate::{ensure, ensure_same};

const F: &str = "states";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a start waits a whole master down time whatever the state keyword says", start_waits),
    original(F, "priority 255 is master at once", owner_at_once),
    original(F, "state MASTER without a priority means priority 255", master_without_priority),
    original(F, "an owner that says BACKUP waits like a backup", owner_as_backup),
    original(F, "a stronger box that comes later takes over and says what it discards", preempts),
    original(F, "with nopreempt a stronger box leaves a weaker master alone", nopreempt_waits),
    original(F, "with nopreempt a box still takes over from a silent master", nopreempt_takes_silence),
    original(F, "preempt_delay postpones the takeover", preempt_delay),
    original(F, "equal priorities: who came first stays", equal_priorities),
    original(F, "equal priorities: a master yields to a higher address only", equal_contest),
    original(F, "a master answers a weaker advert at once and announces again", master_hears_weaker),
    original(F, "a master steps down for a stronger advert", master_hears_stronger),
    original(F, "a backup takes over one skew after priority 0", backup_hears_resignation),
    original(F, "a master answers priority 0 and stays", master_hears_resignation),
    original(F, "an advert with our own address is reported and changes nothing", own_address),
    decision("D6", F, "a live master with another list of addresses is a live master", other_list),
    mixed("a stronger box that comes later takes over", Ours, Theirs, preempts),
    mixed("a stronger box that comes later takes over", Theirs, Ours, preempts),
    mixed("nopreempt leaves a weaker master alone", Ours, Theirs, nopreempt_waits),
    mixed("nopreempt leaves a weaker master alone", Theirs, Ours, nopreempt_waits),
    mixed("nopreempt takes over from a silent master", Ours, Theirs, nopreempt_takes_silence),
    mixed("nopreempt takes over from a silent master", Theirs, Ours, nopreempt_takes_silence),
    mixed("equal priorities: who came first stays", Ours, Theirs, equal_priorities),
    mixed("equal priorities: who came first stays", Theirs, Ours, equal_priorities),
    original(F, "vrrp_startup_delay: timers count from its end", startup_delay),
    ours(F, "vrrp_delay_after_boot: timers count from the boot and that delay", boot_delay),
];

fn start_waits(context: &Context) -> Outcome {
    let config = instance(150, "").replace("state BACKUP", "state MASTER");
    let lan = Single::set(context, &config)?;
    let begin = lan.start()?;
    let ready = says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, master_down(150) + ms(1500), |_| true)?;
    in_window(
        "the first advert came",
        ready.at,
        first.at,
        master_down(150) - ms(30),
        master_down(150) + SLACK,
    )?;
    ensure_same!(first.priority, 150, "priority of the first advert");
    let line = says(&lan.a, "(VI_1) Entering MASTER STATE", ms(300))?;
    lan.a.gains(VIP, ms(300))?;
    let garp = until(ms(300), "a gratuitous ARP", || !lan.lab.capture.garps("a", begin).is_empty());
    garp?;
    ensure_same!(line.ident, "Keepalived_vrrp", "ident of the line");
    ensure_same!(line.priority, 30, "facility daemon, level info");
    Ok(())
}

fn owner_at_once(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(255, "").replace("state BACKUP", "state MASTER"))?;
    let begin = lan.start()?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, ms(700), |_| true)?;
    ensure_same!(first.priority, 255, "priority");
    lan.a.gains(VIP, ms(300))?;
    ensure!(lan.a.log.since(0, "Entering BACKUP").is_empty(), "an owner never is a backup");
    Ok(())
}

fn owner_as_backup(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(255, ""))?;
    let begin = lan.start()?;
    let ready = says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, master_down(255) + ms(1500), |_| true)?;
    let earliest = master_down(255) - ms(30);
    in_window("the first advert came", ready.at, first.at, earliest, master_down(255) + SLACK)
}

fn master_without_priority(context: &Context) -> Outcome {
    let config = instance(255, "").replace("state BACKUP", "state MASTER").replace("priority 255", "");
    let lan = Single::set(context, &config)?;
    let begin = lan.start()?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, ms(700), |_| true)?;
    ensure_same!(first.priority, 255, "priority");
    Ok(())
}

fn preempts(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    start(&lan.b)?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    let begin = start(&lan.a)?;
    let ready = says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let at = lan.a.gains(VIP, master_down(150) + ms(1500))?;
    in_window("took over", ready.at, at, master_down(150) - ms(100), master_down(150) + SLACK)?;
    lan.b.loses(VIP, ms(300))?;
    let discarded = lan.a.log.since(0, "received lower priority (100) advert from 10.9.0.2 - discarding");
    ensure!(discarded.len() >= 3, "it says what it discards: {} lines", discarded.len());
    says(&lan.b, "(VI_1) Master received advert from 10.9.0.1 with higher priority 150, ours 100", ms(300))?;
    let resigned = lan.lab.capture.adverts("b", VRID, begin).iter().any(|advert| advert.priority == 0);
    ensure!(!resigned, "the weaker master must not resign with priority 0");
    Ok(())
}

fn nopreempt_waits(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, "nopreempt"), &instance(100, ""))?;
    start(&lan.b)?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    start(&lan.a)?;
    always(master_down(150) + ms(1500), "B keeps the address", || lan.b.holds(VIP) && !lan.a.holds(VIP))
}

fn nopreempt_takes_silence(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, "nopreempt"), &instance(100, ""))?;
    start(&lan.b)?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    let begin = start(&lan.a)?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    thread::sleep(ms(1300));
    let cut = lan.b.power_cut()?;
    let said = lan.lab.capture.adverts("b", VRID, begin);
    let last = said.last().map_or(cut, |advert| advert.at);
    let first = lan.lab.capture.wait_advert("a", VRID, cut, master_down(150) + ms(1500), |_| true)?;
    in_window("took over", last, first.at, master_down(150) - ms(5), master_down(150) + SLACK)
}

fn preempt_delay(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, "preempt_delay 3"), &instance(100, ""))?;
    start(&lan.b)?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    start(&lan.a)?;
    let delay = says(&lan.a, "start preempt delay (3.000000)", ms(3000))?;
    let at = lan.a.gains(VIP, ms(3000) + master_down(150) + ms(1000))?;
    // The delay ends, then what is left of the timer that the last accepted advert set.
    in_window("took over", delay.at, at, ms(5000), ms(3000) + master_down(150) + SLACK)
}

fn equal_priorities(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(100, ""), &instance(100, ""))?;
    start(&lan.a)?;
    lan.a.gains(VIP, master_down(100) + SLACK)?;
    start(&lan.b)?;
    always(master_down(100) + ms(1500), "A keeps the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))
}

fn equal_contest(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.a.must("ip addr del 10.9.0.1/24 dev eth0 && ip addr add 10.9.0.50/24 dev eth0")?;
    lan.start_as_master(100)?;
    let at = Instant::now();
    lan.injector.send(&Forged::new([10, 9, 0, 49], VRID, 100, &[VIP.octets()]).frame())?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(150), |_| true)?;
    always(ms(500), "it stays master", || lan.a.holds(VIP))?;
    lan.injector.send(&Forged::new([10, 9, 0, 51], VRID, 100, &[VIP.octets()]).frame())?;
    lan.a.loses(VIP, ms(200))?;
    let text =
        "(VI_1) Master received advert from 10.9.0.51 with same priority 100 but higher IP address than ours";
    says(&lan.a, text, ms(300))?;
    Ok(())
}

fn master_hears_weaker(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let begin = lan.start_as_master(150)?;
    thread::sleep(ms(400));
    let at = Instant::now();
    let garps_before = lan.lab.capture.garps("a", begin).len();
    lan.injector.send(&Single::forged(50).frame())?;
    let answer = lan.lab.capture.wait_advert("a", VRID, at, ms(300), |_| true)?;
    in_window("answered", at, answer.at, ms(0), ms(150))?;
    until(ms(300), "five more gratuitous ARPs", || {
        lan.lab.capture.garps("a", begin).len() == garps_before + 5
    })?;
    let text = "(VI_1) Received advert from 10.9.0.77 with lower priority 50, ours 150, forcing new election";
    says(&lan.a, text, ms(300))?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn master_hears_stronger(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    let stronger = Single::forged(200);
    let at = Instant::now();
    lan.injector.send(&stronger.frame())?;
    lan.a.loses(VIP, ms(200))?;
    let text = "(VI_1) Master received advert from 10.9.0.77 with higher priority 200, ours 150";
    says(&lan.a, text, ms(300))?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE", ms(300))?;
    let resigned = lan.adverts(at).iter().any(|advert| advert.priority == 0);
    ensure!(!resigned, "a loser does not resign with priority 0");
    let back = lan.lab.capture.wait_advert("a", VRID, at + ms(100), master_down(150) + ms(1000), |_| true)?;
    in_window("took over again", at, back.at, master_down(150) - ms(5), master_down(150) + SLACK)
}

fn backup_hears_resignation(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    lan.other_master(&Single::forged(200), 3, || Ok(()))?;
    let at = Instant::now();
    lan.injector.send(&Single::forged(0).frame())?;
    let first = lan.lab.capture.wait_advert("a", VRID, at, skew(100) + ms(1000), |_| true)?;
    in_window("took over", at, first.at, skew(100) - ms(2), skew(100) + SLACK)?;
    says(&lan.a, "(VI_1) Backup received priority 0 advertisement", ms(300))?;
    Ok(())
}

fn master_hears_resignation(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    thread::sleep(ms(400));
    let at = Instant::now();
    lan.injector.send(&Single::forged(0).frame())?;
    let answer = lan.lab.capture.wait_advert("a", VRID, at, ms(300), |_| true)?;
    in_window("answered", at, answer.at, ms(0), ms(150))?;
    always(ms(1500), "it stays master", || lan.a.holds(VIP))
}

fn own_address(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    // Without this the kernel drops a packet that claims to come from here.
    lan.a.must("echo 1 > /proc/sys/net/ipv4/conf/all/accept_local")?;
    lan.start_as_master(150)?;
    lan.injector.send(&Forged::new(A, VRID, 150, &[VIP.octets()]).frame())?;
    let text = "(VI_1) WARNING - equal priority advert received from remote host with our IP address.";
    says(&lan.a, text, ms(300))?;
    always(ms(1500), "it stays master", || lan.a.holds(VIP))
}

fn other_list(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let more = Forged::new(STRANGER, VRID, 200, &[VIP.octets(), B]);
    lan.other_master(&more, 3, || Ok(()))?;
    let others = Forged::new(STRANGER, VRID, 200, &[[10, 9, 0, 111]]);
    lan.other_master(&others, 4, || Ok(()))?;
    ensure!(!lan.a.holds(VIP) && lan.adverts(lan_begin(&lan)).is_empty(), "it took over from a live master");
    Ok(())
}

/// An instant before anything the box can have sent.
fn lan_begin(lan: &Single) -> Instant {
    lan.a.log.lines().first().map_or_else(Instant::now, |line| line.at)
}

fn delayed(context: &Context, keyword: &str, delay: Duration) -> Outcome {
    let global = format!("global_defs {{\n    {keyword}\n}}\n");
    let lan = Single::set(context, &(global + &instance(150, "")))?;
    let begin = lan.start()?;
    says(&lan.a, "Delaying startup for", ms(1000))?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, delay + master_down(150) + SLACK, |_| true)?;
    in_window(
        "the first advert",
        begin,
        first.at,
        delay + master_down(150) - ms(100),
        delay + master_down(150) + SLACK,
    )
}

fn startup_delay(context: &Context) -> Outcome {
    delayed(context, "vrrp_startup_delay 2", ms(2000))
}

fn boot_delay(context: &Context) -> Outcome {
    let up_for = std::fs::read_to_string("/proc/uptime")?;
    let seconds: f64 = up_for.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    // For this box the machine has just come up, however long ago that was. It takes its time to make one, of which
    // nothing is left to wait for then.
    let young = format!("unshare --time --monotonic {:.0} --fork keepalived -D", 100.0 - seconds);
    let boot = Instant::now() + ms(3000);
    let global = "global_defs {\n    vrrp_delay_after_boot 103\n}\n";
    let lan = Single::set(context, &(global.to_owned() + &instance(150, "")))?;
    let begin = Instant::now();
    lan.a.must(&young)?;
    says(&lan.a, "Delaying startup for", ms(1000))?;
    let first =
        lan.lab.capture.wait_advert("a", VRID, begin, ms(3000) + master_down(150) + SLACK, |_| true)?;
    in_window(
        "the first advert",
        boot,
        first.at,
        master_down(150) - ms(700),
        master_down(150) + SLACK + ms(600),
    )
}
