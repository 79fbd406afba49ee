//! Virtual MAC addresses on LANs: what is said in a life, who takes over from whom, and what customers remember.

use std::thread;

use super::lan::{Two, ms, start};
use super::ways::{IPV6, Way, give_ipv6, same_life};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::subject::Subject::{Ours, Theirs};
use crate::table::{Context, Scenario, both, mixed, original, withstands};
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
