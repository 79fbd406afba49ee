//! Adverts of every kind, in and out, and what is remembered of them.

mod common;

use std::net::{IpAddr, Ipv6Addr};

use common::*;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Change, Link, Snapshot};
use keepalived_model::vrrp::{
    AntiReplay, Auth, Checksum, Family, GROUP_V6, Hmac, HmacMode, Instance, Peer, Transport, Version,
};
use keepalived_model::{Instant, Micros, Vrid};
use keepalived_wire::vrrp::{
    Content, Delivery, Envelope, Freshness, Guard, MULTICAST_SIGNERS, Packet, Proof, Seal, Sequence, Signers,
    Stamp, Terms,
};

const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100);
const NOON: Micros = Micros::from_secs(1_795_174_455);

fn over_ipv6() -> Instance {
    let mut address = vip(VIP);
    address.ip = VIP6.into();
    Instance {
        family: Family::V6,
        version: Version::V3,
        transport: Transport::Multicast { group: GROUP_V6.into(), source: None },
        addresses: vec![address],
        ..instance("VI_1", 51, 150)
    }
}

fn addresses(all: &[IpAddr]) -> Snapshot {
    let address =
        |ip: &IpAddr| Address { key: AddressKey { link: ETH0, ip: *ip, prefix_len: 64 }, ours: false };
    Snapshot { links: vec![link(true)], addresses: all.iter().map(address).collect() }
}

/// Everything an engine said up to this second, its kernel obeying at once.
fn until(engine: &mut Engine, second: u64, mut out: Actions) -> Vec<Action> {
    let (end, mut all) = (Instant(second * 1_000_000), Vec::new());
    loop {
        for action in std::mem::take(&mut out) {
            if let Action::Want { key, .. } = &action {
                engine.handle(Instant(0), Event::Settled { key: key.clone(), outcome: Ok(()) }, &mut out);
            }
            all.push(action);
        }
        if !out.is_empty() {
            continue;
        }
        let Some(at) = engine.next_deadline().filter(|at| *at <= end) else { return all };
        engine.handle(at, Event::Due, &mut out);
    }
}

fn start(instance: Instance, snapshot: &Snapshot) -> (Engine, Actions) {
    let mut out = Actions::new();
    let config = std::sync::Arc::new(config(vec![instance]));
    let mut engine = Engine::start(Instant(0), config, snapshot, &[], &[], &mut out);
    engine.handle(Instant(0), Event::WallClock { ahead: NOON }, &mut out);
    (engine, out)
}

fn sent(actions: &[Action]) -> Vec<(IpAddr, IpAddr, Option<u8>, Vec<u8>)> {
    let one = |action: &Action| match action {
        Action::Send { source, destination, hop_limit, packet, .. } => {
            Some((*source, *destination, *hop_limit, packet.clone()))
        }
        _ => None,
    };
    actions.iter().filter_map(one).collect()
}

fn state(engine: &Engine) -> String {
    engine.view().instances.iter().map(|instance| instance.state.to_string()).collect()
}

#[test]
fn over_ipv6_adverts_come_from_the_first_link_local_address_that_is_not_virtual() {
    let own = addresses(&[VIP6.into(), "fd00::5".parse().unwrap(), LINK_LOCAL.into()]);
    let (mut engine, out) = start(over_ipv6(), &own);
    let all = until(&mut engine, 4, out);
    assert!(all.contains(&Action::Join { link: ETH0, group: GROUP_V6.into() }));
    let adverts = sent(&all);
    let (source, destination, hop_limit, message) = &adverts[0];
    assert_eq!((*source, *destination, *hop_limit), (LINK_LOCAL.into(), GROUP_V6.into(), Some(255)));
    let envelope = Envelope { source: LINK_LOCAL, destination: GROUP_V6, hop_limit: 255 };
    let terms = Terms {
        version: Version::V3,
        interval: Micros::from_secs(1),
        multicast: true,
        guard: Guard::None,
        checksum: Checksum::default(),
    };
    let heard = Packet::V6 { envelope, message }.check(&terms).expect("a sound advert");
    assert!(heard.addresses.iter().eq([IpAddr::V6(VIP6)]));
    let announced = |action: &&Action| matches!(action, Action::Announce { frame, .. } if frame.len() == 86);
    assert_eq!(all.iter().filter(announced).count(), 5);
}

#[test]
fn without_a_link_local_address_an_instance_of_ipv6_is_in_fault() {
    let (mut engine, out) = start(over_ipv6(), &addresses(&["fd00::5".parse().unwrap()]));
    assert!(sent(&until(&mut engine, 5, out)).is_empty());
    assert_eq!(state(&engine), "FAULT");
    let mut out = Actions::new();
    let key = AddressKey { link: ETH0, ip: LINK_LOCAL.into(), prefix_len: 64 };
    let change = Change::Address(Address { key, ours: false });
    engine.handle(Instant(5_000_000), Event::Kernel(change), &mut out);
    assert_eq!(state(&engine), "BACKUP");
}

fn content(auth_seal: Seal<'_>, priority: u8) -> Content<'_> {
    Content {
        version: Version::V2,
        vrid: Vrid::try_from(51).unwrap(),
        priority,
        interval: Micros::from_secs(1),
        source: peer(1).into(),
        seal: auth_seal,
    }
}

fn to_group(content: Content<'_>) -> Vec<u8> {
    let delivery = Delivery { destination: GROUP.into(), id: 1, ttl: 255, checksum: Checksum::default() };
    content.draft(&[VIP]).packet(&delivery)
}

#[test]
fn numbers_of_headers_go_on_from_what_was_heard_and_over_a_reload() {
    let key = *b"secret\0\0";
    let auth = Auth::Ah(key);
    let mine = Instance { auth: auth.clone(), ..instance("VI_1", 51, 100) };
    let (mut engine, out) = start(mine.clone(), &snapshot());
    until(&mut engine, 1, out);
    let (mut out, at) = (Actions::new(), Instant(1_000_000));
    let numbered =
        |number| to_group(content(Seal::AuthHeader { key: &key, sequence: Sequence::at(number) }, 200));
    engine.handle(at, Event::Received { link: ETH0, packet: Packet::V4(&numbered(40)) }, &mut out);
    engine.handle(at, Event::Received { link: ETH0, packet: Packet::V4(&numbered(40)) }, &mut out);
    let counters = engine.view().instances[0].counters.clone();
    assert_eq!((counters.accepted, counters.rejected.total()), (1, 1), "a number is good once");
    let renamed = Instance { name: "VI_X".into(), ..mine };
    engine.handle(at, Event::Config(std::sync::Arc::new(config(vec![renamed]))), &mut out);
    let all = until(&mut engine, 6, out);
    let first = &sent(&all)[0].3;
    assert_eq!(first[28..32], 41_u32.to_be_bytes(), "{first:02x?}");
    let left = all.iter().rev().find_map(|action| match action {
        Action::Remember(keepalived_core::memory::Memory::Standing(standing)) => Some(standing.sequence),
        _ => None,
    });
    assert!(left >= Some(41), "a successor is told the number: {left:?}");
}

fn hmac(mode: HmacMode, active: u8) -> Auth {
    let keys = [(1, vec![b'a'; 32]), (2, vec![b'b'; 32])].into();
    Auth::Hmac(Hmac { keys, active, window: Micros::from_secs(5), anti_replay: AntiReplay::Time, mode })
}

#[test]
fn signatures_are_made_with_the_active_key_by_the_wall_clock_and_are_good_once() {
    let auth = hmac(HmacMode::Enforce, 2);
    let (mut engine, out) = start(Instance { auth: auth.clone(), ..instance("VI_1", 51, 150) }, &snapshot());
    let adverts = sent(&until(&mut engine, 5, out));
    let Auth::Hmac(rules) = &auth else { unreachable!("made above") };
    let mut signers = Signers::with_room(MULTICAST_SIGNERS);
    for (_, _, _, packet) in &adverts {
        let clock = NOON + Micros::from_secs(4);
        let guard = Guard::of(&auth, Sequence::default(), clock, &signers);
        let terms = Terms {
            version: Version::V2,
            interval: Micros::from_secs(1),
            multicast: true,
            guard,
            checksum: Checksum::default(),
        };
        let heard = Packet::V4(packet).check(&terms).expect("signed, fresh and new");
        let Proof::Stamp(stamp) = heard.proof else { panic!("{:?}", heard.proof) };
        signers.heard(heard.source, stamp);
    }
    assert!(adverts.len() > 1);
    // The same one of a better router, twice; then one from the day before.
    let (mut out, at) = (Actions::new(), Instant(5_000_000));
    let stamp = |clock| Stamp::next(None, clock, Freshness::from(rules));
    let now = stamp(NOON + Micros::from_secs(5));
    let old = stamp(NOON);
    for (stamp, _) in [(now, "fresh"), (now, "replayed"), (old, "stale")] {
        let packet = to_group(content(Seal::Signature { rules, stamp }, 200));
        engine.handle(at, Event::Received { link: ETH0, packet: Packet::V4(&packet) }, &mut out);
    }
    let counters = engine.view().instances[0].counters.clone();
    assert_eq!((state(&engine).as_str(), counters.accepted), ("BACKUP", 1));
    assert_eq!(counters.rejected.total(), 2);
}

#[test]
fn whoever_only_receives_signatures_counts_those_who_do_not_sign() {
    let auth = hmac(HmacMode::ReceiveOnly, 1);
    let (mut engine, out) = start(Instance { auth, ..instance("VI_1", 51, 100) }, &snapshot());
    until(&mut engine, 1, out);
    let packet = to_group(content(Seal::None, 200));
    engine.handle(
        Instant(1_000_000),
        Event::Received { link: ETH0, packet: Packet::V4(&packet) },
        &mut Actions::new(),
    );
    let counters = engine.view().instances[0].counters.clone();
    assert_eq!((counters.accepted, counters.unsigned), (1, 1));
}

/// Unicast from `10.9.0.5` to one peer, the nth.
fn unicast(n: u8, ttl_min: u8) -> Instance {
    let peers = vec![Peer { ttl_min, ..Peer::from(IpAddr::from(peer(n))) }];
    let transport = Transport::Unicast { peers, source: Some(ME.into()), check_source: true, ttl: Some(64) };
    Instance { transport, ..instance("VI_1", 51, 100) }
}

fn to_me(source: u8, ttl: u8) -> Vec<u8> {
    let content = Content { source: peer(source).into(), ..content(Seal::None, 200) };
    let delivery = Delivery { destination: ME.into(), id: 1, ttl, checksum: Checksum::default() };
    content.draft(&[VIP]).packet(&delivery)
}

#[test]
fn an_instance_without_interface_speaks_by_the_routes_and_hears_on_every_link() {
    let nowhere = Instance { interface: None, addresses: Vec::new(), ..unicast(1, 0) };
    let other = keepalived_model::LinkId(9);
    let mut links = snapshot();
    links.links.push(Link { id: other, name: "eth9".into(), ..link(true) });
    let (mut engine, out) = start(nowhere, &links);
    assert_eq!(state(&engine), "BACKUP");
    until(&mut engine, 1, out);
    let at = Instant(1_000_000);
    let packet = to_me(1, 3);
    engine.handle(at, Event::Received { link: other, packet: Packet::V4(&packet) }, &mut Actions::new());
    assert_eq!(engine.view().instances[0].counters.accepted, 1);
    let adverts = until(&mut engine, 9, Actions::new());
    let links: Vec<_> = adverts
        .iter()
        .filter_map(|action| match action {
            Action::Send { link, destination, .. } => Some((*link, *destination)),
            _ => None,
        })
        .collect();
    assert_eq!(links[0], (None, IpAddr::from(peer(1))));
}

#[test]
fn strangers_and_peers_from_too_far_away_are_not_heard() {
    let (mut engine, out) = start(unicast(1, 200), &snapshot());
    until(&mut engine, 1, out);
    for (source, ttl) in [(2, 255), (1, 199), (1, 200)] {
        let packet = to_me(source, ttl);
        let event = Event::Received { link: ETH0, packet: Packet::V4(&packet) };
        engine.handle(Instant(1_000_000), event, &mut Actions::new());
    }
    let counters = engine.view().instances[0].counters.clone();
    assert_eq!((counters.accepted, counters.rejected.total()), (1, 2));
}

#[test]
fn a_tracked_source_that_is_missing_is_a_fault() {
    let tracked = |track_source| {
        let transport = Transport::Multicast { group: GROUP.into(), source: Some([10, 9, 0, 77].into()) };
        start(Instance { transport, track_source, ..instance("VI_1", 51, 100) }, &snapshot()).0
    };
    assert_eq!((state(&tracked(true)).as_str(), state(&tracked(false)).as_str()), ("FAULT", "BACKUP"));
}

#[test]
fn an_owner_may_close_its_ears() {
    let mut deaf = instance("VI_1", 51, 255);
    (deaf.wants_master, deaf.owner_ignore_adverts) = (true, true);
    let mut me = Router::start(config(vec![deaf]));
    me.until(10).hear(255, peer(250));
    assert_eq!(me.state(), "MASTER");
}

#[test]
fn a_master_that_wakes_too_late_to_be_the_only_one_steps_back_without_a_farewell() {
    let mut late = instance("VI_1", 51, 100);
    (late.preempt, late.late_timer_backup) = (keepalived_model::vrrp::Preempt::Never, Some(254));
    let mut me = Router::start(config(vec![late]));
    me.until(4000);
    assert_eq!(me.state(), "MASTER");
    // The last advert went out at 3.609 s; somebody of priority 254 waits 3.007 s.
    me.frozen_until(6700).tell(Event::Due);
    assert_eq!(me.state(), "BACKUP");
    assert_eq!(me.deeds(6700)[..2], ["VI_1 BACKUP", "notify VI_1 BACKUP"]);
}

#[test]
fn an_owner_yields_to_another_one_that_listens_to_nobody_and_takes_over_when_that_is_gone() {
    let mut owner = instance("VI_1", 51, 255);
    owner.wants_master = true;
    let mut me = Router::start(config(vec![owner]));
    let rogue = std::net::Ipv4Addr::new(10, 9, 0, 1);
    let mut heard = 0;
    while me.until(500 + heard * 1000).state() == "MASTER" && heard < 6 {
        me.hear(255, rogue);
        heard += 1;
    }
    assert_eq!((me.state().as_str(), heard), ("BACKUP", 4), "two adverts of ours, then 1.2 s");
    me.until(4500).hear(255, rogue);
    assert_eq!(me.until(7400).state(), "BACKUP");
    assert_eq!(me.until(7600).state(), "MASTER");
}

#[test]
fn masters_in_step_with_each_others_numbers_part() {
    let key = *b"secret\0\0";
    let (mut engine, out) = start(Instance { auth: Auth::Ah(key), ..instance("VI_1", 51, 100) }, &snapshot());
    let said = sent(&until(&mut engine, 4, out));
    assert_eq!(said.len(), 1, "it has just taken over with number 1");
    let theirs = to_group(content(Seal::AuthHeader { key: &key, sequence: Sequence::at(1) }, 100));
    let event = Event::Received { link: ETH0, packet: Packet::V4(&theirs) };
    let mut out = Actions::new();
    engine.handle(Instant(4_000_000), event, &mut out);
    let next = sent(&out);
    // The other one, whose address is lower, goes on with 3 if it knows of this and with 2 if not.
    assert_eq!(next[0].3[28..32], 4_u32.to_be_bytes());
}

/// Seed 5836: with three masters numbers cross, and who hears an old number speaks at once instead of an interval later.
#[test]
fn a_master_that_hears_an_old_number_speaks_at_once_and_no_more_than_four_times_an_interval() {
    let key = *b"secret\0\0";
    let mine = Instance { auth: Auth::Ah(key), ..instance("VI_1", 51, 100) };
    let (mut engine, out) = start(mine, &snapshot());
    until(&mut engine, 6, out);
    assert_eq!(state(&engine), "MASTER");
    let old = to_group(content(Seal::AuthHeader { key: &key, sequence: Sequence::at(1) }, 200));
    let (mut spoken, begun) = (Vec::new(), 6_300_000);
    for at in (begun..begun + 1_000_000).step_by(10_000) {
        let mut out = Actions::new();
        engine.handle(Instant(at), Event::Received { link: ETH0, packet: Packet::V4(&old) }, &mut out);
        engine.handle(Instant(at), Event::Due, &mut out);
        spoken.extend(sent(&out).iter().map(|_| at - begun));
    }
    assert_eq!(spoken, [0, 250_000, 500_000, 750_000]);
    assert_eq!(state(&engine), "MASTER", "an old number is nobody's to lead by");
}
