//! What a network does to adverts.

use std::net::Ipv6Addr;
use std::thread;
use std::time::Instant;

use keepalived_model::MacAddr;
use keepalived_wire::{arp, ndp};

use super::{Couple, deafen, muzzle, open};
use crate::lab::{Lab, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::scenarios::lan::{STRANGER, Single, Two, VIP, VRID, instance, ms, says, start};
use crate::table::{Context, Scenario, withstands};
use crate::wire::{Forged, is_unsolicited};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F01", "a backup that was deaf for a while: the customer is back at the master at once", deaf),
    withstands(
        "F02",
        "a master that never heard its rival: the customer is back within two seconds",
        unheard,
    ),
    withstands("F02", "claims of an address are answered for both families, at a bounded pace", claims),
    withstands("F03", "two of equal priority that did not hear each other agree at once", partition),
    withstands("F19", "a port that comes up slowly behind a start delay moves no address", slow_port),
    withstands("F36", "another cluster with our VRID moves no address and does not fill the log", collision),
    withstands(
        "F39",
        "sending is refused for two seconds: one line, no takeover, adverts at once after",
        refused,
    ),
    withstands("F56", "a box whose own address changes goes on with the new one", renumbered),
    withstands("F59", "of two owners one is master", owners),
    withstands("F63", "three equal backups: one of them takes over, and only one", three),
];

fn deaf(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    deafen(&pair.b, "ip protocol 112")?;
    pair.b.gains(VIP, master_down(100) + SLACK)?;
    thread::sleep(ms(1500));
    let healed = Instant::now();
    open(&pair.b)?;
    pair.b.loses(VIP, ms(1000) + SLACK)?;
    pair.client.served_by("a", Instant::now(), ms(1000))?;
    until(ms(500), "A announced its address again", || !pair.lab().capture.garps("a", healed).is_empty())?;
    pair.stays_with_a(ms(2000))?;
    pair.is_sound()
}

fn unheard(context: &Context) -> Outcome {
    // Nothing that A does by itself shall help.
    let pair = Couple::settled(context, "", "garp_master_delay 0")?;
    for host in [&pair.a, &pair.b] {
        deafen(host, "ip protocol 112")?;
    }
    pair.b.gains(VIP, master_down(100) + SLACK)?;
    thread::sleep(ms(500));
    open(&pair.b)?;
    let gone = pair.b.loses(VIP, ms(1000) + SLACK)?;
    pair.client.served_by("a", gone, ms(2000))?;
    pair.stays_with_a(ms(1000))
}

/// The hardware address of somebody who claims what is not his.
const THIEF: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);

fn claims(context: &Context) -> Outcome {
    let other: Ipv6Addr = "fd00:9::1".parse().map_err(|_| Fault::Failed("no address".into()))?;
    let more = format!("virtual_ipaddress_excluded {{\n        {other}/64\n    }}\n    garp_master_delay 0");
    let lan = Single::set(context, &instance(150, &more))?;
    lan.start_as_master(150)?;
    lan.a.gains_ip(other.into(), ms(1000))?;
    let all = [arp::gratuitous(THIEF, VIP), ndp::unsolicited(THIEF, other, ndp::Forwarding::Off)];
    let garps = |since| lan.lab.capture.garps("a", since);
    let unsolicited = |since: Instant| {
        let frames = lan.lab.capture.frames().into_iter();
        frames.filter(|frame| frame.at >= since && frame.from == "a" && is_unsolicited(frame)).count()
    };
    for frame in &all {
        let begin = Instant::now();
        lan.injector.send(frame)?;
        let answered = || !garps(begin).is_empty() || unsolicited(begin) > 0;
        until(ms(2000), "the address is announced again", answered)?;
        ensure!(garps(begin).is_empty() != (frame == &all[0]), "another address was announced");
    }
    says(&lan.a, &format!("(VI_1) contested: 02:00:00:00:09:09 claims {VIP} on eth0"), ms(100))?;
    let storm = Instant::now();
    lan.injector.flood(&all, 20_000, ms(3000));
    thread::sleep(ms(1100));
    // Five rounds a second of each.
    let (v4, v6) = (garps(storm).len(), unsolicited(storm));
    for count in [v4, v6] {
        ensure!((5..=25).contains(&count), "{v4} and {v6} announcements in a storm of three seconds");
    }
    ensure!(lan.a.log.since(0, "contested").len() <= 2, "the log is full of it");
    ensure!(lan.a.holds(VIP), "the address is gone");
    let adverts = lan.adverts(storm);
    ensure!(adverts.len() >= 4, "only {} adverts in a storm of three seconds", adverts.len());
    Ok(())
}

fn partition(context: &Context) -> Outcome {
    let Two { a, b, lab: _lab } = Two::set(context, &instance(120, ""), &instance(120, ""))?;
    for host in [&a, &b] {
        deafen(host, "ip protocol 112")?;
        start(host)?;
    }
    for host in [&a, &b] {
        host.gains(VIP, master_down(120) + ms(1500))?;
    }
    open(&a)?;
    open(&b)?;
    // The higher address wins.
    until(ms(1000) + SLACK, "B alone holds the address", || b.holds(VIP) && !a.holds(VIP))?;
    always(ms(3000), "B alone holds the address", || b.holds(VIP) && !a.holds(VIP))
}

fn slow_port(context: &Context) -> Outcome {
    let slow = "global_defs {\n    vrrp_startup_delay 6\n}\n";
    let config_a = slow.to_owned() + &instance(150, "nopreempt");
    let Two { a, b, lab: _lab } = Two::set(context, &config_a, &instance(100, "nopreempt"))?;
    start(&b)?;
    b.gains(VIP, master_down(100) + ms(1500))?;
    deafen(&a, "ip protocol 112")?;
    muzzle(&a, "ip protocol 112")?;
    let mark = b.log.mark();
    start(&a)?;
    always(ms(4500), "B alone holds the address", || b.holds(VIP) && !a.holds(VIP))?;
    open(&a)?;
    always(ms(6000), "B alone holds the address", || b.holds(VIP) && !a.holds(VIP))?;
    ensure_same!(b.log.since(mark, "Entering").len(), 0, "changes of B's role");
    Ok(())
}

fn collision(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    let foreign = Forged::new(STRANGER, VRID, 100, &[[10, 9, 0, 200]]);
    lan.other_master(&foreign, 12, || {
        ensure!(lan.a.holds(VIP), "the address is gone");
        Ok(())
    })?;
    // What is announced again is said in detail only.
    let lines =
        lan.a.log.since(mark, "").into_iter().filter(|line| !line.text.contains("gratuitous")).count();
    ensure!(lines > 0, "no line says that there is somebody else");
    ensure!(lines <= 4, "{lines} lines in eleven seconds");
    Ok(())
}

fn refused(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    thread::sleep(ms(200));
    let (mark, mark_b) = (pair.a.log.mark(), pair.b.log.mark());
    muzzle(&pair.a, "ip protocol 112")?;
    thread::sleep(ms(2000));
    let opened = Instant::now();
    open(&pair.a)?;
    pair.lab().capture.wait_advert("a", VRID, opened, ms(1000) + SLACK / 2, |_| true)?;
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    let lines = pair.a.log.since(mark, "").len();
    ensure!((1..=2).contains(&lines), "{lines} lines about two seconds");
    pair.stays_with_a(ms(1500))?;
    pair.is_sound()
}

fn renumbered(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let at = Instant::now();
    // Without it the new address would go with the old one, whose secondary it is.
    pair.a.must("echo 1 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries")?;
    pair.a.must("ip addr add 10.9.0.11/24 dev eth0 && ip addr del 10.9.0.1/24 dev eth0")?;
    let new = pair.lab().capture.wait_advert("a", VRID, at, ms(2000) + SLACK, |advert| {
        advert.bytes.get(26..30) == Some(&[10, 9, 0, 11])
    })?;
    ensure_same!(new.priority, 150, "priority of the first advert from the new address");
    pair.stays_with_a(ms(2500))?;
    pair.is_sound()
}

fn owners(context: &Context) -> Outcome {
    let owner = instance(255, "").replace("BACKUP", "MASTER");
    let Two { a, b, lab: _lab } = Two::set(context, &owner, &owner)?;
    start(&a)?;
    start(&b)?;
    until(ms(1500), "both were there", || {
        a.log.since(0, "MASTER STATE").len() + b.log.since(0, "MASTER STATE").len() >= 2
    })?;
    until(ms(4000), "one holder", || a.holds(VIP) != b.holds(VIP))?;
    let first = a.holds(VIP);
    always(ms(4000), "the same holder", || a.holds(VIP) == first && b.holds(VIP) != first)
}

fn three(context: &Context) -> Outcome {
    let mut lab = Lab::new()?;
    let mut hosts = Vec::new();
    for (name, last) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        hosts.push(lab.host(context.pair.a, name, "eth0", [10, 9, 0, last])?);
    }
    let [a, rest @ ..] = hosts.as_slice() else { return Err(Fault::Failed("no hosts".to_owned())) };
    a.configure(&instance(150, ""))?;
    start(a)?;
    a.gains(VIP, master_down(150) + ms(1500))?;
    for host in rest {
        host.configure(&instance(100, ""))?;
        start(host)?;
        says(host, "Entering BACKUP STATE", ms(1500))?;
    }
    let marks: Vec<usize> = rest.iter().map(|host| host.log.mark()).collect();
    let stopped = Instant::now();
    a.must("kill $(cat /run/keepalived.pid)")?;
    until(skew(100) + SLACK, "one holder", || rest.iter().filter(|host| host.holds(VIP)).count() == 1)?;
    always(ms(3000), "one holder", || rest.iter().filter(|host| host.holds(VIP)).count() == 1)?;
    let took: usize =
        rest.iter().zip(&marks).map(|(host, mark)| host.log.since(*mark, "Entering MASTER").len()).sum();
    ensure!(took <= 2, "{took} of them became master");
    let extra = ["b", "c", "d"].iter().filter(|name| !lab.capture.adverts(name, VRID, stopped).is_empty());
    ensure!(extra.count() <= 2, "all three of them talked");
    Ok(())
}
