//! A takeover that nobody sees, so that the first real one does not meet its own code page by page: 50 to
//! 100 µs between the advert and the address. Bringing the whole program into memory would do as well, at the
//! price of half a megabyte.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Key, Link, Snapshot};
use keepalived_model::vrrp::{Config, Garp, Instance, VirtualAddress};
use keepalived_model::{Instant, LinkId, MacAddr, Micros, Vrid};
use keepalived_netlink::Handle;

use crate::compat::log_text::{self, Surroundings};

/// Reserved for documentation (RFC 5737).
const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// As above.
const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// No interface has the highest index there is, so that the kernel refuses what is wanted on it.
const NOWHERE: LinkId = LinkId(0x7fff_ffff);

/// The one thing that is asked of the kernel here; its answers are for nobody.
pub const KEY: Key = Key::Address(key(VIRTUAL));

/// Plays it: with a core of its own, to the real netlink thread, into no log.
pub fn take_over(netlink: &Handle) {
    let Ok(vrid) = Vrid::try_from(1) else { return };
    netlink.get_ready();
    let mut actions = Actions::new();
    let config = Arc::new(Config::of([instance(vrid)]));
    let mut core = Engine::start(Instant(0), config, &kernel(), &[], &[], &mut actions);
    let taken = Instant(Micros::from_secs(5).0);
    core.handle(taken, Event::Due, &mut actions);
    core.handle(taken, Event::Settled { key: KEY, outcome: Ok(()) }, &mut actions);
    let pids = BTreeMap::new();
    let surroundings = Surroundings { pids: &pids, log_unknown_vrids: false };
    for action in actions {
        match action {
            Action::Report(report) => drop(log_text::line(&report, &surroundings)),
            Action::Want { key, spec } if key == KEY => netlink.want(key, spec),
            _ => {}
        }
    }
    netlink.want(KEY, None);
}

const fn key(ip: Ipv4Addr) -> AddressKey {
    AddressKey { link: NOWHERE, ip: std::net::IpAddr::V4(ip), prefix_len: 32 }
}

fn kernel() -> Snapshot {
    let link = Link::ethernet(NOWHERE, "nowhere", MacAddr([2, 0, 0, 0, 0, 1]));
    Snapshot { links: vec![link], addresses: vec![Address { key: key(OWN), ours: false }] }
}

fn instance(vrid: Vrid) -> Instance {
    Instance {
        addresses: vec![VirtualAddress::plain(VIRTUAL, 32)],
        garp: Garp {
            repeat: 1,
            delay: Micros::ZERO,
            refresh: Micros::ZERO,
            refresh_repeat: 1,
            lower_prio_repeat: 1,
            lower_prio_delay: Micros::ZERO,
            extra: None,
        },
        ..Instance::new("rehearsal", vrid, "nowhere")
    }
}
