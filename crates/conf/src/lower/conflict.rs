//! No two instances may be one virtual router (`spec` config 4.9).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use keepalived_model::Vrid;
use keepalived_model::vrrp::{Family, Instance, Transport};

use super::context::Context;

/// Refuses pairs of instances that would hear each other as themselves. A virtual interface counts as the one
/// below it.
pub(super) fn check(cx: &mut Context<'_>, instances: &[Instance]) {
    // Only those that meet somewhere are compared: ten thousand instances make fifty million pairs.
    let mut meetings: BTreeMap<Meeting<'_>, Vec<usize>> = BTreeMap::new();
    for (position, instance) in instances.iter().enumerate() {
        for place in places(instance) {
            let meeting = Meeting { vrid: instance.vrid, family: instance.family, place };
            meetings.entry(meeting).or_default().push(position);
        }
    }
    let mut pairs = BTreeSet::new();
    for together in meetings.values() {
        for (at, one) in together.iter().enumerate() {
            let others = together.iter().skip(at + 1).filter(|other| *other != one);
            pairs.extend(others.take(PAIRS_MAX.saturating_sub(pairs.len())).map(|other| (*one, *other)));
        }
    }
    for (one, other) in pairs {
        if let (Some(one), Some(other)) = (instances.get(one), instances.get(other)) {
            pair(cx, one, other);
        }
    }
}

/// So many pairs are enough to refuse a configuration in which everything is the same virtual router.
const PAIRS_MAX: usize = 10_000;

/// Where virtual routers could take each other's adverts for their own.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Meeting<'a> {
    vrid: Vrid,
    family: Family,
    place: Place<'a>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Group(Option<&'a str>, IpAddr),
    Peer(IpAddr, Option<IpAddr>),
}

fn places(instance: &Instance) -> Vec<Place<'_>> {
    match &instance.transport {
        Transport::Multicast { group, .. } => vec![Place::Group(instance.interface.as_deref(), *group)],
        Transport::Unicast { peers, source, .. } => {
            peers.iter().map(|peer| Place::Peer(peer.address, *source)).collect()
        }
    }
}

fn pair(cx: &mut Context<'_>, first: &Instance, second: &Instance) {
    let Instance { name, vrid, family, .. } = first;
    let interface = first.interface_name();
    let together = first.interface == second.interface;
    match (&first.transport, &second.transport) {
        (Transport::Multicast { group: ours, .. }, Transport::Multicast { group: theirs, .. })
            if together && ours == theirs =>
        {
            cx.refuse(format!(
                "{name} and {} both use VRID {vrid} with {family} on interface {interface}",
                second.name
            ));
        }
        (
            Transport::Unicast { peers: ours, source: our_source, .. },
            Transport::Unicast { peers: theirs, source: their_source, .. },
        ) if (together || first.interface.is_none() || second.interface.is_none())
            && our_source == their_source
            && ours.iter().any(|peer| theirs.iter().any(|other| other.address == peer.address)) =>
        {
            cx.refuse(format!("({name}) duplicate VRID conflict with {} VRID {vrid}", second.name));
        }
        _ => {}
    }
}
