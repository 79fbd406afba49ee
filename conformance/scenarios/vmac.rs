//! Virtual MAC addresses: the interface, what comes from it, and what becomes of it.

use std::thread;
use std::time::Instant;

use super::lan::{Single, Two, VIP, VRID, instance, ms, start};
use super::ways::give_ipv6;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "vmac";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "virtual MAC interfaces, their addresses and all settings are the same", same_links),
    both(F, "adverts and announcements from a virtual MAC are the same", same_frames),
    both(
        F,
        "with vmac_xmit_base adverts are the base's and announcements the virtual MAC's",
        same_base_frames,
    ),
    original(F, "two boxes with virtual MACs: one holder, and a takeover within skew", two_boxes),
    original(F, "the base down and up: fault, then a new start as backup", base_down),
    original(F, "the base deleted and made again: the virtual MAC comes back on it", base_recreated),
    original(F, "a virtual MAC deleted by hand is made again", deleted),
    original(F, "a virtual MAC set down is a fault until it is up", set_down),
    original(F, "reloads to and from a virtual MAC are new starts, and leave nothing", reloads),
    original(F, "a crash leaves a virtual MAC that the next start uses", crash),
    original(F, "an interface that has the name is left alone, and another name is found", name_taken),
    ours(F, "a virtual MAC renamed by a reload takes its addresses along", renamed),
    ours(F, "what a virtual MAC changes on its base is restored at the stop", restored),
];

/// The interface of the plain LAN's router.
const LINK: &str = "vrrp.51";
/// Its address.
const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, VRID];

fn with_vmac(priority: u8) -> String {
    instance(priority, "use_vmac")
}

/// The words about an interface in `ip -d -o link`; empty where there is none.
fn link(host: &Host, name: &str) -> String {
    host.run(&format!("ip -d -o link show {name} 2>/dev/null")).map(|run| run.out).unwrap_or_default()
}

fn exists(host: &Host, name: &str) -> bool {
    !link(host, name).is_empty()
}

/// Whether the address is on that interface.
fn is_on(host: &Host, name: &str, address: &str) -> bool {
    let shown = host.run(&format!("ip -o -4 addr show dev {name} 2>/dev/null"));
    shown.is_ok_and(|run| run.out.contains(&format!("inet {address}/")))
}

fn gains_on(host: &Host, name: &str, within: std::time::Duration) -> Result<Instant, Fault> {
    until(within, &format!("{VIP} is on {name}"), || is_on(host, name, &VIP.to_string()))
}

/// Everything below `net.*.conf` that says how links behave, with names for what has counters and random numbers.
fn settings(host: &Host) -> Result<Vec<String>, Fault> {
    let all = host.must("sysctl -a 2>/dev/null | grep -E '^net.ipv[46].conf.'")?;
    let fickle = ["stable_secret", "mtu"];
    let mut lines: Vec<String> = all
        .lines()
        .filter(|line| !fickle.iter().any(|word| line.contains(word)))
        .map(str::to_owned)
        .collect();
    lines.sort();
    Ok(lines)
}

/// Two bases, one router on each kind of link, and addresses with virtual MACs of their own.
const MANY: &str = "vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 150
    use_vmac
    virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24 dev eth0
        10.8.0.100/24 dev other0
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    priority 150
    use_vmac own52 02:aa:bb:cc:dd:ee
    vmac_xmit_base
    virtual_ipaddress {
        10.9.0.110/24
    }
    virtual_ipaddress_excluded {
        10.8.0.110/24 dev other0 use_vmac
    }
}
vrrp_instance C {
    interface eth0
    virtual_router_id 53
    priority 150
    use_vmac
    use_vmac_addr
    virtual_ipaddress {
        10.9.0.120/24
        10.8.0.120 dev other0
    }
    virtual_ipaddress_excluded {
        fd00:9::120/64
    }
}
vrrp_instance D {
    interface eth0
    virtual_router_id 54
    priority 150
    use_vmac
    virtual_ipaddress {
        fe80::54
        fd00:9::54/64
    }
}
vrrp_instance E {
    interface eth0
    virtual_router_id 55
    priority 150
    use_vmac six55
    vmac_xmit_base
    virtual_ipaddress {
        fe80::55
    }
    virtual_ipaddress_excluded {
        10.9.0.155
    }
}
";

fn same_links(_: &Context) -> Outcome {
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = Single::of(subject, MANY)?;
        lan.a.must(
            "ip link add other0 type veth peer name other1; ip link set other0 up; ip link set other1 up",
        )?;
        lan.a.must("ip addr add 10.8.0.1/24 dev other0; sysctl -w net.ipv4.conf.all.rp_filter=2")?;
        give_ipv6(&lan.a, 1)?;
        lan.start()?;
        for address in [[10, 9, 0, 100], [10, 8, 0, 110], [10, 8, 0, 120], [10, 9, 0, 155]] {
            lan.a.gains(address.into(), master_down(150) + SLACK)?;
        }
        thread::sleep(ms(300));
        let macs = lan.a.must("ip -d -o link show type macvlan")?;
        let tidy = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            words.join(" ").replace('\\', "")
        };
        let links: Vec<String> = macs.lines().map(tidy).collect();
        let shown = lan.a.must("ip -o addr | grep -v other.*fe80")?;
        let mut addresses: Vec<String> = shown
            .lines()
            .map(|line| tidy(line).replace(" proto keepalived", "").replace(" proto 18", ""))
            .collect();
        addresses.sort();
        // Of links that are new nothing is removed.
        let removing = lan.a.log.since(0, "removing").len();
        ensure_same!(removing, 0, "lines about leftovers");
        seen.push((links, addresses, settings(&lan.a)?));
    }
    ensure_same!(seen[1].0, seen[0].0, "virtual MAC interfaces of ours and theirs");
    ensure_same!(seen[1].1, seen[0].1, "addresses of ours and theirs");
    let [theirs, ours] = [&seen[0].2, &seen[1].2];
    let only = |some: &[String], others: &[String]| -> Vec<String> {
        // The original leaves out some interfaces when it hands the value for all down (`docs/compat/differences.md`).
        let handed_down = |line: &str| line.contains(".lo.rp_filter") || line.contains(".other0.rp_filter");
        let differs = |line: &&String| !others.contains(line) && !handed_down(line);
        some.iter().filter(differs).cloned().collect()
    };
    ensure_same!(only(ours, theirs), only(theirs, ours), "settings that differ, of ours and theirs");
    Ok(())
}

/// The first adverts and announcements of a master of that configuration.
fn frames(subject: Subject, config: &str) -> Result<[Vec<Vec<u8>>; 2], Fault> {
    let lan = Single::of(subject, config)?;
    let begin = lan.start()?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    let garps = || lan.lab.capture.garps("a", begin);
    until(ms(1000), "five announcements", || garps().len() >= 5)?;
    until(ms(3000), "two adverts", || lan.adverts(begin).len() >= 2)?;
    let adverts = lan.adverts(begin).into_iter().take(2).map(|advert| advert.bytes).collect();
    Ok([adverts, garps().into_iter().take(5).map(|garp| garp.bytes).collect()])
}

fn same_frames(_: &Context) -> Outcome {
    let [theirs, ours] = [frames(Subject::Theirs, &with_vmac(150))?, frames(Subject::Ours, &with_vmac(150))?];
    ensure_same!(ours, theirs, "adverts and announcements of ours and theirs");
    for frame in ours.iter().flatten() {
        ensure!(frame.get(6..12) == Some(MAC.as_slice()), "not from the virtual MAC: {frame:02x?}");
    }
    Ok(())
}

fn same_base_frames(_: &Context) -> Outcome {
    let config = instance(150, "use_vmac\n    vmac_xmit_base");
    let [theirs, ours] = [frames(Subject::Theirs, &config)?, frames(Subject::Ours, &config)?];
    ensure_same!(ours[1], theirs[1], "announcements of ours and theirs");
    for (whose, [adverts, garps]) in [("theirs", theirs), ("ours", ours)] {
        let from = |frame: &Vec<u8>| frame.get(6..12) == Some(MAC.as_slice());
        ensure!(!adverts.iter().any(from), "adverts of {whose} come from the virtual MAC");
        ensure!(garps.iter().all(from), "announcements of {whose} do not come from the virtual MAC");
    }
    Ok(())
}

fn two_boxes(context: &Context) -> Outcome {
    let lan = Two::set(context, &with_vmac(150), &with_vmac(100))?;
    for host in [&lan.a, &lan.b] {
        start(host)?;
    }
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    always(master_down(100) + ms(500), "a alone has the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    lan.a.must("service keepalived stop")?;
    gains_on(&lan.b, LINK, skew(100) + SLACK)?;
    lan.a.quiet(ms(3000))?;
    ensure!(!exists(&lan.a, LINK), "a virtual MAC is left on a");
    start(&lan.a)?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    lan.b.loses(VIP, SLACK)?;
    Ok(())
}

fn base_down(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.must("ip link set eth0 down")?;
    lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(500))?;
    lan.a.loses(VIP, SLACK)?;
    lan.a.must("ip link set eth0 up")?;
    lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(1500))?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    Ok(())
}

fn base_recreated(context: &Context) -> Outcome {
    let config = format!("global_defs {{\n    dynamic_interfaces\n}}\n{}", with_vmac(150));
    let lan = Single::set(context, &config)?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.must("ip link del eth0")?;
    lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(500))?;
    lan.a.log.wait(mark, "Interface eth0 deleted", ms(500))?;
    until(SLACK, "the virtual MAC went with its base", || !exists(&lan.a, LINK))?;
    lan.lab.plug(&lan.a)?;
    until(SLACK, "the virtual MAC is back", || exists(&lan.a, LINK))?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    Ok(())
}

fn deleted(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.must(&format!("ip link del {LINK}"))?;
    lan.a.log.wait(mark, &format!("(VI_1): Success creating VMAC interface {LINK}"), ms(500))?;
    until(ms(500), "it is up again", || link(&lan.a, LINK).contains("state UP"))?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    Ok(())
}

fn set_down(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.must(&format!("ip link set {LINK} down"))?;
    lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(500))?;
    lan.a.loses(VIP, SLACK)?;
    always(ms(1500), "it stays a fault", || !lan.a.holds(VIP))?;
    lan.a.must(&format!("ip link set {LINK} up"))?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    Ok(())
}

fn reloads(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    for (config, place, gone) in [
        (with_vmac(150), LINK, None),
        (instance(150, ""), "eth0", Some(LINK)),
        (instance(150, "use_vmac named51"), "named51", None),
    ] {
        let mark = lan.a.log.mark();
        lan.a.configure(&config)?;
        lan.a.must("service keepalived reload")?;
        lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE (init)", ms(2000))?;
        gains_on(&lan.a, place, master_down(150) + SLACK)?;
        if let Some(gone) = gone {
            until(SLACK, "no virtual MAC is left", || !exists(&lan.a, gone))?;
        }
        let other = if place == "eth0" { LINK } else { "eth0" };
        ensure!(!is_on(&lan.a, other, &VIP.to_string()), "the address is still on {other}");
    }
    lan.a.must("service keepalived stop")?;
    until(ms(3000), "no virtual MAC is left", || !exists(&lan.a, "named51"))?;
    Ok(())
}

fn crash(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.start_as_master(150)?;
    let index = |host: &Host| link(host, LINK).split(':').next().unwrap_or_default().to_owned();
    let before = index(&lan.a);
    lan.a.power_cut()?;
    ensure!(is_on(&lan.a, LINK, &VIP.to_string()), "a crash took the interface or the address along");
    lan.a.must("rm -f /run/keepalived.pid /run/vrrp.pid; keepalived -D")?;
    lan.a.loses(VIP, ms(1500))?;
    gains_on(&lan.a, LINK, master_down(150) + SLACK)?;
    ensure_same!(index(&lan.a), before, "index of the virtual MAC before and after a crash");
    Ok(())
}

fn name_taken(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.a.must(&format!("ip link add {LINK} type bridge"))?;
    lan.start()?;
    gains_on(&lan.a, "vrrp1.51", master_down(150) + SLACK)?;
    lan.a.must("service keepalived stop")?;
    until(ms(3000), "no virtual MAC is left", || !exists(&lan.a, "vrrp1.51"))?;
    ensure!(exists(&lan.a, LINK), "somebody else's interface is gone");
    Ok(())
}

fn renamed(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "use_vmac one51"))?;
    lan.start_as_master(150)?;
    let at = Instant::now();
    lan.a.configure(&instance(150, "use_vmac two51"))?;
    lan.a.must("service keepalived reload")?;
    gains_on(&lan.a, "two51", ms(2000))?;
    ensure!(!exists(&lan.a, "one51"), "the old interface is still there");
    ensure!(lan.adverts(at).iter().all(|advert| advert.priority == 150), "it resigned");
    until(ms(500), "announced again", || !lan.lab.capture.garps("a", at).is_empty())?;
    let worst = lan.lab.capture.worst_gap(VRID, at, Instant::now());
    ensure!(worst < ms(1300), "no advert for {worst:?}");
    Ok(())
}

fn restored(context: &Context) -> Outcome {
    let lan = Single::set(context, &with_vmac(150))?;
    lan.a.must("sysctl -w net.ipv4.conf.all.rp_filter=1; sysctl -w net.ipv4.conf.eth0.arp_ignore=2")?;
    let before = settings(&lan.a)?;
    lan.start_as_master(150)?;
    ensure!(settings(&lan.a)? != before, "nothing was changed, so nothing can be restored");
    lan.a.must("service keepalived stop")?;
    lan.a.quiet(ms(3000))?;
    ensure_same!(settings(&lan.a)?, before, "settings after and before");
    Ok(())
}
