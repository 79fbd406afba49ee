//! The codecs alone: every kind of expectation on the same bytes, of either family, and adverts made, damaged and
//! read again.
//!
//! Three promises: nothing panics; what is accepted can be read to its end; and nobody gets past an authentication
//! header or a signature without the key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use keepalived_model::vrrp::{AntiReplay, Auth, Checksum, Hmac, HmacMode, OldChecksum, Version};
use keepalived_model::{Micros, Vrid};
use keepalived_wire::vrrp::{
    Content, Delivery, Envelope, Guard, Packet, Proof, Seal, Sequence, Signers, Stamp, Terms,
};

use crate::Bytes;

const SECOND: Micros = Micros::from_secs(1);
const CLOCK: Micros = Micros::from_secs(1_795_174_455);
const OWN_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

static ALL: LazyLock<[Auth; 5]> = LazyLock::new(|| {
    let hmac = |anti_replay, mode| {
        let keys = [(7, vec![b'k'; 32])].into();
        Auth::Hmac(Hmac { keys, active: 7, window: Micros::from_secs(5), anti_replay, mode })
    };
    [
        Auth::None,
        Auth::Pass(*b"1111\0\0\0\0"),
        Auth::Ah(*b"1111\0\0\0\0"),
        hmac(AntiReplay::Time, HmacMode::Enforce),
        hmac(AntiReplay::Monotonic, HmacMode::Permissive),
    ]
});

/// The bytes as they are.
pub fn check_raw(bytes: &[u8]) {
    let mut front = Bytes(bytes);
    let hop_limit = front.one();
    let destination = if front.one() & 1 == 0 { GROUP_V6 } else { OWN_V6 };
    let envelope = Envelope { source: OWN_V6, destination, hop_limit };
    for packet in [Packet::V4(bytes), Packet::V6 { envelope, message: bytes }] {
        let address = packet.address();
        check_all(&packet, |_, heard| {
            assert!(address.is_ok());
            assert!(matches!(heard, Proof::None | Proof::Unsigned), "passed without the key");
        });
    }
}

/// An advert of ours, in which up to one octet is another.
pub fn check_made(mut bytes: Bytes<'_>) {
    let (way, kind) = (bytes.one(), bytes.one());
    let version = if way & 1 == 0 { Version::V2 } else { Version::V3 };
    let auth = &ALL[usize::from(kind) % ALL.len()];
    let (source, destination): (IpAddr, IpAddr) = match way >> 1 & 3 {
        0 => (OWN_V4.into(), GROUP_V4.into()),
        1 => (OWN_V4.into(), Ipv4Addr::new(192, 0, 2, bytes.one()).into()),
        2 => (OWN_V6.into(), GROUP_V6.into()),
        _ => (OWN_V6.into(), Ipv6Addr::LOCALHOST.into()),
    };
    let content = Content {
        version,
        vrid: Vrid::try_from(bytes.one().max(1)).expect("not zero"),
        priority: bytes.one(),
        interval: SECOND,
        source,
        seal: Seal::of(auth, Sequence::at(u32::from(bytes.one())), Stamp::at(CLOCK)),
    };
    let addresses = vec![source; usize::from(bytes.one()) << (way & 1)];
    let old_unicast = if way & 8 == 0 { OldChecksum::Detect } else { OldChecksum::Always };
    let checksum = Checksum { as_v2: way & 16 != 0, old_unicast };
    let delivery = Delivery { destination, id: 1, ttl: 255, checksum };
    let mut packet = content.draft(&addresses).packet(&delivery);
    let at = (usize::from(bytes.one()) << 8 | usize::from(bytes.one())) % packet.len();
    let before = packet[at];
    packet[at] = bytes.one();
    let is_whole = packet[at] == before;
    let received = match (source, destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let envelope = Envelope { source, destination, hop_limit: 255 };
            Packet::V6 { envelope, message: &packet }
        }
        _ => Packet::V4(&packet),
    };
    let mut proofs = 0;
    check_all(&received, |_, proof| {
        proofs += usize::from(matches!(proof, Proof::Sequence(_) | Proof::Stamp(_)))
    });
    // Over IPv4 there are octets of the header that nobody signs.
    if !is_whole && source.is_ipv6() {
        assert_eq!(proofs, 0, "octet {at} was changed");
    }
}

/// Every expectation there is; what is accepted is told.
fn check_all(packet: &Packet<'_>, mut accepted: impl FnMut(Version, Proof)) {
    let signers = Signers::with_room(1);
    for version in [Version::V2, Version::V3] {
        for auth in &*ALL {
            for (multicast, as_v2) in [(true, false), (false, false), (true, true)] {
                let guard = Guard::of(auth, Sequence::default(), CLOCK, &signers);
                let checksum = Checksum { as_v2, ..Checksum::default() };
                let terms = Terms { version, interval: SECOND, multicast, guard, checksum };
                if let Ok(heard) = packet.check(&terms) {
                    assert_eq!(heard.addresses.iter().count(), heard.addresses.len());
                    accepted(version, heard.proof);
                }
            }
        }
    }
}
