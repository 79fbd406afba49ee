//! Addresses, routes and rules in the original's words, as its dumps and log lines show them.
//!
//! Its oddities are kept, as programs read them: MPLS labels are shown as the packet has them, a lock of `congctl`
//! has no blank before it and one behind it. Scenario `routes and rules are shown in dumps as the original does`.

use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;

use keepalived_model::kernel::{AddressSpec, Lifetime, OUR_PROTOCOL};
use keepalived_model::lasting::Fixture;
use keepalived_model::route::{
    Encap, Insertion, Metric, Metrics, Nexthop, Prefix, Realms, Route, RouteKind, Table, Tunnel,
};
use keepalived_model::rule::{Action, Numbers, Rule};
use keepalived_model::vrrp::{Family, VirtualAddress};

/// An address, and what it is on.
pub struct AddressText<'a>(pub &'a VirtualAddress, pub &'a str);

/// A route.
pub struct RouteText<'a>(pub &'a Route);

/// A rule.
pub struct RuleText<'a>(pub &'a Rule);

/// A static thing, with its track group.
pub struct FixtureText<'a>(pub &'a Fixture);

impl Display for AddressText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(address, place) = self;
        let spec = &address.spec;
        let host = if address.ip.is_ipv4() { 32 } else { 128 };
        write!(f, "{}", address.ip)?;
        if address.prefix_len != host && spec.peer.is_none() {
            write!(f, "/{}", address.prefix_len)?;
        }
        optional(f, "brd", spec.broadcast)?;
        let use_vmac = if address.use_vmac { " use_vmac" } else { "" };
        write!(f, " dev {place}{use_vmac} scope {}", Scope(spec.scope))?;
        optional(f, "label", spec.label.as_ref())?;
        if let Some(peer) = spec.peer {
            write!(f, " peer {peer}/{}", address.prefix_len)?;
        }
        f.write_str(&flags(address))?;
        lifetime(f, address.ip, spec)
    }
}

fn flags(VirtualAddress { spec, no_track, .. }: &VirtualAddress) -> String {
    let flags = [
        (spec.home, " home"),
        (spec.detects_duplicates, " -nodad"),
        (spec.manages_temporary, " mngtmpaddr"),
        (spec.no_prefix_route, " noprefixroute"),
        (spec.auto_join, " autojoin"),
        (*no_track, " no_track"),
    ];
    flags.into_iter().filter_map(|(set, text)| set.then_some(text)).collect()
}

fn lifetime(f: &mut Formatter<'_>, ip: IpAddr, spec: &AddressSpec) -> fmt::Result {
    match spec.preferred {
        _ if ip.is_ipv4() => Ok(()),
        Lifetime::Forever => f.write_str(" preferred_lft forever"),
        Lifetime::Seconds(0) => f.write_str(" deprecated"),
        Lifetime::Seconds(seconds) => write!(f, " preferred_lft {seconds}"),
    }
}

/// A scope by the name everybody's iproute2 has for it.
struct Scope(u8);

impl Display for Scope {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("global"),
            200 => f.write_str("site"),
            253 => f.write_str("link"),
            254 => f.write_str("host"),
            255 => f.write_str("nowhere"),
            other => write!(f, "{other}"),
        }
    }
}

impl Display for RouteText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(route) = self;
        f.write_str(match route.insertion {
            _ if route.kind != RouteKind::UNICAST => "add ",
            Insertion::Add => "add ",
            Insertion::Append => "append ",
            Insertion::Prepend => "prepend ",
        })?;
        f.write_str(&kind(route.kind))?;
        write!(f, "{}", PrefixText(route.destination))?;
        optional(f, "from", route.from.map(PrefixText))?;
        optional(f, "src", route.source)?;
        if route.tos != 0 {
            write!(f, " tos {}", route.tos)?;
        }
        route.encap.iter().try_for_each(|it| encap(f, it))?;
        route.via.iter().try_for_each(|ip| via(f, *ip))?;
        optional(f, "dev", route.interface.as_ref())?;
        match &route.table {
            Table::Number(Table::MAIN) => {}
            Table::Number(table) => write!(f, " table {table}")?,
            Table::Vrf(name) => write!(f, " vrf {name}")?,
        }
        // Who asks not to be tracked names no protocol either, unless he does.
        if route.protocol != OUR_PROTOCOL || !route.no_track || route.interface.is_none() {
            write!(f, " proto {}", route.protocol)?;
        }
        if route.scope != 0 {
            write!(f, " scope {}", route.scope)?;
        }
        optional(f, "metric", route.metric)?;
        if let Some(seconds) = route.expires_secs {
            write!(f, " expires {seconds}sec")?;
        }
        f.write_str(if route.onlink { " onlink" } else { "" })?;
        route.realms.iter().try_for_each(|it| realms(f, *it))?;
        metrics(f, &route.metrics)?;
        let preference = route.preference.map(|preference| match preference {
            1 => "high",
            3 => "low",
            _ => "medium",
        });
        optional(f, "pref", preference)?;
        let propagate = route.ttl_propagate.map(|on| if on { "enabled" } else { "disabled" });
        optional(f, "ttl-propagate", propagate)?;
        route.nexthops.iter().try_for_each(|hop| nexthop(f, hop))?;
        f.write_str(if route.no_track { " no_track" } else { "" })
    }
}

fn kind(kind: RouteKind) -> String {
    let name = match kind {
        RouteKind::UNICAST => return String::new(),
        RouteKind::LOCAL => "local",
        RouteKind::BROADCAST => "broadcast",
        RouteKind::ANYCAST => "anycast",
        RouteKind::MULTICAST => "multicast",
        RouteKind::BLACKHOLE => "blackhole",
        RouteKind::UNREACHABLE => "unreachable",
        RouteKind::PROHIBIT => "prohibit",
        RouteKind::THROW => "throw",
        RouteKind::NAT => "nat",
        RouteKind::XRESOLVE => "xresolve",
        RouteKind(other) => return format!("{other} "),
    };
    format!("{name} ")
}

/// `10.0.0.0/8`, and a host without its length.
pub struct PrefixText(pub Prefix);

impl Display for PrefixText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Prefix { ip, len } = self.0;
        let host = if ip.is_ipv4() { 32 } else { 128 };
        if len == host { write!(f, "{ip}") } else { write!(f, "{ip}/{len}") }
    }
}

fn optional(f: &mut impl Write, word: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {word} {value}"))
}

fn via(f: &mut Formatter<'_>, ip: IpAddr) -> fmt::Result {
    write!(f, " via {} {ip}", if ip.is_ipv4() { "inet" } else { "inet6" })
}

fn realms(f: &mut Formatter<'_>, Realms { from, to }: Realms) -> fmt::Result {
    if from == 0 { write!(f, " realm {to}") } else { write!(f, " realms {from}/{to}") }
}

fn encap(f: &mut Formatter<'_>, encap: &Encap) -> fmt::Result {
    match encap {
        Encap::Mpls(labels) => {
            let last = labels.len().saturating_sub(1);
            let entry =
                |(at, label): (usize, &u32)| format!("{:x}", label << 12 | u32::from(at == last) << 8);
            let labels: Vec<String> = labels.iter().enumerate().map(entry).collect();
            write!(f, " encap mpls {}", labels.join("/"))
        }
        Encap::Ip(it) => tunnel(f, "ip", it, ["tos", "ttl"]),
        Encap::Ip6(it) => tunnel(f, "ip6", it, ["tc", "hoplimit"]),
        Encap::Ila([a, b, c, d]) => {
            let mut octets = [0; 8];
            let parts = [a, b, c, d].into_iter().flat_map(|part| part.to_be_bytes());
            octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
            write!(f, " encap ila {}", u64::from_ne_bytes(octets))
        }
    }
}

fn tunnel<Address: Display>(
    f: &mut Formatter<'_>,
    kind: &str,
    tunnel: &Tunnel<Address>,
    [class, hops]: [&str; 2],
) -> fmt::Result {
    write!(f, " encap {kind}")?;
    optional(f, "id", tunnel.id)?;
    optional(f, "dst", tunnel.destination.as_ref())?;
    optional(f, "src", tunnel.source.as_ref())?;
    optional(f, class, tunnel.class)?;
    optional(f, hops, tunnel.hops)?;
    tunnel.flags.map_or(Ok(()), |flags| write!(f, " flags {flags:#x}"))
}

fn nexthop(f: &mut Formatter<'_>, hop: &Nexthop) -> fmt::Result {
    f.write_str(" nexthop")?;
    hop.via.iter().try_for_each(|ip| via(f, *ip))?;
    optional(f, "dev", hop.interface.as_ref())?;
    optional(f, "weight", hop.weight)?;
    f.write_str(if hop.onlink { " onlink" } else { "" })?;
    optional(f, "realm", hop.realms.map(|realms| realms.to))?;
    hop.encap.iter().try_for_each(|it| encap(f, it))
}

/// Metrics in the original's order, which is not the kernel's.
const METRICS: [(Metric, &str); 15] = [
    (Metric::Rtt, "rtt"),
    (Metric::RttVariance, "rttvar"),
    (Metric::RetransmissionMin, "rto_min"),
    (Metric::Features, "features"),
    (Metric::Mtu, "mtu"),
    (Metric::Window, "window"),
    (Metric::SlowStartThreshold, "ssthresh"),
    (Metric::CongestionWindow, "cwnd"),
    (Metric::SegmentSize, "advmss"),
    (Metric::Reordering, "reordering"),
    (Metric::HopLimit, "hoplimit"),
    (Metric::InitialCongestionWindow, "initcwnd"),
    (Metric::InitialReceiveWindow, "initrwnd"),
    (Metric::QuickAck, "quickack"),
    (Metric::FastOpenNoCookie, "fastopen_no_cookie"),
];

fn metrics(f: &mut Formatter<'_>, metrics: &Metrics) -> fmt::Result {
    if let Some(name) = &metrics.congestion_control {
        let locked = metrics.locked.contains(&Metric::CongestionControl);
        write!(f, " congctl {name}{}", if locked { "lock " } else { "" })?;
    }
    for (metric, word) in METRICS {
        let Some(value) = metrics.values.get(&metric) else { continue };
        let lock = if metrics.locked.contains(&metric) { "lock " } else { "" };
        match metric {
            Metric::Features => f.write_str(" features ecn")?,
            Metric::Rtt => write!(f, " {word} {lock}{}", Time(*value, 8))?,
            Metric::RttVariance => write!(f, " {word} {lock}{}", Time(*value, 4))?,
            Metric::RetransmissionMin => write!(f, " {word} {lock}{}", Time(*value, 1))?,
            _ => write!(f, " {word} {lock}{value}")?,
        }
    }
    Ok(())
}

/// A time in so many parts of a millisecond.
struct Time(u32, u32);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(value, parts) = *self;
        match value / parts {
            _ if value % parts != 0 => write!(f, "{value}"),
            millis if millis >= 1000 && millis % 1000 == 0 => write!(f, "{}s", millis / 1000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

impl Display for RuleText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(rule) = self;
        if rule.family == Family::V6 && rule.from.is_none() && rule.to.is_none() {
            f.write_str("inet6 ")?;
        }
        f.write_str(if rule.inverted { "not " } else { "" })?;
        match rule.from {
            Some(from) => write!(f, "from {}", PrefixText(from))?,
            None => f.write_str("from all")?,
        }
        optional(f, "to", rule.to.map(PrefixText))?;
        write!(f, " priority {} tos {:#x}", rule.preference, rule.tos)?;
        if let Some(mark) = rule.mark {
            write!(f, " fwmark {:#x}", mark.value)?;
            mark.mask.map_or(Ok(()), |mask| write!(f, "/{mask:#x}"))?;
        }
        optional(f, "iif", rule.incoming.as_ref())?;
        optional(f, "oif", rule.outgoing.as_ref())?;
        optional(f, "suppress_prefixlen", rule.suppress_prefix_len)?;
        optional(f, "suppress_ifgroup", rule.suppress_group)?;
        optional(f, "tunnel-id", rule.tunnel_id)?;
        optional(f, "uidrange", rule.users.map(Range))?;
        f.write_str(if rule.action == Action::Vrf { " l3mdev" } else { "" })?;
        if rule.protocol != 0 {
            write!(f, " protocol {}", rule.protocol)?;
        }
        optional(f, "ipproto", rule.ip_protocol)?;
        optional(f, "sport", rule.source_ports.map(Range))?;
        optional(f, "dport", rule.destination_ports.map(Range))?;
        optional(f, "realms", rule.realms.map(|realms| format!("{}/{}", realms.from, realms.to)))?;
        match rule.action {
            Action::Table(table) => write!(f, " lookup {table}"),
            Action::Goto(preference) => write!(f, " goto {preference}"),
            Action::Nop => f.write_str(" nop"),
            Action::Blackhole => f.write_str(" type blackhole"),
            Action::Unreachable => f.write_str(" type unreachable"),
            Action::Prohibit => f.write_str(" type prohibit"),
            Action::Vrf => f.write_str(" lookup 0"),
        }?;
        f.write_str(if rule.no_track { " no_track" } else { "" })
    }
}

struct Range<Number>(Numbers<Number>);

impl<Number: Display> Display for Range<Number> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.first, self.0.last)
    }
}

impl Display for FixtureText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.0 {
            Fixture::Address(tied) => {
                write!(f, "{}", AddressText(&tied.thing, tied.thing.interface.as_deref().unwrap_or("")))?;
                &tied.group
            }
            Fixture::Route(tied) => {
                write!(f, "{}", RouteText(&tied.thing))?;
                &tied.group
            }
            Fixture::Rule(tied) => {
                write!(f, "{}", RuleText(&tied.thing))?;
                &tied.group
            }
        };
        optional(f, "track_group", group.as_ref())
    }
}

/// What a route or rule is called in a line about it.
pub struct KeyText<'a>(pub &'a keepalived_model::kernel::Key, pub &'a keepalived_model::kernel::Spec);

impl Display for KeyText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use keepalived_model::kernel::{Key, Spec};
        match self {
            Self(Key::Rule(rule), _) => write!(f, "rule {}", RuleText(rule)),
            Self(_, Spec::Route(spec)) => write!(f, "route {}", RouteText(&spec.route)),
            // Others have no such line.
            Self(..) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn prefix(text: &str, len: u8) -> Prefix {
        Prefix { ip: text.parse().expect("an address"), len }
    }

    #[test]
    fn a_time_is_shown_in_the_unit_that_fits() {
        let shown = |value, parts| Time(value, parts).to_string();
        assert_eq!(
            [shown(2400, 8), shown(24_000, 8), shown(301, 1), shown(7, 8)],
            ["300ms", "3s", "301ms", "7"]
        );
    }

    #[test]
    fn labels_and_locators_are_shown_as_packets_have_them() {
        struct Shown<'a>(&'a Encap);
        impl Display for Shown<'_> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                encap(f, self.0)
            }
        }
        assert_eq!(Shown(&Encap::Mpls(vec![100, 200])).to_string(), " encap mpls 64000/c8100");
        let locator = u64::from_ne_bytes([0, 1, 0, 2, 0, 3, 0, 4]);
        assert_eq!(Shown(&Encap::Ila([1, 2, 3, 4])).to_string(), format!(" encap ila {locator}"));
        let tunnel = Tunnel {
            id: Some(5),
            destination: Some(Ipv4Addr::new(10, 1, 1, 1)),
            class: Some(4),
            hops: Some(5),
            flags: Some(3),
            ..Tunnel::default()
        };
        assert_eq!(
            Shown(&Encap::Ip(tunnel)).to_string(),
            " encap ip id 5 dst 10.1.1.1 tos 4 ttl 5 flags 0x3"
        );
    }

    #[test]
    fn hosts_have_no_length() {
        assert_eq!(PrefixText(prefix("10.0.0.1", 32)).to_string(), "10.0.0.1");
        assert_eq!(PrefixText(prefix("0.0.0.0", 0)).to_string(), "0.0.0.0/0");
        assert_eq!(PrefixText(prefix("fd00::", 64)).to_string(), "fd00::/64");
    }
}
