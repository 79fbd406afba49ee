//! What we make we understand, for every combination there is; nothing else is taken for it.

use std::net::IpAddr;

use keepalived_model::vrrp::{Auth, Checksum, OldChecksum, Version};
use keepalived_model::{Micros, Vrid};
use keepalived_wire::vrrp::{
    ChecksumForm, Content, Delivery, Guard, Packet, Proof, Seal, Sequence, Signers, Stamp, Terms,
};

use super::recorded::{Captured, Noise, rules};

const CLOCK: Micros = Micros(1_795_174_455_123_456);

/// One way of sending adverts.
#[derive(Clone, Debug)]
struct Way {
    version: Version,
    source: &'static str,
    destination: &'static str,
    auth: Auth,
    form: ChecksumForm,
}

/// Every combination that a configuration can ask for.
fn ways() -> Vec<Way> {
    let hmac = rules(&[(1, &[b'.'; 32]), (255, &[b'7'; 64])]);
    let all = [Auth::None, Auth::Pass(*b"1paituan"), Auth::Ah(*b"1paituan"), Auth::Hmac(hmac)];
    let ends = [
        ("10.9.0.1", "224.0.0.18"),
        ("10.9.0.1", "10.9.0.2"),
        ("fe80::1", "ff02::12"),
        ("fd00:9::1", "fd00:9::2"),
    ];
    let kinds = [Version::V2, Version::V3].map(|version| all.clone().map(|auth| (version, auth)));
    let mut ways = Vec::new();
    for (source, destination) in ends {
        for (version, auth) in kinds.iter().flatten().cloned() {
            let is_v2_only = matches!(auth, Auth::Pass(_) | Auth::Ah(_));
            if is_v2_only && (version == Version::V3 || source.contains(':')) {
                continue;
            }
            let way = Way { version, source, destination, auth, form: ChecksumForm::Standard };
            ways.push(way.clone());
            if version == Version::V3 && destination == "10.9.0.2" {
                ways.push(Way { form: ChecksumForm::OldUnicast, ..way });
            }
        }
    }
    ways
}

impl Way {
    fn ends(&self) -> (IpAddr, IpAddr) {
        (self.source.parse().expect("an address"), self.destination.parse().expect("an address"))
    }

    fn content(&self, vrid: u8, priority: u8, sequence: Sequence, stamp: Stamp) -> Content<'_> {
        Content {
            version: self.version,
            vrid: Vrid::try_from(vrid).expect("a VRID"),
            priority,
            interval: Micros::from_secs(1),
            source: self.ends().0,
            seal: Seal::of(&self.auth, sequence, stamp),
        }
    }

    fn terms<'a>(&'a self, heard: Sequence, signers: &'a Signers) -> Terms<'a> {
        Terms {
            version: self.version,
            interval: Micros::from_secs(1),
            multicast: self.ends().1.is_multicast(),
            guard: Guard::of(&self.auth, heard, CLOCK, signers),
            checksum: Checksum::default(),
        }
    }

    fn send(&self, content: &Content<'_>, addresses: &[IpAddr]) -> Captured {
        let (source, destination) = self.ends();
        let old_unicast = match self.form {
            ChecksumForm::OldUnicast => OldChecksum::Always,
            ChecksumForm::Standard | ChecksumForm::AsVersion2 => OldChecksum::Detect,
        };
        let checksum = Checksum { as_v2: false, old_unicast };
        let delivery = Delivery { destination, id: 0xfffe, ttl: 255, checksum };
        Captured::ours(source, destination, content.draft(addresses).packet(&delivery))
    }

    /// An advert with two addresses.
    fn sample(&self) -> Captured {
        let (source, _) = self.ends();
        let content = self.content(51, 100, Sequence::at(1), Stamp::at(CLOCK));
        self.send(&content, &[source, source])
    }
}

#[test]
fn what_we_send_we_understand() {
    let mut noise = Noise(42);
    let signers = Signers::with_room(1);
    for way in ways() {
        for count in [0, 1, 2, 3, 17, 254, 255, 256, 300] {
            let (source, destination) = way.ends();
            let addresses: Vec<IpAddr> = (0..count).map(|_| noise.address(source)).collect();
            let (vrid, priority) = (noise.octet().max(1), noise.octet());
            let sequence = Sequence::at(u32::from_be_bytes([noise.octet(), 0, noise.octet(), 1]));
            let content = way.content(vrid, priority, sequence, Stamp::at(CLOCK));
            let captured = way.send(&content, &addresses);
            let heard = captured
                .packet()
                .check(&way.terms(Sequence::default(), &signers))
                .unwrap_or_else(|reject| panic!("{way:?}, {count} addresses: {reject:?}"));
            assert_eq!((heard.source, heard.destination), (source, destination));
            assert_eq!((heard.vrid, heard.priority), (vrid, priority));
            assert!(heard.addresses.iter().eq(addresses.iter().copied().take(255)), "{way:?}");
            assert_eq!(heard.addresses.len(), count.min(255));
            let proof = match way.auth {
                Auth::None | Auth::Pass(_) => Proof::None,
                Auth::Ah(_) => Proof::Sequence(sequence.number()),
                Auth::Hmac(_) => Proof::Stamp(Stamp::at(CLOCK)),
            };
            assert_eq!(heard.proof, proof);
            let is_plain = source.is_ipv4() && way.version == Version::V2;
            assert_eq!(heard.checksum, if is_plain { ChecksumForm::AsVersion2 } else { way.form });
        }
    }
}

#[test]
fn of_all_ways_of_sending_a_router_understands_its_own_only() {
    let signers = Signers::with_room(1);
    for sent in ways() {
        for expected in ways() {
            let is_same = (sent.version, sent.destination) == (expected.version, expected.destination)
                && sent.auth == expected.auth;
            // A router that expects no multicast does not know which family it is asked about.
            let captured = sent.sample();
            let heard = captured.packet().check(&expected.terms(Sequence::default(), &signers));
            let is_other_family = sent.source.contains(':') != expected.source.contains(':');
            if !is_other_family {
                assert_eq!(heard.is_ok(), is_same, "{sent:?} to {expected:?}: {heard:?}");
            }
        }
    }
}

#[test]
fn no_part_and_no_more_of_an_advert_is_taken_for_one() {
    let signers = Signers::with_room(1);
    for way in ways() {
        let captured = way.sample();
        let terms = way.terms(Sequence::default(), &signers);
        let length = captured.payload.len();
        // What looks like the padding of a shortest frame is forgiven.
        let is_padding = |kept: usize| {
            captured.header.len() == 20 && 20 + length < 46 && kept > length && (kept - length) % 4 == 2
        };
        for kept in (0..length + 64).filter(|kept| *kept != length && !is_padding(*kept)) {
            let other = captured.with(|_, payload| payload.resize(kept, 0));
            assert!(other.packet().check(&terms).is_err(), "{kept} octets of {way:?}");
            let _ = other.packet().address();
        }
        if let Packet::V4(datagram) = captured.packet() {
            for kept in 0..datagram.len() {
                assert!(Packet::V4(&datagram[..kept]).check(&terms).is_err(), "{kept} octets of {way:?}");
            }
        }
    }
}

/// Where a flipped bit may go unnoticed: fields of the IP header that are not VRRP's.
fn is_others(way: &Way, header_octet: usize) -> bool {
    let is_v4 = !way.source.contains(':');
    let is_covered = match (&way.auth, is_v4) {
        // The checksums of version 3 and IPv6 and the signature cover addresses.
        (Auth::Ah(_), true) => !matches!(header_octet, 1 | 6 | 7 | 8 | 10 | 11),
        (_, true) => match header_octet {
            0 | 2 | 3 => true,
            12..=15 => way.version == Version::V3 || matches!(way.auth, Auth::Hmac(_)),
            // The old form does not cover the destination; that was what was wrong with it.
            16..=19 => way.version == Version::V3 && way.form == ChecksumForm::Standard,
            _ => false,
        },
        (_, false) => matches!(header_octet, 8..),
    };
    !is_covered
}

#[test]
fn every_flipped_bit_that_matters_is_noticed() {
    let signers = Signers::with_room(1);
    for way in ways() {
        let captured = way.sample();
        let terms = way.terms(Sequence::default(), &signers);
        for bit in 0..captured.payload.len() * 8 {
            let damaged = captured.with(|_, payload| payload[bit / 8] ^= 0x80 >> (bit % 8));
            assert!(damaged.packet().check(&terms).is_err(), "bit {bit} of the payload, {way:?}");
        }
        for bit in (0..captured.header.len() * 8).filter(|bit| !is_others(&way, bit / 8)) {
            let damaged = captured.with(|header, _| header[bit / 8] ^= 0x80 >> (bit % 8));
            assert!(damaged.packet().check(&terms).is_err(), "bit {bit} of the header, {way:?}");
        }
    }
}

#[test]
fn no_noise_makes_the_parser_panic() {
    let mut noise = Noise(0x1234_5678);
    let signers = Signers::with_room(1);
    let ways = ways();
    for round in 0..15_000 {
        let way = &ways[round % ways.len()];
        let damaged = way.sample().with(|header, payload| {
            match round % 3 {
                0 => *payload = noise.octets(round % 97),
                1 => payload.truncate(round % 97),
                _ => {}
            }
            for _ in 0..round % 5 {
                let whole = header.len() + payload.len();
                let at = noise.below(whole);
                match at.checked_sub(header.len()) {
                    None => header[at] = noise.octet(),
                    Some(at) => payload[at] = noise.octet(),
                }
            }
            header[0] = if way.source.contains(':') { 0x60 } else { header[0] & 0x4f | 0x40 };
        });
        let _ = damaged.packet().address();
        for way in &ways {
            if let Ok(heard) = damaged.packet().check(&way.terms(Sequence::default(), &signers)) {
                assert_eq!(heard.addresses.iter().count(), heard.addresses.len());
            }
        }
    }
}
