//! Virtual routers on ipvlans, in VRFs, on VLANs and bonds.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::super::lan::{Single, Two, VIP, VRID, instance, ms, says, start};
use super::{F, PATIENCE, needs};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{master_down, skew};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    both(F, "an ipvlan, its addresses, adverts and announcements are the same", same_ipvlan),
    original(F, "two boxes with ipvlans: one holder, and a takeover within skew", two_ipvlans),
    original(F, "routers on a VLAN, with a virtual MAC on a VLAN, in a VRF and on a bond", four_stands),
    original(F, "a VLAN below a virtual MAC deleted and made again: in service every time", vlan_again),
];

const IPVLAN: &str = "use_ipvlan 10.9.0.201/24";

/// Words of `ip -d -o` without what differs from run to run.
fn tidy(line: &str, mac: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    words
        .join(" ")
        .replace('\\', "")
        .replace(mac, "MAC")
        .replace(" proto keepalived", "")
        .replace(" proto 18", "")
}

/// What can be seen of the links of one kind on a box, and of its addresses.
fn shown(host: &Host, kind: &str) -> Result<Vec<String>, Fault> {
    let mac = host.must("cat /sys/class/net/eth0/address")?;
    let links = host.must(&format!("ip -d -o link show type {kind}"))?;
    let addresses = host.must("ip -o addr show scope global")?;
    Ok(links.lines().chain(addresses.lines()).map(|line| tidy(line, mac.trim())).collect())
}

/// A frame without the MAC address of its sender, which differs from run to run.
fn anonymous(host: &Host, mut frame: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let text = host.must("cat /sys/class/net/eth0/address")?;
    let mac: Vec<u8> = text.trim().split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    for at in 0..frame.len().saturating_sub(mac.len()) {
        if frame.get(at..at + mac.len()) == Some(&mac) {
            frame.splice(at..at + mac.len(), [0xee; 6]);
        }
    }
    Ok(frame)
}

fn same_ipvlan(_: &Context) -> Outcome {
    needs("ipvlan")?;
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = Single::of(subject, &instance(150, IPVLAN))?;
        let begin = lan.start()?;
        lan.a.gains(VIP, master_down(150) + PATIENCE)?;
        let garps = || lan.lab.capture.garps("a", begin);
        until(ms(1000) + PATIENCE, "five announcements", || garps().len() >= 5)?;
        until(ms(2000) + PATIENCE, "two adverts", || lan.adverts(begin).len() >= 2)?;
        let adverts = lan.adverts(begin).into_iter().take(2).map(|advert| advert.bytes);
        let frames = adverts.chain(garps().into_iter().take(5).map(|garp| garp.bytes));
        let frames = frames.map(|frame| anonymous(&lan.a, frame)).collect::<Result<Vec<_>, _>>()?;
        says(&lan.a, "(VI_1): Success creating ipvlan interface vrrp.51", PATIENCE)?;
        seen.push((shown(&lan.a, "ipvlan")?, frames));
    }
    ensure_same!(seen[1].0, seen[0].0, "ipvlans and addresses of ours and theirs");
    ensure_same!(seen[1].1, seen[0].1, "adverts and announcements of ours and theirs");
    Ok(())
}

fn two_ipvlans(context: &Context) -> Outcome {
    needs("ipvlan")?;
    let config = |priority, host| instance(priority, &format!("use_ipvlan 10.9.0.{host}/24"));
    let lan = Two::set(context, &config(150, 201), &config(100, 202))?;
    for host in [&lan.a, &lan.b] {
        start(host)?;
    }
    until(master_down(150) + PATIENCE, "A alone holds the address", || {
        lan.a.holds(VIP) && !lan.b.holds(VIP)
    })?;
    let at = Instant::now();
    lan.a.must("service keepalived stop")?;
    lan.lab.capture.wait_advert("a", VRID, at, PATIENCE, |advert| advert.priority == 0)?;
    lan.b.gains(VIP, skew(100) + PATIENCE)?;
    lan.a.quiet(PATIENCE)?;
    let left = lan.a.must("ip -o link show type ipvlan")?;
    ensure_same!(left, String::new(), "ipvlans left on A");
    Ok(())
}

/// Four interfaces of a box that are not there by themselves: a VLAN, another one, one in a VRF, and a bond of two cables.
/// `$n` is the box's number.
const STANDS: &str = "set -e
for id in 100 101 102; do ip link add link eth0 name eth0.$id type vlan id $id; done
ip link add red type vrf table 10
ip link set red up
ip link set eth0.102 master red
ip link add bond0 type bond mode active-backup miimon 50
for member in m0 m1; do ip link set $member down; ip link set $member master bond0; done
stand() { ip link set $1 up; ip addr add $2 dev $1; }
stand eth0.100 10.1.0.$n/24
stand eth0.101 10.2.0.$n/24
stand eth0.102 10.3.0.$n/24
stand bond0 10.4.0.$n/24
";

/// What is made of each: interface, more for the instance, the virtual address. The VRIDs are 61 and what follows.
const ROUTERS: &[(&str, &str, Ipv4Addr)] = &[
    ("eth0.100", "", Ipv4Addr::new(10, 1, 0, 100)),
    ("eth0.101", "use_vmac", Ipv4Addr::new(10, 2, 0, 100)),
    ("eth0.102", "", Ipv4Addr::new(10, 3, 0, 100)),
    ("bond0", "", Ipv4Addr::new(10, 4, 0, 100)),
];

fn routers(priority: u8) -> String {
    let one = |(at, (interface, more, vip)): (usize, &(&str, &str, Ipv4Addr))| {
        format!(
            "vrrp_instance {interface} {{\n interface {interface}\n virtual_router_id {}\n priority {priority}\n \
             advert_int 1\n {more}\n virtual_ipaddress {{\n {vip}\n }}\n}}\n",
            61 + at
        )
    };
    ROUTERS.iter().enumerate().map(one).collect()
}

/// Every address is with one box alone.
fn all_with(holder: &Host, other: &Host, within: std::time::Duration) -> Outcome {
    for (interface, _, vip) in ROUTERS {
        let what = format!("the address of {interface} is with {} alone", holder.name);
        until(within, &what, || holder.holds(*vip) && !other.holds(*vip))?;
    }
    Ok(())
}

fn four_stands(context: &Context) -> Outcome {
    for kind in ["vlan", "vrf", "bond"] {
        needs(kind)?;
    }
    let lan = Two::set(context, &routers(150), &routers(100))?;
    for (member, net) in [("m0", 8), ("m1", 9)] {
        let far = format!("10.{net}.0.2/24");
        lan.a.cable(member, &format!("10.{net}.0.1/24"), Some((&lan.b, &far)))?;
    }
    for (host, number) in [(&lan.a, 1), (&lan.b, 2)] {
        host.must(&format!("n={number}\n{STANDS}"))?;
    }
    for host in [&lan.a, &lan.b] {
        start(host)?;
    }
    all_with(&lan.a, &lan.b, master_down(150) + PATIENCE)?;
    // A bond that loses one of two members is up all the time.
    let mark = lan.a.log.mark();
    lan.a.must("ip link set m0 down")?;
    until(PATIENCE, "the bond uses the other member", || {
        lan.a.read("/sys/class/net/bond0/bonding/active_slave").trim() == "m1"
    })?;
    // What stands on one of them falls and rises with it.
    for (interface, _, vip) in &ROUTERS[..3] {
        lan.a.must(&format!("ip link set {interface} down"))?;
        lan.a.log.wait(mark, &format!("({interface}) Entering FAULT STATE"), PATIENCE)?;
        lan.b.gains(*vip, skew(100) + PATIENCE)?;
        lan.a.must(&format!("ip link set {interface} up"))?;
    }
    all_with(&lan.a, &lan.b, master_down(150) + PATIENCE)?;
    ensure!(lan.a.log.since(mark, "(bond0) Entering").is_empty(), "a member of the bond cost the role");
    lan.a.must("service keepalived stop")?;
    all_with(&lan.b, &lan.a, skew(100) + PATIENCE)?;
    Ok(())
}

/// How often the VLAN goes away.
const ROUNDS: u32 = 20;

/// Fault F16. Adverts are 0.3 s apart, so that twenty elections do not take long.
fn vlan_again(context: &Context) -> Outcome {
    needs("vlan")?;
    let config = instance(150, "use_vmac\n    version 3").replace("eth0", "eth0.100");
    let config = config.replace("advert_int 1", "advert_int 0.3");
    let lan = Single::set(context, &format!("global_defs {{\n    dynamic_interfaces\n}}\n{config}"))?;
    let appear = "ip link add link eth0 name eth0.100 type vlan id 100 && ip addr add 10.9.0.1/24 dev eth0.100 && \
                  ip link set eth0.100 up";
    lan.a.must("ip addr del 10.9.0.1/24 dev eth0")?;
    lan.a.must(appear)?;
    lan.start()?;
    lan.a.gains(VIP, master_down(150) + PATIENCE)?;
    for round in 0..ROUNDS {
        lan.a.must("ip link del eth0.100")?;
        // Now and then it is back before anybody could do anything about it.
        if round % 4 != 3 {
            lan.a.loses(VIP, PATIENCE)?;
        }
        let at = Instant::now();
        lan.a.must(appear)?;
        lan.a.gains(VIP, master_down(150) + PATIENCE)?;
        lan.lab.capture.wait_advert("a", VRID, at, PATIENCE, |advert| advert.priority == 150)?;
    }
    ensure!(!lan.a.keepalived().is_empty(), "keepalived is gone");
    Ok(())
}
