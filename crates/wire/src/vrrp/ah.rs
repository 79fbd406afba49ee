//! The IPsec authentication header of version 2 over IPv4 (RFC 4302 §2, `spec` runtime 3.2).
//!
//! ```text
//!  0      1        2..4       4..8              8..12      12..24
//! ┌──────┬────────┬──────────┬─────────────────┬──────────┬───────────────────────────┐
//! │ next │ length │ reserved │ SPI: the source │ sequence │ HMAC-MD5 cut to 96 bits   │
//! │ 112  │ 4      │          │ address         │ number   │ (RFC 2403)                │
//! └──────┴────────┴──────────┴─────────────────┴──────────┴───────────────────────────┘
//! ```
//!
//! The integrity value covers the IPv4 header without what routers change, this header with a value of zero, and
//! the message.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::message::AUTH_LENGTH;
use crate::ipv4::{Datagram, HEADER_LENGTH, PROTOCOL_VRRP};
use crate::reject::Reject;

/// Octets of the header with its integrity value.
pub const AUTH_HEADER_LENGTH: usize = 24;
const VALUE_LENGTH: usize = 12;
const VALUE_AT: usize = AUTH_HEADER_LENGTH - VALUE_LENGTH;

/// The sequence number of a virtual router: one for what it sends and what it hears, so that a backup that takes
/// over goes on where its master ended. A new router begins at zero; nothing but its end sets it back (measured).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u32);

impl Sequence {
    /// The last number that is sent. The original repeats it from then on (measured; at one advert a second that
    /// takes 136 years).
    const LAST: u32 = u32::MAX - 1;

    /// One that stands at this number.
    pub fn at(number: u32) -> Self {
        Self(number)
    }

    /// Where it stands.
    pub fn number(self) -> u32 {
        self.0
    }

    /// That of the next advert; all its unicast copies have the same.
    #[must_use]
    pub fn next(self) -> Self {
        Self(if self.0 < Self::LAST { self.0 + 1 } else { self.0 })
    }

    /// After an advert that was accepted.
    #[must_use]
    pub fn after_hearing(self, received: u32) -> Self {
        Self(received)
    }

    /// After a master has accepted an advert of a lower priority: it skips a number, so that the other, who counts
    /// on for a while, falls behind. Past the end it begins again.
    #[must_use]
    pub fn after_insisting(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Only what is ahead of us has not been seen; the same for backups and masters.
    pub fn admits(self, received: u32) -> bool {
        received > self.0
    }
}

/// Integrity value, then SPI, then sequence number: the original's order (measured). Returns the number. Next
/// header, length and reserved octets are covered by the value and not looked at, as in the original.
pub fn check(
    datagram: &Datagram<'_>,
    message: &[u8],
    key: &[u8; AUTH_LENGTH],
    heard: Sequence,
) -> Result<u32, Reject> {
    let Some(header) = datagram.auth_header else { return Err(Reject::AuthHeader { present: false }) };
    let [_, _, _, _, p0, p1, p2, p3, n0, n1, n2, n3, value @ ..] = *header;
    let mac = covered(datagram.header, header, message, key);
    if mac.verify_truncated_left(&value).is_err() {
        return Err(Reject::IntegrityValue);
    }
    let (received, expected) = (u32::from_be_bytes([p0, p1, p2, p3]), datagram.source.to_bits());
    if received != expected {
        return Err(Reject::SecurityParameters { received, expected });
    }
    let received = u32::from_be_bytes([n0, n1, n2, n3]);
    if !heard.admits(received) {
        return Err(Reject::Sequence { received, local: heard.number() });
    }
    Ok(received)
}

/// The header between an IPv4 header and a message.
pub fn encode(
    ip: &[u8; HEADER_LENGTH],
    message: &[u8],
    key: &[u8; AUTH_LENGTH],
    sequence: Sequence,
) -> [u8; AUTH_HEADER_LENGTH] {
    let mut header = [0; AUTH_HEADER_LENGTH];
    header[0] = PROTOCOL_VRRP;
    // The header's length in units of 32 bits, less two (RFC 4302 §2.2).
    header[1] = 4;
    header[4..8].copy_from_slice(&ip[12..16]);
    header[8..12].copy_from_slice(&sequence.number().to_be_bytes());
    let value = covered(ip, &header, message, key).finalize().into_bytes();
    header.iter_mut().skip(VALUE_AT).zip(value).for_each(|(place, octet)| *place = octet);
    header
}

/// What the value is computed over. Of the IPv4 header, type of service, fragmentation and checksum count as zero,
/// and for unicast the time to live, which routers lower; multicast ones never meet a router.
fn covered(
    ip: &[u8],
    header: &[u8; AUTH_HEADER_LENGTH],
    message: &[u8],
    key: &[u8; AUTH_LENGTH],
) -> Hmac<Md5> {
    let is_multicast = ip.get(16).is_some_and(|first| first >> 4 == 0xe);
    let mut mac: Hmac<Md5> = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    for (at, octet) in ip.iter().enumerate() {
        let is_covered = match at {
            1 | 6 | 7 | 10 | 11 => false,
            8 => is_multicast,
            _ => true,
        };
        mac.update(&[if is_covered { *octet } else { 0 }]);
    }
    mac.update(header.get(..VALUE_AT).unwrap_or(header));
    mac.update(&[0; VALUE_LENGTH]);
    mac.update(message);
    mac
}
