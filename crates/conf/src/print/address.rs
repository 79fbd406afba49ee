//! Address lines.

use std::net::IpAddr;

use keepalived_model::kernel::{AddressSpec, Lifetime};
use keepalived_model::route::Prefix;
use keepalived_model::vrrp::VirtualAddress;

use super::block::Words;
use crate::lower::line::most;
use crate::schema::ADDRESS;

/// A line; `group` is what a static one is tied to.
pub(super) fn line(address: &VirtualAddress, group: Option<&str>) -> Vec<String> {
    // What VMAC that comes to is found anew.
    let VirtualAddress { ip, prefix_len, interface, spec, no_track, use_vmac, vmac: _ } = address;
    let AddressSpec { scope, broadcast, label, peer, home, manages_temporary, .. } = spec;
    let mut words = Words::of(&ADDRESS);
    words.name("dev", interface.as_deref());
    words.value("scope", *scope, 0);
    words.maybe("broadcast", *broadcast);
    words.name("label", label.as_deref());
    words.maybe("peer", *peer);
    words.flag("home", *home);
    words.flag("mngtmpaddr", *manages_temporary);
    words.flag("noprefixroute", spec.no_prefix_route);
    words.flag("autojoin", spec.auto_join);
    words.flag("-nodad", spec.detects_duplicates);
    words.flag("no_track", *no_track);
    words.flag("use_vmac", *use_vmac);
    words.name("track_group", group);
    // A single IPv6 address is not meant as a source.
    let single = ip.is_ipv6() && *prefix_len == most(*ip);
    let usual = if single { Lifetime::Seconds(0) } else { Lifetime::Forever };
    if spec.preferred != usual {
        words.put("preferred_lft", [lifetime(spec.preferred)]);
    }
    words.behind([prefix(Prefix { ip: *ip, len: *prefix_len })])
}

fn lifetime(lifetime: Lifetime) -> String {
    match lifetime {
        Lifetime::Forever => "forever".to_owned(),
        Lifetime::Seconds(seconds) => seconds.to_string(),
    }
}

/// `ADDRESS[/LENGTH]`.
pub(super) fn prefix(prefix: Prefix) -> String {
    let Prefix { ip, len } = prefix;
    if len == most(ip) { ip.to_string() } else { format!("{ip}/{len}") }
}

/// The block of addresses that everything is in.
pub(super) fn is_all(prefix: Prefix) -> bool {
    let unspecified = match prefix.ip {
        IpAddr::V4(ip) => ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unspecified(),
    };
    unspecified && prefix.len == 0
}
