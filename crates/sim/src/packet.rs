//! Our own eyes on the wire: reads adverts and gratuitous ARP without the product's codec, so that a mistake
//! there cannot agree with itself.

use std::net::Ipv4Addr;

use keepalived_model::Micros;

/// An advert as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// From the IPv4 header.
    pub source: Ipv4Addr,
    /// From the IPv4 header.
    pub destination: Ipv4Addr,
    /// From the IPv4 header.
    pub id: u16,
    /// From the IPv4 header.
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
    /// Version 2: type and data of the authentication.
    pub auth: Option<(u8, [u8; 8])>,
}

/// Reads an advert. `None`: no router may accept this.
pub fn advert(datagram: &[u8]) -> Option<Seen> {
    let (header, message) = datagram.split_at_checked(20)?;
    let total = u16::from_be_bytes([header[2], header[3]]);
    if header[0] != 0x45 || header[9] != 112 || usize::from(total) != datagram.len() || message.len() < 8 {
        return None;
    }
    let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let (version, count) = (message[0] >> 4, message[3]);
    let (tail, pseudo) = match version {
        2 => (8, Vec::new()),
        3 => (0, [&header[12..20], &[0, 112], &(total - 20).to_be_bytes()].concat()),
        _ => return None,
    };
    let expected = 8 + 4 * usize::from(count) + tail;
    if message[0] & 15 != 1 || message.len() != expected || sum(&[&pseudo, message]) != 0xffff {
        return None;
    }
    let interval = match version {
        2 => Micros::from_secs(u64::from(message[5])),
        _ => Micros::from_centis(u64::from(u16::from_be_bytes([message[4] & 15, message[5]]))),
    };
    let password: Option<[u8; 8]> = message.last_chunk().copied();
    Some(Seen {
        source: address(12),
        destination: address(16),
        id: u16::from_be_bytes([header[4], header[5]]),
        ttl: header[8],
        version,
        vrid: message[1],
        priority: message[2],
        interval,
        count,
        auth: if version == 2 { password.map(|password| (message[4], password)) } else { None },
    })
}

/// The address a gratuitous ARP request speaks of. `None`: not a sane one (`spec` runtime 3.5).
pub fn gratuitous(frame: &[u8], mac: [u8; 6]) -> Option<Ipv4Addr> {
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
