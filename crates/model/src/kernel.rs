//! What the kernel can tell us and what we can want of it: the words the core and the reconciler share.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::ids::{LinkId, MacAddr};
use crate::route::{Prefix, Route, RouteKind};
use crate::rule::Rule;

mod made;

pub use made::{LinkKind, LinkName, LinkSpec, Setting};

/// The mark on addresses, routes and rules that are ours (`RTPROT_KEEPALIVED`; as `IFA_PROTO` on addresses
/// from Linux 5.18).
pub const OUR_PROTOCOL: u8 = 18;

/// A network interface as the kernel sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's index.
    pub id: LinkId,
    /// At most 15 bytes.
    pub name: String,
    /// `IFF_UP` and `IFF_RUNNING`: administratively up and with carrier.
    pub up: bool,
    /// The hardware address, absent where there is none of six bytes.
    pub mac: Option<MacAddr>,
    /// `IFF_MULTICAST`.
    pub multicast: bool,
    /// Not `IFF_NOARP`.
    pub arp: bool,
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
    /// It forwards IPv6, of which neighbor advertisements have to speak.
    pub forwards_ipv6: bool,
    /// The routing table of a VRF; none for other links.
    pub vrf_table: Option<u32>,
    /// Bytes of payload a frame may carry.
    pub mtu: u32,
}

impl Link {
    /// An Ethernet that is up, with nothing special about it.
    pub fn ethernet(id: LinkId, name: impl Into<String>, mac: MacAddr) -> Self {
        Self {
            id,
            name: name.into(),
            up: true,
            mac: Some(mac),
            multicast: true,
            arp: true,
            loopback: false,
            forwards_ipv6: false,
            vrf_table: None,
            mtu: 1500,
        }
    }
}

/// An address on an interface as the kernel sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What makes it this address for the kernel.
    pub key: AddressKey,
    /// Marked with [`OUR_PROTOCOL`].
    pub ours: bool,
}

/// What the kernel takes for the identity of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey {
    /// The interface that carries it.
    pub link: LinkId,
    /// The address itself.
    pub ip: IpAddr,
    /// 0–32 or 0–128.
    pub prefix_len: u8,
}

/// The identity of a thing we may want in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Packets from and to an address are dropped.
    Barred(Barred),
    /// An address on an interface.
    Address(AddressKey),
    /// A link of this name. What has the name and is of no kind we make is never touched.
    Link(LinkName),
    /// A setting of a link that somebody else made. What it was before is restored when nobody wants it any more.
    Setting(LinkId, Setting),
    /// Each link decides by itself about reverse paths: `net.ipv4.conf.all.rp_filter` is zero, and what it was has
    /// become the least of every link.
    OwnReversePaths,
    /// A route.
    Route(Arc<RouteKey>),
    /// A policy routing rule. Whatever is said of it is its identity, for the kernel too; [`Rule::no_track`], which
    /// the kernel does not know, is false here.
    Rule(Arc<Rule>),
}

impl Key {
    /// The address that is meant, if it is one.
    pub fn address(&self) -> Option<AddressKey> {
        match self {
            Self::Address(key) => Some(*key),
            Self::Barred(_)
            | Self::Link(_)
            | Self::Setting(..)
            | Self::OwnReversePaths
            | Self::Route(_)
            | Self::Rule(_) => None,
        }
    }
}

/// An address that packets may neither come from nor go to (`no_accept`, strict mode; `spec` runtime 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Barred {
    /// The address.
    pub ip: IpAddr,
    /// The interface it is barred on; link-local addresses of IPv6 only, the others are barred everywhere.
    pub link: Option<LinkId>,
}

impl Barred {
    /// An address on that interface.
    pub fn of(ip: IpAddr, link: LinkId) -> Self {
        let link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        Self { ip, link: link_local.then_some(link) }
    }
}

/// What the kernel tells routes apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// Number of the table; never 0.
    pub table: u32,
    /// Where to; its family is the route's.
    pub destination: Prefix,
    /// Sources it is for; IPv6 only.
    pub from: Option<Prefix>,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Type of service; always 0 for IPv6.
    pub tos: u8,
    /// As the kernel fills it in where it was left out: 0, or 1024 for IPv6.
    pub metric: u32,
    /// The next router.
    pub via: Option<IpAddr>,
    /// The interface to leave by, where one is named.
    pub link: Option<LinkId>,
    /// `rtm_protocol`.
    pub protocol: u8,
}

/// How a wanted thing shall look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spec {
    /// For [`Key::Barred`], of which there is nothing more to say.
    Barred,
    /// For [`Key::Address`].
    Address(AddressSpec),
    /// For [`Key::Link`].
    Link(LinkSpec),
    /// For [`Key::Setting`].
    Setting(u8),
    /// For [`Key::OwnReversePaths`].
    OwnReversePaths,
    /// For [`Key::Route`].
    Route(Arc<RouteSpec>),
    /// For [`Key::Rule`], which says everything already.
    Rule,
}

/// Everything about a route that is not its identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteSpec {
    /// The route as configured; what its key says is not read from here.
    pub route: Route,
    /// The interfaces of its nexthops, in their order.
    pub hops: Vec<Option<LinkId>>,
}

/// Everything about an address that is not its identity (`spec` runtime 6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressSpec {
    /// `rt_scope`: 0 is global, 253 link, 254 host.
    pub scope: u8,
    /// Broadcast address; none unless configured.
    pub broadcast: Option<Ipv4Addr>,
    /// Label of at most 15 bytes; none unless configured.
    pub label: Option<String>,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// `IFA_F_HOMEADDRESS`; IPv6 only.
    pub home: bool,
    /// `IFA_F_MANAGETEMPADDR`; IPv6 only.
    pub manages_temporary: bool,
    /// `IFA_F_NOPREFIXROUTE`.
    pub no_prefix_route: bool,
    /// `IFA_F_MCAUTOJOIN`.
    pub auto_join: bool,
    /// IPv6 only: the kernel looks for duplicates first (`-nodad`; `IFA_F_NODAD` is not set then).
    pub detects_duplicates: bool,
    /// How long the kernel likes it as a source address; IPv6 only.
    pub preferred: Lifetime,
}

/// How long something lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// Without end.
    #[default]
    Forever,
    /// So many seconds; none makes an address deprecated at once.
    Seconds(u32),
}

/// Everything the mirror knows at one moment; addresses in the kernel's order (the first one of an interface
/// is its primary).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All interfaces.
    pub links: Vec<Link>,
    /// All addresses of all interfaces.
    pub addresses: Vec<Address>,
}

/// Something changed in the kernel. Our own successful additions and removals are not told here but as
/// `Settled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A link is new or differs in any field.
    Link(Link),
    /// A link is gone, and all its addresses with it (they are not told one by one).
    LinkGone(LinkId),
    /// An address appeared that we did not add.
    Address(Address),
    /// An address disappeared that we did not remove.
    AddressGone(AddressKey),
    /// A route or rule disappeared that we want and did not remove; by somebody's hand, or because the kernel
    /// forgets routes of interfaces that go down.
    Lost(Key),
}

/// Why the kernel did not do what we wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kernel's errno, positive; zero when no answer came.
    pub errno: i32,
    /// The kernel's own words where it gave any, else the name of the errno.
    pub text: String,
}
