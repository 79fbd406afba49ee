//! The IPv4 header around an advert (`spec` runtime 3.1; layout: RFC 791 §3.1).

use std::net::Ipv4Addr;

use crate::checksum::Checksum;
use crate::reject::Reject;
use crate::vrrp::{AUTH_HEADER_LENGTH, MESSAGE_HEADER_LENGTH};

/// VRRP's protocol number (RFC 5798 §5.1.1.4).
pub const PROTOCOL_VRRP: u8 = 112;
/// The IPsec authentication header's (RFC 4302), which VRRP version 2 may carry.
pub const PROTOCOL_AH: u8 = 51;
/// Octets of a header without options, the only kind we send.
pub const HEADER_LENGTH: usize = 20;
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
    /// The header, options included.
    pub header: &'a [u8],
    /// The authentication header, where there is one before the message.
    pub auth_header: Option<&'a [u8; AUTH_HEADER_LENGTH]>,
    /// Octets before the message.
    pub message_at: usize,
    /// Everything after the headers; long enough for the fixed part of a message.
    pub message: &'a [u8],
}

/// Cuts a datagram; refuses one that is shorter than its headers, or no IPv4 at all. One that ends within an
/// authentication header is told apart once there are octets enough for an advert without one (measured:
/// 28–51 octets).
pub fn split(datagram: &[u8]) -> Result<Datagram<'_>, Reject> {
    let length = datagram.len();
    let cut = || {
        let (fixed, _) = datagram.split_first_chunk::<HEADER_LENGTH>()?;
        let [version_length, ..] = *fixed;
        let header_length = usize::from(version_length & 0x0f) * 4;
        let (header, rest) = datagram.split_at_checked(header_length)?;
        let is_readable =
            version_length >> 4 == 4 && header_length >= HEADER_LENGTH && rest.len() >= MESSAGE_HEADER_LENGTH;
        is_readable.then_some((fixed, header, rest))
    };
    let (fixed, header, rest) = cut().ok_or(Reject::TooShort { length })?;
    let [_, _, l0, l1, _, _, _, _, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *fixed;
    let (auth_header, message) = match rest.split_first_chunk() {
        _ if protocol != PROTOCOL_AH => (None, rest),
        Some((auth_header, message)) if message.len() >= MESSAGE_HEADER_LENGTH => {
            (Some(auth_header), message)
        }
        _ => return Err(Reject::TooShortForAuthHeader { length }),
    };
    Ok(Datagram {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        ttl,
        total_length: u16::from_be_bytes([l0, l1]),
        header,
        auth_header,
        message_at: length - message.len(),
        message,
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
    /// [`PROTOCOL_VRRP`] or [`PROTOCOL_AH`].
    pub protocol: u8,
}

impl Header {
    /// The header's octets before so many others. A message too long for IPv4 does not exist: the longest
    /// advert has 1056 octets.
    pub fn encode(&self, payload_length: usize) -> [u8; HEADER_LENGTH] {
        let total = u16::try_from(HEADER_LENGTH + payload_length).unwrap_or(u16::MAX);
        let mut header = [0; HEADER_LENGTH];
        header[0] = 0x45;
        header[1] = TYPE_OF_SERVICE;
        header[2..4].copy_from_slice(&total.to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.source.octets());
        header[16..20].copy_from_slice(&self.destination.octets());
        let sum = Checksum::default().with(&header).finish();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }
}
