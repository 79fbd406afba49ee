//! What is known of the numbers and stamps of adverts, without looking into any router: enough to say of most of
//! them that they must be believed, and of the others that nobody outside can know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use keepalived_core::report::State;
use keepalived_model::vrrp::Auth;
use keepalived_model::{Instant, LinkId};

use crate::kernel::Port;
use crate::node::Node;
use crate::packet;

/// Signed longer ago than this, and clocks on walls decide who believes it.
const SURELY_FRESH: u64 = 3 << 32;

/// Whether an advert that is sound otherwise has to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its number or stamp is new to everybody, or it needs none.
    New,
    /// Its number or stamp may have been used.
    Unsure,
}

/// The highest numbers of each router, and the last stamps each node got of each other.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    numbers: BTreeMap<(usize, u8), Newest>,
    delivered: BTreeMap<(usize, usize, u8), u32>,
    stamps: BTreeMap<(usize, usize, u8, IpAddr), u64>,
}

/// The highest number of a router so far.
#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    number: u32,
    sender: usize,
    /// Several have used it, or one that nobody sees has.
    shared: bool,
}

impl Newest {
    fn reach(&mut self, number: u32, sender: usize) {
        if number > self.number {
            *self = Self { number, sender, shared: false };
        } else if number == self.number && sender != self.sender {
            self.shared = true;
        }
    }
}

impl Proofs {
    /// A node has sent something.
    pub fn sent(&mut self, node: usize, port: Option<&Port>, bytes: &[u8]) {
        let Some((port, seen)) = port.zip(packet::advert(bytes)) else { return };
        if let Some(number) = seen.number {
            self.numbers.entry((port.segment, seen.vrid)).or_default().reach(number, node);
        }
    }

    /// A node is about to read something.
    pub fn judge(&mut self, n: usize, node: &Node, at: (Instant, LinkId), bytes: &[u8]) -> Proof {
        let (now, link) = at;
        let Some((port, seen)) = node.port(link).zip(packet::advert(bytes)) else { return Proof::New };
        let (segment, vrid) = (port.segment, seen.vrid);
        let Some(instance) = node.instance((link, vrid)) else { return Proof::New };
        match (&instance.auth, seen.number, seen.stamp) {
            (Auth::Ah(_), Some(number), _) => {
                let newest = self.numbers.entry((segment, vrid)).or_default();
                let delivered = self.delivered.entry((n, segment, vrid)).or_default();
                let is_new = number == newest.number && !newest.shared && number > *delivered;
                *delivered = (*delivered).max(number);
                let standing = node.standings().iter().find(|standing| standing.seat == (link, vrid));
                if standing.is_some_and(|standing| standing.state == State::Master) {
                    // It may skip one or two numbers, which nobody sees.
                    newest.reach(number + 2, n);
                    newest.shared |= newest.number == number + 2;
                }
                if is_new { Proof::New } else { Proof::Unsure }
            }
            (Auth::Hmac(_), _, Some(stamp)) => {
                let last = self.stamps.entry((n, segment, vrid, seen.source)).or_default();
                let is_new = stamp > *last;
                *last = (*last).max(stamp);
                let wall = u128::from(node.clock.local(now).0 + node.clock.wall_ahead(now).0);
                let clock = u64::try_from((wall << 32) / 1_000_000).unwrap_or(u64::MAX);
                if is_new && clock.abs_diff(stamp) < SURELY_FRESH { Proof::New } else { Proof::Unsure }
            }
            _ => Proof::New,
        }
    }
}
