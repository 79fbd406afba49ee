//! IPv6: what packets come from, and addresses that somebody else seems to have.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::Instant;

use super::{deafen, open, quick, quick_down, reload, sound};
use crate::lab::{Host, Lab, until};
use crate::outcome::{Outcome, failed};
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, Two, ms, says, start};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F04", "a virtual link-local address is never what adverts come from", own_source),
    withstands(
        "F42",
        "two boxes add an IPv6 address at once: it can be used on both, then one has it",
        at_once,
    ),
    withstands("F42", "an IPv6 address that was found to be a duplicate is put right", duplicate),
    withstands(
        "F42",
        "a link-local address that may not be used yet at boot: backup as soon as it may",
        tentative,
    ),
    withstands("F44", "connections of the host itself do not come from a virtual address", outbound),
];

const VIP: Ipv6Addr = Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 0x100);

fn router(priority: u8, addresses: &str) -> String {
    quick(priority, "").replace("10.9.0.100\n", addresses)
}

/// Waits until no address of the host is still being looked for at others.
fn usable(host: &Host) -> Result<Instant, crate::outcome::Fault> {
    until(ms(6000), "no tentative address", || {
        host.must("ip -6 addr show dev eth0 tentative").is_ok_and(|text| text.is_empty())
            && host.must("ip -6 addr show dev eth0 scope link").is_ok_and(|text| text.contains("inet6"))
    })
}

/// What a host's adverts over IPv6 came from.
fn sources(lab: &Lab, name: &str) -> BTreeSet<Ipv6Addr> {
    let frames = lab.capture.frames();
    let adverts = frames.iter().filter(|frame| frame.from == name).map(|frame| &frame.bytes);
    let adverts = adverts.filter(|b| b.get(12..14) == Some(&[0x86, 0xdd]) && b.get(20) == Some(&112));
    let source = |bytes: &Vec<u8>| Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(22..38)?).ok()?));
    adverts.filter_map(source).collect()
}

fn own_source(context: &Context) -> Outcome {
    let config = |priority| router(priority, "fe80::9:100/64\n        fd00:9::100/64\n");
    let Two { a, b, lab } = Two::set(context, &config(150), &config(100))?;
    let holds = |host: &Host| host.holds_ip(VIP.into());
    let only = |host: &Host, other: &Host| {
        until(quick_down(100) + ms(1500), &format!("{} alone has it", host.name), || {
            holds(host) && !holds(other)
        })
    };
    for host in [&a, &b] {
        usable(host)?;
        start(host)?;
    }
    only(&a, &b)?;
    for host in [&a, &b, &a] {
        reload(host)?;
        thread::sleep(ms(700));
        ensure!(holds(&a) && !holds(&b), "the address moved");
    }
    a.must("kill $(cat /run/keepalived.pid)")?;
    a.quiet(ms(4000))?;
    only(&b, &a)?;
    thread::sleep(ms(500));
    start(&a)?;
    only(&a, &b)?;
    thread::sleep(ms(500));
    for host in [&a, &b] {
        let shown = host.must("ip -6 -o addr show dev eth0 scope link")?;
        let own: Option<Ipv6Addr> = shown
            .split_whitespace()
            .filter_map(|word| word.strip_suffix("/64")?.parse().ok())
            .find(|address| *address != Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 9, 0x100));
        let Some(own) = own else { return failed(format!("{} has no address of its own", host.name)) };
        ensure_same!(sources(&lab, &host.name), BTreeSet::from([own]), "sources of {}", host.name);
    }
    sound(&lab, &[&a, &b])
}

/// Whether the virtual address is there and may be used.
fn works(host: &Host) -> bool {
    let shown = host.must(&format!("ip -6 -o addr show to {VIP}/128"));
    shown.is_ok_and(|text| {
        text.contains("inet6") && !text.contains("tentative") && !text.contains("dadfailed")
    })
}

fn at_once(context: &Context) -> Outcome {
    let config = router(100, "fe80::9:100\n        fd00:9::100\n");
    let Two { a, b, lab } = Two::set(context, &config, &config)?;
    for host in [&a, &b] {
        usable(host)?;
        deafen(host, "ip6 nexthdr 112")?;
        start(host)?;
    }
    until(quick_down(100) + ms(1500), "both can use it", || works(&a) && works(&b))?;
    open(&a)?;
    open(&b)?;
    let holds = |host: &Host| host.holds_ip(IpAddr::from(VIP));
    until(ms(1000) + SLACK, "one has it", || holds(&a) != holds(&b))?;
    let holder = if holds(&a) { &a } else { &b };
    thread::sleep(ms(1000));
    ensure!(works(holder) && holds(&a) != holds(&b), "the one that has it can use it");
    sound(&lab, &[&a, &b])
}

fn duplicate(context: &Context) -> Outcome {
    let mut lan = Single::set(context, &router(150, "fe80::9:100\n        fd00:9::100\n"))?;
    usable(&lan.a)?;
    lan.start()?;
    until(quick_down(150) + ms(1500), "it can be used", || works(&lan.a))?;
    let other = lan.lab.client([10, 9, 0, 60])?;
    other.must(&format!("ip addr add {VIP}/64 dev eth0 nodad"))?;
    // Exchanged in one go for one that asks whether others have it, and learns that somebody has.
    lan.a.must(&format!(
        "printf 'addr del {VIP}/128 dev eth0\\naddr add {VIP}/128 dev eth0\\n' >/tmp/exchange && \
         ip -force -batch /tmp/exchange || true"
    ))?;
    // Whether an address is somebody else's shows within a second.
    thread::sleep(ms(2500));
    until(ms(500), "it can be used again", || works(&lan.a))?;
    sound(&lan.lab, &[&lan.a])
}

fn tentative(context: &Context) -> Outcome {
    let lan = Single::set(context, &router(150, "fe80::9:100\n        fd00:9::100\n"))?;
    lan.a.must(
        "echo 3 >/proc/sys/net/ipv6/conf/eth0/dad_transmits && ip link set eth0 down && ip link set eth0 up",
    )?;
    lan.start()?;
    let usable = usable(&lan.a)?;
    let line = says(&lan.a, "Entering BACKUP STATE", ms(200) + SLACK)?;
    ensure!(line.at <= usable + ms(200) + SLACK, "backup {:?} after it could be", line.at - usable);
    lan.a.gains_ip(VIP.into(), quick_down(150) + ms(1000))?;
    sound(&lan.lab, &[&lan.a])
}

fn outbound(context: &Context) -> Outcome {
    let lan = Single::set(context, &(router(150, "fe80::9:100\n        fd00:9::100\n") + &four()))?;
    lan.a.must("ip addr add fd00:9::1/64 dev eth0 nodad")?;
    usable(&lan.a)?;
    lan.start()?;
    until(quick_down(150) + ms(1500), "it can be used", || works(&lan.a))?;
    lan.a.gains([10, 9, 0, 110].into(), ms(1500))?;
    for (target, own) in [("fd00:9::50", "src fd00:9::1 "), ("10.9.0.50", "src 10.9.0.1 ")] {
        let route = lan.a.must(&format!("ip route get {target}"))?;
        ensure!(route.contains(own), "to {target} it would be {route}");
    }
    // What others take for the address of the node: the first one.
    let first = lan.a.must("ip -o -4 addr show dev eth0 primary | head -n 1")?;
    ensure!(first.contains("10.9.0.1/24"), "the first address is {first}");
    sound(&lan.lab, &[&lan.a])
}

/// An IPv4 router whose address is in the net of the host's own.
fn four() -> String {
    quick(150, "").replace("VI_1", "VI_4").replace("_id 51", "_id 54").replace("10.9.0.100", "10.9.0.110/24")
}
