//! Every reason to refuse a packet of the newer kinds, and their order (`spec` runtime 3.8; that of the
//! authentication header and of IPv6 measured on 2.2.7).

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::vrrp::{Checksum, Hmac, HmacMode, Peer, Version};
use keepalived_model::{Micros, Vrid};
use keepalived_wire::checksum::Checksum as Sum;
use keepalived_wire::reject::Reject;
use keepalived_wire::vrrp::{
    ChecksumForm, Content, Delivery, Guard, MULTICAST_SIGNERS, Proof, Seal, Sequence, Signers, Stamp, Terms,
    Verifier, signs,
};

use super::recorded::{Captured, octets, rules};

const SECRET: &[u8; 8] = b"secret\0\0";
const CLOCK: Micros = Micros::from_secs(1_795_174_455);
/// Integrity values over an SPI that is not the source's address, made with Python.
const FORGED: [(u32, &str); 2] = [(5, "39f6d097cd3a723d1b7d5796"), (11, "aaa43fa9463afa243f2d0019")];
const SOURCE: &str = "10.9.0.2";

fn terms<'a>(version: Version, guard: Guard<'a>) -> Terms<'a> {
    let checksum = Checksum::default();
    Terms { version, interval: Micros::from_secs(1), multicast: true, guard, checksum }
}

fn sent(version: Version, source: &str, seal: Seal<'_>, destination: &str) -> Captured {
    let [source, destination]: [IpAddr; 2] =
        [source, destination].map(|text| text.parse().expect("an address"));
    let vrid = Vrid::try_from(51).expect("a VRID");
    let content = Content { version, vrid, priority: 150, interval: Micros::from_secs(1), source, seal };
    let delivery = Delivery { destination, id: 1, ttl: 255, checksum: Checksum::default() };
    Captured::ours(source, destination, content.draft(&[source]).packet(&delivery))
}

fn with_auth_header(number: u32) -> Captured {
    let seal = Seal::AuthHeader { key: SECRET, sequence: Sequence::at(number) };
    sent(Version::V2, SOURCE, seal, "224.0.0.18")
}

fn at_ten() -> Terms<'static> {
    terms(Version::V2, Guard::AuthHeader { key: SECRET, heard: Sequence::at(10) })
}

#[test]
fn an_authentication_header_is_expected_or_not() {
    let (with, without) = (with_auth_header(11), sent(Version::V2, SOURCE, Seal::None, "224.0.0.18"));
    assert!(with.packet().check(&at_ten()).is_ok());
    let refused =
        |captured: &Captured, terms: &Terms<'_>| captured.packet().check(terms).expect_err("refused");
    assert_eq!(refused(&without, &at_ten()), Reject::AuthHeader { present: false });
    assert_eq!(refused(&with, &terms(Version::V2, Guard::None)), Reject::AuthHeader { present: true });
    let v3 = Terms { version: Version::V3, ..at_ten() };
    assert_eq!(refused(&with, &v3), Reject::AuthHeader { present: true });
    assert_eq!(refused(&without, &v3), Reject::Version { received: 2, expected: 3 });
}

#[test]
fn value_then_parameters_then_number_are_checked() {
    let spi = "01020304";
    let forged = |number: u32| {
        let header = octets("45c0004000010000ff33d0ac 0a090002 e0000012");
        let message = &with_auth_header(number).payload[24..];
        let ah = [octets(&format!("70040000 {spi}")), number.to_be_bytes().to_vec()].concat();
        Captured::new(header, [&ah[..], &[0; 12], message].concat())
    };
    let wrong_value = Err(Reject::IntegrityValue);
    assert_eq!(forged(5).packet().check(&at_ten()), wrong_value);
    for (number, value) in FORGED {
        let signed = forged(number).with(|_, payload| payload[12..24].copy_from_slice(&octets(value)));
        let refused = Reject::SecurityParameters { received: 0x0102_0304, expected: 0x0a09_0002 };
        assert_eq!(signed.packet().check(&at_ten()), Err(refused), "{number}");
    }
    let old = |received| Err(Reject::Sequence { received, local: 10 });
    assert_eq!(with_auth_header(5).packet().check(&at_ten()), old(5));
    assert_eq!(with_auth_header(10).packet().check(&at_ten()), old(10));
    let accepted = with_auth_header(u32::MAX).packet().check(&at_ten()).map(|heard| heard.proof);
    assert_eq!(accepted, Ok(Proof::Sequence(u32::MAX)));
}

#[test]
fn authentication_comes_before_interval_and_checksum() {
    let sick = with_auth_header(11).with(|_, payload| {
        payload[24 + 5] = 2;
        payload[24 + 6] ^= 1;
    });
    assert_eq!(sick.packet().check(&at_ten()), Err(Reject::IntegrityValue));
    let slow = Terms { interval: Micros::from_secs(2), ..at_ten() };
    let good = with_auth_header(11);
    assert_eq!(good.packet().check(&slow), Err(Reject::Interval { received: 1, expected: 2 }));
    for (kind, reject) in [
        (1, Reject::AuthTypeMismatch { received: 1, expected: 2 }),
        (9, Reject::AuthTypeUnknown { received: 9 }),
    ] {
        let typed = with_auth_header(11).with(|_, payload| payload[24 + 4] = kind);
        assert_eq!(typed.packet().check(&at_ten()), Err(reject));
    }
}

#[test]
fn a_router_on_the_way_may_lower_the_time_to_live_of_a_unicast_copy_only() {
    let seal = Seal::AuthHeader { key: SECRET, sequence: Sequence::at(11) };
    let unicast = sent(Version::V2, SOURCE, seal, "10.9.0.1").with(|header, _| header[8] = 61);
    let check = |captured: &Captured, multicast| {
        captured.packet().check(&Terms { multicast, ..at_ten() }).map(|heard| heard.hop_limit)
    };
    assert_eq!(check(&unicast, false), Ok(61));
    let multicast = with_auth_header(11).with(|header, _| header[8] = 254);
    assert_eq!(check(&multicast, true), Err(Reject::Ttl { received: 254 }));
    assert_eq!(check(&multicast, false), Err(Reject::IntegrityValue));
}

#[test]
fn what_ends_within_an_authentication_header_is_told_as_that() {
    let whole = with_auth_header(11);
    let cut = |length: usize| {
        let part = whole.with(|_, payload| payload.truncate(length - 20));
        part.packet().check(&at_ten()).expect_err("a part")
    };
    assert_eq!(cut(27), Reject::TooShort { length: 27 });
    for length in [28, 43, 44, 51] {
        assert_eq!(cut(length), Reject::TooShortForAuthHeader { length });
    }
    for received in [52, 63] {
        assert_eq!(cut(received), Reject::Length { received, expected: 64 });
    }
}

#[test]
fn numbers_are_one_row_for_both_directions() {
    let mut ours = Sequence::default();
    assert_eq!((ours.next().number(), ours.admits(0), ours.admits(1)), (1, false, true));
    // A backup that heard 101 takes over and goes on from there.
    ours = ours.after_hearing(101);
    assert_eq!(ours.next(), Sequence::at(102));
    // A master that hears a lower priority skips a number: 0xfffffffb is answered with 0xfffffffd.
    ours = ours.after_hearing(0xffff_fffb).after_insisting().next();
    assert_eq!(ours, Sequence::at(0xffff_fffd));
    // The last number is sent for ever.
    assert_eq!(ours.next().next().next(), Sequence::at(0xffff_fffe));
    assert_eq!(Sequence::at(u32::MAX).next(), Sequence::at(u32::MAX));
    assert_eq!(Sequence::at(u32::MAX).after_insisting().next(), Sequence::at(1));
}

fn hmac(mode: HmacMode) -> Hmac {
    Hmac { mode, ..rules(&[(7, b"0123456789abcdef0123456789abcdef")]) }
}

fn stamped(rules: &Hmac, seconds_ahead: u64) -> Seal<'_> {
    Seal::Signature { rules, stamp: Stamp::at(CLOCK + Micros::from_secs(seconds_ahead)) }
}

fn verified<'a>(version: Version, rules: &'a Hmac, signers: &'a Signers) -> Terms<'a> {
    terms(version, Guard::Hmac(Verifier { rules, clock: CLOCK, signers }))
}

#[test]
fn signatures_are_refused_in_the_order_of_the_originals_counters() {
    let signers = Signers::with_room(MULTICAST_SIGNERS);
    let rules = hmac(HmacMode::Enforce);
    let mut seen = signers.clone();
    seen.heard(SOURCE.parse().expect("an address"), Stamp::at(CLOCK));
    for version in [Version::V2, Version::V3] {
        let make = |seal| sent(version, SOURCE, seal, "224.0.0.18");
        let at = make(Seal::None).payload.len();
        let unsigned = make(Seal::None);
        let good = make(stamped(&rules, 0));
        let change = |octet: usize, value: u8| good.with(|_, payload| payload[octet] = value);
        let table = [
            (unsigned, &signers, Reject::SignatureMissing),
            (change(at, 2), &signers, Reject::SignatureMalformed),
            (change(at + 1, 8), &signers, Reject::SignatureKeyUnknown { id: 8 }),
            (change(at + 2, 1), &signers, Reject::SignatureWrong),
            (change(2, 151), &signers, Reject::SignatureWrong),
            (make(stamped(&rules, 6)), &seen, Reject::StampStale { skew: 6, window: 5 }),
            (good.clone(), &seen, Reject::StampReplayed),
        ];
        for (captured, signers, reject) in table {
            let terms = verified(version, &rules, signers);
            assert_eq!(captured.packet().check(&terms), Err(reject), "{version:?}");
        }
    }
}

#[test]
fn only_enforcing_refuses_the_unsigned_and_every_mode_refuses_what_is_signed_wrongly() {
    let signers = Signers::with_room(1);
    let rules = hmac(HmacMode::Enforce);
    let unsigned = sent(Version::V3, SOURCE, Seal::None, "224.0.0.18");
    let wrong =
        sent(Version::V3, SOURCE, stamped(&rules, 0), "224.0.0.18").with(|_, payload| payload[39] ^= 1);
    for (mode, is_signed, is_heard) in [
        (HmacMode::Enforce, true, false),
        (HmacMode::Permissive, true, true),
        (HmacMode::ReceiveOnly, false, true),
    ] {
        let rules = hmac(mode);
        let terms = verified(Version::V3, &rules, &signers);
        let heard = unsigned.packet().check(&terms).map(|heard| heard.proof);
        assert_eq!(heard, if is_heard { Ok(Proof::Unsigned) } else { Err(Reject::SignatureMissing) });
        assert_eq!(wrong.packet().check(&terms), Err(Reject::SignatureWrong), "{mode:?}");
        let ours = sent(Version::V3, SOURCE, stamped(&rules, 0), "224.0.0.18");
        assert_eq!((ours != unsigned, signs(mode)), (is_signed, is_signed));
    }
}

#[test]
fn a_router_without_keys_finds_a_signed_advert_too_long() {
    let rules = hmac(HmacMode::Permissive);
    let signed = sent(Version::V3, SOURCE, stamped(&rules, 0), "224.0.0.18");
    let refused = signed.packet().check(&terms(Version::V3, Guard::None));
    assert_eq!(refused, Err(Reject::Length { received: 60, expected: 32 }));
    let signers = Signers::with_room(1);
    let cut = signed.with(|_, payload| payload.truncate(39));
    let terms = verified(Version::V3, &rules, &signers);
    assert_eq!(cut.packet().check(&terms), Err(Reject::Length { received: 59, expected: 60 }));
}

fn over_ipv6(version: Version, destination: &str) -> Captured {
    sent(version, "fe80::9", Seal::None, destination)
}

#[test]
fn ipv6_adverts_are_refused_in_the_originals_order() {
    let good = over_ipv6(Version::V2, "ff02::12");
    let expect = terms(Version::V2, Guard::None);
    assert!(good.packet().check(&expect).is_ok());
    type Damage = fn(&mut Vec<u8>, &mut Vec<u8>);
    let table: [(Damage, Reject); 10] = [
        (|_, payload| payload.truncate(7), Reject::TooShortV6 { length: 7 }),
        (|_, payload| payload.truncate(8), Reject::Length { received: 8, expected: 24 }),
        (|_, payload| payload.extend([0; 8]), Reject::Length { received: 32, expected: 24 }),
        // Not the padding of a frame: an IPv6 payload ends where its header says.
        (|_, payload| payload.extend([0; 2]), Reject::Length { received: 26, expected: 24 }),
        (|header, _| header[7] = 64, Reject::Ttl { received: 64 }),
        (|_, payload| payload[0] = 0x31, Reject::Version { received: 3, expected: 2 }),
        (|_, payload| payload[4] = 9, Reject::AuthTypeUnknown { received: 9 }),
        (|_, payload| payload[5] = 5, Reject::Interval { received: 5, expected: 1 }),
        (|_, payload| payload[0] = 0x22, Reject::Type { received: 2 }),
        (|_, payload| payload[2] = 1, Reject::Checksum { version: 2 }),
    ];
    for (damage, reject) in table {
        assert_eq!(good.with(damage).packet().check(&expect), Err(reject));
    }
    let unicast = over_ipv6(Version::V3, "fd00:9::1");
    let refused = unicast.packet().check(&terms(Version::V3, Guard::None));
    assert_eq!(refused, Err(Reject::Destination { multicast_received: false }));
}

#[test]
fn over_ipv6_a_password_is_a_type_without_octets() {
    let make = |seal| sent(Version::V2, "fe80::9", seal, "ff02::12");
    let (with, without) = (make(Seal::Password(SECRET)), make(Seal::None));
    assert_eq!((with.payload.len(), with.payload[4]), (24, 1));
    let expect = terms(Version::V2, Guard::Password(b"another!"));
    assert!(with.packet().check(&expect).is_ok());
    let refused = without.packet().check(&expect);
    assert_eq!(refused, Err(Reject::AuthTypeMismatch { received: 0, expected: 1 }));
    let header = Seal::AuthHeader { key: SECRET, sequence: Sequence::at(1) };
    assert_eq!(make(header), without, "an authentication header does not exist over IPv6");
    assert_eq!(without.packet().check(&at_ten()), Err(Reject::AuthHeader { present: false }));
}

#[test]
fn a_router_that_takes_version_3_checksums_as_version_2s_takes_any() {
    let as_v2 = Checksum { as_v2: true, ..Checksum::default() };
    let good = sent(Version::V3, SOURCE, Seal::None, "224.0.0.18");
    let plain = {
        let (source, destination) = (Ipv4Addr::new(10, 9, 0, 2), Ipv4Addr::new(224, 0, 0, 18).into());
        let content = Content {
            version: Version::V3,
            vrid: Vrid::try_from(51).expect("a VRID"),
            priority: 150,
            interval: Micros::from_secs(1),
            source: source.into(),
            seal: Seal::None,
        };
        let delivery = Delivery { destination, id: 1, ttl: 255, checksum: as_v2 };
        Captured::ours(content.source, destination, content.draft(&[source]).packet(&delivery))
    };
    assert_eq!(Sum::default().with(&plain.payload).finish(), 0);
    let wrong = good.with(|_, payload| payload[6] ^= 0x55);
    let check = |captured: &Captured, checksum| {
        let terms = Terms { checksum, ..terms(Version::V3, Guard::None) };
        captured.packet().check(&terms).map(|heard| heard.checksum)
    };
    for captured in [&plain, &wrong] {
        assert_eq!(check(captured, Checksum::default()), Err(Reject::Checksum { version: 3 }));
        assert_eq!(check(captured, as_v2), Ok(ChecksumForm::AsVersion2));
    }
    assert_eq!(check(&good, as_v2), Ok(ChecksumForm::Standard));
}

#[test]
fn peers_are_known_by_address_and_distance() {
    let peer = |last, ttl_min, ttl_max| {
        let address = Ipv4Addr::new(10, 9, 0, last).into();
        Peer { address, ttl_min, ttl_max }
    };
    let peers = [peer(3, 0, 255), peer(2, 60, 200)];
    let check = |ttl, peers: &[Peer]| {
        let captured = sent(Version::V2, SOURCE, Seal::None, "10.9.0.1").with(|header, _| header[8] = ttl);
        let expect = Terms { multicast: false, ..terms(Version::V2, Guard::None) };
        captured.packet().check(&expect).expect("good").check_peer(peers)
    };
    assert_eq!(check(255, &peers), Err(Reject::TtlRange { received: 255, least: 60, most: 200 }));
    assert_eq!((check(60, &peers), check(200, &peers)), (Ok(()), Ok(())));
    assert_eq!(check(100, &peers[..1]), Err(Reject::NotAPeer));
}
