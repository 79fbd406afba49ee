//! Our own eyes on the wire: reads adverts and gratuitous ARP without the product's codec, so that a mistake
//! there cannot agree with itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::Micros;
use keepalived_model::vrrp::Carrier;
use keepalived_wire::vrrp::{Envelope, Packet};

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const AUTH_HEADER: usize = 24;
const SIGNATURE: usize = 28;
const VRRP: u8 = 112;
const AH: u8 = 51;

/// An advert as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// From the header.
    pub source: IpAddr,
    /// From the header.
    pub destination: IpAddr,
    /// From the header of IPv4.
    pub id: Option<u16>,
    /// From the header.
    pub ttl: u8,
    /// 2 or 3.
    pub version: u8,
    /// As it stands there.
    pub vrid: u8,
    /// Zero: resigns.
    pub priority: u8,
    /// The sender's interval.
    pub interval: Micros,
    /// How many addresses it lists.
    pub count: u8,
    /// Version 2: type and, over IPv4, data of the authentication.
    pub auth: Option<(u8, [u8; 8])>,
    /// The number of its authentication header.
    pub number: Option<u32>,
    /// When it was signed: 65536ths of a second, and a counter of 65536ths of these.
    pub stamp: Option<u64>,
}

/// What travels: what a router hands to its socket, with the header of IPv6 before it.
pub fn enclose(source: IpAddr, destination: IpAddr, hop_limit: Option<u8>, packet: &[u8]) -> Vec<u8> {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else { return packet.to_vec() };
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = [0x6c, 0, 0, 0, length[0], length[1], VRRP, hop_limit.unwrap_or(64)];
    [&head[..], &source.octets(), &destination.octets(), packet].concat()
}

/// What a router's socket hands to it.
pub fn opened(bytes: &[u8]) -> Packet<'_> {
    match bytes.split_first_chunk::<IPV6_HEADER>() {
        Some((header, message)) if header[0] >> 4 == 6 => {
            let (source, destination) = (ipv6(&header[8..24]), ipv6(&header[24..]));
            let hop_limit = header[7];
            Packet::V6 { envelope: Envelope { source, destination, hop_limit }, message }
        }
        _ => Packet::V4(bytes),
    }
}

/// Where it goes to.
pub fn destination(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.first()? >> 4 {
        6 => Some(ipv6(bytes.get(24..IPV6_HEADER)?).into()),
        _ => Some(ipv4(bytes.get(16..IPV4_HEADER)?).into()),
    }
}

/// How it travels.
pub fn carrier(bytes: &[u8]) -> Carrier {
    match (bytes.first().map(|first| first >> 4), bytes.get(9)) {
        (Some(6), _) => Carrier::Ipv6,
        (_, Some(&AH)) => Carrier::AuthHeader,
        _ => Carrier::Ipv4,
    }
}

/// Its VRID, as the filter of a kernel finds it.
pub fn vrid(bytes: &[u8]) -> Option<u8> {
    let before = match carrier(bytes) {
        Carrier::Ipv4 => IPV4_HEADER,
        Carrier::AuthHeader => IPV4_HEADER + AUTH_HEADER,
        Carrier::Ipv6 => IPV6_HEADER,
    };
    bytes.get(before + 1).copied()
}

/// Reads an advert. `None`: no router may accept this. Whether integrity values and signatures are right it does
/// not know: nobody here makes wrong ones.
pub fn advert(bytes: &[u8]) -> Option<Seen> {
    match bytes.first()? >> 4 {
        6 => over_ipv6(bytes),
        _ => over_ipv4(bytes),
    }
}

fn over_ipv4(datagram: &[u8]) -> Option<Seen> {
    let (header, rest) = datagram.split_at_checked(IPV4_HEADER)?;
    let total = u16::from_be_bytes([header[2], header[3]]);
    if header[0] != 0x45 || usize::from(total) != datagram.len() {
        return None;
    }
    let (number, message) = match header[9] {
        VRRP => (None, rest),
        AH => {
            let (auth, message) = rest.split_at_checked(AUTH_HEADER)?;
            let is_sane = auth.starts_with(&[VRRP, 4, 0, 0]) && auth[4..8] == header[12..16];
            (is_sane.then(|| u32::from_be_bytes([auth[8], auth[9], auth[10], auth[11]]))?.into(), message)
        }
        _ => return None,
    };
    let version = message.first()? >> 4;
    let tail = if version == 2 { 8 } else { 0 };
    let length = 8 + 4 * usize::from(*message.get(3)?) + tail;
    let pseudo = match version {
        2 => Vec::new(),
        _ => [&header[12..20], &[0, VRRP], &u16::try_from(length).unwrap_or(0).to_be_bytes()].concat(),
    };
    let (source, destination) = (ipv4(&header[12..16]).into(), ipv4(&header[16..20]).into());
    let seen = fields(message, length, |own, _| sum(&[&pseudo, own]))?;
    let password: Option<[u8; 8]> = message.get(..length)?.last_chunk().copied();
    let auth = if version == 2 { password.map(|password| (message[4], password)) } else { None };
    let id = Some(u16::from_be_bytes([header[4], header[5]]));
    Some(Seen { source, destination, id, ttl: header[8], auth, number, ..seen })
}

fn over_ipv6(bytes: &[u8]) -> Option<Seen> {
    let (header, message) = bytes.split_at_checked(IPV6_HEADER)?;
    if header[6] != VRRP || usize::from(u16::from_be_bytes([header[4], header[5]])) != message.len() {
        return None;
    }
    let length = 8 + 16 * usize::from(*message.get(3)?);
    let pseudo = [&header[8..IPV6_HEADER], &[0, 0, header[4], header[5], 0, 0, 0, VRRP]].concat();
    // Over IPv6 the sum is one over the whole payload.
    let seen = fields(message, length, |own, behind| sum(&[&pseudo, own, behind]))?;
    let (source, destination) = (ipv6(&header[8..24]).into(), ipv6(&header[24..]).into());
    let auth = if seen.version == 2 { Some((message[4], [0; 8])) } else { None };
    Some(Seen { source, destination, ttl: header[7], auth, ..seen })
}

/// What is the same over both families. A message may have a signature behind it and nothing else.
fn fields(message: &[u8], length: usize, sum_of: impl Fn(&[u8], &[u8]) -> u16) -> Option<Seen> {
    let (own, behind) = message.split_at_checked(length)?;
    let version = own[0] >> 4;
    if own[0] & 15 != 1 || !matches!(version, 2 | 3) || sum_of(own, behind) != 0xffff {
        return None;
    }
    let stamp = match behind.len() {
        0 => None,
        SIGNATURE if behind[0] == 1 => Some(u64::from_be_bytes(*behind[4..].first_chunk()?)),
        _ => return None,
    };
    let interval = match version {
        2 => Micros::from_secs(u64::from(own[5])),
        _ => Micros::from_centis(u64::from(u16::from_be_bytes([own[4] & 15, own[5]]))),
    };
    Some(Seen {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        id: None,
        ttl: 0,
        version,
        vrid: own[1],
        priority: own[2],
        interval,
        count: own[3],
        auth: None,
        number: None,
        stamp,
    })
}

fn ipv4(octets: &[u8]) -> Ipv4Addr {
    octets.first_chunk::<4>().copied().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
}

fn ipv6(octets: &[u8]) -> Ipv6Addr {
    octets.first_chunk::<16>().copied().map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from)
}

/// The address an announcement speaks of, be it a gratuitous ARP or a neighbor advertisement.
pub fn announced(frame: &[u8], mac: [u8; 6]) -> Option<IpAddr> {
    gratuitous(frame, mac).map(IpAddr::V4).or_else(|| unsolicited(frame, mac).map(IpAddr::V6))
}

/// The address an unsolicited neighbor advertisement speaks of. `None`: not a sane one (`spec` runtime 3.5).
fn unsolicited(frame: &[u8], mac: [u8; 6]) -> Option<Ipv6Addr> {
    let (ethernet, rest) = frame.split_at_checked(14)?;
    let (header, message) = rest.split_at_checked(IPV6_HEADER)?;
    let ip = ipv6(&header[8..24]);
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let option = [&[2, 1][..], &mac].concat();
    let pseudo = [&header[8..IPV6_HEADER], &[0, 0, 0, 32, 0, 0, 0, 58]].concat();
    let is_sane = ethernet == [&[0x33, 0x33, 0, 0, 0, 1][..], &mac, &[0x86, 0xdd]].concat()
        && header[..8] == [0x60, 0, 0, 0, 0, 32, 58, 255]
        && ipv6(&header[24..]) == all_nodes
        && message.len() == 32
        && message[..2] == [136, 0]
        && ipv6(&message[8..24]) == ip
        && message[24..] == option
        && sum(&[&pseudo, message]) == 0xffff;
    is_sane.then_some(ip)
}

/// The address a gratuitous ARP request speaks of. `None`: not a sane one (`spec` runtime 3.5).
fn gratuitous(frame: &[u8], mac: [u8; 6]) -> Option<Ipv4Addr> {
    let head = [&[255; 6], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1][..], &mac].concat();
    let rest = frame.strip_prefix(&head[..])?;
    let (ip, target) = (rest.get(..4)?, rest.get(4..)?);
    let sane = target == [&[255; 6], ip].concat();
    sane.then(|| Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]))
}

/// One's complement sum of 16-bit words; a message with a right checksum gives `0xffff`.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut total: u32 =
        words.map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |low| u32::from(*low))).sum();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::try_from(total).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let text = |pair: &[u8]| String::from_utf8_lossy(pair).into_owned();
        digits.chunks(2).map(|pair| u8::from_str_radix(&text(pair), 16).expect("hex")).collect()
    }

    /// Frames captured from the original (`spec` runtime 3.2 and 3.3).
    #[test]
    fn adverts_of_the_original_are_read_and_damaged_ones_are_not() {
        let v2 =
            bytes("45c0002800010000ff70d088 0a090001 e0000012 2102960101 01013f0a090067 7365637265740000");
        let v3 = bytes("45c0002000010000ff70d090 0a090001 e0000012 310496010064438b 0a090069");
        let seen = advert(&v2).expect("a sane advert");
        assert_eq!((seen.vrid, seen.priority, seen.interval), (2, 150, Micros::from_secs(1)));
        assert_eq!(seen.auth, Some((1, *b"secret\0\0")));
        let seen = advert(&v3).expect("a sane advert");
        assert_eq!((seen.vrid, seen.priority, seen.interval), (4, 150, Micros::from_secs(1)));
        for at in 20..v3.len() {
            let mut damaged = v3.clone();
            damaged[at] ^= 0x40;
            assert_eq!(advert(&damaged), None, "{at}");
        }
    }
}
