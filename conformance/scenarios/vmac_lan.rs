//! Virtual MAC addresses on LANs: what is said in a life, who takes over from whom, and what customers remember.

use std::thread;
use std::time::Instant;

use super::lan::{Single, Two, ms, start};
use super::ways::{IPV6, Way, give_ipv6, same_life};
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::subject::Subject::{Ours, Theirs};
use crate::table::{Context, Scenario, both, decision, mixed, original, withstands};
use crate::wire::{Frame, garp, is_unsolicited};
use crate::{ensure, ensure_same};

const F: &str = "vmac";

/// IPv4.
const PLAIN: Way = Way {
    vrid: 13,
    vip: "10.9.0.113",
    lines: ["use_vmac\n virtual_ipaddress {\n 10.9.0.113\n }"; 2],
    ..IPV6
};

/// IPv6.
const SIX: Way = Way {
    vrid: 14,
    vip: "fd00:9::114",
    intervals: [ms(500); 2],
    skew_unit: ms(500),
    lines: ["use_vmac\n virtual_ipaddress {\n fe80::9:14\n fd00:9::114/64\n }"; 2],
};

/// IPv6, adverts from the base.
const SIX_FROM_BASE: Way = Way {
    lines: ["use_vmac\n vmac_xmit_base\n virtual_ipaddress {\n fe80::9:14\n fd00:9::114/64\n }"; 2],
    ..SIX
};

/// Both families on one link.
const BOTH_FAMILIES: Way = Way {
    lines: ["use_vmac\n virtual_ipaddress {\n 10.9.0.113\n }\n use_vmac_addr\n virtual_ipaddress_excluded {\n \
             fd00:9::113/64\n }"; 2],
    ..PLAIN
};

pub const SCENARIOS: &[Scenario] = &[
    both(F, "virtual MAC: every frame of a life is the same for both", |_| same_life(&PLAIN)),
    both(F, "virtual MAC, IPv6: every frame of a life is the same for both", |_| same_life(&SIX)),
    both(F, "virtual MAC, IPv6, adverts from the base: every frame is the same", |_| {
        same_life(&SIX_FROM_BASE)
    }),
    both(F, "virtual MACs of both families: every frame of a life is the same", |_| {
        same_life(&BOTH_FAMILIES)
    }),
    original(F, "virtual MAC, IPv6: crash, return and stop change nothing for customers", |c| {
        unnoticed(c, &SIX)
    }),
    mixed("virtual MAC: crash, return and stop change nothing for customers", Ours, Theirs, |c| {
        unnoticed(c, &PLAIN)
    }),
    mixed("virtual MAC: crash, return and stop change nothing for customers", Theirs, Ours, |c| {
        unnoticed(c, &PLAIN)
    }),
    mixed("virtual MAC, IPv6: crash, return and stop change nothing for customers", Ours, Theirs, |c| {
        unnoticed(c, &SIX)
    }),
    mixed("virtual MAC, IPv6: crash, return and stop change nothing for customers", Theirs, Ours, |c| {
        unnoticed(c, &SIX)
    }),
    original(F, "instances of a group with one MAC address share the virtual MAC", shared),
    decision(
        "D1",
        F,
        "a virtual MAC deleted by hand is back with its addresses, and the role is kept",
        |c| kept(c, &PLAIN),
    ),
    decision("D1", F, "a virtual MAC of IPv6 deleted by hand is back, and the role is kept", |c| {
        kept(c, &SIX)
    }),
    decision(
        "D1",
        F,
        "the link-local address of a virtual MAC is put back, and is there again after the link was down",
        link_local,
    ),
    decision("D1", F, "a virtual MAC deleted again and again is a fault, and left alone", gives_up),
    withstands("F43", "an interface with IPv6 alone: the router on its virtual MAC runs", six_alone),
];

/// What a customer remembers of the address, after somebody who has it answered.
fn remembered(customer: &Host, way: &Way) -> Result<String, Fault> {
    let vip = way.vip;
    let answers = || {
        let asked = customer.run(&format!("timeout 1 bash -c '</dev/tcp/{vip}/9' 2>&1"));
        asked.is_ok_and(|asked| asked.out.contains("refused"))
    };
    until(ms(3000), "the customer is answered", answers)?;
    let entry = customer.must(&format!("ip neigh show {vip}"))?;
    let mac = entry.split_once("lladdr ").and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(mac.unwrap_or_default().to_owned())
}

fn unnoticed(context: &Context, way: &Way) -> Outcome {
    let Two { a, b, mut lab } = Two::set(context, &way.config(0, 150), &way.config(1, 100))?;
    let customer = lab.client([10, 9, 0, 50])?;
    for (number, host) in [(1, &a), (2, &b), (5, &customer)] {
        give_ipv6(host, number)?;
    }
    // Who has to look for the customer asks in the name of the address and through the base, whose MAC address the
    // customer would remember then; of both programs.
    let mac = customer.must("cat /sys/class/net/eth0/address")?;
    for host in [&a, &b] {
        host.must(&format!("ip neigh replace 10.9.0.50 lladdr {} nud permanent dev eth0", mac.trim()))?;
    }
    let interval = way.intervals[0];
    let family = if way.vip().is_ipv6() { 2 } else { 1 };
    let router = format!("00:00:5e:00:0{family}:{:02x}", way.vrid);
    let same = |host: &Host| -> Outcome {
        ensure!(host.holds_ip(way.vip()), "{} does not hold the address", host.name);
        ensure_same!(remembered(&customer, way)?, router, "what the customer remembers");
        Ok(())
    };
    let begin = start(&a)?;
    a.gains_ip(way.vip(), interval * 3 + way.skew(150) + SLACK)?;
    start(&b)?;
    same(&a)?;
    thread::sleep(interval * 2);
    ensure_same!(lab.capture.spoken("b", way.vrid, begin).len(), 0, "adverts of the backup");
    a.power_cut()?;
    b.gains_ip(way.vip(), interval * 3 + way.skew(100) + SLACK)?;
    same(&b)?;
    start(&a)?;
    b.loses_ip(way.vip(), interval * 4 + way.skew(150) + ms(1500))?;
    a.gains_ip(way.vip(), SLACK)?;
    same(&a)?;
    a.must("kill $(cat /run/keepalived.pid)")?;
    b.gains_ip(way.vip(), way.skew(100) + SLACK)?;
    ensure!(!a.holds_ip(way.vip()), "the address is left on a");
    same(&b)
}

fn shared(context: &Context) -> Outcome {
    let one = |name: &str, vrid: u8| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority 200\n use_vmac own{vrid} \
             02:00:00:00:00:99\n virtual_ipaddress {{\n 10.9.0.{vrid}\n }}\n}}\n"
        )
    };
    let group = "vrrp_sync_group G {\n group {\n A\n B\n }\n}\n";
    let lan = Single::set(context, &(group.to_owned() + &one("A", 61) + &one("B", 62)))?;
    lan.start()?;
    let down = PLAIN.intervals[0] * 3 + PLAIN.skew(200);
    for address in [[10, 9, 0, 61], [10, 9, 0, 62]] {
        lan.a.gains(address.into(), down + SLACK)?;
    }
    let shown = lan.a.must("ip -o -4 addr show dev own61")?;
    ensure!(shown.contains("10.9.0.61/") && shown.contains("10.9.0.62/"), "addresses of own61: {shown}");
    ensure!(lan.a.run("ip link show own62")?.code != 0, "a second interface with the same MAC address");
    lan.a.log.wait(0, "(B) vmac name mismatch own62 <=> own61. changing to own61.", ms(100))?;
    lan.a.must("service keepalived stop")?;
    until(ms(3000), "no virtual MAC is left", || {
        lan.a.run("ip link show own61").is_ok_and(|run| run.code != 0)
    })?;
    Ok(())
}

/// A way's router as master of a LAN with a backup on it.
fn master(context: &Context, way: &Way) -> Result<Two, Fault> {
    let lan = Two::set(context, &way.config(0, 150), &way.config(1, 100))?;
    for (number, host) in [(1, &lan.a), (2, &lan.b)] {
        give_ipv6(host, number)?;
    }
    start(&lan.a)?;
    lan.a.gains_ip(way.vip(), way.intervals[0] * 3 + way.skew(150) + SLACK)?;
    start(&lan.b)?;
    lan.b.log.wait(0, "Entering BACKUP STATE", ms(2000))?;
    Ok(lan)
}

fn kept(context: &Context, way: &Way) -> Outcome {
    let lan = master(context, way)?;
    let link = format!("vrrp.{}", way.vrid);
    let (mark, deleted) = (lan.a.log.mark(), Instant::now());
    lan.a.must(&format!("ip link del {link}"))?;
    lan.a.gains_ip(way.vip(), ms(500))?;
    lan.a.log.wait(
        mark,
        &format!("VMAC interface {link} was removed by another program, restoring it"),
        ms(100),
    )?;
    let from_it = |frame: &Frame| frame.at > deleted && frame.bytes.get(11) == Some(&way.vrid);
    let announced = |frame: &Frame| from_it(frame) && (garp(frame).is_some() || is_unsolicited(frame));
    let said = || lan.lab.capture.frames().iter().any(announced);
    until(ms(500), "the address is announced again", said)?;
    let speaks = || !lan.lab.capture.spoken("a", way.vrid, deleted).is_empty();
    until(ms(500), "an advert as soon as there is a link for it", speaks)?;
    always(way.intervals[0] * 4, "a alone holds the address", || {
        lan.a.holds_ip(way.vip()) && !lan.b.holds_ip(way.vip())
    })?;
    ensure_same!(lan.a.log.since(mark, "Entering").len(), 0, "changes of the role");
    Ok(())
}

fn link_local(context: &Context) -> Outcome {
    let lan = master(context, &SIX)?;
    let link = format!("vrrp.{}", SIX.vrid);
    let has = || {
        let shown = lan.a.run(&format!("ip -o -6 addr show dev {link}"));
        shown.is_ok_and(|shown| shown.out.contains("fe80::a:1/64"))
    };
    let (mark, mut at) = (lan.a.log.mark(), Instant::now());
    lan.a.must(&format!("ip addr del fe80::a:1/64 dev {link}"))?;
    until(ms(300), "it is back", has)?;
    always(SIX.intervals[0] * 4, "a alone holds the address", || {
        lan.a.holds_ip(SIX.vip()) && !lan.b.holds_ip(SIX.vip())
    })?;
    ensure!(lan.lab.capture.spoken("a", SIX.vrid, at).len() >= 2, "it fell silent");
    ensure_same!(lan.a.log.since(mark, "Entering").len(), 0, "changes of the role");
    lan.a.must(&format!("ip link set {link} down"))?;
    lan.a.log.wait(mark, "Entering FAULT STATE", ms(1000))?;
    lan.b.gains_ip(SIX.vip(), SIX.intervals[1] * 3 + SIX.skew(100) + SLACK)?;
    at = Instant::now();
    lan.a.must(&format!("ip link set {link} up"))?;
    lan.a.gains_ip(SIX.vip(), SIX.intervals[0] * 4 + SIX.skew(150) + SLACK)?;
    lan.b.loses_ip(SIX.vip(), SLACK)?;
    ensure!(has(), "its link-local address did not come back");
    ensure!(!lan.lab.capture.spoken("a", SIX.vrid, at).is_empty(), "it does not speak");
    Ok(())
}

fn gives_up(context: &Context) -> Outcome {
    let lan = master(context, &PLAIN)?;
    for _ in 0..6 {
        lan.a.must("ip link del vrrp.13")?;
        until(ms(1500), "it is there again, or given up", || {
            lan.a.holds_ip(PLAIN.vip()) || !lan.a.log.since(0, "Entering FAULT STATE").is_empty()
        })?;
    }
    // There is nothing it could say farewell through.
    lan.b.gains_ip(PLAIN.vip(), PLAIN.intervals[1] * 3 + PLAIN.skew(100) + SLACK)?;
    always(ms(1500), "it is not made again", || {
        lan.a.run("ip link show vrrp.13").is_ok_and(|run| run.code != 0)
    })
}

fn six_alone(context: &Context) -> Outcome {
    let lan = Two::set(context, &SIX.config(0, 150), &SIX.config(1, 100))?;
    for (number, host) in [(1, &lan.a), (2, &lan.b)] {
        host.must("ip -4 addr flush dev eth0")?;
        give_ipv6(host, number)?;
        start(host)?;
    }
    lan.a.gains_ip(SIX.vip(), SIX.intervals[0] * 3 + SIX.skew(150) + SLACK)?;
    for host in [&lan.a, &lan.b] {
        ensure_same!(host.log.since(0, "FAULT").len(), 0, "lines about a fault");
    }
    lan.a.power_cut()?;
    lan.b.gains_ip(SIX.vip(), SIX.intervals[0] * 3 + SIX.skew(100) + SLACK)?;
    Ok(())
}
