//! What a router must make of what it hears: whom to believe, for how long to wait, when to yield.

use keepalived_core::report::State;
use keepalived_model::vrrp::{Auth, Family, Preempt, Transport, Version};
use keepalived_model::{Instant, LinkId};

use crate::check::{Broken, state_of};
use crate::node::{Node, Seat};
use crate::packet::{self, Seen};
use crate::proofs::Proof;

/// What a datagram means to a router that is master.
#[derive(Clone, Copy, Debug)]
pub struct Contest {
    seat: Seat,
    /// The sender wins.
    lost: bool,
}

/// A datagram is about to be told to a node's engine: notes whether it will have to wait because of it, or,
/// where it is master, to yield.
pub fn heard(node: &mut Node, local: Instant, link: LinkId, bytes: &[u8], proof: Proof) -> Option<Contest> {
    let seen = packet::advert(bytes).filter(|seen| accepts(node, (link, seen.vrid), seen));
    let addressed = packet::vrid(bytes).map(|vrid| (link, vrid));
    let seat = addressed.filter(|seat| seen.is_none_or(|seen| seen.vrid == seat.1))?;
    let standing = node.standings().iter().find(|standing| standing.seat == seat)?;
    match standing.state {
        State::Master => {
            let own = (standing.priority, node.port(link)?.own(node.instance(seat)?.family));
            // On an interface whose appearance is not known yet, nothing is heard.
            let sure = node.kernel.is_idle();
            let lost = seen.is_some_and(|seen| (seen.priority, seen.source) > own && seen.priority != 0);
            // Of two owners either may yield: the one with the higher address when the other one is deaf.
            let owners = own.0 == 255 && seen.is_some_and(|seen| seen.priority == 255);
            (sure && proof == Proof::New && (lost || !owners)).then_some(Contest { seat, lost })
        }
        State::Backup => {
            waits(node, local, seat, &seen?, proof);
            None
        }
        State::Init | State::Fault => None,
    }
}

/// A master has read a datagram.
pub fn contested(node: &Node, contest: Contest) -> Result<(), Broken> {
    match (state_of(node.standings(), contest.seat), contest.lost) {
        (Some(State::Master), true) => Err(("a master yields to a better one", format!("{contest:?}"))),
        (Some(State::Backup), false) => Err(("a master yields to nobody worse", format!("{contest:?}"))),
        _ => Ok(()),
    }
}

/// Whether a router of this configuration has to believe an advert.
fn accepts(node: &Node, seat: Seat, seen: &Seen) -> bool {
    let Some(instance) = node.instance(seat) else { return false };
    let transport = match &instance.transport {
        Transport::Multicast { group, .. } => *group == seen.destination && seen.ttl == 255,
        Transport::Unicast { peers, check_source, .. } => {
            !seen.destination.is_multicast()
                && (!check_source || peers.iter().any(|peer| peer.address == seen.source))
        }
    };
    let version = match (instance.version, &instance.auth) {
        (Version::V3, _) => seen.version == 3,
        (Version::V2, Auth::None | Auth::Hmac(_)) => seen.auth.is_some_and(|(kind, _)| kind == 0),
        (Version::V2, Auth::Ah(_)) => seen.auth.is_some_and(|(kind, _)| kind == 2),
        (Version::V2, Auth::Pass(_)) if instance.family == Family::V6 => {
            seen.auth.is_some_and(|(kind, _)| kind == 1)
        }
        (Version::V2, Auth::Pass(password)) => seen.auth == Some((1, *password)),
    };
    let proven = seen.number.is_some() == matches!(instance.auth, Auth::Ah(_))
        && seen.stamp.is_some() == matches!(instance.auth, Auth::Hmac(_));
    let interval = instance.version == Version::V3 || seen.interval == instance.advert_interval;
    transport && version && proven && interval
}

fn waits(node: &mut Node, local: Instant, seat: Seat, seen: &Seen, proof: Proof) {
    let Some(instance) = node.instance(seat) else { return };
    let Some(standing) = node.standings().iter().find(|standing| standing.seat == seat) else { return };
    let sure = node.kernel.is_idle() && proof == Proof::New;
    let delays = matches!(instance.preempt, Preempt::After(_));
    let waits = seen.priority >= standing.priority || instance.preempt == Preempt::Never;
    let down = seen.interval.times(u64::from(instance.down_timer_adverts));
    let watch = node.watches.entry(seat).or_default();
    match seen.priority {
        0 => watch.respect = None,
        // Whoever does not believe it waits for the earlier one.
        _ if proof == Proof::Unsure => {}
        // Whether a worse master is respected depends on the delay, and its interval may be shorter.
        _ if !waits && delays => watch.respect = None,
        _ if waits => watch.respect = sure.then_some((local, down)),
        _ => {}
    }
}
