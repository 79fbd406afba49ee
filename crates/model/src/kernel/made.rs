//! Links we make, and settings of links, as the kernel understands them.

use crate::ids::{LinkId, MacAddr};
use crate::link::IpvlanMode;
use crate::vrrp::Family;

/// The longest name a link can have.
const NAME_MAX: usize = 15;

/// The name of a link, small enough to be copied: what a link we make is known by before and after it exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName([u8; NAME_MAX]);

impl LinkName {
    /// None for what the kernel would not take: nothing, more than 15 bytes, or a zero byte.
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; NAME_MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        (!name.is_empty() && !name.contains('\0')).then_some(Self(bytes))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(NAME_MAX);
        self.0.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

impl std::fmt::Debug for LinkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

impl std::fmt::Display for LinkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything about a link we make that is not its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkSpec {
    /// The link it is made on top of.
    pub base: LinkId,
    /// What it is.
    pub kind: LinkKind,
    /// Interface group; zero is the kernel's default.
    pub group: u32,
    /// Settings it has from the first moment, before it is up.
    pub settings: Vec<(Setting, u8)>,
    /// Families in which it does not speak of its own accord: reports of memberships leave through the base, and it asks
    /// for no routers (`spec` runtime 6.4).
    pub hushed: Vec<Family>,
}

/// What kind of link is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// A macvlan in private mode with this address.
    Macvlan(MacAddr),
    /// An ipvlan of layer 2.
    Ipvlan(IpvlanMode),
}

impl LinkKind {
    /// The kernel's name of the kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Macvlan(_) => "macvlan",
            Self::Ipvlan(_) => "ipvlan",
        }
    }
}

/// A variable of the kernel that every link has its own of (`net.ipv4.conf.*`, `net.ipv6.conf.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Answer ARP only for addresses of the link it came in on.
    ArpIgnore,
    /// Answer ARP only from the link that the route back leaves through.
    ArpFilter,
    /// Take packets whose source is one of our own addresses.
    AcceptLocal,
    /// Drop what came in from where the route back does not lead.
    ReversePathFilter,
    /// A secondary address takes the place of a primary one that is removed.
    PromoteSecondaries,
    /// No IPv6 at all.
    DisableIpv6,
    /// How link-local addresses come about; 1: not at all by themselves.
    AddressGeneration,
}
