//! What the BFD engine is told to do (RFC 5880, single hop of RFC 5881 and multihop of RFC 5883).

use std::net::IpAddr;

use crate::priority::Weight;
use crate::time::Micros;

/// The BFD part of a configuration, complete: every default applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// In the order of the file.
    pub sessions: Vec<Session>,
}

/// One session with a neighbor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name its users call it by; at most 31 bytes.
    pub name: String,
    /// Address of the other end.
    pub neighbor: IpAddr,
    /// Address of this end, of the neighbor's family; any unless configured.
    pub source: Option<IpAddr>,
    /// Fastest packets we want to hear; 1 ms–4294967 ms, 10 ms unless configured.
    pub min_rx: Micros,
    /// Fastest packets we want to send while up; same range and default.
    pub min_tx: Micros,
    /// From packet to packet while the session is not up; 1 s–4294967 ms, 1 s unless configured.
    pub idle_tx: Micros,
    /// Missed packets that end the session; 1–255, 5 unless configured.
    pub multiplier: u8,
    /// Is silent until it has heard the neighbor.
    pub passive: bool,
    /// Time to live of what we send; 255 for IPv4 and 64 for IPv6 unless configured.
    pub ttl: u8,
    /// Most routers on the way of what we accept; 0 unless configured, 255 is no limit.
    pub hops_max: u8,
    /// Uses the port of RFC 5883 instead of that of RFC 5881.
    pub multihop: bool,
    /// Weight for virtual routers that name none of their own.
    pub weight: Weight,
    /// Who is told.
    pub receivers: Receivers,
}

/// Which engines hear of a session. To the others it does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receivers {
    /// Neither `vrrp` nor `checker` was written, or both were.
    Both,
    /// `vrrp` alone.
    Vrrp,
    /// `checker` alone.
    Checkers,
}

impl Receivers {
    /// Whether virtual routers hear of it.
    pub fn vrrp(self) -> bool {
        self != Self::Checkers
    }

    /// Whether checkers hear of it.
    pub fn checkers(self) -> bool {
        self != Self::Vrrp
    }
}
