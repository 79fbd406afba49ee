//! Route lines.

use std::net::IpAddr;

use keepalived_model::kernel::OUR_PROTOCOL;
use keepalived_model::route::{
    Encap, Insertion, Metric, Metrics, Nexthop, Realms, Route, RouteKind, Table, Tunnel,
};

use super::address::{is_all, prefix};
use super::block::Words;
use super::words::quoted;
use crate::lower::route::{self, metric};
use crate::schema::{ENCAP_IP, ENCAP_IP6, Grammar, NEXTHOP, ROUTE};

/// A line; `group` is what a static one is tied to.
pub(super) fn line(route: &Route, group: Option<&str>) -> Vec<String> {
    let mut words = Words::of(&ROUTE);
    words.maybe("src", route.source);
    words.maybe("from", route.from.map(prefix));
    words.maybe("via", route.via);
    words.name("dev", route.interface.as_deref());
    match &route.table {
        Table::Number(number) => words.value("table", *number, Table::MAIN),
        Table::Vrf(name) => words.name("vrf", Some(name)),
    }
    words.value("protocol", route.protocol, OUR_PROTOCOL);
    words.value("scope", route.scope, 0);
    words.value("tos", route.tos, 0);
    words.maybe("metric", route.metric);
    words.maybe("realms", route.realms.map(realms));
    words.flag("onlink", route.onlink);
    if let Some(wrapped) = &route.encap {
        words.put("encap", encap(wrapped));
    }
    metrics(&mut words, &route.metrics);
    words.maybe("expires", route.expires_secs);
    words.maybe("pref", route.preference.map(preference));
    words.maybe("ttl-propagate", route.ttl_propagate.map(|on| if on { "enabled" } else { "disabled" }));
    // What has a type is only added.
    let plain = route.kind == RouteKind::UNICAST;
    if route.insertion != if plain { Insertion::Prepend } else { Insertion::Add } {
        words.put(insertion(route.insertion), []);
    }
    // What names no interface is not tracked, and only what is not tracked may be somebody else's.
    words.flag("no_track", route.no_track && (route.interface.is_some() || route.protocol != OUR_PROTOCOL));
    words.name("track_group", group);
    let ways = route.nexthops.iter().map(nexthop).collect::<Vec<_>>();
    let head = kind(route.kind).into_iter().chain([destination(route)]);
    words.behind(head).into_iter().chain(ways.into_iter().flatten()).collect()
}

fn destination(route: &Route) -> String {
    let all = route.destination.ip.is_ipv4() && is_all(route.destination);
    if all { "default".to_owned() } else { prefix(route.destination) }
}

/// Nothing for a plain route; a number where there is no name.
fn kind(kind: RouteKind) -> Option<String> {
    let name = || ROUTE.words.iter().map(|row| row.name).find(|name| route::kind(name) == Some(kind));
    (kind != RouteKind::UNICAST).then(|| name().map_or_else(|| kind.0.to_string(), str::to_owned))
}

fn insertion(insertion: Insertion) -> &'static str {
    match insertion {
        Insertion::Add => "add",
        Insertion::Append => "append",
        Insertion::Prepend => "prepend",
    }
}

/// `[FROM/]TO`.
pub(super) fn realms(realms: Realms) -> String {
    match realms {
        Realms { from: 0, to } => to.to_string(),
        Realms { from, to } => format!("{from}/{to}"),
    }
}

fn preference(preference: u8) -> String {
    match preference {
        0 => "medium".to_owned(),
        1 => "high".to_owned(),
        3 => "low".to_owned(),
        other => other.to_string(),
    }
}

fn metrics(words: &mut Words, metrics: &Metrics) {
    let lock = |metric| metrics.locked.contains(&metric).then(|| "lock".to_owned());
    for (metric, value) in &metrics.values {
        match metric::name(*metric) {
            Some(name) => words.put(name, lock(*metric).into_iter().chain([value.to_string()])),
            // The only one without a number of its own.
            None => words.put("features", ["ecn".to_owned()]),
        }
    }
    if let Some(name) = &metrics.congestion_control {
        words.put("congctl", lock(Metric::CongestionControl).into_iter().chain([quoted(name)]));
    }
}

fn nexthop(way: &Nexthop) -> Vec<String> {
    let mut words = Words::of(&NEXTHOP);
    words.maybe("via", way.via);
    words.name("dev", way.interface.as_deref());
    words.maybe("weight", way.weight);
    words.flag("onlink", way.onlink);
    if let Some(wrapped) = &way.encap {
        words.put("encap", encap(wrapped));
    }
    words.maybe("realms", way.realms.map(realms));
    words.behind(["nexthop".to_owned()])
}

fn encap(encap: &Encap) -> Vec<String> {
    match encap {
        Encap::Mpls(labels) => {
            let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
            vec!["mpls".to_owned(), labels.join("/")]
        }
        Encap::Ip(told) => tunnel("ip", &ENCAP_IP, "tos", "ttl", told),
        Encap::Ip6(told) => tunnel("ip6", &ENCAP_IP6, "tc", "hoplimit", told),
        Encap::Ila([a, b, c, d]) => vec!["ila".to_owned(), format!("{a:x}:{b:x}:{c:x}:{d:x}")],
    }
}

fn tunnel<Address: Copy + Into<IpAddr>>(
    name: &str,
    grammar: &'static Grammar,
    class: &str,
    hops: &str,
    tunnel: &Tunnel<Address>,
) -> Vec<String> {
    let mut words = Words::of(grammar);
    words.maybe("id", tunnel.id);
    words.maybe("dst", tunnel.destination.map(Into::into));
    words.maybe("src", tunnel.source.map(Into::into));
    words.maybe(class, tunnel.class);
    words.maybe(hops, tunnel.hops);
    words.maybe("flags", tunnel.flags);
    words.behind([name.to_owned()])
}
