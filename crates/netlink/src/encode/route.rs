//! Routes as messages.

use std::net::IpAddr;

use keepalived_model::LinkId;
use keepalived_model::kernel::{RouteKey, RouteSpec};
use keepalived_model::route::{Encap, Metric, Metrics, Nexthop, Prefix, Realms};
use netlink_packet_core::DefaultNla;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    MplsLabel, RouteAddress, RouteAttribute, RouteFlags, RouteIp6Tunnel, RouteIp6TunnelFlags, RouteIpTunnel,
    RouteIpTunnelFlags, RouteLwEnCapType, RouteLwTunnelEncap, RouteMessage, RouteMetric, RouteMplsIpTunnel,
    RouteNextHop, RouteNextHopFlags, RouteRealm, RouteScope, RouteVia,
};

/// Tables with a larger number than this are named by an attribute alone.
const TABLE_IN_HEADER_MAX: u32 = 255;
/// What the header says then.
const TABLE_COMPATIBLE: u8 = 252;
/// In a removal: whatever the scope is.
const SCOPE_ANY: u8 = 255;
/// `ILA_ATTR_LOCATOR`.
const ILA_LOCATOR: u16 = 1;

/// What the kernel is told to take away, or is looked for.
pub fn identity(key: &RouteKey) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(key.destination.ip);
    header.destination_prefix_length = key.destination.len;
    header.source_prefix_length = key.from.map_or(0, |from| from.len);
    header.tos = key.tos;
    header.table = match u8::try_from(key.table) {
        Ok(table) if key.table <= TABLE_IN_HEADER_MAX => table,
        _ => TABLE_COMPATIBLE,
    };
    header.protocol = key.protocol.into();
    header.scope = RouteScope::from(SCOPE_ANY);
    header.kind = key.kind.0.into();
    let attributes = &mut message.attributes;
    attributes.extend(address(key.destination).map(RouteAttribute::Destination));
    attributes.extend(key.from.and_then(address).map(RouteAttribute::Source));
    attributes.push(RouteAttribute::Table(key.table));
    if key.metric != 0 {
        attributes.push(RouteAttribute::Priority(key.metric));
    }
    attributes.extend(key.via.map(|via| gateway(via, key.destination.ip)));
    attributes.extend(key.link.map(|link| RouteAttribute::Oif(link.0)));
    message
}

/// What the kernel is told to put there.
pub fn whole(key: &RouteKey, RouteSpec { route, hops }: &RouteSpec) -> RouteMessage {
    let mut message = identity(key);
    message.header.scope = route.scope.into();
    message.header.flags = if route.onlink { RouteFlags::Onlink } else { RouteFlags::empty() };
    let attributes = &mut message.attributes;
    let source = route.source.map(|ip| RouteAttribute::PrefSource(ip.into()));
    attributes.extend(source);
    attributes.extend(route.encap.iter().flat_map(encap));
    attributes.extend(route.realms.map(realm));
    attributes.extend(metrics(&route.metrics));
    attributes.extend(route.ttl_propagate.map(|on| RouteAttribute::TtlPropagate(u8::from(on).into())));
    attributes.extend(route.expires_secs.map(RouteAttribute::Expires));
    attributes.extend(route.preference.map(|preference| RouteAttribute::Preference(preference.into())));
    if !route.nexthops.is_empty() {
        let hops = route.nexthops.iter().zip(hops).map(|(hop, link)| nexthop(hop, *link, key));
        attributes.push(RouteAttribute::MultiPath(hops.collect()));
    }
    message
}

fn family(ip: IpAddr) -> AddressFamily {
    if ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// The address of a prefix; none for the one that holds everything.
fn address(prefix: Prefix) -> Option<RouteAddress> {
    (prefix.len > 0).then(|| prefix.ip.into())
}

fn gateway(via: IpAddr, destination: IpAddr) -> RouteAttribute {
    match via {
        _ if via.is_ipv4() == destination.is_ipv4() => RouteAttribute::Gateway(via.into()),
        IpAddr::V4(via) => RouteAttribute::Via(RouteVia::Inet(via)),
        IpAddr::V6(via) => RouteAttribute::Via(RouteVia::Inet6(via)),
    }
}

fn realm(Realms { from, to }: Realms) -> RouteAttribute {
    RouteAttribute::Realm(RouteRealm { source: from.into(), destination: to.into() })
}

fn nexthop(hop: &Nexthop, link: Option<LinkId>, key: &RouteKey) -> RouteNextHop {
    let mut message = RouteNextHop::default();
    message.flags = if hop.onlink { RouteNextHopFlags::Onlink } else { RouteNextHopFlags::empty() };
    // The kernel counts from zero.
    let weight = hop.weight.unwrap_or(1).saturating_sub(1);
    message.hops = u8::try_from(weight).unwrap_or(u8::MAX);
    message.interface_index = link.map_or(0, |link| link.0);
    message.attributes.extend(hop.via.map(|via| gateway(via, key.destination.ip)));
    message.attributes.extend(hop.encap.iter().flat_map(encap));
    message.attributes.extend(hop.realms.map(realm));
    message
}

fn encap(encap: &Encap) -> [RouteAttribute; 2] {
    let (kind, how) = match encap {
        Encap::Mpls(labels) => (RouteLwEnCapType::Mpls, vec![mpls(labels)]),
        Encap::Ip(tunnel) => {
            let parts = [
                tunnel.id.map(RouteIpTunnel::Id),
                tunnel.destination.map(RouteIpTunnel::Destination),
                tunnel.source.map(RouteIpTunnel::Source),
                tunnel.class.map(RouteIpTunnel::Tos),
                tunnel.hops.map(RouteIpTunnel::Ttl),
                tunnel.flags.map(|flags| RouteIpTunnel::Flags(RouteIpTunnelFlags::from_bits_retain(flags))),
            ];
            (RouteLwEnCapType::Ip, parts.into_iter().flatten().map(RouteLwTunnelEncap::Ip).collect())
        }
        Encap::Ip6(tunnel) => {
            let parts = [
                tunnel.id.map(RouteIp6Tunnel::Id),
                tunnel.destination.map(RouteIp6Tunnel::Destination),
                tunnel.source.map(RouteIp6Tunnel::Source),
                tunnel.class.map(RouteIp6Tunnel::Tc),
                tunnel.hops.map(RouteIp6Tunnel::Hoplimit),
                tunnel.flags.map(|flags| RouteIp6Tunnel::Flags(RouteIp6TunnelFlags::from_bits_retain(flags))),
            ];
            (RouteLwEnCapType::Ip6, parts.into_iter().flatten().map(RouteLwTunnelEncap::Ip6).collect())
        }
        Encap::Ila(locator) => {
            let octets = locator.iter().flat_map(|part| part.to_be_bytes()).collect();
            let locator = RouteLwTunnelEncap::Other(DefaultNla::new(ILA_LOCATOR, octets));
            (RouteLwEnCapType::Ila, vec![locator])
        }
    };
    [RouteAttribute::EncapType(kind), RouteAttribute::Encap(how)]
}

fn mpls(labels: &[u32]) -> RouteLwTunnelEncap {
    let label = |(at, label): (usize, &u32)| MplsLabel {
        label: *label,
        traffic_class: 0,
        bottom_of_stack: at + 1 == labels.len(),
        ttl: 0,
    };
    RouteLwTunnelEncap::Mpls(RouteMplsIpTunnel::Destination(labels.iter().enumerate().map(label).collect()))
}

fn metrics(metrics: &Metrics) -> Option<RouteAttribute> {
    let mut all = Vec::new();
    if !metrics.locked.is_empty() {
        let bits = metrics.locked.iter().fold(0, |bits, metric| bits | 1 << *metric as u32);
        all.push(RouteMetric::Lock(bits));
    }
    all.extend(metrics.values.iter().filter_map(|(metric, value)| number(*metric, *value)));
    all.extend(metrics.congestion_control.clone().map(RouteMetric::CcAlgo));
    (!all.is_empty()).then_some(RouteAttribute::Metrics(all))
}

fn number(metric: Metric, value: u32) -> Option<RouteMetric> {
    Some(match metric {
        Metric::Mtu => RouteMetric::Mtu(value),
        Metric::Window => RouteMetric::Window(value),
        Metric::Rtt => RouteMetric::Rtt(value),
        Metric::RttVariance => RouteMetric::RttVar(value),
        Metric::SlowStartThreshold => RouteMetric::SsThresh(value),
        Metric::CongestionWindow => RouteMetric::Cwnd(value),
        Metric::SegmentSize => RouteMetric::Advmss(value),
        Metric::Reordering => RouteMetric::Reordering(value),
        Metric::HopLimit => RouteMetric::Hoplimit(value),
        Metric::InitialCongestionWindow => RouteMetric::InitCwnd(value),
        Metric::Features => RouteMetric::Features(value),
        Metric::RetransmissionMin => RouteMetric::RtoMin(value),
        Metric::InitialReceiveWindow => RouteMetric::InitRwnd(value),
        Metric::QuickAck => RouteMetric::QuickAck(value),
        Metric::FastOpenNoCookie => RouteMetric::FastopenNoCookie(value),
        // A name, not a number.
        Metric::CongestionControl => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use keepalived_model::kernel::OUR_PROTOCOL;
    use keepalived_model::route::{Route, Table, Tunnel};
    use netlink_packet_core::{Emitable, Parseable};

    use super::*;

    fn prefix(text: &str, len: u8) -> Prefix {
        Prefix { ip: text.parse().expect("an address"), len }
    }

    fn route(destination: Prefix) -> Route {
        Route { table: Table::Number(1000), ..Route::to(destination) }
    }

    fn key(route: &Route) -> RouteKey {
        RouteKey {
            table: 1000,
            destination: route.destination,
            from: None,
            kind: route.kind,
            tos: 0,
            metric: 7,
            via: Some([10, 9, 0, 2].into()),
            link: Some(LinkId(2)),
            protocol: OUR_PROTOCOL,
        }
    }

    /// What the kernel would read, attribute by attribute: number, octets.
    fn sent(message: &RouteMessage) -> BTreeMap<u16, Vec<u8>> {
        let mut octets = vec![0; message.buffer_len()];
        message.emit(&mut octets);
        assert_eq!(RouteMessage::parse(&octets).ok().as_ref(), Some(message), "read as it was written");
        let mut rest = &octets[12..];
        let mut attributes = BTreeMap::new();
        while let [l0, l1, t0, t1, ..] = *rest {
            let length = usize::from(u16::from_ne_bytes([l0, l1]));
            attributes.insert(u16::from_ne_bytes([t0, t1]) & 0x3fff, rest[4..length].to_vec());
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        attributes
    }

    fn whole_of(route: Route) -> BTreeMap<u16, Vec<u8>> {
        let hops = vec![Some(LinkId(3)); route.nexthops.len()];
        sent(&whole(&key(&route), &RouteSpec { route, hops }))
    }

    const ENCAP_TYPE: u16 = 21;
    const ENCAP: u16 = 22;

    #[test]
    fn labels_are_a_stack_whose_last_entry_says_so() {
        let encap = Some(Encap::Mpls(vec![100, 200]));
        let sent = whole_of(Route { encap, ..route(prefix("10.0.0.0", 8)) });
        assert_eq!(sent[&ENCAP_TYPE], 1_u16.to_ne_bytes());
        assert_eq!(sent[&ENCAP], [12, 0, 1, 0, 0, 0x06, 0x40, 0, 0, 0x0c, 0x81, 0]);
    }

    #[test]
    fn a_locator_travels_in_the_order_it_is_written_in() {
        let encap = Some(Encap::Ila([1, 2, 3, 0xabcd]));
        let sent = whole_of(Route { encap, ..route(prefix("fd00::", 64)) });
        assert_eq!(sent[&ENCAP_TYPE], 3_u16.to_ne_bytes());
        assert_eq!(sent[&ENCAP], [12, 0, 1, 0, 0, 1, 0, 2, 0, 3, 0xab, 0xcd]);
    }

    #[test]
    fn a_tunnel_is_told_what_was_said_and_nothing_else() {
        let tunnel = Tunnel { id: Some(5), hops: Some(9), flags: Some(3), ..Tunnel::default() };
        let sent = whole_of(Route { encap: Some(Encap::Ip(tunnel)), ..route(prefix("10.0.0.0", 8)) });
        assert_eq!(sent[&ENCAP_TYPE], 2_u16.to_ne_bytes());
        let id = [12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        assert_eq!(sent[&ENCAP][..12], id);
        assert!(!sent[&ENCAP].is_empty() && sent[&ENCAP].len() == 12 + 8 + 8);
    }

    #[test]
    fn large_tables_locks_and_routers_of_the_other_family_have_attributes_of_their_own() {
        let metrics = Metrics {
            values: BTreeMap::from([(Metric::Mtu, 1400)]),
            locked: BTreeSet::from([Metric::Mtu, Metric::CongestionControl]),
            congestion_control: Some("reno".to_owned()),
        };
        let mut route = Route { metrics, ..route(prefix("10.0.0.0", 8)) };
        route.ttl_propagate = Some(false);
        let mut key = key(&route);
        key.via = Some("fe80::2".parse().expect("an address"));
        let message = whole(&key, &RouteSpec { route, hops: Vec::new() });
        assert_eq!(message.header.table, TABLE_COMPATIBLE);
        let sent = sent(&message);
        assert_eq!(sent[&15], 1000_u32.to_ne_bytes());
        assert_eq!(sent[&26], [0]);
        assert_eq!(sent[&18][..2], 10_u16.to_ne_bytes(), "RTA_VIA begins with the family");
        let lock = [&[8, 0, 1, 0][..], &(1_u32 << 2 | 1 << 16).to_ne_bytes()].concat();
        assert_eq!(sent[&8][..8], lock);
    }

    #[test]
    fn nexthops_share_and_a_removal_does_not_name_them() {
        let hop = |via: [u8; 4], weight| Nexthop {
            via: Some(via.into()),
            interface: Some("eth1".to_owned()),
            weight,
            onlink: true,
            ..Nexthop::default()
        };
        let nexthops = vec![hop([10, 9, 0, 3], Some(5)), hop([10, 9, 0, 4], None)];
        let route = Route { nexthops, ..route(prefix("0.0.0.0", 0)) };
        let key = RouteKey { via: None, link: None, ..key(&route) };
        assert!(!sent(&identity(&key)).contains_key(&9));
        let sent = sent(&whole(&key, &RouteSpec { route, hops: vec![Some(LinkId(3)); 2] }));
        let first = &sent[&9][..16];
        assert_eq!(first, [16, 0, 4, 4, 3, 0, 0, 0, 8, 0, 5, 0, 10, 9, 0, 3]);
        assert_eq!(sent[&9][16..20], [16, 0, 4, 0], "a weight of one is zero for the kernel");
        assert!(!sent.contains_key(&1), "everything is no address");
    }
}
