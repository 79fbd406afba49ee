//! The IPv4 header around an advert (`spec` runtime 3.1; layout: RFC 791 §3.1).

use std::net::Ipv4Addr;

use crate::checksum::Checksum;

/// VRRP's protocol number (RFC 5798 §5.1.1.4).
pub const PROTOCOL_VRRP: u8 = 112;
/// The IPsec authentication header's (RFC 4302), which VRRP version 2 may carry.
pub const PROTOCOL_AH: u8 = 51;
/// Octets of a header without options, the only kind we send.
pub const HEADER_LENGTH: usize = 20;
/// Octets of an authentication header as VRRP uses it: a 96 bit integrity value (`spec` runtime 3.2).
const AH_LENGTH: usize = 24;
/// Precedence "internetwork control".
const TYPE_OF_SERVICE: u8 = 0xc0;

/// A datagram cut into the pieces VRRP is interested in. Nothing is checked but that they are there.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Time to live as received.
    pub ttl: u8,
    /// The length the header states.
    pub total_length: u16,
    /// Whether an authentication header stands before the message.
    pub has_ah: bool,
    /// Octets before the message.
    pub message_at: usize,
    /// Everything after the headers.
    pub message: &'a [u8],
}

/// Cuts a datagram; `None` when it is shorter than its headers or no IPv4 at all.
pub fn split(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (fixed, _) = datagram.split_first_chunk::<HEADER_LENGTH>()?;
    let [version_length, _, length @ ..] = fixed;
    let [length_high, length_low, _, _, _, _, ttl, protocol, _, _, addresses @ ..] = length;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
    let header_length = usize::from(version_length & 0x0f) * 4;
    if version_length >> 4 != 4 || header_length < HEADER_LENGTH {
        return None;
    }
    let has_ah = *protocol == PROTOCOL_AH;
    let message_at = if has_ah { header_length + AH_LENGTH } else { header_length };
    Some(Datagram {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        ttl: *ttl,
        total_length: u16::from_be_bytes([*length_high, *length_low]),
        has_ah,
        message_at,
        message: datagram.get(message_at..)?,
    })
}

/// What our own headers differ in.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Identification.
    pub id: u16,
    /// Time to live.
    pub ttl: u8,
}

impl Header {
    /// The header's octets before a message of so many. A message too long for IPv4 does not exist: the
    /// longest advert has 1036 octets.
    pub fn encode(&self, message_length: usize) -> [u8; HEADER_LENGTH] {
        let total = u16::try_from(HEADER_LENGTH + message_length).unwrap_or(u16::MAX);
        let mut header = [0; HEADER_LENGTH];
        header[0] = 0x45;
        header[1] = TYPE_OF_SERVICE;
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[8] = self.ttl;
        header[9] = PROTOCOL_VRRP;
        header[12..16].copy_from_slice(&self.source.octets());
        header[16..20].copy_from_slice(&self.destination.octets());
        let sum = Checksum::default().with(&header).finish();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }
}
