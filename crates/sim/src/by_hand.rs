//! Plans made by hand, for tests that want one particular thing to happen.

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{self, SyncGroup, VirtualAddress};
use keepalived_model::{Instant, LinkId, MacAddr, Priority, Vrid};

use crate::clock::Clock;
use crate::kernel::Port;
use crate::ops::Op;
use crate::plan::{NodePlan, Plan};

/// A router of version 2 on `eth0` with the original's defaults and one address, 10.0.0.VRID.
///
/// # Panics
/// For a VRID or a priority of zero.
pub fn router(vrid: u8, priority: u8) -> vrrp::Instance {
    let vrid = Vrid::try_from(vrid).expect("tests name VRIDs");
    vrrp::Instance {
        priority: Priority::try_from(priority).expect("tests name priorities"),
        addresses: vec![address(vrid.number())],
        ..vrrp::Instance::new(&format!("VI_{vrid}"), vrid, "eth0")
    }
}

/// The virtual address 10.0.0.`last`/32.
pub fn address(last: u8) -> VirtualAddress {
    let ip = IpAddr::from([10, 0, 0, last]);
    VirtualAddress::plain(ip, 32)
}

/// A configuration of these routers.
pub fn config(instances: Vec<vrrp::Instance>) -> vrrp::Config {
    vrrp::Config::of(instances)
}

/// A configuration of these routers in one sync group.
pub fn group(instances: Vec<vrrp::Instance>) -> vrrp::Config {
    let members = instances.iter().map(|instance| instance.name.clone()).collect();
    let group = SyncGroup { name: "G1".into(), members, ..SyncGroup::default() };
    vrrp::Config { groups: vec![group], ..config(instances) }
}

/// A moment of the world.
pub fn at(millis: u64) -> Instant {
    Instant(millis * 1_000)
}

/// A start without memories.
pub fn start(node: usize) -> Op {
    Op::Start { node, adopt: false }
}

/// One Ethernet with these machines, nothing wrong but `ops`, healed after a minute.
pub fn lan(configs: Vec<vrrp::Config>, mut ops: Vec<(Instant, Op)>) -> Plan {
    let port = |host: u8| Port {
        link: LinkId(2),
        name: "eth0".into(),
        segment: 0,
        ip: Ipv4Addr::new(10, 0, 0, host),
        mac: MacAddr([2, 0, 0, 0, 0, host]),
    };
    let clock = Clock { offset: 1_000_000, ppm: 0 };
    let node = |(host, config)| NodePlan { ports: vec![port(host)], clock, config, others: Vec::new() };
    ops.sort_by_key(|(at, _)| *at);
    Plan {
        seed: 0,
        nodes: (1..).zip(configs).map(node).collect(),
        segments: 1,
        ops,
        stay_bad: Vec::new(),
        marks: true,
        heal_at: at(60_000),
        ends_with: None,
    }
}
