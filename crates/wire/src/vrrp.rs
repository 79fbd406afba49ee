//! Adverts of version 2 (RFC 3768, with the authentication data of RFC 2338) and version 3 (RFC 5798), over IPv4
//! and IPv6.
//!
//! ```text
//!  0      1      2          3       4..6               6..8       8..8+an      8+4n..16+4n     the end
//! ┌──────┬──────┬──────────┬───────┬──────────────────┬──────────┬────────────┬───────────────┬───────────────┐
//! │ v, 1 │ VRID │ priority │ count │ v2 type, seconds │ checksum │ addresses  │ v2 over IPv4: │ auth_hmac:    │
//! │      │      │          │  (n)  │ v3 centiseconds  │          │ (a = 4/16) │ 8 octets      │ 28 octets     │
//! └──────┴──────┴──────────┴───────┴──────────────────┴──────────┴────────────┴───────────────┴───────────────┘
//! ```
//!
//! [`Packet`] and [`Content`] speak of both families and all kinds of authentication. Beside them stands what a
//! router needs that knows IPv4 and passwords only: [`peek`], [`check`] and [`encode`].

mod ah;
mod incoming;
mod message;
mod outgoing;
mod replay;
mod signature;
mod v2;
mod v3;

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{Auth, Checksum, Version};
use keepalived_model::{Micros, Vrid};

pub use ah::{AUTH_HEADER_LENGTH, Sequence};
pub use incoming::{Address, Envelope, Guard, Heard, Packet, Proof, Terms};
pub use message::Addresses;
pub(crate) use message::MESSAGE_HEADER_LENGTH;
pub use outgoing::{Content, Delivery, Draft, Seal};
pub use replay::{Freshness, MULTICAST_SIGNERS, Signers, Stamp};
pub use signature::{TRAILER_LENGTH, Verifier, signs};
pub use v3::ChecksumForm;

use crate::reject::Reject;

/// What must be known of a datagram before it can be said whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Who sent it.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// As received, so possibly zero.
    pub vrid: u8,
}

/// Source, destination and VRID of a datagram, before any check; it begins with its IPv4 header. The only
/// refusals are those of datagrams that are too short.
pub fn peek(datagram: &[u8]) -> Result<Peek, Reject> {
    let Address { source, destination, vrid, .. } = Packet::V4(datagram).address()?;
    let (source, destination) = both_ipv4(datagram, source, destination)?;
    Ok(Peek { source, destination, vrid })
}

/// What a virtual router expects of the adverts for it.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// Its protocol version.
    pub version: Version,
    /// Its authentication; of no meaning in version 3.
    pub auth: &'a Auth,
    /// Its own interval; version 2 refuses every other, version 3 leaves the comparison to the caller.
    pub interval: Micros,
    /// Whether its own transport is multicast.
    pub multicast: bool,
}

/// An advert that passed [`check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// Who sent it.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// As received.
    pub ttl: u8,
    /// As received.
    pub vrid: u8,
    /// 1–255; 0: the sender resigns.
    pub priority: u8,
    /// The sender's interval: whole seconds in version 2, centiseconds in version 3. May be zero in
    /// version 3.
    pub interval: Micros,
    addresses: &'a [[u8; 4]],
}

impl Advert<'_> {
    /// The addresses it lists, in its order.
    pub fn addresses(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> {
        self.addresses.iter().map(|octets| Ipv4Addr::from(*octets))
    }
}

/// [`Packet::check`] for a datagram that begins with its IPv4 header. Authentication that needs more than a
/// password counts as none.
pub fn check<'a>(datagram: &'a [u8], expect: &Expect<'_>) -> Result<Advert<'a>, Reject> {
    let guard = match expect.auth {
        Auth::None | Auth::Ah(_) | Auth::Hmac(_) => Guard::None,
        Auth::Pass(password) => Guard::Password(password),
    };
    let Expect { version, interval, multicast, .. } = *expect;
    let checksum = Checksum::default();
    let heard = Packet::V4(datagram).check(&Terms { version, interval, multicast, guard, checksum })?;
    let (source, destination) = both_ipv4(datagram, heard.source, heard.destination)?;
    Ok(Advert {
        source,
        destination,
        ttl: heard.hop_limit,
        vrid: heard.vrid,
        priority: heard.priority,
        interval: heard.interval,
        addresses: match heard.addresses {
            Addresses::V4(addresses) => addresses,
            Addresses::V6(_) => &[],
        },
    })
}

/// An advert to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Protocol version.
    pub version: Version,
    /// The VRID.
    pub vrid: Vrid,
    /// 1–255; 0: resigns.
    pub priority: u8,
    /// Rounded down to what the version can express: whole seconds up to 255, or centiseconds up to 4095.
    pub interval: Micros,
    /// Authentication; of no meaning in version 3.
    pub auth: &'a Auth,
    /// Source address.
    pub source: Ipv4Addr,
    /// The group, or the peer this copy is for.
    pub destination: Ipv4Addr,
    /// IPv4 identification.
    pub id: u16,
    /// Time to live.
    pub ttl: u8,
    /// What to list; only the first 255 find room.
    pub addresses: &'a [Ipv4Addr],
}

/// The complete IPv4 datagram of one copy; see [`Draft::packet`].
pub fn encode(out: &Outgoing<'_>) -> Vec<u8> {
    let content = Content {
        version: out.version,
        vrid: out.vrid,
        priority: out.priority,
        interval: out.interval,
        source: out.source.into(),
        seal: match out.auth {
            Auth::None | Auth::Ah(_) | Auth::Hmac(_) => Seal::None,
            Auth::Pass(password) => Seal::Password(password),
        },
    };
    content.draft(out.addresses).packet(&Delivery {
        destination: out.destination.into(),
        id: out.id,
        ttl: out.ttl,
        checksum: Checksum::default(),
    })
}

/// The addresses of an IPv4 datagram, which are of that family.
fn both_ipv4(datagram: &[u8], source: IpAddr, destination: IpAddr) -> Result<(Ipv4Addr, Ipv4Addr), Reject> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Ok((source, destination)),
        _ => Err(Reject::TooShort { length: datagram.len() }),
    }
}
