//! One machine: an engine, and a kernel that obeys at once.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use keepalived_core::memory::{Memory, Standing};
use keepalived_core::report::State;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Key, Link, Snapshot};
use keepalived_model::track::Reading;
use keepalived_model::vrrp::{self, Identity};
use keepalived_model::{Instant, LinkId, MacAddr, Micros};
use keepalived_wire::vrrp::Packet;

/// The only interface there is.
const LINK: LinkId = LinkId(2);
/// A memory older than this is worth nothing to a successor, however it looks.
const FORGOTTEN: Micros = Micros::from_secs(10);

/// A machine and what its process has come to.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Which one, from zero.
    pub number: u8,
    /// Its process, unless it is down.
    pub engine: Option<Engine>,
    /// It was asked to end, and did.
    pub has_stopped: bool,
    /// The virtual addresses in its kernel.
    pub addresses: BTreeSet<AddressKey>,
    /// What its process asked to be kept.
    memory: BTreeMap<Arc<Identity>, Standing>,
    /// The number in the file that is tracked.
    pub file: i64,
}

impl Machine {
    /// A machine on which nothing runs.
    pub fn new(number: u8) -> Self {
        let (addresses, memory) = (BTreeSet::new(), BTreeMap::new());
        Self { number, engine: None, has_stopped: false, addresses, memory, file: 0 }
    }

    /// Its own address.
    pub fn own(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, 1 + self.number)
    }

    /// Its process starts, with what its predecessor remembered or without. Returns the datagrams it sends.
    pub fn start(&mut self, now: Instant, config: &Arc<vrrp::Config>, adopt: bool) -> Vec<Vec<u8>> {
        let own = AddressKey { link: LINK, ip: self.own().into(), prefix_len: 24 };
        let left = self.addresses.iter().map(|key| Address { key: *key, ours: true });
        let addresses = [Address { key: own, ours: false }].into_iter().chain(left).collect();
        let snapshot = Snapshot { links: vec![self.link()], addresses };
        let memory = std::mem::take(&mut self.memory).into_values();
        let memories: Vec<Memory> = memory.filter(|_| adopt).map(Memory::Standing).collect();
        let watches = config.watches();
        let readings: Vec<Reading> =
            watches.into_iter().map(|watch| Reading { watch, number: self.file }).collect();
        let mut out = Actions::new();
        let config = Arc::clone(config);
        self.engine = Some(Engine::start(now, config, &snapshot, &memories, &readings, &mut out));
        self.has_stopped = false;
        self.carry_out(now, out)
    }

    /// Something happens to its process.
    pub fn tell(&mut self, now: Instant, event: Event<'_>) -> Vec<Vec<u8>> {
        let mut out = Actions::new();
        if let Some(engine) = &mut self.engine {
            engine.handle(now, event, &mut out);
        }
        self.carry_out(now, out)
    }

    /// A datagram comes in.
    pub fn hear(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.tell(now, Event::Received { link: LINK, packet: Packet::V4(datagram) })
    }

    /// Its process ends when everything is done that it was asked to end for.
    pub fn stop(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let sent = self.tell(now, Event::Stop);
        if self.engine.as_ref().is_some_and(Engine::is_quiet) {
            self.engine = None;
            self.memory.clear();
            self.has_stopped = true;
        }
        sent
    }

    /// Its process dies.
    pub fn crash(&mut self) {
        self.engine = None;
    }

    /// What there is in the file becomes another number.
    pub fn write(&mut self, now: Instant, config: &vrrp::Config, number: i64) -> Vec<Vec<u8>> {
        self.file = number;
        let sent = config.watches().into_iter().map(|watch| {
            let reading = Reading { watch, number };
            self.tell(now, Event::Reading(&reading))
        });
        sent.flatten().collect()
    }

    /// What the process asks for, and what the kernel's answers make it ask for.
    fn carry_out(&mut self, now: Instant, mut actions: Actions) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        while !actions.is_empty() {
            let mut next = Actions::new();
            for action in actions {
                match action {
                    Action::Send { packet, .. } => sent.push(packet),
                    Action::Want { key, spec } => {
                        if let Key::Address(address) = key {
                            match spec {
                                Some(_) => self.addresses.insert(address),
                                None => self.addresses.remove(&address),
                            };
                        }
                        if let Some(engine) = &mut self.engine {
                            engine.handle(now, Event::Settled { key, outcome: Ok(()) }, &mut next);
                        }
                    }
                    Action::Remember(Memory::Standing(standing)) => {
                        self.memory.insert(Arc::clone(&standing.identity), standing);
                    }
                    Action::Announce { .. }
                    | Action::Join { .. }
                    | Action::Leave { .. }
                    | Action::Admit { .. }
                    | Action::WatchClaims { .. }
                    | Action::Run { .. }
                    | Action::Kill { .. }
                    | Action::Remember(Memory::Verdict(_))
                    | Action::Notify(_)
                    | Action::Report(_) => {}
                }
            }
            actions = next;
        }
        sent
    }

    /// When its process has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.engine.as_ref()?.next_deadline()
    }

    /// The state and the effective priority of each of its virtual routers, in the order of the file.
    pub fn roles(&self) -> Vec<(State, u8)> {
        let views = self.engine.iter().flat_map(Engine::instance_views);
        views.map(|instance| (instance.state, instance.priority)).collect()
    }

    /// Whether it has an address.
    pub fn holds(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|key| key.ip == ip)
    }

    /// All that decides what it does next.
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        (self.number, self.has_stopped, &self.addresses, self.file, self.engine.is_some()).hash(into);
        if let Some(engine) = &self.engine {
            engine.essence(now, into);
        }
        for standing in self.memory.values() {
            let age = now.since(standing.last_advert).min(FORGOTTEN);
            (standing.state, age, standing.sequence).hash(into);
        }
    }

    fn link(&self) -> Link {
        Link::ethernet(LINK, "eth0", MacAddr([2, 0, 0, 0, 0, 1 + self.number]))
    }
}
