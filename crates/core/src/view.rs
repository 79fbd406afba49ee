//! A read-only picture for dumps, status and checkers.

use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, Key, Link};
use keepalived_model::lasting::Fixture;
use keepalived_model::link::Polling;
use keepalived_model::track::{File, Process, Script};
use keepalived_model::vrrp::{self, SyncGroup, VirtualAddress};
use keepalived_model::{InstanceId, Instant, Micros, Vrid};

use crate::engine::Engine;
use crate::event::{Notice, Occasion, Subject};
use crate::instance::{Counters, Instance};
use crate::notices::Cause;
use crate::report::{Fault, State};
pub use crate::track::Stage;

/// Everything that may be looked at from outside.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// In the order of the file.
    pub instances: Vec<InstanceView<'a>>,
    /// In the order of the file.
    pub groups: Vec<GroupView<'a>>,
    /// Scripts that somebody tracks, in the order of the file.
    pub scripts: Vec<ScriptView<'a>>,
    /// In the order of the file, tracked or not.
    pub files: Vec<FileView<'a>>,
    /// In the order of the file, tracked or not.
    pub processes: Vec<ProcessView<'a>>,
    /// The paces that announcements keep.
    pub paces: Vec<PaceView<'a>>,
    /// Every interface there is, by index.
    pub links: Vec<LinkView<'a>>,
    /// Static addresses, routes and rules.
    pub fixtures: Vec<FixtureView>,
    /// What all of it was made from.
    pub config: &'a vrrp::Config,
}

/// One virtual router.
#[derive(Clone, Debug)]
pub struct InstanceView<'a> {
    /// Its identity within the engine.
    pub id: InstanceId,
    /// Its name.
    pub name: &'a str,
    /// What it was told to be.
    pub config: &'a vrrp::Instance,
    /// Its sync group.
    pub group: Option<&'a str>,
    /// The interface it is configured on.
    pub interface: &'a str,
    /// Its VRID.
    pub vrid: Vrid,
    /// Its state.
    pub state: State,
    /// What it would be if it were for itself alone: MASTER once its timer ran out, whatever its group says.
    pub aspires_to: State,
    /// Since when it has been in its state.
    pub last_transition: Instant,
    /// Priority in effect.
    pub priority: u8,
    /// Base plus weights before it is brought into 1–254.
    pub total_priority: i64,
    /// What keeps it in FAULT.
    pub faults: Vec<Fault>,
    /// Where its adverts come from.
    pub source: Option<IpAddr>,
    /// The master it last heard.
    pub master: Option<IpAddr>,
    /// The priority that master had; zero when none was heard.
    pub master_priority: u8,
    /// The interval it expects adverts in.
    pub master_interval: Micros,
    /// How long a silent master counts as alive.
    pub master_down: Micros,
    /// When it has something to do next.
    pub deadline: Option<Instant>,
    /// When one address of each further interface is announced next.
    pub next_extra: Option<Instant>,
    /// When it last sent an advert.
    pub last_sent: Option<Instant>,
    /// Its advertised addresses.
    pub addresses: Vec<AddressView<'a>>,
    /// Its other addresses.
    pub excluded: Vec<AddressView<'a>>,
    /// The addresses it wants now; none unless master.
    pub wanted: Vec<AddressKey>,
    /// The routes and rules it wants now.
    pub routing: Vec<Key>,
    /// Whether all of these are known to be there.
    pub settled: bool,
    /// What it counted.
    pub counters: &'a Counters,
}

/// An address of a virtual router.
#[derive(Clone, Copy, Debug)]
pub struct AddressView<'a> {
    /// As configured.
    pub address: &'a VirtualAddress,
    /// Whether it is there on our behalf.
    pub set: bool,
}

/// One sync group.
#[derive(Clone, Debug)]
pub struct GroupView<'a> {
    /// What it was told to be.
    pub config: &'a SyncGroup,
    /// Its state.
    pub state: State,
    /// How many members have a cause of FAULT of their own.
    pub faulty: usize,
    /// How many members wait for their first results.
    pub pending: usize,
}

/// One track script.
#[derive(Clone, Copy, Debug)]
pub struct ScriptView<'a> {
    /// What it was told to be.
    pub config: &'a Script,
    /// The result counter (`spec` runtime 4.2).
    pub result: u64,
    /// Up or down; nothing before the first result.
    pub up: Option<bool>,
    /// How far a run is.
    pub stage: Stage,
}

/// One tracked file.
#[derive(Clone, Copy, Debug)]
pub struct FileView<'a> {
    /// What it was told to be.
    pub config: &'a File,
    /// Its number; nothing where nobody tracks it.
    pub number: Option<i32>,
}

/// Tracked processes.
#[derive(Clone, Copy, Debug)]
pub struct ProcessView<'a> {
    /// What it was told to be.
    pub config: &'a Process,
    /// How many there are; nothing where nobody tracks them.
    pub count: Option<u32>,
    /// Whether the quorum counts as met.
    pub up: Option<bool>,
    /// A change that came with a new process is still to count.
    pub fork_delayed: bool,
    /// A change that came with the end of a process is still to count.
    pub terminate_delayed: bool,
}

/// A pace of announcements, of the interfaces of a group or of one that is in none.
#[derive(Clone, Debug)]
pub struct PaceView<'a> {
    /// The number of a group of several interfaces, from one; zero for a single one.
    pub number: usize,
    /// From one gratuitous ARP to the next, and when that may be sent, if there was one.
    pub garp: Option<(Micros, Option<Instant>)>,
    /// The same of neighbor advertisements.
    pub advertisement: Option<(Micros, Option<Instant>)>,
    /// Those that keep it, by index.
    pub interfaces: Vec<&'a str>,
}

/// One interface.
#[derive(Clone, Debug)]
pub struct LinkView<'a> {
    /// What the kernel says of it.
    pub link: &'a Link,
    /// Its addresses, primary first.
    pub addresses: Vec<AddressKey>,
    /// How it is polled, if it is.
    pub polled: Option<Polling>,
}

impl View<'_> {
    /// How everything stands, for those who hear of changes alone otherwise: groups first, as at a start. What
    /// still waits for its first results stands nowhere.
    pub fn standings(&self) -> impl Iterator<Item = Notice> {
        let notice = |subject, name: &str, state, priority| Notice {
            subject,
            name: name.into(),
            occasion: Occasion::Stands(state),
            previous: state,
            priority,
            why: Cause::Begin.into(),
            specific: None,
            any: None,
            mail: false,
        };
        let groups = self.groups.iter().filter(|group| group.state != State::Init);
        let groups = groups.map(move |group| notice(Subject::Group, &group.config.name, group.state, 0));
        let instances = self.instances.iter().filter(|instance| instance.state != State::Init);
        let instances = instances
            .map(move |instance| notice(Subject::Instance, instance.name, instance.state, instance.priority));
        groups.chain(instances)
    }
}

/// A static thing.
#[derive(Clone, Debug)]
pub struct FixtureView {
    /// What it is.
    pub fixture: Fixture,
    /// It is known to be there.
    pub set: bool,
    /// What is wanted of the kernel for it; none while its interface does not exist.
    pub key: Option<Key>,
}

impl Engine {
    /// The picture of this moment.
    pub fn view(&self) -> View<'_> {
        View {
            instances: self.instance_views().collect(),
            groups: self.group_views(),
            scripts: self.script_views(),
            files: self.file_views(),
            processes: self.process_views(),
            paces: self.pace_views(),
            links: self.links.all().map(|(link, addresses)| self.link_view(link, addresses)).collect(),
            fixtures: self.config.lasting.fixtures().map(|it| self.fixture_view(it)).collect(),
            config: &self.config,
        }
    }

    /// The virtual routers alone, for whoever looks often.
    pub fn instance_views(&self) -> impl Iterator<Item = InstanceView<'_>> {
        let instances = self.order.iter().filter_map(|id| self.instances.get(id));
        instances.map(|instance| self.instance_view(instance))
    }

    fn link_view<'a>(&self, link: &'a Link, addresses: Vec<AddressKey>) -> LinkView<'a> {
        LinkView { link, addresses, polled: self.links.beat(&link.name).map(|beat| beat.by) }
    }

    fn fixture_view(&self, fixture: Fixture) -> FixtureView {
        let key = self.fixture_key(&fixture).cloned();
        FixtureView { set: key.as_ref().is_some_and(|key| self.wanted.is_settled(key)), key, fixture }
    }

    fn instance_view<'a>(&'a self, instance: &'a Instance) -> InstanceView<'a> {
        let mut faults: Vec<Fault> = instance.own_faults.iter().cloned().collect();
        faults.extend(instance.group_fault.then_some(Fault::Group));
        let is_set = |address: &VirtualAddress| {
            let placed =
                instance.placed().find(|key| (key.ip, key.prefix_len) == (address.ip, address.prefix_len));
            placed.is_some_and(|key| self.wanted.is_settled(&Key::Address(key)))
        };
        let look = |addresses: &'a [VirtualAddress]| -> Vec<AddressView<'a>> {
            addresses.iter().map(|address| AddressView { address, set: is_set(address) }).collect()
        };
        InstanceView {
            id: instance.id,
            name: &instance.name,
            config: &instance.config,
            group: self.group_config(instance).map(|group| group.name.as_str()),
            interface: instance.config.interface_name(),
            vrid: instance.config.vrid,
            state: instance.state,
            aspires_to: instance.aspires_to(),
            last_transition: instance.last_transition,
            priority: instance.priority.number(),
            total_priority: instance.total,
            faults,
            source: instance.source,
            master: instance.heard_master(),
            master_priority: instance.master_priority,
            master_interval: instance.master_interval,
            master_down: instance.master_down(),
            deadline: instance.next_deadline(),
            next_extra: instance.next_extra(),
            last_sent: instance.last_sent,
            addresses: look(&instance.config.addresses),
            excluded: look(&instance.config.excluded),
            wanted: instance.placed().collect(),
            routing: instance.routing().cloned().collect(),
            settled: instance.placed().all(|key| self.wanted.is_settled(&Key::Address(key)))
                && instance.routing().all(|key| self.wanted.is_settled(key)),
            counters: &instance.counters,
        }
    }

    fn group_views(&self) -> Vec<GroupView<'_>> {
        let views = self.config.groups.iter().filter_map(|config| {
            let group = self.groups.iter().find(|group| *group.name == *config.name)?;
            let members = || group.members.iter().filter_map(|id| self.instances.get(id));
            Some(GroupView {
                config,
                state: group.state,
                faulty: members().filter(|member| !member.own_faults.is_empty()).count(),
                pending: members().filter(|member| member.state == State::Init).count(),
            })
        });
        views.collect()
    }

    fn file_views(&self) -> Vec<FileView<'_>> {
        let files = self.readings.files.iter();
        files.map(|file| FileView { config: &file.config, number: file.number }).collect()
    }

    fn process_views(&self) -> Vec<ProcessView<'_>> {
        let views = self.readings.processes.iter().map(|process| ProcessView {
            config: &process.config,
            count: process.count,
            up: process.up,
            fork_delayed: process.fork_delayed(),
            terminate_delayed: process.terminate_delayed(),
        });
        views.collect()
    }

    fn script_views(&self) -> Vec<ScriptView<'_>> {
        let views = self.config.scripts.iter().filter_map(|config| {
            let tracker = self.scripts.values().find(|tracker| **tracker.name() == *config.name)?;
            Some(ScriptView { config, result: tracker.result(), up: tracker.up(), stage: tracker.stage() })
        });
        views.collect()
    }
}
