//! Adverts over IPv4: version 2 (RFC 3768, with the authentication data of RFC 2338) and version 3 (RFC 5798).
//!
//! ```text
//!  0      1      2          3       4..6               6..8       8..8+4n      8+4n..16+4n
//! ┌──────┬──────┬──────────┬───────┬──────────────────┬──────────┬────────────┬───────────────┐
//! │ v, 1 │ VRID │ priority │ count │ v2 type, seconds │ checksum │ addresses  │ v2: 8 octets  │
//! │      │      │          │  (n)  │ v3 centiseconds  │          │            │ of password   │
//! └──────┴──────┴──────────┴───────┴──────────────────┴──────────┴────────────┴───────────────┘
//! ```

use std::net::Ipv4Addr;

use keepalived_model::vrrp::{Auth, Version};
use keepalived_model::{Micros, Vrid};

use crate::checksum::Checksum;
use crate::ipv4::{self, Datagram};
use crate::reject::Reject;

/// Octets before the list of addresses.
const HEADER_LENGTH: usize = 8;
/// Octets of one address.
const ADDRESS_LENGTH: usize = 4;
/// Octets of authentication data, which every version 2 advert over IPv4 has (`spec` runtime 3.2).
const AUTH_LENGTH: usize = 8;
/// The longest list: its count is one octet.
const ADDRESSES_MAX: usize = 255;
/// The type of an advert, the only one there is (RFC 5798 §5.2.2).
const TYPE_ADVERT: u8 = 1;
/// What a datagram that never left its link arrives with (RFC 5798 §5.1.1.3).
const TTL_FROM_THIS_LINK: u8 = 255;
/// Payload of the shortest Ethernet frame; what is shorter may arrive padded.
const FRAME_PAYLOAD_MIN: usize = 46;
/// The longest interval version 3 can express: twelve bits of centiseconds.
const CENTIS_MAX: u16 = 0x0fff;
/// What the original up to 1.3.6 took for the destination in the checksum of version 3 unicast adverts
/// (`spec` runtime 3.3).
const OLD_PSEUDO_DESTINATION: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

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
/// refusal is [`Reject::TooShort`].
pub fn peek(datagram: &[u8]) -> Result<Peek, Reject> {
    let (ip, message) = split(datagram)?;
    Ok(Peek { source: ip.source, destination: ip.destination, vrid: message.vrid })
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
    addresses: &'a [[u8; ADDRESS_LENGTH]],
}

impl Advert<'_> {
    /// The addresses it lists, in its order.
    pub fn addresses(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> {
        self.addresses.iter().map(|octets| Ipv4Addr::from(*octets))
    }
}

/// All checks that concern one datagram, in the order of `spec` runtime 3.8 (1–12 there); the first that
/// fails decides. Whether the VRID is ours, whether the sender is a peer and what the list says is the
/// caller's business.
pub fn check<'a>(datagram: &'a [u8], expect: &Expect<'_>) -> Result<Advert<'a>, Reject> {
    let (ip, message) = split(datagram)?;
    if ip.has_ah {
        return Err(Reject::AuthHeader { present: true });
    }
    let length = ip.message_at + message.length();
    if !is_length(datagram.len(), length) {
        return Err(Reject::Length { received: datagram.len(), expected: length });
    }
    if expect.multicast && ip.ttl != TTL_FROM_THIS_LINK {
        return Err(Reject::Ttl { received: ip.ttl });
    }
    if message.version != number(expect.version) {
        return Err(Reject::Version { received: message.version, expected: number(expect.version) });
    }
    let interval = match expect.version {
        Version::V2 => {
            check_auth(&message, expect.auth)?;
            check_interval(&message, expect.interval)?
        }
        Version::V3 => message.centis(),
    };
    if message.kind != TYPE_ADVERT {
        return Err(Reject::Type { received: message.kind });
    }
    if usize::from(ip.total_length) != length {
        return Err(Reject::TotalLength { stated: usize::from(ip.total_length), received: length });
    }
    check_checksum(&ip, &message, expect)?;
    if ip.destination.is_multicast() != expect.multicast {
        return Err(Reject::Destination { multicast_received: ip.destination.is_multicast() });
    }
    Ok(Advert {
        source: ip.source,
        destination: ip.destination,
        ttl: ip.ttl,
        vrid: message.vrid,
        priority: message.priority,
        interval,
        addresses: message.addresses,
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

/// The complete IPv4 datagram, octet for octet as the original's (`spec` runtime 3.1–3.3), all checksums
/// included.
pub fn encode(out: &Outgoing<'_>) -> Vec<u8> {
    let addresses = out.addresses.get(..ADDRESSES_MAX).unwrap_or(out.addresses);
    let count = u8::try_from(addresses.len()).unwrap_or(u8::MAX);
    let [upper, lower] = match out.version {
        Version::V2 => [auth_type(out.auth), seconds(out.interval)],
        Version::V3 => centis(out.interval).to_be_bytes(),
    };
    let first = number(out.version) << 4 | TYPE_ADVERT;
    let mut message = vec![first, out.vrid.number(), out.priority, count, upper, lower, 0, 0];
    message.extend(addresses.iter().flat_map(Ipv4Addr::octets));
    if out.version == Version::V2 {
        message.extend(auth_octets(out.auth));
    }
    let sum = match out.version {
        Version::V2 => Checksum::default(),
        Version::V3 => pseudo_header(out.source, out.destination, message.len()),
    };
    let sum = sum.with(&message).finish().to_be_bytes();
    message[6..8].copy_from_slice(&sum);

    let header = ipv4::Header { source: out.source, destination: out.destination, id: out.id, ttl: out.ttl };
    let mut datagram = header.encode(message.len()).to_vec();
    datagram.extend(message);
    datagram
}

/// The fields of a VRRP message, unchecked.
struct Message<'a> {
    version: u8,
    kind: u8,
    vrid: u8,
    priority: u8,
    count: u8,
    /// Version 2: authentication type and seconds; version 3: four reserved bits and centiseconds.
    middle: [u8; 2],
    /// As far as they are there.
    addresses: &'a [[u8; ADDRESS_LENGTH]],
    /// What follows the addresses, padding included.
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(octets: &'a [u8]) -> Option<Self> {
        let (header, body) = octets.split_first_chunk::<HEADER_LENGTH>()?;
        let [first, vrid, priority, count, upper, lower, _, _] = *header;
        let listed = (usize::from(count) * ADDRESS_LENGTH).min(body.len());
        let (list, rest) = body.split_at_checked(listed)?;
        Some(Self {
            version: first >> 4,
            kind: first & 0x0f,
            vrid,
            priority,
            count,
            middle: [upper, lower],
            addresses: list.as_chunks().0,
            rest,
        })
    }

    /// The octets a message with such a count has. The message's own version says whether there is
    /// authentication data, so that another version is refused as that and not for its length (measured:
    /// the original logs "wrong version" for a version 3 advert that reaches a version 2 router).
    fn length(&self) -> usize {
        let auth = if self.version == number(Version::V2) { AUTH_LENGTH } else { 0 };
        HEADER_LENGTH + usize::from(self.count) * ADDRESS_LENGTH + auth
    }

    fn centis(&self) -> Micros {
        Micros::from_centis(u64::from(u16::from_be_bytes(self.middle) & CENTIS_MAX))
    }
}

fn split(datagram: &[u8]) -> Result<(Datagram<'_>, Message<'_>), Reject> {
    let both = ipv4::split(datagram).and_then(|ip| Some((ip, Message::read(ip.message)?)));
    both.ok_or(Reject::TooShort { length: datagram.len() })
}

/// Whether so many octets can be a datagram of the expected length: exactly, or with the padding of a
/// shortest frame, less a whole number of VLAN tags.
fn is_length(received: usize, expected: usize) -> bool {
    let padded = expected < FRAME_PAYLOAD_MIN && received > expected && (received - expected) % 4 == 2;
    received == expected || padded
}

fn check_auth(message: &Message<'_>, ours: &Auth) -> Result<(), Reject> {
    let [received, _] = message.middle;
    let expected = auth_type(ours);
    match (received, ours) {
        (3.., _) => Err(Reject::AuthTypeUnknown { received }),
        _ if received != expected => Err(Reject::AuthTypeMismatch { received, expected }),
        // The other two stand outside the message.
        (_, Auth::None | Auth::Ah(_) | Auth::Hmac(_)) => Ok(()),
        (_, Auth::Pass(password)) if message.rest.starts_with(password) => Ok(()),
        (_, Auth::Pass(_)) => Err(Reject::Password),
    }
}

fn check_interval(message: &Message<'_>, ours: Micros) -> Result<Micros, Reject> {
    let [_, received] = message.middle;
    let expected = seconds(ours);
    if received == expected {
        Ok(Micros::from_secs(u64::from(received)))
    } else {
        Err(Reject::Interval { received, expected })
    }
}

/// A unicast version 3 message may also have the checksum of the original up to 1.3.6.
fn check_checksum(ip: &Datagram<'_>, message: &Message<'_>, expect: &Expect<'_>) -> Result<(), Reject> {
    let octets = ip.message.get(..message.length()).unwrap_or(ip.message);
    let pseudo = |destination| pseudo_header(ip.source, destination, octets.len());
    let good = match expect.version {
        Version::V2 => is_good(Checksum::default(), octets),
        Version::V3 => {
            is_good(pseudo(ip.destination), octets)
                || (!expect.multicast && is_good(pseudo(OLD_PSEUDO_DESTINATION), octets))
        }
    };
    if good { Ok(()) } else { Err(Reject::Checksum { version: number(expect.version) }) }
}

fn is_good(sum: Checksum, octets: &[u8]) -> bool {
    sum.with(octets).finish() == 0
}

/// RFC 5798 §5.2.8: source, destination, zero, protocol, length.
fn pseudo_header(source: Ipv4Addr, destination: Ipv4Addr, length: usize) -> Checksum {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    Checksum::default()
        .with(&source.octets())
        .with(&destination.octets())
        .with(&[0, ipv4::PROTOCOL_VRRP])
        .with(&length.to_be_bytes())
}

fn number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

/// RFC 2338 §5.3.6.
fn auth_type(auth: &Auth) -> u8 {
    match auth {
        Auth::None | Auth::Hmac(_) => 0,
        Auth::Pass(_) => 1,
        Auth::Ah(_) => 2,
    }
}

fn auth_octets(auth: &Auth) -> [u8; AUTH_LENGTH] {
    match auth {
        Auth::None | Auth::Ah(_) | Auth::Hmac(_) => [0; AUTH_LENGTH],
        Auth::Pass(password) => *password,
    }
}

fn seconds(interval: Micros) -> u8 {
    u8::try_from(interval.as_secs()).unwrap_or(u8::MAX)
}

fn centis(interval: Micros) -> u16 {
    let Micros(micros) = interval;
    u16::try_from(micros / Micros::from_centis(1).0).unwrap_or(CENTIS_MAX).min(CENTIS_MAX)
}
