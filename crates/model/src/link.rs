//! Interfaces a configuration makes or treats in a special way: virtual MAC addresses, ipvlans, polling, delays,
//! spacing of announcements.

use std::net::IpAddr;

use crate::ids::{MacAddr, Vrid};
use crate::time::Micros;
use crate::vrrp::Family;

/// An interface of its own that an instance lives on, made on top of the configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnLink {
    /// `use_vmac`: a macvlan with the virtual router's MAC address.
    Vmac(Vmac),
    /// `use_ipvlan`: shares the base's MAC address and has an IP address of its own.
    Ipvlan(Ipvlan),
}

impl OwnLink {
    /// Name of the interface: configured, or found by the rule of `spec` config 4.6. At most 15 bytes.
    pub fn name(&self) -> &str {
        match self {
            Self::Vmac(vmac) => &vmac.name,
            Self::Ipvlan(ipvlan) => &ipvlan.name,
        }
    }
}

/// A macvlan in private mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// At most 15 bytes.
    pub name: String,
    /// RFC 5798 §7.3 unless configured.
    pub mac: MacAddr,
    /// Adverts go out through the base interface (`vmac_xmit_base`).
    pub transmit_base: bool,
    /// The kernel shall tell everybody when the interface is made (`netlink_notify_msg`).
    pub announce_link: bool,
    /// Interface group, by number; zero is the kernel's default.
    pub group: u32,
}

impl Vmac {
    /// The MAC address of a virtual router (RFC 5798 §7.3).
    pub fn router_mac(vrid: Vrid, family: Family) -> MacAddr {
        let kind = match family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        MacAddr([0, 0, 0x5e, 0, kind, vrid.number()])
    }
}

/// An ipvlan in layer 2 mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipvlan {
    /// At most 15 bytes.
    pub name: String,
    /// Its address and prefix length; IPv4 cannot do without one.
    pub address: Option<(IpAddr, u8)>,
    /// How it talks to its neighbours on the same base.
    pub mode: IpvlanMode,
    /// Interface group, by number; zero is the kernel's default.
    pub group: u32,
}

/// `IPVLAN_F_…`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpvlanMode {
    /// Neighbours hear each other.
    #[default]
    Bridge,
    /// They do not.
    Private,
    /// They do if the switch sends it back.
    Vepa,
}

/// An interface whose carrier is asked for instead of being told (`linkbeat_interfaces`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Polled {
    /// Interface name.
    pub name: String,
    /// How it is asked; none: whatever works, MII first, then ethtool, then the interface flags.
    pub by: Option<Polling>,
}

/// A way to ask for carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Polling {
    /// `SIOCGMIIREG`.
    Mii,
    /// `ETHTOOL_GLINK`.
    Ethtool,
    /// `SIOCGIFFLAGS`.
    Flags,
}

impl Polling {
    /// In the order in which they are tried where another one does not work.
    pub const ALL: [Self; 3] = [Self::Mii, Self::Ethtool, Self::Flags];

    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mii => "MII",
            Self::Ethtool => "ETHTOOL",
            Self::Flags => "IOCTL",
        }
    }
}

/// Patience with an interface (`interface_up_down_delays`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpDownDelay {
    /// Interface name.
    pub name: String,
    /// How long it has to be down to count as down; up to 255 s.
    pub down: Micros,
    /// How long it has to be up to count as up; up to 255 s, zero unless written.
    pub up: Micros,
}

/// From one announcement to the next on an interface; zero: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spacing {
    /// Behind gratuitous ARP.
    pub garp: Micros,
    /// Behind neighbor advertisements.
    pub advertisement: Micros,
}

/// Interfaces that share one spacing of announcements (`garp_group`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GarpGroup {
    /// Between two gratuitous ARP frames; none: not limited by this group.
    pub garp_interval: Option<Micros>,
    /// Between two unsolicited neighbour advertisements; none: not limited by this group.
    pub gna_interval: Option<Micros>,
    /// Each interface is in one group at most.
    pub interfaces: Vec<String>,
}
