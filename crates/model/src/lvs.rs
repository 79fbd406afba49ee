//! What the checkers' process is told to do: virtual servers, real servers, when they count.
//!
//! A virtual server is an address, a firewall mark or a group of both that the kernel balances over real
//! servers; [`crate::check`] tells which of them are alive.

use std::net::{IpAddr, Ipv4Addr};

use crate::check::Checker;
use crate::notify::Command;

/// The load balancing part of a configuration, complete: every default applied, every reference resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// In the order of the file, which is the order of starting and stopping.
    pub services: Vec<VirtualServer>,
    /// What [`Target::Group`] names.
    pub groups: Vec<Group>,
    /// The `SSL` block.
    pub tls: Option<Tls>,
}

/// A load balanced service.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualServer {
    /// What the kernel recognizes its packets by.
    pub target: Target,
    /// Family of the service.
    pub family: Family,
    /// Transport; none where only firewall marks lead here.
    pub protocol: Option<Protocol>,
    /// How connections are spread; `wlc` unless configured.
    pub scheduler: Scheduler,
    /// Switches of the scheduler.
    pub flags: SchedulerFlags,
    /// Clients come back to the same real server.
    pub persistence: Option<Persistence>,
    /// Every packet is scheduled anew (`ops`); UDP only.
    pub one_packet: bool,
    /// Checkers rest while the address is not on this machine.
    pub ha_suspend: bool,
    /// Stopping is told to scripts like a failure.
    pub omega: bool,
    /// Total weight that has to be alive; zero is always there.
    pub quorum: u32,
    /// How far above to gain and below to lose the quorum; less than the quorum.
    pub hysteresis: u32,
    /// Run when the quorum is gained.
    pub quorum_up: Option<Command>,
    /// Run when the quorum is lost.
    pub quorum_down: Option<Command>,
    /// Mail when the quorum is gained or lost.
    pub smtp_alert: bool,
    /// Name for SNMP.
    pub snmp_name: Option<String>,
    /// Serves while the quorum is lost.
    pub sorry: Option<SorryServer>,
    /// In the order of the file; never empty, no address and port twice.
    pub servers: Vec<RealServer>,
}

/// What the kernel recognizes the packets of a service by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// An address and a port; without a port, every port (persistent services only).
    Address {
        /// The virtual address.
        ip: IpAddr,
        /// 1–65535.
        port: Option<u16>,
    },
    /// A firewall mark other than zero.
    Mark(u32),
    /// A [`Group`] by name. Several services may share one; they differ in protocol.
    Group(String),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `inet`.
    V4,
    /// `inet6`.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Transport of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// IP protocol 6.
    Tcp,
    /// IP protocol 17.
    Udp,
    /// IP protocol 132.
    Sctp,
}

impl Protocol {
    /// The name, in lower case as log lines have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// A scheduler of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scheduler(&'static str);

impl Scheduler {
    /// What a service gets that names none: weighted least connections.
    pub const DEFAULT: Self = Self("wlc");
    /// Source hashing, which has switches of its own.
    pub const SOURCE_HASH: Self = Self("sh");
    /// Maglev hashing, which has the same switches.
    pub const MAGLEV_HASH: Self = Self("mh");
    /// Every scheduler there is.
    pub const ALL: [Self; 14] = [
        Self("rr"),
        Self("wrr"),
        Self("lc"),
        Self::DEFAULT,
        Self("lblc"),
        Self("lblcr"),
        Self("dh"),
        Self::SOURCE_HASH,
        Self::MAGLEV_HASH,
        Self("sed"),
        Self("nq"),
        Self("fo"),
        Self("ovf"),
        Self("twos"),
    ];

    /// The scheduler of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheduler| scheduler.0 == name)
    }

    /// Its name, as the kernel knows it.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// Switches of a scheduler, by the kernel's numbers. For hashing schedulers 1 is `fallback` and 2 `port`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchedulerFlags {
    /// `flag-1`: 0x08.
    pub flag_1: bool,
    /// `flag-2`: 0x10.
    pub flag_2: bool,
    /// `flag-3`: 0x20.
    pub flag_3: bool,
}

/// How long and for whom a choice of real server stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Persistence {
    /// Seconds without a connection; 1–2678400, 360 unless configured.
    pub timeout_secs: u32,
    /// Clients that agree in this part of their address are one client.
    pub granularity: Granularity,
    /// Persistence engine, such as `sip`; at most 15 bytes.
    pub engine: Option<String>,
}

/// Which part of a client's address counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// A mask, not necessarily a prefix; 255.255.255.255 unless configured.
    V4(Ipv4Addr),
    /// A prefix length; 1–128, 128 unless configured.
    V6(u8),
}

/// How packets get to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forwarding {
    /// `NAT`: addresses are rewritten.
    Nat,
    /// `DR`: the frame goes to the real server's hardware address.
    Direct,
    /// `TUN`: the packet is wrapped.
    Tunnel(Tunnel),
}

impl Forwarding {
    /// Ports cannot be changed on the way, so the real server listens on the service's.
    pub fn keeps_port(self) -> bool {
        self != Self::Nat
    }

    /// The real server may have another family than the service.
    pub fn is_tunnel(self) -> bool {
        matches!(self, Self::Tunnel(_))
    }
}

/// How a packet is wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// IP in IP.
    #[default]
    Ipip,
    /// Generic UDP encapsulation.
    Gue {
        /// Destination port of the wrapping datagram.
        port: u16,
        /// Who computes the checksum.
        checksum: GueChecksum,
    },
    /// Generic routing encapsulation.
    Gre {
        /// With a checksum.
        checksum: bool,
    },
}

/// Checksum of a GUE tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GueChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Full,
    /// `remcsum`.
    Remote,
}

/// Serves while the real servers cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SorryServer {
    /// Its address.
    pub ip: IpAddr,
    /// Its port; none: the port the client asked for.
    pub port: Option<u16>,
    /// How packets get there.
    pub forwarding: Forwarding,
    /// Stays in the kernel with weight zero while it is not needed.
    pub inhibit: bool,
}

/// Somebody who does the work.
#[derive(Clone, Debug, PartialEq)]
pub struct RealServer {
    /// Its address.
    pub ip: IpAddr,
    /// Its port; none: the port the client asked for.
    pub port: Option<u16>,
    /// Its share; zero: no new connections.
    pub weight: u32,
    /// How packets get there.
    pub forwarding: Forwarding,
    /// No new connections above so many; zero: no limit.
    pub connections_max: u32,
    /// New connections again below so many; zero: the kernel's choice.
    pub connections_min: u32,
    /// Stays in the kernel with weight zero while it is down.
    pub inhibit_on_failure: bool,
    /// Run when it is put into service.
    pub notify_up: Option<Command>,
    /// Run when it is taken out of service.
    pub notify_down: Option<Command>,
    /// Mail when it goes up or down.
    pub smtp_alert: bool,
    /// Name for SNMP.
    pub snmp_name: Option<String>,
    /// It is alive while all of them are content; none: always.
    pub checkers: Vec<Checker>,
}

/// Addresses and marks that lead to the same services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Display name.
    pub name: String,
    /// In the order of the file; never empty.
    pub entries: Vec<Entry>,
}

/// A line of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Consecutive addresses of one family, both ends included; at most 65536.
    Addresses {
        /// The first.
        first: IpAddr,
        /// The last, not before the first.
        last: IpAddr,
        /// None: every port (persistent services only).
        port: Option<u16>,
    },
    /// A firewall mark.
    Mark {
        /// What packets are marked with.
        mark: u32,
        /// Family of the marked packets; the service's unless configured.
        family: Option<Family>,
    },
}

impl Entry {
    /// The family it says it has.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Addresses { first, .. } => Some(Family::of(*first)),
            Self::Mark { family, .. } => *family,
        }
    }
}

/// Files for the checkers' side of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Password of the key. Never to be logged.
    pub password: Option<String>,
    /// Path of the authorities' certificates.
    pub ca: Option<String>,
    /// Path of our certificate.
    pub certificate: Option<String>,
    /// Path of our key.
    pub key: Option<String>,
}
