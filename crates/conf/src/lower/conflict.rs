//! No two instances may be one virtual router (`spec` config 4.9).

use keepalived_model::vrrp::{Instance, Transport};

use super::context::Context;

/// Refuses pairs of instances that would hear each other as themselves. A virtual interface counts as the one
/// below it.
pub(super) fn check(cx: &mut Context<'_>, instances: &[Instance]) {
    for (position, one) in instances.iter().enumerate() {
        for other in instances.iter().skip(position + 1) {
            if one.vrid == other.vrid && one.family == other.family {
                pair(cx, one, other);
            }
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
