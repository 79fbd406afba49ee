//! Policy routing rules (`spec` config 3.11), as the kernel will want them.

use crate::kernel::OUR_PROTOCOL;
use crate::route::{Prefix, Realms};
use crate::vrrp::Family;

/// A rule to keep in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Which packets it is asked for; prefixes agree with it.
    pub family: Family,
    /// Matches what the selectors do not.
    pub inverted: bool,
    /// Source.
    pub from: Option<Prefix>,
    /// Destination.
    pub to: Option<Prefix>,
    /// Lower ones are asked first.
    pub preference: u32,
    /// Type of service; 0 matches all.
    pub tos: u8,
    /// Firewall mark.
    pub mark: Option<Mark>,
    /// Name of the interface packets came in by.
    pub incoming: Option<String>,
    /// Name of the interface the sending socket is bound to.
    pub outgoing: Option<String>,
    /// Realms given to packets; IPv4 only.
    pub realms: Option<Realms>,
    /// Looked up routes with prefixes no longer than this do not count; 0–2147483647.
    pub suppress_prefix_len: Option<u32>,
    /// Looked up routes through an interface of this group do not count; 0–2147483647.
    pub suppress_group: Option<u32>,
    /// Key of the tunnel packets came through.
    pub tunnel_id: Option<u64>,
    /// Users of the sending socket.
    pub users: Option<Numbers<u32>>,
    /// Protocol number of packets.
    pub ip_protocol: Option<u8>,
    /// Source ports.
    pub source_ports: Option<Numbers<u16>>,
    /// Destination ports.
    pub destination_ports: Option<Numbers<u16>>,
    /// `FRA_PROTOCOL`: [`crate::kernel::OUR_PROTOCOL`] while it is watched; 0 unless configured if it is not.
    pub protocol: u8,
    /// What is done with what matches.
    pub action: Action,
    /// Its removal by others is none of our business, and its interfaces are not tracked.
    pub no_track: bool,
}

impl Rule {
    /// A rule that matches every packet of a family.
    pub fn new(family: Family, preference: u32, action: Action) -> Self {
        Self {
            family,
            inverted: false,
            from: None,
            to: None,
            preference,
            tos: 0,
            mark: None,
            incoming: None,
            outgoing: None,
            realms: None,
            suppress_prefix_len: None,
            suppress_group: None,
            tunnel_id: None,
            users: None,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
            protocol: OUR_PROTOCOL,
            action,
            no_track: false,
        }
    }
}

/// A firewall mark and the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The mark.
    pub value: u32,
    /// All bits unless configured.
    pub mask: Option<u32>,
}

/// Numbers from one to another, both included, in the order they are written: kernels refuse those that run
/// backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbers<Number> {
    /// The first.
    pub first: Number,
    /// The last.
    pub last: Number,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Looks the route up in a table; never 0.
    Table(u32),
    /// Goes on with the rule of this preference, which is larger than the own one.
    Goto(u32),
    /// Nothing.
    Nop,
    /// Drops.
    Blackhole,
    /// Refuses as unreachable.
    Unreachable,
    /// Refuses as prohibited.
    Prohibit,
    /// Looks the route up in the table of the VRF the packet belongs to.
    Vrf,
}
