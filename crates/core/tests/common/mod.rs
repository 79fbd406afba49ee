//! A router on a bench: a real engine, a kernel that always obeys, and a diary of what happened.
#![allow(dead_code, reason = "every test file uses its own part of the bench")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use keepalived_core::event::{Exit, Notice};
use keepalived_core::memory::Memory;
use keepalived_core::report::Report;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Change, Key, Link, Snapshot};
use keepalived_model::notify::{Command, RunAs};
use keepalived_model::track::{Script, Tracked};
use keepalived_model::vrrp::{Checksum, Config, Instance, Transport, Version, VirtualAddress};
use keepalived_model::{Instant, LinkId, MacAddr, Micros, Priority, RunId, Vrid, Weight};
use keepalived_wire::reject::Reject;
use keepalived_wire::vrrp::{Content, Delivery, Guard, Packet, Seal, Terms};

pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
pub const ME: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 5);
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 100);
pub const ETH0: LinkId = LinkId(2);
/// Far from zero, so that arithmetic before the start would be noticed.
const START: u64 = 1_000_000_000;

/// The n-th other router.
pub fn peer(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 0, n)
}

pub fn link(up: bool) -> Link {
    Link { up, ..Link::ethernet(ETH0, "eth0", MacAddr([2, 0, 0, 0, 0, 5])) }
}

pub fn key(ip: Ipv4Addr, prefix_len: u8) -> AddressKey {
    AddressKey { link: ETH0, ip: ip.into(), prefix_len }
}

pub fn snapshot() -> Snapshot {
    Snapshot { links: vec![link(true)], addresses: vec![Address { key: key(ME, 24), ours: false }] }
}

pub fn vip(ip: Ipv4Addr) -> VirtualAddress {
    VirtualAddress::plain(ip, 32)
}

pub fn instance(name: &str, vrid: u8, priority: u8) -> Instance {
    let vrid = Vrid::try_from(vrid).expect("tests name VRIDs");
    Instance {
        priority: Priority::try_from(priority).expect("tests name priorities"),
        transport: Transport::Multicast { group: GROUP.into(), source: None },
        addresses: vec![vip(VIP)],
        ..Instance::new(name, vrid, "eth0")
    }
}

pub fn config(instances: Vec<Instance>) -> Config {
    Config::of(instances)
}

/// An instance of a configuration, to be changed.
pub fn nth(config: &mut Config, index: usize) -> &mut Instance {
    config.instances_mut().nth(index).expect("tests know what they configure")
}

/// A configuration of one instance that tracks one script every two seconds.
pub fn scripted(priority: u8, amount: i16) -> Config {
    let weight = Weight { amount, reverse: false };
    let mut tracking = instance("VI_1", 51, priority);
    tracking.track.scripts.push(Tracked { name: "chk".into(), weight });
    let command = Command { path: b"/chk".to_vec(), argv: vec![b"/chk".to_vec()], user: RunAs::default() };
    let every = Micros::from_secs(2);
    let script = Script {
        name: "chk".into(),
        command,
        interval: every,
        timeout: every,
        weight,
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    Config { scripts: vec![script], ..config(vec![tracking]) }
}

pub struct Router {
    pub engine: Engine,
    pub memories: Vec<Memory>,
    /// Who was told of what.
    pub notices: Vec<Notice>,
    /// Millisecond and short text of everything the engine did.
    pub diary: Vec<(u64, String)>,
    /// Runs asked for and not ended yet.
    pub runs: Vec<RunId>,
    pub now: u64,
    /// Whether the kernel answers.
    pub obedient: bool,
}

impl Router {
    pub fn start(config: Config) -> Self {
        Self::start_on(config, &snapshot(), &[])
    }

    pub fn start_on(config: Config, snapshot: &Snapshot, memories: &[Memory]) -> Self {
        Self::start_at(0, config, snapshot, memories)
    }

    pub fn start_at(millis: u64, config: Config, snapshot: &Snapshot, memories: &[Memory]) -> Self {
        let (mut out, now) = (Actions::new(), START + millis * 1000);
        let engine = Engine::start(Instant(now), Arc::new(config), snapshot, memories, &[], &mut out);
        let mut router = Self {
            engine,
            memories: Vec::new(),
            notices: Vec::new(),
            diary: Vec::new(),
            runs: Vec::new(),
            now,
            obedient: true,
        };
        router.carry_out(out);
        router
    }

    /// Lets time pass up to this millisecond after the start.
    pub fn until(&mut self, millis: u64) -> &mut Self {
        let end = START + millis * 1000;
        while let Some(at) = self.engine.next_deadline().filter(|at| at.0 <= end) {
            self.now = self.now.max(at.0);
            self.tell(Event::Due);
        }
        self.now = end;
        self
    }

    /// Lets no time pass inside the engine until this millisecond: a frozen process.
    pub fn frozen_until(&mut self, millis: u64) -> &mut Self {
        self.now = START + millis * 1000;
        self
    }

    pub fn tell(&mut self, event: Event<'_>) -> &mut Self {
        let mut out = Actions::new();
        self.engine.handle(Instant(self.now), event, &mut out);
        self.carry_out(out);
        self
    }

    pub fn hear(&mut self, priority: u8, from: Ipv4Addr) -> &mut Self {
        self.hear_list(priority, from, &[VIP])
    }

    pub fn hear_list(&mut self, priority: u8, from: Ipv4Addr, addresses: &[Ipv4Addr]) -> &mut Self {
        let datagram = advert(Version::V2, priority, from, Micros::from_secs(1), addresses);
        self.tell(Event::Received { link: ETH0, packet: Packet::V4(&datagram) })
    }

    pub fn hear_v3(&mut self, priority: u8, from: Ipv4Addr, interval: Micros) -> &mut Self {
        let datagram = advert(Version::V3, priority, from, interval, &[VIP]);
        self.tell(Event::Received { link: ETH0, packet: Packet::V4(&datagram) })
    }

    pub fn kernel(&mut self, change: Change) -> &mut Self {
        self.tell(Event::Kernel(change))
    }

    /// The oldest open run ends.
    pub fn script_ends(&mut self, exit: Exit) -> &mut Self {
        let run = self.runs.remove(0);
        self.tell(Event::Exited { run, exit })
    }

    fn carry_out(&mut self, actions: Actions) {
        let millis = (self.now - START) / 1000;
        let mut answers = Vec::new();
        for action in actions {
            let text = match action {
                Action::Send { packet, .. } => describe(&packet),
                Action::Announce { .. } => "garp".into(),
                Action::Want { key, spec } => {
                    answers.push(key.clone());
                    let sign = if spec.is_some() { '+' } else { '-' };
                    match key {
                        Key::Address(key) => format!("{sign}{}/{}", key.ip, key.prefix_len),
                        other => format!("{sign}{other:?}"),
                    }
                }
                Action::Join { group, .. } => format!("join {group}"),
                Action::Leave { group, .. } => format!("leave {group}"),
                Action::Admit { .. } | Action::WatchClaims { .. } => continue,
                Action::Run { run, .. } => {
                    self.runs.push(run);
                    "run".into()
                }
                Action::Kill { how, .. } => format!("{how:?}"),
                Action::Notify(notice) => {
                    let text = format!("notify {} {}", notice.name, notice.occasion.word());
                    self.notices.push(notice);
                    text
                }
                Action::Remember(memory) => {
                    self.memories.push(memory);
                    continue;
                }
                Action::Report(Report::Entered { instance, state, .. }) => format!("{instance} {state}"),
                Action::Report(Report::EffectivePriority { to, .. }) => format!("priority {to}"),
                Action::Report(Report::Rejected { reason, first, .. }) => {
                    format!("reject {} {first}", Reject::kind(reason))
                }
                Action::Report(report) => format!("{report:?}").split([' ', '{']).next().unwrap_or("").into(),
            };
            self.diary.push((millis, text));
        }
        if self.obedient {
            for key in answers {
                self.tell(Event::Settled { key, outcome: Ok(()) });
            }
        }
    }

    /// When something like this happened, in milliseconds.
    pub fn times(&self, text: &str) -> Vec<u64> {
        self.diary.iter().filter(|(_, what)| what == text).map(|(at, _)| *at).collect()
    }

    /// Everything since (and with) this millisecond, without the fine print of log lines.
    pub fn deeds(&self, since: u64) -> Vec<&str> {
        let fine = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.contains(' ');
        let later = self.diary.iter().filter(|(at, _)| *at >= since);
        later
            .map(|(_, text)| text.as_str())
            .filter(|text| !fine(text) || *text == "Term" || *text == "Kill")
            .collect()
    }

    pub fn state(&self) -> String {
        self.engine.view().instances.iter().map(|i| i.state.to_string()).collect::<Vec<_>>().join(" ")
    }

    pub fn advert_gaps(&self) -> u64 {
        let sent: Vec<u64> =
            self.diary.iter().filter(|(_, what)| what.starts_with("advert ")).map(|(at, _)| *at).collect();
        sent.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }
}

/// An advert of somebody else for VRID 51.
fn advert(
    version: Version,
    priority: u8,
    from: Ipv4Addr,
    interval: Micros,
    addresses: &[Ipv4Addr],
) -> Vec<u8> {
    let vrid = Vrid::try_from(51).expect("a VRID");
    let content = Content { version, vrid, priority, interval, source: IpAddr::V4(from), seal: Seal::None };
    let delivery = Delivery { destination: GROUP.into(), id: 7, ttl: 255, checksum: Checksum::default() };
    content.draft(addresses).packet(&delivery)
}

fn describe(datagram: &[u8]) -> String {
    let terms = Terms {
        version: Version::V2,
        interval: Micros::from_secs(1),
        multicast: true,
        guard: Guard::None,
        checksum: Checksum::default(),
    };
    match Packet::V4(datagram).check(&terms) {
        Ok(advert) => format!("advert {}", advert.priority),
        Err(reason) => panic!("the engine sent what it would refuse itself: {reason:?}"),
    }
}
