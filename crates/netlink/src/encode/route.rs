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
