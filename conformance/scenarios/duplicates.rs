//! Duplicate address detection.

use std::net::IpAddr;

use super::lan::{Two, instance, ms, says, start};
use super::ways::give_ipv6;
use crate::lab::always;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, ours};
use crate::wire::is_unsolicited;
use crate::{ensure, ensure_same};

const F: &str = "duplicates";

pub const SCENARIOS: &[Scenario] =
    &[ours(F, "an address that another host has is said, tried again and left to the peer", taken)];

fn taken(context: &Context) -> Outcome {
    // The other box has the address and knows nothing of virtual routers.
    let addresses = "fe80::9:6\n fd00:9::106/64 -nodad";
    let lan = Two::set(context, &instance(150, "").replace("10.9.0.100", addresses), "")?;
    give_ipv6(&lan.a, 1)?;
    give_ipv6(&lan.b, 2)?;
    let vip = IpAddr::from([0xfd00, 9, 0, 0, 0, 0, 0, 0x106]);
    lan.b.must("ip -6 addr add fd00:9::106/64 dev eth0 nodad")?;
    let begin = start(&lan.a)?;
    lan.a.gains_ip("fe80::9:6".parse().unwrap_or(vip), master_down(150) + SLACK)?;
    says(&lan.a, "another host has this address", ms(4000))?;
    says(&lan.a, "entering FAULT state (other programs removed its addresses", ms(20_000))?;
    let is_ours =
        |frame: &crate::wire::Frame| frame.from == "a" && frame.at >= begin && is_unsolicited(frame);
    let of_vip = |frame: &crate::wire::Frame| frame.bytes.get(36..38) == Some(&[1, 6]);
    let announced = lan.lab.capture.frames().iter().filter(|frame| is_ours(frame) && of_vip(frame)).count();
    ensure_same!(announced, 0, "advertisements of an address that another host has");
    lan.a.loses_ip(vip, ms(1500))?;
    always(ms(1500), "the other host keeps its address", || lan.b.holds_ip(vip))?;
    ensure!(!lan.a.holds_ip(vip), "the duplicate is left on a");
    Ok(())
}
