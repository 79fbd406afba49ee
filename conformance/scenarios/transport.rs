//! Where adverts come from and who is heard: unicast peers, distances, sources, link-local addresses.

use std::time::Instant;

use super::lan::{A, B, Single, Two, VIP, VRID, instance, ms, says, start};
use super::ways::give_ipv6;
use crate::lab::always;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "transport";

pub const SCENARIOS: &[Scenario] = &[
    // 2.2.7 wants an interface in any case.
    ours(F, "unicast without an interface takes over and hands over", without_interface),
    original(F, "who is no peer, or too far away, is told and not heard", strangers),
    // 2.2.7 knows the word and does nothing (spec: 2.4.3).
    ours(F, "a tracked source address that goes is a fault until it is there again", tracked_source),
    ours(F, "a tracked source address that is missing is a fault until it is there", missing_source),
    original(F, "unicast_fault_no_peer and no peer: in FAULT for ever", no_peer),
    original(F, "IPv6 without a link-local address is in FAULT until there is one", no_link_local),
    // owner_ignore_adverts came later.
    ours(F, "a deaf address owner says so and stays master", deaf_owner),
    ours(F, "of two address owners the one that listens yields to the deaf one", two_owners),
];

fn peers(own: [u8; 4], peer: &str, more: &str) -> String {
    let own = std::net::Ipv4Addr::from(own);
    format!("unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}\n {more}\n")
}

fn without_interface(context: &Context) -> Outcome {
    let config = |own, peer, priority| {
        let text = instance(priority, &peers(own, peer, ""));
        let address = format!("{VIP} dev eth0");
        text.replace("    interface eth0\n", "").replace(&VIP.to_string(), &address)
    };
    let lan = Two::set(context, &config(A, "10.9.0.2", 150), &config(B, "10.9.0.1", 100))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    always(ms(2500), "the backup stays backup", || !lan.b.holds(VIP))?;
    ensure_same!(lan.lab.capture.adverts("b", VRID, begin).len(), 0, "adverts of the backup");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.b.gains(VIP, ms(1000) + SLACK)?;
    ensure!(!lan.a.holds(VIP), "the address is left on a");
    Ok(())
}

fn strangers(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, &peers(A, "10.9.0.77 min_ttl 200", "check_unicast_src")))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let mac = lan.a.must("cat /sys/class/net/eth0/address")?;
    let mac: Vec<u8> = mac.trim().split(':').filter_map(|part| u8::from_str_radix(part, 16).ok()).collect();
    let to_a = |source, ttl| {
        let mut forged = Single::forged(200);
        (forged.source, forged.destination, forged.ttl) = (source, A, ttl);
        let mut frame = forged.frame();
        frame[..6].copy_from_slice(&mac);
        frame
    };
    lan.injector.send(&to_a([10, 9, 0, 78], 255))?;
    says(&lan.a, "(VI_1) unicast source address 10.9.0.78 not a unicast peer", ms(500))?;
    lan.injector.send(&to_a([10, 9, 0, 77], 100))?;
    let text = match context.subject() {
        Subject::Ours => "(VI_1) TTL/HL 100 from 10.9.0.77 not in range 200 - 255",
        Subject::Theirs => "(VI_1) TTL/HL 100 not in range 200 - 255",
    };
    says(&lan.a, text, ms(500))?;
    let last = Instant::now();
    for _ in 0..5 {
        lan.injector.send(&to_a([10, 9, 0, 77], 200))?;
        std::thread::sleep(ms(900));
    }
    ensure!(lan.adverts(begin).is_empty(), "it did not hear its peer");
    lan.a.gains(VIP, master_down(100) + SLACK)?;
    ensure!(Instant::now() > last + ms(4500), "it took over from a living master");
    Ok(())
}

fn tracked_source(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "mcast_src_ip 10.9.0.7\n track_src_ip"))?;
    lan.a.must("ip addr add 10.9.0.7/24 dev eth0")?;
    let begin = lan.start_as_master(150)?;
    let advert = lan.lab.capture.wait_advert("a", VRID, begin, ms(1500), |_| true)?;
    ensure_same!(advert.source.octets(), [10, 9, 0, 7], "source of the adverts");
    lan.a.must("ip addr del 10.9.0.7/24 dev eth0")?;
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(1500))?;
    lan.a.loses(VIP, SLACK)?;
    let mark = lan.a.log.lines().len();
    lan.a.must("ip addr add 10.9.0.7/24 dev eth0")?;
    lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(1500))?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}

fn missing_source(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "mcast_src_ip 10.9.0.7\n track_src_ip"))?;
    lan.start()?;
    says(&lan.a, "(VI_1): entering FAULT state (src address not configured)", ms(1500))?;
    always(master_down(150) + ms(500), "no address without its source", || !lan.a.holds(VIP))?;
    lan.a.must("ip addr add 10.9.0.7/24 dev eth0")?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE", ms(1500))?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}

fn no_peer(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "unicast_src_ip 10.9.0.1\n unicast_fault_no_peer"))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Cannot use unicast without any peers - going to fault state", ms(1500))?;
    always(master_down(150) + ms(500), "no address without a peer", || !lan.a.holds(VIP))?;
    ensure!(lan.adverts(begin).is_empty(), "it advertised");
    Ok(())
}

fn no_link_local(context: &Context) -> Outcome {
    let config = instance(150, "").replace(&VIP.to_string(), "fe80::9:6");
    let lan = Single::set(context, &config)?;
    lan.a.must("ip -6 addr flush dev eth0")?;
    lan.start()?;
    says(&lan.a, "(VI_1) entering FAULT state (no IPv6 address for interface)", ms(1500))?;
    give_ipv6(&lan.a, 1)?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE", ms(2500))?;
    lan.a.gains_ip("fe80::9:6".parse().unwrap_or([0; 4].into()), master_down(150) + SLACK)?;
    Ok(())
}

fn deaf_owner(context: &Context) -> Outcome {
    let config = instance(255, "owner_ignore_adverts").replace("state BACKUP", "state MASTER");
    let lan = Single::set(context, &config)?;
    lan.start()?;
    lan.a.gains(VIP, SLACK)?;
    lan.injector.send(&Single::forged(255).frame())?;
    says(&lan.a, "(VI_1) Dropping packet(s) from 10.9.0.77 since we are address owner", ms(500))?;
    always(ms(1200), "it stays master", || lan.a.holds(VIP))?;
    Ok(())
}

fn two_owners(context: &Context) -> Outcome {
    let owner = |more| instance(255, more).replace("state BACKUP", "state MASTER");
    let lan = Two::set(context, &owner("owner_ignore_adverts"), &owner(""))?;
    start(&lan.b)?;
    lan.b.gains(VIP, SLACK)?;
    start(&lan.a)?;
    lan.a.gains(VIP, SLACK)?;
    says(
        &lan.b,
        "(VI_1) CONFIGURATION ERROR: local instance and 10.9.0.1 are both configured as address owner",
        ms(2500),
    )?;
    // Two adverts of its own, 1.2 s, and the next of the other one.
    lan.b.loses(VIP, ms(5000) + SLACK)?;
    always(ms(2500), "one holder", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.b.gains(VIP, ms(1000) + SLACK)?;
    Ok(())
}
