//! Virtual routers on ipvlans, in VRFs, on VLANs and bonds.

use std::time::Duration;

use super::super::lan::{Single, Two, VIP, VRID, instance, ms, says, start};
use super::{F, needs};
use crate::ensure_same;
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{master_down, skew};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original};

pub const SCENARIOS: &[Scenario] = &[
    both(F, "an ipvlan, its addresses, adverts and announcements are the same", same_ipvlan),
    original(F, "two boxes with ipvlans: one holder, and a takeover within skew", two_ipvlans),
];

/// What every wait gets on top of the protocol's own bound: the machine is emulated, and slower by an order.
const PATIENCE: Duration = ms(10_000);

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
    let at = std::time::Instant::now();
    lan.a.must("service keepalived stop")?;
    lan.lab.capture.wait_advert("a", VRID, at, PATIENCE, |advert| advert.priority == 0)?;
    lan.b.gains(VIP, skew(100) + PATIENCE)?;
    lan.a.quiet(PATIENCE)?;
    let left = lan.a.must("ip -o link show type ipvlan")?;
    ensure_same!(left, String::new(), "ipvlans left on A");
    Ok(())
}
