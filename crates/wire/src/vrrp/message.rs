//! The fields of a message, as they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::vrrp::{Family, Version};

/// Octets before the list of addresses.
pub const MESSAGE_HEADER_LENGTH: usize = 8;
/// Octets of authentication data, which every version 2 advert over IPv4 has and none over IPv6
/// (`spec` runtime 3.2).
pub const AUTH_LENGTH: usize = 8;
/// The longest list: its count is one octet.
pub const ADDRESSES_MAX: usize = 255;
/// The type of an advert, the only one there is (RFC 5798 §5.2.2).
pub const TYPE_ADVERT: u8 = 1;
/// Where the checksum stands.
const CHECKSUM_AT: std::ops::Range<usize> = 6..8;

/// The addresses an advert lists, in its order, where the packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// Over IPv4.
    V4(&'a [[u8; 4]]),
    /// Over IPv6.
    V6(&'a [[u8; 16]]),
}

impl<'a> Addresses<'a> {
    fn read(family: Family, octets: &'a [u8]) -> Self {
        match family {
            Family::V4 => Self::V4(octets.as_chunks().0),
            Family::V6 => Self::V6(octets.as_chunks().0),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::V4(list) => list.len(),
            Self::V6(list) => list.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<'a> {
        let (v4, v6): (&[[u8; 4]], &[[u8; 16]]) = match *self {
            Self::V4(list) => (list, &[]),
            Self::V6(list) => (&[], list),
        };
        let v4 = v4.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
        v4.chain(v6.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))))
    }
}

/// The fields of a VRRP message, unchecked.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub family: Family,
    pub version: u8,
    pub kind: u8,
    pub vrid: u8,
    pub priority: u8,
    pub count: u8,
    /// Version 2: authentication type and seconds; version 3: four reserved bits and centiseconds.
    pub middle: [u8; 2],
    /// As far as they are there.
    pub addresses: Addresses<'a>,
    /// What follows the addresses, padding included.
    pub rest: &'a [u8],
    /// All of the above.
    octets: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` when not even the fixed fields are there.
    pub fn read(family: Family, octets: &'a [u8]) -> Option<Self> {
        let (header, body) = octets.split_first_chunk::<MESSAGE_HEADER_LENGTH>()?;
        let [first, vrid, priority, count, upper, lower, _, _] = *header;
        let listed = (usize::from(count) * address_length(family)).min(body.len());
        let (list, rest) = body.split_at_checked(listed)?;
        Some(Self {
            family,
            version: first >> 4,
            kind: first & 0x0f,
            vrid,
            priority,
            count,
            middle: [upper, lower],
            addresses: Addresses::read(family, list),
            rest,
            octets,
        })
    }

    /// The octets a message with such a count has. The message's own version says whether there is
    /// authentication data, so that another version is refused as that and not for its length (measured:
    /// the original logs "wrong version" for a version 3 advert that reaches a version 2 router).
    pub fn length(&self) -> usize {
        let auth = match self.family {
            Family::V4 if self.version == number(Version::V2) => AUTH_LENGTH,
            Family::V4 | Family::V6 => 0,
        };
        MESSAGE_HEADER_LENGTH + usize::from(self.count) * address_length(self.family) + auth
    }

    /// The message without what follows it.
    pub fn octets(&self) -> &'a [u8] {
        self.octets.get(..self.length()).unwrap_or(self.octets)
    }

    /// What follows the message: padding, or a trailer.
    pub fn behind(&self) -> &'a [u8] {
        self.octets.get(self.length()..).unwrap_or(&[])
    }
}

/// Cuts octets of a message in two around its checksum; empty halves stand for what is not there.
pub fn around_checksum(message: &[u8]) -> (&[u8], &[u8]) {
    let before = message.get(..CHECKSUM_AT.start).unwrap_or(message);
    (before, message.get(CHECKSUM_AT.end..).unwrap_or(&[]))
}

/// Writes the checksum into octets of a message.
pub fn put_checksum(message: &mut [u8], sum: u16) {
    if let Some(place) = message.get_mut(CHECKSUM_AT) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// The version's number on the wire.
pub fn number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn address_length(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}
