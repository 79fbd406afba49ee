//! Packets of IP protocols 112 and 51: any bytes, at any time, to any virtual router.
//!
//! `codecs` has the promises of the codecs; here, that nothing panics, and that a datagram that `check` refuses makes
//! the engine do nothing but say so.

#![no_main]

mod codecs;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use keepalived_core::Engine;
use keepalived_core::event::{Action, Actions, Event};
use keepalived_model::kernel::{Address, AddressKey, Link, Snapshot};
use keepalived_model::vrrp::{
    Auth, Checksum, Config, Instance, Peer, Preempt, Transport, Version, VirtualAddress,
};
use keepalived_model::{Instant, LinkId, MacAddr, Micros, Priority, Vrid};
use keepalived_wire::vrrp::{Content, Delivery, Guard, Packet, Seal, Terms};
use libfuzzer_sys::fuzz_target;

const LINK: LinkId = LinkId(2);
const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const SECOND: u64 = 1_000_000;

/// Fuzzed bytes, taken from the front; zeros once they are used up.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn one(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn some(&mut self, count: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        some
    }
}

fuzz_target!(|bytes: &[u8]| {
    codecs::check_raw(bytes);
    codecs::check_made(Bytes(bytes));
    drive_an_engine(Bytes(bytes));
});

fn drive_an_engine(mut bytes: Bytes<'_>) {
    let instance = instance(&mut bytes);
    let config = Arc::new(Config::of([instance.clone()]));
    let mut now = Instant(SECOND);
    let mut out = Actions::new();
    let mut engine = Engine::start(now, config, &snapshot(), &[], &[], &mut out);
    answer(&mut engine, now, &mut out);
    while !bytes.0.is_empty() {
        now += Micros(u64::from(bytes.one()) * 20_000);
        due(&mut engine, now, &mut out);
        let datagram = datagram(&instance, &mut bytes);
        let refused = is_refused(&instance, &datagram);
        engine.handle(now, Event::Received { link: LINK, packet: Packet::V4(&datagram) }, &mut out);
        let only_reports = out.iter().all(|action| matches!(action, Action::Report(_)));
        assert!(only_reports || !refused, "a refused datagram led to {out:?}");
        answer(&mut engine, now, &mut out);
    }
    engine.handle(now, Event::Stop, &mut out);
    answer(&mut engine, now, &mut out);
    assert!(engine.is_quiet(), "an answered stop leaves nothing to wait for");
}

/// Everything due by now; more rounds than timers would be a loop without an end.
fn due(engine: &mut Engine, now: Instant, out: &mut Actions) {
    for _ in 0..1000 {
        if engine.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        engine.handle(now, Event::Due, out);
        answer(engine, now, out);
    }
    panic!("after a thousand rounds something is still due");
}

/// The kernel does what is wanted.
fn answer(engine: &mut Engine, now: Instant, out: &mut Actions) {
    while !out.is_empty() {
        for action in std::mem::take(out) {
            if let Action::Want { key, .. } = action {
                engine.handle(now, Event::Settled { key, outcome: Ok(()) }, out);
            }
        }
    }
}

fn is_refused(instance: &Instance, datagram: &[u8]) -> bool {
    let terms = Terms {
        version: instance.version,
        interval: instance.advert_interval,
        multicast: matches!(instance.transport, Transport::Multicast { .. }),
        guard: password(instance).map_or(Guard::None, Guard::Password),
        checksum: Checksum::default(),
    };
    Packet::V4(datagram).check(&terms).is_err()
}

fn password(instance: &Instance) -> Option<&[u8; 8]> {
    match &instance.auth {
        Auth::Pass(password) => Some(password),
        Auth::None | Auth::Ah(_) | Auth::Hmac(_) => None,
    }
}

/// Raw bytes, or a right advert with one octet changed, or a right one.
fn datagram(instance: &Instance, bytes: &mut Bytes<'_>) -> Vec<u8> {
    let kind = bytes.one();
    if kind < 64 {
        let length = usize::from(bytes.one());
        return bytes.some(length).to_vec();
    }
    let addresses: Vec<Ipv4Addr> = (0..kind % 4).map(|_| Ipv4Addr::new(192, 0, 2, bytes.one())).collect();
    let content = Content {
        version: instance.version,
        vrid: instance.vrid,
        priority: bytes.one(),
        interval: instance.advert_interval,
        source: IpAddr::from([192, 0, 2, bytes.one()]),
        seal: password(instance).map_or(Seal::None, Seal::Password),
    };
    let destination = if matches!(instance.transport, Transport::Multicast { .. }) { GROUP } else { OWN };
    let (destination, checksum) = (destination.into(), Checksum::default());
    let mut datagram = content.draft(&addresses).packet(&Delivery { destination, id: 1, ttl: 255, checksum });
    if kind < 160 {
        let at = usize::from(bytes.one()) % datagram.len();
        datagram[at] = bytes.one();
    }
    datagram
}

fn instance(bytes: &mut Bytes<'_>) -> Instance {
    let choices = bytes.one();
    let is = |bit: u8| choices & (1 << bit) != 0;
    let transport = if is(0) {
        let peers = vec![Peer::from(IpAddr::from(PEER))];
        Transport::Unicast { peers, source: None, check_source: is(1), ttl: None }
    } else {
        Transport::Multicast { group: GROUP.into(), source: is(1).then_some(OWN.into()) }
    };
    Instance {
        version: if is(2) { Version::V3 } else { Version::V2 },
        priority: Priority::try_from(bytes.one().max(1)).expect("1-255 is a priority"),
        wants_master: is(3),
        preempt: match bytes.one() % 3 {
            0 => Preempt::Always,
            1 => Preempt::Never,
            _ => Preempt::After(Micros(5 * SECOND)),
        },
        auth: if is(4) { Auth::Pass(*b"1111\0\0\0\0") } else { Auth::None },
        transport,
        addresses: vec![VirtualAddress::plain(VIP, 24)],
        lower_prio_no_advert: is(5),
        higher_prio_send_advert: is(6),
        skip_check_adv_addr: is(7),
        ..Instance::new("V", Vrid::try_from(51).expect("51 is a VRID"), "eth0")
    }
}

fn snapshot() -> Snapshot {
    let link = Link::ethernet(LINK, "eth0", MacAddr([2, 0, 0, 0, 0, 1]));
    let key = AddressKey { link: LINK, ip: OWN.into(), prefix_len: 24 };
    Snapshot { links: vec![link], addresses: vec![Address { key, ours: false }] }
}
