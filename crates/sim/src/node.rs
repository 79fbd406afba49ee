//! One machine: the engine, its surroundings, and what we noticed about it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use keepalived_core::Engine;
use keepalived_core::event::Exit;
use keepalived_core::memory::Memory;
use keepalived_core::report::{Fault, State};
use keepalived_model::kernel::{AddressKey, Change, Key, Refusal, Spec};
use keepalived_model::track::{Reading, Watch as Watched};
use keepalived_model::vrrp::{self, Carrier};
use keepalived_model::{InstanceId, Instant, LinkId, Micros, RunId};

use crate::clock::Clock;
use crate::kernel::{FakeKernel, Port};
use crate::plan::NodePlan;
use crate::scripts::FakeScripts;

/// Datagrams a process that does not run may have waiting; what comes later is lost.
const INBOX_MAX: usize = 500;

/// Something for a node's process.
#[expect(missing_docs, reason = "the variants' sentences name the fields")]
#[derive(Clone, Debug)]
pub enum Mail {
    /// A datagram came in.
    Packet { link: LinkId, bytes: Rc<[u8]> },
    /// It is this request's turn in the kernel.
    Apply { key: Key, spec: Option<Spec> },
    /// The kernel's answer.
    Answer { key: Key, outcome: Result<(), Refusal> },
    /// Others changed something.
    News(Change),
    /// A script ended.
    Exit { run: RunId, exit: Exit },
    /// Somebody looked at this.
    Seen(Watched),
    /// An advert could not be sent.
    SendFailed { instance: InstanceId, destination: IpAddr, errno: i32 },
    /// A new configuration.
    Reload(Arc<vrrp::Config>),
    /// The end is wanted.
    Stop,
}

/// Interface and VRID: a virtual router of one node, whatever its name.
pub type Seat = (LinkId, u8);

/// One virtual router as the engine's view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its identity: another router may have its seat after a reload.
    pub id: InstanceId,
    /// Which one.
    pub seat: Seat,
    /// Its name now.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Its effective priority.
    pub priority: u8,
    /// What keeps it in FAULT.
    pub faults: Vec<Fault>,
    /// The addresses it wants now.
    pub wanted: Vec<AddressKey>,
    /// Whether it believes that all of them are there.
    pub settled: bool,
}

/// What we noticed about a virtual router of one node since its process started.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Whom this is about.
    pub of: Option<InstanceId>,
    /// When it became master; the world's time.
    pub master_since: Option<Instant>,
    /// When it last advertised (or could not, because it was frozen); the world's time.
    pub last_sent: Option<Instant>,
    /// How often addresses were announced since it became master.
    pub announced: BTreeMap<IpAddr, u32>,
    /// It took up a predecessor's role, announcements included.
    pub adopted: bool,
    /// Its being master was told to the outside.
    pub told_master: bool,
    /// The last advert that has to make it wait: when, by its own clock, and for how long.
    pub respect: Option<(Instant, Micros)>,
    /// When the present second began, and how many adverts were sent in it.
    pub recent: Option<(Instant, u64)>,
    /// The identification of its last advert.
    pub last_id: Option<u16>,
    /// The number of its last authentication header.
    pub last_number: Option<u32>,
    /// The stamp of its last signature.
    pub last_stamp: Option<u64>,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    /// What is being tried.
    pub engine: Engine,
    /// Groups received, by interface.
    pub joined: BTreeSet<(LinkId, IpAddr)>,
    /// VRIDs of interest.
    pub admitted: BTreeMap<Carrier, BTreeSet<u8>>,
    /// It was asked to end.
    pub stopping: bool,
    /// The engine's view after the last event.
    pub standings: Vec<Standing>,
}

/// One machine.
#[derive(Debug)]
pub struct Node {
    /// Its interfaces.
    pub ports: Vec<Port>,
    /// Its clock.
    pub clock: Clock,
    /// Its first configuration.
    pub original: Arc<vrrp::Config>,
    /// Others that it may be told to run with.
    pub others: Vec<Arc<vrrp::Config>>,
    /// What a process starts with, and what the running one was last told.
    pub config: Arc<vrrp::Config>,
    /// Its kernel.
    pub kernel: FakeKernel,
    /// Its scripts.
    pub scripts: FakeScripts,
    /// Its process, unless it is down.
    pub process: Option<Process>,
    /// Counts processes: mail for an earlier one is lost.
    pub epoch: u64,
    /// What anybody would see who looked at its files and processes.
    pub numbers: BTreeMap<Watched, i64>,
    /// The process does not run.
    pub frozen: bool,
    /// What waits for it meanwhile.
    pub inbox: VecDeque<Mail>,
    /// What the process asked to be kept.
    pub memory: BTreeMap<String, Memory>,
    /// When its deadline will be acted on; the world's time.
    pub wake: Option<Instant>,
    /// When something last happened to this node alone that excuses a delay.
    pub disturbed_at: Instant,
    /// When a reload last changed the members of a group, or a frozen process went on with that.
    pub regrouped_at: Instant,
    /// Something happened to it since it was last looked at as a whole.
    pub has_stirred: bool,
    /// What we noticed.
    pub watches: BTreeMap<Seat, Watch>,
    /// What was there before the process was and nobody has asked for or forbidden since.
    pub leftovers: BTreeSet<Key>,
}

impl Node {
    /// A machine with nothing running.
    pub fn new(plan: &NodePlan, marks: bool) -> Self {
        let config = Arc::new(plan.config.clone());
        Self {
            ports: plan.ports.clone(),
            clock: plan.clock,
            original: Arc::clone(&config),
            others: plan.others.iter().cloned().map(Arc::new).collect(),
            config,
            kernel: FakeKernel::new(&plan.ports, marks),
            scripts: FakeScripts::default(),
            process: None,
            epoch: 0,
            numbers: plan.config.watches().into_iter().map(|watch| (watch, 0)).collect(),
            frozen: false,
            inbox: VecDeque::new(),
            memory: BTreeMap::new(),
            wake: None,
            disturbed_at: Instant(0),
            regrouped_at: Instant(0),
            has_stirred: true,
            watches: BTreeMap::new(),
            leftovers: BTreeSet::new(),
        }
    }

    /// One of its configurations: its first one, unless another one is named.
    pub fn choice(&self, other: Option<usize>) -> &Arc<vrrp::Config> {
        other.and_then(|other| self.others.get(other)).unwrap_or(&self.original)
    }

    /// All of its configurations.
    pub fn configs(&self) -> impl Iterator<Item = &Arc<vrrp::Config>> {
        [&self.original, &self.config].into_iter().chain(&self.others)
    }

    /// The process is gone, with everything that was only in it.
    pub fn end_process(&mut self) {
        self.process = None;
        self.epoch += 1;
        self.frozen = false;
        self.inbox.clear();
        self.scripts.clear();
        self.watches.clear();
        self.wake = None;
        self.kernel.pending = 0;
    }

    /// What somebody sees who looks at one thing now.
    pub fn reading(&self, watch: &Watched) -> Reading {
        Reading { watch: watch.clone(), number: self.numbers.get(watch).copied().unwrap_or(0) }
    }

    /// Delays are excused until then.
    pub fn disturb(&mut self, until: Instant) {
        self.disturbed_at = self.disturbed_at.max(until);
    }

    /// An interface has another index now; what we noticed stays with its name.
    pub fn move_port(&mut self, number: usize, new: LinkId) {
        let old = std::mem::replace(&mut self.ports[number].link, new);
        let moved = |seat: Seat| if seat.0 == old { (new, seat.1) } else { seat };
        self.watches =
            std::mem::take(&mut self.watches).into_iter().map(|(seat, w)| (moved(seat), w)).collect();
        if let Some(process) = &mut self.process {
            process.standings.iter_mut().for_each(|standing| standing.seat = moved(standing.seat));
        }
    }

    /// Keeps mail for later; a full box loses datagrams, and only these.
    pub fn keep(&mut self, mail: Mail) {
        let packets = matches!(mail, Mail::Packet { .. });
        if !packets || self.inbox.len() < INBOX_MAX {
            self.inbox.push_back(mail);
        }
    }

    /// Keeps what a successor may want to know.
    pub fn remember(&mut self, memory: Memory) {
        let key = match &memory {
            Memory::Standing(standing) => format!("{:?}", standing.identity),
            Memory::Verdict(verdict) => verdict.script.to_string(),
        };
        self.memory.insert(key, memory);
    }

    /// The engine's view of everything, in our words.
    pub fn look(&self) -> Vec<Standing> {
        let Some(process) = &self.process else { return Vec::new() };
        let look = |view: keepalived_core::view::InstanceView<'_>| Standing {
            id: view.id,
            seat: (self.link(view.interface), view.vrid.number()),
            name: view.name.to_owned(),
            state: view.state,
            priority: view.priority,
            faults: view.faults,
            wanted: view.wanted,
            settled: view.settled,
        };
        process.engine.instance_views().map(look).collect()
    }

    /// What the process last looked like; nothing while it is down.
    pub fn standings(&self) -> &[Standing] {
        self.process.as_ref().map_or(&[], |process| &process.standings)
    }

    /// The interface of this name.
    pub fn link(&self, name: &str) -> LinkId {
        self.ports.iter().find(|port| port.name == name).map_or(LinkId(0), |port| port.link)
    }

    /// The index that the interface has now which once had this one: see [`crate::world`], creation.
    pub fn present(&self, link: LinkId) -> LinkId {
        self.ports.iter().map(|port| port.link).find(|now| now.0 % 10 == link.0 % 10).unwrap_or(link)
    }

    /// The interface with this index.
    pub fn port(&self, link: LinkId) -> Option<&Port> {
        self.ports.iter().find(|port| port.link == link)
    }

    /// The configuration of a virtual router.
    pub fn instance(&self, seat: Seat) -> Option<&vrrp::Instance> {
        let mut all = self.config.instances.iter().map(Arc::as_ref);
        all.find(|i| (self.link(i.interface_name()), i.vrid.number()) == seat)
    }

    /// The addresses a virtual router has while master.
    pub fn addresses(&self, instance: &vrrp::Instance) -> Vec<AddressKey> {
        let key = |address: &vrrp::VirtualAddress| AddressKey {
            link: self.link(address.interface.as_deref().unwrap_or(instance.interface_name())),
            ip: address.ip,
            prefix_len: address.prefix_len,
        };
        instance.addresses.iter().chain(&instance.excluded).map(key).collect()
    }

    /// Whether its process runs and is not about to end.
    pub fn is_serving(&self) -> bool {
        !self.frozen && self.process.as_ref().is_some_and(|process| !process.stopping)
    }
}
