//! Datagrams of IP protocol 112: any bytes, at any time, to any virtual router.
//!
//! Three promises: nothing panics; whatever `check` accepts can be read to its end; and a datagram that `check`
//! refuses makes the engine do nothing but say so.

#![no_main]

use std::net::Ipv4Addr;
use std::sync::Arc;

use keepalived_core::Engine;
use keepalived_core::event::{Action, Actions, Event};
use keepalived_model::kernel::{Address, AddressKey, AddressSpec, Link, Snapshot};
use keepalived_model::notify::Notifications;
use keepalived_model::vrrp::{Auth, Config, Garp, Instance, Preempt, Transport, Version, VirtualAddress};
use keepalived_model::{Instant, LinkId, MacAddr, Micros, Priority, Vrid};
use keepalived_wire::vrrp::{self, Expect, Outgoing};
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
    check_alone(bytes);
    drive_an_engine(Bytes(bytes));
});

/// Every kind of expectation there is, on the same bytes.
fn check_alone(bytes: &[u8]) {
    let _ = vrrp::peek(bytes);
    for version in [Version::V2, Version::V3] {
        for auth in [Auth::None, Auth::Pass(*b"1111\0\0\0\0")] {
            for multicast in [true, false] {
                let expect = Expect { version, auth: &auth, interval: Micros(SECOND), multicast };
                if let Ok(advert) = vrrp::check(bytes, &expect) {
                    assert!(vrrp::peek(bytes).is_ok());
                    assert_eq!(advert.addresses().len(), advert.addresses().count());
                }
            }
        }
    }
}

fn drive_an_engine(mut bytes: Bytes<'_>) {
    let instance = instance(&mut bytes);
    let config = Arc::new(Config { instances: vec![instance.clone()], ..Config::default() });
    let mut now = Instant(SECOND);
    let mut out = Actions::new();
    let mut engine = Engine::start(now, config, &snapshot(), &[], &mut out);
    answer(&mut engine, now, &mut out);
    while !bytes.0.is_empty() {
        now += Micros(u64::from(bytes.one()) * 20_000);
        due(&mut engine, now, &mut out);
        let datagram = datagram(&instance, &mut bytes);
        let refused = is_refused(&instance, &datagram);
        engine.handle(now, Event::Received { link: LINK, datagram: &datagram }, &mut out);
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
    let expect = Expect {
        version: instance.version,
        auth: &instance.auth,
        interval: instance.advert_interval,
        multicast: matches!(instance.transport, Transport::Multicast { .. }),
    };
    vrrp::check(datagram, &expect).is_err()
}

/// Raw bytes, or a right advert with one octet changed, or a right one.
fn datagram(instance: &Instance, bytes: &mut Bytes<'_>) -> Vec<u8> {
    let kind = bytes.one();
    if kind < 64 {
        let length = usize::from(bytes.one());
        return bytes.some(length).to_vec();
    }
    let addresses: Vec<Ipv4Addr> = (0..kind % 4).map(|_| Ipv4Addr::new(192, 0, 2, bytes.one())).collect();
    let mut datagram = vrrp::encode(&Outgoing {
        version: instance.version,
        vrid: instance.vrid,
        priority: bytes.one(),
        interval: instance.advert_interval,
        auth: &instance.auth,
        source: Ipv4Addr::new(192, 0, 2, bytes.one()),
        destination: if matches!(instance.transport, Transport::Multicast { .. }) { GROUP } else { OWN },
        id: 1,
        ttl: 255,
        addresses: &addresses,
    });
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
        Transport::Unicast { peers: vec![PEER], source: None, check_source: is(1), ttl: 255 }
    } else {
        Transport::Multicast { group: GROUP, source: is(1).then_some(OWN) }
    };
    Instance {
        name: "V".into(),
        vrid: Vrid::try_from(51).expect("51 is a VRID"),
        version: if is(2) { Version::V3 } else { Version::V2 },
        interface: "eth0".into(),
        priority: Priority::try_from(bytes.one().max(1)).expect("1-255 is a priority"),
        wants_master: is(3),
        advert_interval: Micros(SECOND),
        preempt: match bytes.one() % 3 {
            0 => Preempt::Always,
            1 => Preempt::Never,
            _ => Preempt::After(Micros(5 * SECOND)),
        },
        down_timer_adverts: 3,
        auth: if is(4) { Auth::Pass(*b"1111\0\0\0\0") } else { Auth::None },
        transport,
        addresses: vec![VirtualAddress {
            ip: VIP.into(),
            prefix_len: 24,
            interface: None,
            spec: AddressSpec::default(),
            no_track: false,
            use_vmac: false,
        }],
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        garp: Garp {
            repeat: 5,
            delay: Micros(5 * SECOND),
            refresh: Micros(0),
            refresh_repeat: 1,
            lower_prio_repeat: 5,
            lower_prio_delay: Micros(5 * SECOND),
        },
        lower_prio_no_advert: is(5),
        higher_prio_send_advert: is(6),
        skip_check_adv_addr: is(7),
        dont_track_primary: false,
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
        notify: Notifications::default(),
    }
}

fn snapshot() -> Snapshot {
    let link = Link {
        id: LINK,
        name: "eth0".into(),
        up: true,
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        multicast: true,
        arp: true,
        loopback: false,
        mtu: 1500,
    };
    let key = AddressKey { link: LINK, ip: OWN.into(), prefix_len: 24 };
    Snapshot { links: vec![link], addresses: vec![Address { key, ours: false }] }
}
