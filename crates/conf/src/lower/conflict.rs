//! No two instances may be one virtual router (`spec` config 4.9).

use keepalived_model::vrrp::{Instance, Transport};

use super::complete::multicast_group;
use super::context::Context;

/// Refuses pairs of instances that would hear each other as themselves.
pub(super) fn check(cx: &mut Context<'_>, instances: &[Instance]) {
    for (position, one) in instances.iter().enumerate() {
        for other in instances.iter().take(position) {
            if one.vrid == other.vrid && one.interface == other.interface {
                pair(cx, other, one);
            }
        }
    }
}

fn pair(cx: &mut Context<'_>, first: &Instance, second: &Instance) {
    match (&first.transport, &second.transport) {
        (Transport::Multicast { .. }, Transport::Multicast { .. })
            if multicast_group(&first.transport) == multicast_group(&second.transport) =>
        {
            cx.refuse(format!(
                "{} and {} both use VRID {} with IPv4 on interface {}",
                first.name,
                second.name,
                first.vrid,
                first.interface_name()
            ));
        }
        (
            Transport::Unicast { peers: ours, source: our_source, .. },
            Transport::Unicast { peers: theirs, source: their_source, .. },
        ) if our_source == their_source && ours.iter().any(|peer| theirs.contains(peer)) => {
            cx.refuse(format!(
                "({}) duplicate VRID conflict with {} VRID {}",
                second.name, first.name, first.vrid
            ));
        }
        _ => {}
    }
}
