//! Octets recorded from the original, made again and understood (`spec` runtime 3.1–3.3).

use std::net::IpAddr;

use super::recorded::{Captured, octets, rules};
use keepalived_model::vrrp::{Checksum, Hmac, OldChecksum, Version};
use keepalived_model::{Micros, Vrid};
use keepalived_wire::reject::Reject;
use keepalived_wire::vrrp::{
    ChecksumForm, Content, Delivery, Guard, Proof, Seal, Sequence, Signers, Stamp, Terms, Verifier,
};

const SECOND: Micros = Micros::from_secs(1);
const SECRET: &[u8; 8] = b"secret\0\0";

fn checksum(old_unicast: OldChecksum) -> Checksum {
    Checksum { old_unicast, as_v2: false }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn ips(text: &str) -> Vec<IpAddr> {
    text.split_whitespace().map(ip).collect()
}

fn content<'a>(version: Version, captured: &Captured, vrid: u8, seal: Seal<'a>) -> Content<'a> {
    let address = captured.packet().address().expect("long enough");
    // The priority's place, behind an authentication header if there is one.
    let at = if address.has_auth_header { 26 } else { 2 };
    Content {
        version,
        vrid: Vrid::try_from(vrid).expect("a VRID"),
        priority: captured.payload[at],
        interval: SECOND,
        source: address.source,
        seal,
    }
}

/// The envelope's fields, read from the recorded one.
fn delivery(captured: &Captured, checksum: Checksum) -> Delivery {
    let destination = captured.packet().address().expect("long enough").destination;
    let id = u16::from_be_bytes([captured.header[4], captured.header[5]]);
    Delivery { destination, id, ttl: captured.header[8], checksum }
}

fn terms(content: &Content<'_>, captured: &Captured) -> Terms<'static> {
    let destination = captured.packet().address().expect("long enough").destination;
    Terms {
        version: content.version,
        interval: content.interval,
        multicast: destination.is_multicast(),
        guard: Guard::None,
        checksum: checksum(OldChecksum::Never),
    }
}

/// Version, interval in centiseconds, addresses of each virtual router of the recording.
fn laboratory(vrid: u8) -> (Version, u64, &'static str) {
    match vrid {
        1 => (Version::V2, 100, "10.9.0.101 10.9.0.102"),
        2 => (Version::V2, 100, "10.9.0.103"),
        3 => (Version::V2, 100, "10.9.0.104"),
        4 => (Version::V3, 100, "10.9.0.105"),
        5 => (Version::V3, 25, "10.9.0.106"),
        6 => (Version::V3, 100, "fe80::9:6 fd00:9::106 fd00:9::107"),
        7 => (Version::V2, 100, "fe80::9:7"),
        8 => (Version::V2, 100, "10.9.0.108"),
        9 => (Version::V3, 100, "10.9.0.109"),
        10 => (Version::V3, 100, "fd00:9::110"),
        11 => (Version::V2, 100, "10.9.0.111"),
        _ => (Version::V2, 100, "10.9.0.112"),
    }
}

#[test]
fn adverts_of_every_kind_are_the_originals() {
    let all = Captured::all(include_str!("../data/adverts-2.4.3.hex"));
    assert_eq!(all.len(), 24);
    for captured in &all {
        let vrid = captured.packet().address().expect("long enough").vrid;
        let (version, centis, addresses) = laboratory(vrid);
        let sequence = Sequence::at(u32::from(captured.header[5]));
        let (seal, guard, proof) = match vrid {
            2 => (Seal::Password(SECRET), Guard::Password(SECRET), Proof::None),
            3 => (
                Seal::AuthHeader { key: SECRET, sequence },
                Guard::AuthHeader { key: SECRET, heard: Sequence::at(sequence.number() - 1) },
                Proof::Sequence(sequence.number()),
            ),
            _ => (Seal::None, Guard::None, Proof::None),
        };
        let content =
            Content { interval: Micros::from_centis(centis), ..content(version, captured, vrid, seal) };
        let made = content.draft(&ips(addresses)).packet(&delivery(captured, Checksum::default()));
        assert_eq!(made, captured.sent(), "{content:?}");

        let terms = Terms { guard, ..terms(&content, captured) };
        let heard = captured.packet().check(&terms).unwrap_or_else(|reject| panic!("{vrid}: {reject:?}"));
        assert_eq!((heard.source, heard.vrid, heard.proof), (content.source, vrid, proof));
        assert_eq!((heard.priority, heard.interval), (content.priority, content.interval));
        assert_eq!(heard.addresses.iter().collect::<Vec<_>>(), ips(addresses));
        assert_eq!(heard.hop_limit, if vrid == 10 { 64 } else { 255 });
    }
}

#[test]
fn authentication_headers_are_the_originals_and_good_once() {
    let key = b"abc\0\0\0\0\0";
    let mut heard = Sequence::default();
    for captured in Captured::all(include_str!("../data/auth-header-2.2.7.hex")) {
        let sequence = Sequence::at(u32::from(captured.header[5]));
        let content = content(Version::V2, &captured, 0x36, Seal::AuthHeader { key, sequence });
        let draft = content.draft(&ips("10.9.0.104"));
        assert_eq!(draft.packet(&delivery(&captured, Checksum::default())), captured.sent());

        let terms = |heard| Terms { guard: Guard::AuthHeader { key, heard }, ..terms(&content, &captured) };
        let advert = captured.packet().check(&terms(heard)).expect("a good one");
        let Proof::Sequence(number) = advert.proof else { panic!("{:?}", advert.proof) };
        heard = heard.after_hearing(number);
        let again = Err(Reject::Sequence { received: number, local: number });
        assert_eq!(captured.packet().check(&terms(heard)), again);
    }
    assert_eq!(heard, Sequence::at(22));
}

#[test]
fn signatures_are_the_originals_and_good_once() {
    let hexadecimal: Vec<u8> = (0..0x22).collect();
    let keys = rules(&[
        (7, b"0123456789abcdef0123456789abcdef"),
        (9, &hexadecimal),
        (2, b"ABCDEFabcdefghijklmnopqrstuvwxyz"),
    ]);
    let mut signers = [const { None }; 5].map(|_: Option<()>| Signers::with_room(1));
    let all = Captured::all(include_str!("../data/signed-2.4.3.hex"));
    assert_eq!(all.len(), 16);
    for captured in &all {
        let vrid = captured.packet().address().expect("long enough").vrid;
        let (version, active, addresses) = match vrid {
            1 => (Version::V2, 7, "10.9.0.101"),
            2 => (Version::V3, 9, "10.9.0.102"),
            3 => (Version::V3, 2, "10.9.0.103"),
            _ => (Version::V3, 7, "fe80::9:4 fd00:9::104"),
        };
        let trailer = &captured.payload[captured.payload.len() - 28..];
        let stamp = Stamp::read(trailer[4..12].try_into().expect("eight octets"));
        let rules = Hmac { active, ..keys.clone() };
        let content = content(version, captured, vrid, Seal::Signature { rules: &rules, stamp });
        let made = content.draft(&ips(addresses)).packet(&delivery(captured, Checksum::default()));
        assert_eq!(made, captured.sent(), "{content:?}");

        let signers = &mut signers[usize::from(vrid)];
        let seconds = u32::from_be_bytes(trailer[4..8].try_into().expect("four octets"));
        let check = |signers: &Signers| {
            let clock = Micros::from_secs(u64::from(seconds) + 5);
            let verifier = Verifier { rules: &rules, clock, signers };
            let terms = Terms { guard: Guard::Hmac(verifier), ..terms(&content, captured) };
            captured.packet().check(&terms).map(|heard| (heard.priority, heard.proof))
        };
        assert_eq!(check(signers), Ok((content.priority, Proof::Stamp(stamp))));
        signers.heard(content.source, stamp);
        assert_eq!(check(signers), Err(Reject::StampReplayed));
    }
}

/// 2.2.7 took both of these from one peer, one after the other (samples/unicsum.pcap).
#[test]
fn both_checksums_of_unicast_version_3_are_told_apart() {
    let header = octets("45c0002000010000ff70a698 0a090002 0a090001");
    let forms = [
        (ChecksumForm::Standard, OldChecksum::Detect, "3137640100644b60 0a090069"),
        (ChecksumForm::OldUnicast, OldChecksum::Always, "3137640100647557 0a090069"),
    ];
    for (form, rule, message) in forms {
        let captured = Captured::new(header.clone(), octets(message));
        let content = content(Version::V3, &captured, 0x37, Seal::None);
        let made = content.draft(&ips("10.9.0.105")).packet(&delivery(&captured, checksum(rule)));
        assert_eq!(made, captured.sent());

        let found = |checksum| {
            let terms = Terms { checksum, ..terms(&content, &captured) };
            captured.packet().check(&terms).map(|heard| heard.checksum)
        };
        assert_eq!(found(checksum(OldChecksum::Detect)), Ok(form));
        assert_eq!(found(checksum(OldChecksum::Always)), Ok(form));
        let is_standard = form == ChecksumForm::Standard;
        let refused = Err(Reject::Checksum { version: 3 });
        assert_eq!(found(checksum(OldChecksum::Never)), if is_standard { Ok(form) } else { refused });
    }
}
