//! Adverts against octets captured from the original (`spec` runtime 3.2, 3.3, samples/wire.pcap), and
//! against everything a wire can do to them.

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{Auth, Checksum as Rules, Version};
use keepalived_model::{Micros, Vrid};
use keepalived_wire::checksum::Checksum;
use keepalived_wire::reject::{KINDS, Reject};
use keepalived_wire::vrrp::{Address, Content, Delivery, Guard, Heard, Packet, Seal, Terms};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const ME: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const SECOND: Micros = Micros::from_secs(1);

const V2_TWO_VIPS: &str = "45c0002c00010000ff70d084 0a090001 e0000012 \
                           210196020001341e 0a090065 0a090066 0000000000000000";
const V2_PASS: &str = "45c0002800010000ff70d088 0a090001 e0000012 \
                       210296010101013f 0a090067 7365637265740000";
const V2_PASS_RESIGNS: &str = "45c00028000a0000ff70d07f 0a090001 e0000012 \
                               210200010101973f 0a090067 7365637265740000";
const V2_AH: &str = "45c0004000010000ff33d0ad 0a090001 e0000012 \
                     70040000 0a090001 00000001 3cf94047905324ae10325a9c \
                     2103960102013c89 0a090068 0000000000000000";
const V2_UNICAST: &str = "45c0002800010000ff70a690 0a090001 0a090002 \
                          2108960100013e80 0a09006c 0000000000000000";
const V3: &str = "45c0002000010000ff70d090 0a090001 e0000012 310496010064438b 0a090069";
const V3_QUARTER_SECOND: &str = "45c0002000010000ff70d090 0a090001 e0000012 31059601001943d4 0a09006a";
const V3_UNICAST: &str = "45c0002000010000ff70a698 0a090001 0a090002 310996010064198a 0a09006d";

/// What a router expects that knows passwords only.
#[derive(Clone, Copy)]
struct Expect<'a> {
    version: Version,
    auth: &'a Auth,
    interval: Micros,
    multicast: bool,
}

/// What it sends.
#[derive(Clone, Copy, Debug)]
struct Outgoing<'a> {
    version: Version,
    vrid: Vrid,
    priority: u8,
    interval: Micros,
    auth: &'a Auth,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    id: u16,
    ttl: u8,
    addresses: &'a [Ipv4Addr],
}

fn password(auth: &Auth) -> Option<&[u8; 8]> {
    match auth {
        Auth::Pass(password) => Some(password),
        Auth::None | Auth::Ah(_) | Auth::Hmac(_) => None,
    }
}

fn check<'a>(datagram: &'a [u8], expect: &Expect<'_>) -> Result<Heard<'a>, Reject> {
    let Expect { version, interval, multicast, auth } = *expect;
    let guard = password(auth).map_or(Guard::None, Guard::Password);
    Packet::V4(datagram).check(&Terms { version, interval, multicast, guard, checksum: Rules::default() })
}

fn address(datagram: &[u8]) -> Result<Address, Reject> {
    Packet::V4(datagram).address()
}

fn encode(out: &Outgoing<'_>) -> Vec<u8> {
    let Outgoing { version, vrid, priority, interval, .. } = *out;
    let seal = password(out.auth).map_or(Seal::None, Seal::Password);
    let content = Content { version, vrid, priority, interval, source: out.source.into(), seal };
    let (destination, checksum) = (out.destination.into(), Rules::default());
    content.draft(out.addresses).packet(&Delivery { destination, id: out.id, ttl: out.ttl, checksum })
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn vip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 0, last)
}

fn secret() -> Auth {
    Auth::Pass(*b"secret\0\0")
}

fn multicast(version: Version, auth: &Auth) -> Expect<'_> {
    Expect { version, auth, interval: SECOND, multicast: true }
}

/// An advert of the sample's sender: priority 150, every second, first of its kind.
fn sample<'a>(version: Version, vrid: u8, auth: &'a Auth, addresses: &'a [Ipv4Addr]) -> Outgoing<'a> {
    Outgoing {
        version,
        vrid: Vrid::try_from(vrid).unwrap(),
        priority: 150,
        interval: SECOND,
        auth,
        source: ME,
        destination: GROUP,
        id: 1,
        ttl: 255,
        addresses,
    }
}

/// Writes a version 2 checksum that fits the rest of the datagram.
fn seal_v2(datagram: &mut [u8]) {
    datagram[26..28].fill(0);
    let sum = Checksum::default().with(&datagram[20..]).finish();
    datagram[26..28].copy_from_slice(&sum.to_be_bytes());
}

fn changed(hex: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut datagram = octets(hex);
    change(&mut datagram);
    datagram
}

#[test]
fn what_we_send_is_what_the_original_sends() {
    let (none, pass) = (Auth::None, secret());
    let vips = [101, 102, 103, 105, 106, 108, 109].map(vip);
    let quarter = Micros::from_millis(250);
    let table = [
        (V2_TWO_VIPS, sample(Version::V2, 1, &none, &vips[..2])),
        (V2_PASS, sample(Version::V2, 2, &pass, &vips[2..3])),
        (V2_PASS_RESIGNS, Outgoing { priority: 0, id: 10, ..sample(Version::V2, 2, &pass, &vips[2..3]) }),
        (V2_UNICAST, Outgoing { destination: PEER, ..sample(Version::V2, 8, &none, &vips[5..6]) }),
        (V3, sample(Version::V3, 4, &none, &vips[3..4])),
        (V3_QUARTER_SECOND, Outgoing { interval: quarter, ..sample(Version::V3, 5, &none, &vips[4..5]) }),
        (V3_UNICAST, Outgoing { destination: PEER, ..sample(Version::V3, 9, &none, &vips[6..7]) }),
    ];
    for (golden, out) in &table {
        assert_eq!(encode(out), octets(golden), "{out:?}");
    }
}

#[test]
fn what_the_original_sends_is_understood() {
    let (none, pass) = (Auth::None, secret());
    let unicast = |version| Expect { multicast: false, ..multicast(version, &none) };
    let quarter = Micros::from_millis(250);
    let table = [
        (V2_TWO_VIPS, multicast(Version::V2, &none), 1, 150, SECOND, vec![vip(101), vip(102)]),
        (V2_PASS, multicast(Version::V2, &pass), 2, 150, SECOND, vec![vip(103)]),
        (V2_PASS_RESIGNS, multicast(Version::V2, &pass), 2, 0, SECOND, vec![vip(103)]),
        (V2_UNICAST, unicast(Version::V2), 8, 150, SECOND, vec![vip(108)]),
        (V3, multicast(Version::V3, &none), 4, 150, SECOND, vec![vip(105)]),
        (V3_QUARTER_SECOND, multicast(Version::V3, &none), 5, 150, quarter, vec![vip(106)]),
        (V3_UNICAST, unicast(Version::V3), 9, 150, SECOND, vec![vip(109)]),
    ];
    for (golden, expect, vrid, priority, interval, addresses) in table {
        let datagram = octets(golden);
        let advert = check(&datagram, &expect).unwrap_or_else(|reject| panic!("{golden}: {reject:?}"));
        assert_eq!((advert.source, advert.hop_limit, advert.vrid), (ME.into(), 255, vrid), "{golden}");
        assert_eq!((advert.priority, advert.interval), (priority, interval), "{golden}");
        let destination = if expect.multicast { GROUP } else { PEER }.into();
        assert_eq!(advert.destination, destination, "{golden}");
        assert!(advert.addresses.iter().eq(addresses.iter().map(|ip| IpAddr::from(*ip))), "{golden}");
        let known = Address { source: ME.into(), destination, vrid, has_auth_header: false };
        assert_eq!(address(&datagram), Ok(known));
    }
}

#[test]
fn the_password_is_not_told_from_one_of_another_version_3_router() {
    let pass = secret();
    assert_eq!(encode(&sample(Version::V3, 4, &pass, &[vip(105)])), octets(V3));
    assert!(check(&octets(V3), &multicast(Version::V3, &pass)).is_ok());
}

#[test]
fn an_advert_survives_the_way_out_and_in() {
    let (none, pass) = (Auth::None, Auth::Pass(*b"abcdefgh"));
    let all: Vec<Ipv4Addr> = (0..=255).map(vip).collect();
    for (version, auth) in [(Version::V2, &none), (Version::V2, &pass), (Version::V3, &none)] {
        for count in [0, 1, 2, 20, 255, 256] {
            for (priority, destination) in [(0, GROUP), (255, PEER)] {
                let addresses = &all[..count];
                let out =
                    Outgoing { priority, destination, ttl: 255, ..sample(version, 77, auth, addresses) };
                let expect = Expect { version, auth, interval: SECOND, multicast: destination == GROUP };
                let datagram = encode(&out);
                let advert = check(&datagram, &expect).unwrap_or_else(|reject| panic!("{out:?}: {reject:?}"));
                assert_eq!((advert.vrid, advert.priority, advert.interval), (77, priority, SECOND));
                let listed = addresses.iter().take(255).map(|ip| IpAddr::from(*ip));
                assert!(advert.addresses.iter().eq(listed), "{out:?}");
                assert_eq!(Checksum::default().with(&datagram[..20]).finish(), 0, "IPv4 header checksum");
            }
        }
    }
}

#[test]
fn intervals_beyond_the_format_are_sent_as_its_longest() {
    let hours = Micros::from_secs(7200);
    let advert = |version| encode(&Outgoing { interval: hours, ..sample(version, 1, &Auth::None, &[]) });
    assert_eq!(advert(Version::V2)[25], 255);
    assert_eq!(advert(Version::V3)[24..26], [0x0f, 0xff]);
}

#[test]
fn each_reason_to_refuse_has_a_packet() {
    let (none, pass, other) = (Auth::None, secret(), Auth::Pass(*b"secret!!"));
    let (v2, v3) = (multicast(Version::V2, &none), multicast(Version::V3, &none));
    let with = |auth| multicast(Version::V2, auth);
    let unicast = Expect { multicast: false, ..v2 };
    let total = |stated: u8| changed(V2_TWO_VIPS, |octets| octets[3] = stated);
    let typed = changed(V2_TWO_VIPS, |octets| {
        octets[20] = 0x22;
        seal_v2(octets);
    });
    let auth_type_9 = changed(V2_TWO_VIPS, |octets| octets[24] = 9);
    let table = [
        (octets(V3)[..27].to_vec(), v3, Reject::TooShort { length: 27 }),
        (octets(V2_AH), with(&pass), Reject::AuthHeader { present: true }),
        (changed(V3, |octets| octets.push(0)), v3, Reject::Length { received: 33, expected: 32 }),
        (changed(V3, |octets| octets[23] = 2), v3, Reject::Length { received: 32, expected: 36 }),
        (changed(V3, |octets| octets[8] = 254), v3, Reject::Ttl { received: 254 }),
        (octets(V2_TWO_VIPS), v3, Reject::Version { received: 2, expected: 3 }),
        (octets(V3), v2, Reject::Version { received: 3, expected: 2 }),
        (changed(V3, |octets| octets[20] = 0xf1), v3, Reject::Version { received: 15, expected: 3 }),
        // Measured: to the original a version that does not exist has no authentication data either.
        (changed(V2_UNICAST, |octets| octets[20] = 0xf1), v2, Reject::Length { received: 40, expected: 32 }),
        (auth_type_9, v2, Reject::AuthTypeUnknown { received: 9 }),
        (octets(V2_PASS), v2, Reject::AuthTypeMismatch { received: 1, expected: 0 }),
        (octets(V2_TWO_VIPS), with(&pass), Reject::AuthTypeMismatch { received: 0, expected: 1 }),
        (octets(V2_PASS), with(&other), Reject::Password),
        (
            octets(V2_TWO_VIPS),
            Expect { interval: Micros::from_secs(2), ..v2 },
            Reject::Interval { received: 1, expected: 2 },
        ),
        (typed, v2, Reject::Type { received: 2 }),
        (total(45), v2, Reject::TotalLength { stated: 45, received: 44 }),
        (changed(V2_TWO_VIPS, |octets| octets[22] = 151), v2, Reject::Checksum { version: 2 }),
        (changed(V3, |octets| octets[22] = 151), v3, Reject::Checksum { version: 3 }),
        (octets(V2_TWO_VIPS), unicast, Reject::Destination { multicast_received: true }),
        (octets(V2_UNICAST), v2, Reject::Destination { multicast_received: false }),
    ];
    let mut seen = [false; KINDS];
    for (datagram, expect, reject) in table {
        assert_eq!(check(&datagram, &expect), Err(reject), "{datagram:02x?}");
        seen[reject.kind()] = true;
    }
    // What comes with IPv6, authentication headers and signatures has its packets in tests/packets; the list of
    // peers is not known here; the caller compares.
    let unseen = seen.iter().filter(|seen| !**seen).count();
    assert_eq!(unseen, KINDS - 13);
}

#[test]
fn of_several_reasons_the_first_in_the_order_of_checks_counts() {
    let pass = secret();
    // Every field is wrong; one after the other is put right, in the order of the checks.
    let mut datagram = changed(V2_UNICAST, |octets| {
        octets[3] = 99;
        octets[8] = 1;
        octets[20] = 0x32;
        octets[24] = 3;
        octets[25] = 7;
        octets[26] = 0xee;
        octets.push(0);
    });
    type Repair = fn(&mut Vec<u8>);
    let steps: [(Repair, Reject); 10] = [
        (|_| (), Reject::Length { received: 41, expected: 32 }),
        (|octets| drop(octets.drain(32..)), Reject::Ttl { received: 1 }),
        (|octets| octets[8] = 255, Reject::Version { received: 3, expected: 2 }),
        (
            |octets| {
                octets[20] = 0x22;
                octets.extend([0; 8]);
            },
            Reject::AuthTypeUnknown { received: 3 },
        ),
        (|octets| octets[24] = 2, Reject::AuthTypeMismatch { received: 2, expected: 1 }),
        (|octets| octets[24] = 1, Reject::Password),
        (|octets| octets[32..38].copy_from_slice(b"secret"), Reject::Interval { received: 7, expected: 1 }),
        (|octets| octets[25] = 1, Reject::Type { received: 2 }),
        (|octets| octets[20] = 0x21, Reject::TotalLength { stated: 99, received: 40 }),
        (|octets| octets[3] = 40, Reject::Checksum { version: 2 }),
    ];
    for (repair, reject) in steps {
        repair(&mut datagram);
        assert_eq!(check(&datagram, &multicast(Version::V2, &pass)), Err(reject));
    }
    seal_v2(&mut datagram);
    let last = Reject::Destination { multicast_received: false };
    assert_eq!(check(&datagram, &multicast(Version::V2, &pass)), Err(last));
}

#[test]
fn a_unicast_router_does_not_look_at_the_time_to_live() {
    let datagram = changed(V2_UNICAST, |octets| octets[8] = 61);
    let expect = Expect { multicast: false, ..multicast(Version::V2, &Auth::None) };
    assert_eq!(check(&datagram, &expect).map(|advert| advert.hop_limit), Ok(61));
}

#[test]
fn the_padding_of_a_shortest_frame_is_forgiven() {
    let (none, pass) = (Auth::None, secret());
    // 46 octets are left of a frame of 60; one VLAN tag takes four of them.
    for (golden, vlan_tags, expect) in [
        (V3, 0, multicast(Version::V3, &none)),
        (V2_PASS, 0, multicast(Version::V2, &pass)),
        (V3, 1, multicast(Version::V3, &none)),
    ] {
        let padded = changed(golden, |octets| octets.resize(46 - 4 * vlan_tags, 0xaa));
        assert_eq!(check(&padded, &expect).map(|advert| advert.addresses.len()), Ok(1), "{golden}");
    }
}

#[test]
fn a_unicast_version_3_router_accepts_the_checksum_of_old_originals() {
    let old = changed(V3_UNICAST, |octets| {
        octets[16..20].copy_from_slice(&GROUP.octets());
        let pseudo = [10, 9, 0, 1, 224, 0, 0, 18, 0, 112, 0, 12];
        octets[26..28].fill(0);
        let sum = Checksum::default().with(&pseudo).with(&octets[20..]).finish();
        octets[26..28].copy_from_slice(&sum.to_be_bytes());
        octets[16..20].copy_from_slice(&PEER.octets());
    });
    let unicast = Expect { multicast: false, ..multicast(Version::V3, &Auth::None) };
    assert_ne!(old, octets(V3_UNICAST));
    assert!(check(&old, &unicast).is_ok());
    assert!(check(&octets(V3_UNICAST), &unicast).is_ok());
}

#[test]
fn options_in_the_ipv4_header_are_stepped_over() {
    let datagram = changed(V3, |octets| {
        octets[0] = 0x46;
        octets[3] += 4;
        octets.splice(20..20, [0x94, 4, 0, 0]);
    });
    let advert = check(&datagram, &multicast(Version::V3, &Auth::None)).map(|advert| advert.vrid);
    assert_eq!(advert, Ok(4));
}

#[test]
fn no_part_of_an_advert_is_taken_for_an_advert() {
    let (none, pass) = (Auth::None, secret());
    for (golden, expect) in [
        (V2_TWO_VIPS, multicast(Version::V2, &none)),
        (V2_PASS, multicast(Version::V2, &pass)),
        (V2_AH, multicast(Version::V2, &pass)),
        (V3, multicast(Version::V3, &none)),
    ] {
        let whole = octets(golden);
        for length in 0..whole.len() {
            let part = &whole[..length];
            let short = Reject::TooShort { length };
            assert!(check(part, &expect).is_err(), "{length} octets of {golden}");
            match address(part) {
                Ok(_) => assert!(length >= 28, "{length} octets of {golden}"),
                Err(reject) if length < 28 => assert_eq!(reject, short),
                Err(reject) => assert_eq!(reject, Reject::TooShortForAuthHeader { length }),
            }
        }
    }
}

#[test]
fn every_flipped_bit_that_matters_is_noticed() {
    let (none, pass) = (Auth::None, secret());
    for (golden, expect) in [
        (V2_TWO_VIPS, multicast(Version::V2, &none)),
        (V2_PASS, multicast(Version::V2, &pass)),
        (V3, multicast(Version::V3, &none)),
    ] {
        let whole = octets(golden);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            let accepted = check(&damaged, &expect).is_ok();
            // The kernel checks the IPv4 header's own checksum; of its fields, type of service,
            // identification, fragment offset, that checksum, and in version 2 the addresses are not VRRP's.
            let ours = match bit / 8 {
                1 | 4..=7 | 9..=11 => false,
                12..=15 => expect.version == Version::V3,
                16..=19 => expect.version == Version::V3,
                _ => true,
            };
            assert!(!(ours && accepted), "bit {bit} of {golden}");
        }
    }
}

#[test]
fn no_noise_makes_the_parser_panic() {
    // A fixed linear congruential sequence: the same noise in every run.
    let mut state = 0x1234_5678_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pass = secret();
    let mut refused = 0;
    for round in 0..200_000_usize {
        let mut noise: Vec<u8> = (0..round % 64).map(|_| next()).collect();
        if let Some(first) = noise.first_mut() {
            *first = 0x40 | (*first & 0x0f);
        }
        let version = if round & 64 == 0 { Version::V2 } else { Version::V3 };
        let expect = Expect { version, auth: &pass, interval: SECOND, multicast: round & 128 == 0 };
        refused += usize::from(check(&noise, &expect).is_err());
        let _ = address(&noise);
    }
    assert_eq!(refused, 200_000);
}
