//! Routes (`spec` config 3.10), as the kernel will want them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::kernel::OUR_PROTOCOL;
use crate::rule::Rule;

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Any address of the block; bits behind the prefix are as they were written.
    pub ip: IpAddr,
    /// 0–32 or 0–128.
    pub len: u8,
}

/// A route to keep in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Where to; its family is the route's.
    pub destination: Prefix,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Sources it is for; IPv6 only.
    pub from: Option<Prefix>,
    /// Source address of packets that have none yet.
    pub source: Option<IpAddr>,
    /// The next router; of either family.
    pub via: Option<IpAddr>,
    /// Name of the interface to leave by.
    pub interface: Option<String>,
    /// The next router counts as a neighbor even where no prefix says so.
    pub onlink: bool,
    /// What packets are wrapped in.
    pub encap: Option<Encap>,
    /// IPv4 only.
    pub realms: Option<Realms>,
    /// Several ways that share the load; empty unless configured.
    pub nexthops: Vec<Nexthop>,
    /// The table it stands in.
    pub table: Table,
    /// `rtm_protocol`; [`crate::kernel::OUR_PROTOCOL`] unless configured, and always while it is watched.
    pub protocol: u8,
    /// `rt_scope`; 0 (universe) unless configured.
    pub scope: u8,
    /// Type of service; 0 unless configured.
    pub tos: u8,
    /// Lower ones win; none leaves it to the kernel.
    pub metric: Option<u32>,
    /// `RTA_METRICS`.
    pub metrics: Metrics,
    /// Seconds until the kernel forgets it; IPv6 only.
    pub expires_secs: Option<u32>,
    /// `RTA_PREF` in the numbers of RFC 4191: 0 medium, 1 high, 3 low; IPv6 only.
    pub preference: Option<u8>,
    /// `RTA_TTL_PROPAGATE`: whether MPLS hands the time to live on.
    pub ttl_propagate: Option<bool>,
    /// Where among its equals it is put.
    pub insertion: Insertion,
    /// Its removal by others is none of our business, and its interface is not tracked. Always set where no
    /// interface is named.
    pub no_track: bool,
}

impl Route {
    /// A plain route of the main table that says where to and nothing else.
    pub fn to(destination: Prefix) -> Self {
        Self {
            destination,
            kind: RouteKind::UNICAST,
            from: None,
            source: None,
            via: None,
            interface: None,
            onlink: false,
            encap: None,
            realms: None,
            nexthops: Vec::new(),
            table: Table::Number(Table::MAIN),
            protocol: OUR_PROTOCOL,
            scope: 0,
            tos: 0,
            metric: None,
            metrics: Metrics::default(),
            expires_secs: None,
            preference: None,
            ttl_propagate: None,
            insertion: Insertion::Prepend,
            no_track: false,
        }
    }
}

/// `rtm_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKind(pub u8);

impl RouteKind {
    /// To a gateway or a neighbor.
    pub const UNICAST: Self = Self(1);
    /// To this machine.
    pub const LOCAL: Self = Self(2);
    /// Sent as a link layer broadcast, accepted here.
    pub const BROADCAST: Self = Self(3);
    /// Sent as a broadcast, accepted as unicast.
    pub const ANYCAST: Self = Self(4);
    /// Multicast.
    pub const MULTICAST: Self = Self(5);
    /// Dropped.
    pub const BLACKHOLE: Self = Self(6);
    /// Refused as unreachable.
    pub const UNREACHABLE: Self = Self(7);
    /// Refused as prohibited.
    pub const PROHIBIT: Self = Self(8);
    /// Not in this table.
    pub const THROW: Self = Self(9);
    /// Translated; kernels no longer do it.
    pub const NAT: Self = Self(10);
    /// Resolved outside; kernels never did it.
    pub const XRESOLVE: Self = Self(11);
}

/// Which routing table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// By number; 254 is main, 0 leaves it to the kernel.
    Number(u32),
    /// The one of the VRF interface with this name.
    Vrf(String),
}

impl Table {
    /// Where routes go unless something else is said.
    pub const MAIN: u32 = 254;
}

/// Routing realms; 0 is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realms {
    /// Of the source.
    pub from: u8,
    /// Of the destination.
    pub to: u8,
}

/// How a route is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Insertion {
    /// Only if there is no such route yet.
    Add,
    /// Behind its equals.
    Append,
    /// Before its equals.
    Prepend,
}

/// One of several ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nexthop {
    /// The next router.
    pub via: Option<IpAddr>,
    /// Name of the interface to leave by.
    pub interface: Option<String>,
    /// Share, 1–256; none is 1.
    pub weight: Option<u16>,
    /// See [`Route::onlink`].
    pub onlink: bool,
    /// See [`Route::encap`].
    pub encap: Option<Encap>,
    /// See [`Route::realms`].
    pub realms: Option<Realms>,
}

/// What packets are wrapped in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encap {
    /// One or two labels of 20 bits, outermost first.
    Mpls(Vec<u32>),
    /// An IPv4 tunnel that is told per route.
    Ip(Tunnel<Ipv4Addr>),
    /// An IPv6 tunnel that is told per route.
    Ip6(Tunnel<Ipv6Addr>),
    /// Identifier locator addressing: the locator, in the order it is written.
    Ila([u16; 4]),
}

/// What a tunnel is told; what is absent is zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tunnel<Address> {
    /// Tunnel key.
    pub id: Option<u64>,
    /// The far end.
    pub destination: Option<Address>,
    /// The near end.
    pub source: Option<Address>,
    /// Type of service or traffic class.
    pub class: Option<u8>,
    /// Time to live or hop limit.
    pub hops: Option<u8>,
    /// `TUNNEL_…` bits.
    pub flags: Option<u16>,
}

impl<Address> Default for Tunnel<Address> {
    fn default() -> Self {
        Self { id: None, destination: None, source: None, class: None, hops: None, flags: None }
    }
}

/// `RTA_METRICS`: what TCP and IP shall take for granted on this way.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metrics {
    /// In the kernel's units.
    pub values: BTreeMap<Metric, u32>,
    /// Those that must not adapt.
    pub locked: BTreeSet<Metric>,
    /// Name of a congestion control algorithm. Its lock is [`Metric::CongestionControl`].
    pub congestion_control: Option<String>,
}

/// A metric by its kernel number (`RTAX_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Metric {
    /// Bytes.
    Mtu = 2,
    /// Largest window in bytes.
    Window = 3,
    /// Round trip time in eighths of a millisecond.
    Rtt = 4,
    /// Its variance in quarters of a millisecond.
    RttVariance = 5,
    /// Slow start threshold in packets.
    SlowStartThreshold = 6,
    /// Congestion window in packets.
    CongestionWindow = 7,
    /// Advertised segment size in bytes.
    SegmentSize = 8,
    /// Packets.
    Reordering = 9,
    /// 0–255.
    HopLimit = 10,
    /// Packets.
    InitialCongestionWindow = 11,
    /// Bits, see [`Metrics::ECN`].
    Features = 12,
    /// Shortest retransmission time in milliseconds.
    RetransmissionMin = 13,
    /// Packets.
    InitialReceiveWindow = 14,
    /// 0 or 1.
    QuickAck = 15,
    /// Only as a lock; the name is [`Metrics::congestion_control`].
    CongestionControl = 16,
    /// 0 or 1.
    FastOpenNoCookie = 17,
}

impl Metrics {
    /// Explicit congestion notification, in [`Metric::Features`].
    pub const ECN: u32 = 1;
}

/// Names of the interfaces whose loss is a fault for whoever tracks these.
pub fn interfaces<'a>(routes: &'a [Route], rules: &'a [Rule]) -> impl Iterator<Item = &'a str> {
    let of_route = |route: &'a Route| {
        let hops = route.nexthops.iter().filter_map(|hop| hop.interface.as_deref());
        route.interface.as_deref().into_iter().chain(hops)
    };
    let of_rule = |rule: &'a Rule| rule.incoming.as_deref().into_iter().chain(rule.outgoing.as_deref());
    let routes = routes.iter().filter(|route| !route.no_track).flat_map(of_route);
    routes.chain(rules.iter().filter(|rule| !rule.no_track).flat_map(of_rule))
}
