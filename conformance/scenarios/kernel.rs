//! Addresses and interfaces: what the kernel is told, and what happens when somebody else interferes.

use std::thread;
use std::time::Instant;

use super::lan::{Single, Two, VIP, VRID, in_window, instance, ms, says, start};
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "kernel";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "virtual addresses have the same flags, scopes and labels", same_addresses),
    original(F, "what a crash left is removed before the first advert", leftovers),
    decision("D1", F, "an address deleted by hand is back within 100 ms and announced", restored),
    decision("D1", F, "more than five removals in ten seconds are a fault", gives_up),
    original(F, "interface down and up: fault, then a new start as backup", down_and_up),
    original(F, "cable out and in: fault, then a new start as backup", cable),
    original(F, "the source address lost and regained: fault, then a new start as backup", source_lost),
    original(F, "the interface deleted and made again: fault, then a new start as backup", recreated),
    original(F, "the interface renamed and named back: fault, then a new start as backup", renamed),
    original(F, "boxes whose loopback interface is down hear each other all the same", loopback_down),
    original(F, "nobody else's address is touched", strangers_stay),
    ours(F, "an address that the kernel refuses is there as soon as it may be", refused_for_a_while),
];

fn loopback_down(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    for host in [&lan.a, &lan.b] {
        host.must("ip addr flush dev lo; ip link set lo down")?;
        start(host)?;
    }
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    always(master_down(100) * 2, "a alone has the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))
}

const MANY: &str = "vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 255
    advert_int 1
    virtual_ipaddress {
        10.9.0.100
        10.9.0.101/24
        10.9.0.102/24 brd 10.9.0.255
        10.9.0.103/32 dev eth0 label eth0:v1
        10.9.0.104/24 brd + scope link
    }
    virtual_ipaddress_excluded {
        10.9.1.5/28
        10.9.0.110 scope host
    }
}
";

fn same_addresses(_: &Context) -> Outcome {
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = Single::of(subject, MANY)?;
        lan.start()?;
        lan.a.gains([10, 9, 0, 110].into(), ms(2000))?;
        thread::sleep(ms(100));
        // The protocol tag is new in 2.4.3; the rest is the same in both.
        let tidy = |line: String| line.replace(" proto keepalived", "").replace(" proto 18", "");
        seen.push(lan.a.addresses()?.into_iter().map(tidy).collect::<Vec<_>>());
    }
    ensure_same!(seen[1], seen[0], "addresses of ours and theirs");
    Ok(())
}

fn leftovers(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.a.must(&format!("ip addr add {VIP}/32 dev eth0"))?;
    let begin = lan.start()?;
    lan.a.loses(VIP, ms(1000))?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, master_down(150) + ms(1500), |_| true)?;
    in_window(
        "the first advert came",
        begin,
        first.at,
        master_down(150) - ms(30),
        master_down(150) + ms(1500),
    )?;
    lan.a.gains(VIP, ms(300))?;
    Ok(())
}

fn restored(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let begin = lan.start_as_master(150)?;
    thread::sleep(ms(300));
    let garps = lan.lab.capture.garps("a", begin).len();
    let at = Instant::now();
    lan.a.must(&format!("ip addr del {VIP}/32 dev eth0"))?;
    let back = lan.a.gains(VIP, ms(200))?;
    // The clock runs from before `ip` was started, which alone takes some milliseconds.
    in_window("it was back", at, back, ms(0), ms(150))?;
    until(ms(300), "announced again", || lan.lab.capture.garps("a", begin).len() > garps)?;
    thread::sleep(ms(2200));
    let resigned = lan.adverts(at).iter().any(|advert| advert.priority == 0);
    ensure!(!resigned, "it resigned");
    ensure!(
        lan.lab.capture.worst_gap(VRID, at - ms(1100), Instant::now()) < ms(1100),
        "an advert was missed"
    );
    Ok(())
}

fn gives_up(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    for _ in 0..6 {
        lan.a.gains(VIP, ms(300))?;
        lan.a.must(&format!("ip addr del {VIP}/32 dev eth0"))?;
        thread::sleep(ms(50));
    }
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(500))?;
    always(ms(1000), "it keeps its hands off", || !lan.a.holds(VIP))
}

/// Faults at once, keeps quiet, and when the cause is gone is a backup for a whole master down time.
fn fault_and_back(
    lan: &Single,
    cause: impl FnOnce() -> Outcome,
    remedy: impl FnOnce() -> Outcome,
) -> Outcome {
    let mark = lan.a.log.mark();
    cause()?;
    lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(1000))?;
    lan.a.loses(VIP, ms(300))?;
    thread::sleep(ms(1200));
    let quiet_since = Instant::now() - ms(1000);
    ensure!(lan.adverts(quiet_since).is_empty(), "it talks although it is in FAULT");
    let mark = lan.a.log.mark();
    let at = Instant::now();
    remedy()?;
    let backup = lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(2500))?;
    let first = lan
        .lab
        .capture
        .wait_advert("a", VRID, at, master_down(150) + ms(2500), |advert| advert.priority > 0)?;
    in_window("took over", backup.at, first.at, master_down(150) - ms(100), master_down(150) + SLACK)?;
    lan.a.gains(VIP, ms(300))?;
    Ok(())
}

fn master(context: &Context) -> Result<Single, crate::outcome::Fault> {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    Ok(lan)
}

fn down_and_up(context: &Context) -> Outcome {
    let lan = master(context)?;
    let down = || lan.a.must("ip link set eth0 down").map(drop);
    let up = || lan.a.must("ip link set eth0 up").map(drop);
    fault_and_back(&lan, down, up)
}

fn cable(context: &Context) -> Outcome {
    let lan = master(context)?;
    fault_and_back(&lan, || lan.a.pull_cable(), || lan.a.push_cable())?;
    says(&lan.a, "Netlink reports eth0 down", ms(100))?;
    says(&lan.a, "Netlink reports eth0 up", ms(100))?;
    Ok(())
}

fn source_lost(context: &Context) -> Outcome {
    let lan = master(context)?;
    let lose = || lan.a.must("ip addr del 10.9.0.1/24 dev eth0").map(drop);
    let regain = || lan.a.must("ip addr add 10.9.0.1/24 dev eth0").map(drop);
    fault_and_back(&lan, lose, regain)?;
    says(&lan.a, "Deassigned address 10.9.0.1 from interface eth0", ms(100))?;
    Ok(())
}

fn recreated(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    let delete = || lan.a.must("ip link del eth0").map(drop);
    let remake = || lan.lab.plug(&lan.a);
    fault_and_back(&lan, delete, remake)?;
    says(&lan.a, "Interface eth0 deleted", ms(100))?;
    says(&lan.a, "Interface eth0 added", ms(100))?;
    Ok(())
}

fn renamed(context: &Context) -> Outcome {
    let lan = master(context)?;
    let away = "ip link set eth0 down && ip link set eth0 name eth9 && ip link set eth9 up";
    let back = "ip link set eth9 down && ip link set eth9 name eth0 && ip link set eth0 up";
    fault_and_back(&lan, || lan.a.must(away).map(drop), || lan.a.must(back).map(drop))?;
    says(&lan.a, "Interface name has changed from eth0 to eth9", ms(100))?;
    Ok(())
}

fn strangers_stay(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.a.must("ip addr add 10.9.0.150/24 dev eth0 && ip addr add 10.7.7.7/32 dev lo")?;
    lan.start_as_master(150)?;
    lan.a.must("killall keepalived")?;
    lan.a.quiet(ms(3000))?;
    start(&lan.a)?;
    lan.a.gains(VIP, master_down(150) + SLACK + ms(500))?;
    for address in [[10, 9, 0, 150], [10, 7, 7, 7], [10, 9, 0, 1]] {
        ensure!(lan.a.holds(address.into()), "{address:?} is gone");
    }
    Ok(())
}

fn refused_for_a_while(context: &Context) -> Outcome {
    let more = "virtual_ipaddress_excluded {\n        fd00:9::7/64\n    }";
    let lan = Single::set(context, &instance(150, more))?;
    let there =
        || lan.a.must("ip -o -6 addr show dev eth0").is_ok_and(|lines| lines.contains("fd00:9::7/64"));
    lan.a.must("echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")?;
    let begin = lan.start_as_master(150)?;
    says(&lan.a, "ip address fd00:9::7/64 dev eth0 refused by the kernel", ms(500))?;
    always(ms(2500), "the kernel is asked in vain", || !there())?;
    lan.a.must("echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")?;
    until(ms(1500), "the address is there", there)?;
    says(&lan.a, "ip address fd00:9::7/64 dev eth0 set, which the kernel had refused", ms(500))?;
    let refusals = lan.a.log.since(0, "refused by the kernel").len();
    ensure!(refusals == 1, "{refusals} lines about one refusal");
    ensure!(
        lan.lab.capture.worst_gap(VRID, begin + master_down(150), Instant::now()) < ms(1100),
        "an advert was missed"
    );
    Ok(())
}
