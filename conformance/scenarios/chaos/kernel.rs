//! What others do to addresses and interfaces.

use std::thread;
use std::time::Instant;

use super::Couple;
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::scenarios::lan::{A, B, Single, Two, VIP, VRID, instance, ms, says, start};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F11", "an address flushed by another program is back at once and no role changes", flushed),
    withstands(
        "F12",
        "links of a unicast pair go down one after the other: one holder in time",
        unicast_links,
    ),
    withstands("F14", "an address deleted again and again: the other box takes over", deleted),
    withstands(
        "F17",
        "an interface renamed away and another one named like it: it follows the name",
        renamed,
    ),
    withstands("F18", "a source address that is absent, comes and goes: never master without", no_source),
    withstands(
        "F33",
        "an address that was there before is gone before a new backup has heard anything",
        leftover,
    ),
    withstands("F46", "hundreds of interfaces come and go: no role changes", churn),
    withstands("F47", "two hundred addresses: each is announced once before any is repeated", many),
    withstands("F64", "the device of an address goes down and up: the address is back", device),
];

fn flushed(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let (mark_a, mark_b) = (pair.a.log.mark(), pair.b.log.mark());
    for _ in 0..3 {
        pair.a.must(&format!("ip addr del {VIP}/32 dev eth0"))?;
        pair.a.gains(VIP, ms(100) + SLACK)?;
        thread::sleep(ms(4000));
    }
    ensure_same!(pair.a.log.since(mark_a, "Entering").len(), 0, "changes of A's role");
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    Ok(())
}

fn peers(priority: u8, own: [u8; 4], other: [u8; 4]) -> String {
    let more = format!(
        "unicast_src_ip {}\n    unicast_peer {{\n        {}\n    }}",
        super::address(own),
        super::address(other)
    );
    instance(priority, &more)
}

fn unicast_links(context: &Context) -> Outcome {
    let pair = Couple::of(context, &peers(150, A, B), &peers(100, B, A))?;
    for (host, last) in [(&pair.b, false), (&pair.a, true)] {
        let address = host.must("ip -o -4 addr show dev eth0 | awk 'NR==1 {print $4}'")?;
        host.pull_cable()?;
        thread::sleep(ms(1500));
        host.push_cable()?;
        ensure!(!address.trim().is_empty(), "{} has no address of its own", host.name);
        if last {
            pair.is_with_a(master_down(100) + ms(2000))?;
        } else {
            pair.stays_with_a(ms(1500))?;
        }
    }
    pair.stays_with_a(ms(2000))?;
    pair.is_sound()
}

fn deleted(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "nopreempt")?;
    let mut deletions = 0;
    let begin = Instant::now();
    while !pair.b.holds(VIP) && begin.elapsed() < ms(9000) {
        let _gone = pair.a.run(&format!("ip addr del {VIP}/32 dev eth0"))?;
        deletions += 1;
        thread::sleep(ms(500));
    }
    pair.b.gains(VIP, SLACK)?;
    until(ms(1000), "B alone holds it", || !pair.a.holds(VIP))?;
    ensure!(deletions >= 1, "nothing was deleted");
    pair.client.served_by("b", Instant::now(), ms(1500))?;
    Ok(())
}

fn renamed(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "").replace("eth0", "d0"))?;
    lan.a.must("ip link add d0 type veth peer name d1 && ip addr add 10.8.0.1/24 dev d0")?;
    lan.a.must("ip link set d1 up && ip link set d0 up")?;
    lan.start_as_master(150)?;
    lan.a.must("ip link set d0 down && ip link set d0 name old0 && ip addr flush dev old0")?;
    lan.a.loses(VIP, ms(1000))?;
    lan.a.must("ip link add d0 type veth peer name d2 && ip addr add 10.8.0.1/24 dev d0")?;
    lan.a.must("ip link set d2 up && ip link set d0 up")?;
    lan.a.gains(VIP, master_down(150) + ms(1000))?;
    let shown = lan.a.must("ip -o addr show dev d0")?;
    ensure!(shown.contains("10.9.0.100"), "it is not on the new interface: {shown}");
    Ok(())
}

fn no_source(context: &Context) -> Outcome {
    let source = "10.9.0.21";
    let peer = "unicast_peer {\n        10.9.0.2\n    }";
    let lan = Single::set(
        context,
        &instance(150, &format!("unicast_src_ip {source}\n    track_src_ip\n    {peer}")),
    )?;
    lan.start()?;
    always(master_down(150) + ms(1000), "no address without its source", || !lan.a.holds(VIP))?;
    lan.a.must(&format!("ip addr add {source}/24 dev eth0"))?;
    lan.a.gains(VIP, master_down(150) + ms(700))?;
    lan.a.must(&format!("ip addr del {source}/24 dev eth0"))?;
    lan.a.loses(VIP, ms(700))?;
    Ok(())
}

fn leftover(context: &Context) -> Outcome {
    let Two { a, b, lab: _lab } = Two::set(context, "", &instance(100, ""))?;
    a.configure(&instance(150, "").replace("51", "52").replace("0.100", "0.101"))?;
    start(&b)?;
    b.gains(VIP, master_down(100) + ms(1500))?;
    start(&a)?;
    says(&a, "Entering BACKUP STATE", ms(1500))?;
    a.must(&format!("ip addr add {VIP}/32 dev eth0"))?;
    let both = instance(50, "")
        + &instance(150, "").replace("51", "52").replace("0.100", "0.101").replace("VI_1", "VI_2");
    a.configure(&both)?;
    a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    a.loses(VIP, ms(1000))?;
    always(ms(2500), "B alone holds it", || b.holds(VIP) && !a.holds(VIP))
}

fn churn(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let (mark_a, mark_b) = (pair.a.log.mark(), pair.b.log.mark());
    let batch = "for i in $(seq 150); do echo \"link add c$i type veth peer name e$i\"; echo \"link set c$i up\"; \
                 done > /tmp/add; for i in $(seq 150); do echo \"link del c$i\"; done > /tmp/del";
    pair.a.must(batch)?;
    for _ in 0..3 {
        pair.a.must("ip -batch /tmp/add && ip -batch /tmp/del")?;
    }
    pair.stays_with_a(ms(1500))?;
    ensure_same!(pair.a.log.since(mark_a, "Entering").len(), 0, "changes of A's role");
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    Ok(())
}

fn many(context: &Context) -> Outcome {
    let addresses: String = (1..=200).map(|last| format!("        10.9.7.{last}\n")).collect();
    let more = format!("garp_master_delay 1\n    virtual_ipaddress_excluded {{\n{addresses}    }}");
    let config = "global_defs {\n    vrrp_garp_interval 0.002\n}\n".to_owned() + &instance(150, &more);
    let lan = Single::set(context, &config)?;
    let begin = lan.start_as_master(150)?;
    thread::sleep(ms(4500));
    let garps = lan.lab.capture.garps("a", begin);
    let mut seen = std::collections::BTreeMap::new();
    for garp in &garps {
        let times: &mut u32 = seen.entry(garp.address).or_default();
        *times += 1;
        if *times == 2 {
            break;
        }
    }
    ensure!(seen.len() >= 201, "a repetition when {} of 201 had been announced", seen.len());
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn device(context: &Context) -> Outcome {
    let excluded = "virtual_ipaddress_excluded {\n        10.7.0.1/24 dev d0\n    }";
    let lan = Single::set(context, &instance(150, excluded))?;
    lan.a.must("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up")?;
    lan.start_as_master(150)?;
    let other = std::net::Ipv4Addr::new(10, 7, 0, 1);
    lan.a.gains(other, ms(1000))?;
    lan.a.must("ip link set d0 down")?;
    thread::sleep(ms(1500));
    lan.a.must("ip link set d0 up")?;
    until(master_down(150) + ms(1000), "both addresses", || lan.a.holds(VIP) && lan.a.holds(other))?;
    Ok(())
}
