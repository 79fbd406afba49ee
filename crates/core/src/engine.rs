//! Owns everything and routes: an event goes to the instances and scripts it concerns, sync groups have
//! their say, and at the end what changed is said to the kernel, the sockets and the agenda.

mod essence;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::kernel::{Change, Key, LinkKind, LinkName, Snapshot};
use keepalived_model::track::Reading;
use keepalived_model::vrrp;
use keepalived_model::{InstanceId, Instant, LinkId, Micros, RunId, ScriptId};

use crate::announce::{Announcer, Lane};
use crate::deadlines::Agenda;
use crate::event::{Action, Actions, Event};
use crate::fixtures::Fixtures;
use crate::group::Group;
use crate::instance::{Context, Counters, Instance, Intent};
use crate::links::Links;
use crate::memory::Memory;
use crate::notices::{Cause, Why};
use crate::readings::Readings;
use crate::reception::Listeners;
use crate::report::{Fault, Name, Report, State};
use crate::roster::Roster;
use crate::track::Tracker;
use crate::wanted::Wanted;

/// Most owners that act in one event. Of thousands that are due at the same moment the others follow with the next
/// [`Event::Due`], which has to be told as long as [`Engine::next_deadline`] is not in the future: what they want done
/// needs no room for all of them.
const DUE_MAX: usize = 64;

/// Waking later than this after a deadline is told and, for a master, answered by a new announcement (D5;
/// the original's `min_auto_priority_delay`).
const LATE: Micros = Micros::from_secs(1);

/// Who owns a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    Script(ScriptId),
    Instance(InstanceId),
    Lane(Lane),
    Links,
    Readings,
    Refusals,
    Start,
}

/// The VRRP engine: everything that is happening.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) config: Arc<vrrp::Config>,
    pub(crate) now: Instant,
    /// How far the wall clock is ahead of `now`.
    wall_ahead: Micros,
    pub(crate) links: Links,
    pub(crate) instances: Roster,
    /// Instances in the order of the file.
    pub(crate) order: Vec<InstanceId>,
    pub(crate) groups: Vec<Group>,
    pub(crate) scripts: BTreeMap<ScriptId, Tracker>,
    pub(crate) readings: Readings,
    pub(crate) wanted: Wanted,
    pub(crate) fixtures: Fixtures,
    /// When the kernel is asked again for what it refused.
    pub(crate) retry_at: Option<Instant>,
    /// Whose the links are that we make.
    pub(crate) makers: BTreeMap<LinkName, (Name, LinkKind)>,
    pub(crate) announcer: Announcer,
    agenda: Agenda<Owner>,
    /// Whose timers may differ now; some of them more than once.
    touched: Vec<Owner>,
    pub(crate) unfinished: BTreeSet<InstanceId>,
    runs: BTreeMap<RunId, ScriptId>,
    pub(crate) listeners: Listeners,
    /// Every virtual address of every instance: never a source.
    pub(crate) virtual_ips: BTreeSet<IpAddr>,
    /// Somebody needs the packet filter, so that it is used for every link of our own (`spec` runtime 6.4).
    pub(crate) filters_packets: bool,
    pub(crate) masters: BTreeSet<InstanceId>,
    pub(crate) watches_claims: bool,
    starts_at: Option<Instant>,
    /// How long the process was asleep past a deadline, until [`Event::Due`] deals with it.
    overslept: Option<Micros>,
    pub(crate) stopping: bool,
    fresh: Fresh,
}

/// Identities not used yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fresh {
    instance: u32,
    script: u32,
    run: u64,
}

impl Fresh {
    pub fn instance(&mut self) -> InstanceId {
        self.instance += 1;
        InstanceId(self.instance)
    }

    pub fn script(&mut self) -> ScriptId {
        self.script += 1;
        ScriptId(self.script)
    }

    fn run(&mut self) -> RunId {
        self.run += 1;
        RunId(self.run)
    }
}

impl Engine {
    /// Starts all instances of a configuration on what the kernel has now. `memories` are those of a
    /// predecessor that was killed, if any; `readings` are the first ones of everything that is watched.
    pub fn start(
        now: Instant,
        config: Arc<vrrp::Config>,
        snapshot: &Snapshot,
        memories: &[Memory],
        readings: &[Reading],
        out: &mut Actions,
    ) -> Self {
        let mut engine = Self {
            config: Arc::clone(&config),
            now,
            wall_ahead: Micros::ZERO,
            links: Links::new(snapshot),
            instances: Roster::default(),
            order: Vec::new(),
            groups: Vec::new(),
            scripts: BTreeMap::new(),
            readings: Readings::default(),
            wanted: Wanted::default(),
            fixtures: Fixtures::default(),
            retry_at: None,
            makers: BTreeMap::new(),
            announcer: Announcer::default(),
            agenda: Agenda::default(),
            touched: Vec::new(),
            unfinished: BTreeSet::new(),
            runs: BTreeMap::new(),
            listeners: Listeners::default(),
            virtual_ips: BTreeSet::new(),
            filters_packets: false,
            masters: BTreeSet::new(),
            watches_claims: false,
            starts_at: None,
            overslept: None,
            stopping: false,
            fresh: Fresh::default(),
        };
        engine.links.begin(&config, readings, now);
        engine.readings = Readings::first(&config, readings, now, out);
        engine.launch(config, snapshot, memories, out);
        engine.conclude(out);
        engine
    }

    /// Takes one event in and appends what is to be done to `out`. `now` never goes backwards; should it,
    /// the last moment is used.
    pub fn handle(&mut self, now: Instant, event: Event<'_>, out: &mut Actions) {
        self.now = now.max(self.now);
        self.notice_oversleep();
        match event {
            Event::Due => self.due(out),
            // During a delayed start nothing is heard (`spec` runtime 3.7).
            Event::Received { .. } if self.stopping || self.is_delayed() => {}
            Event::Received { link, packet } => self.received(link, packet, out),
            Event::Claimed { link, ip, by } => self.claimed(link, ip, by, out),
            Event::WallClock { ahead } => self.wall_ahead = ahead,
            Event::Kernel(change) => self.changed(change, out),
            Event::Settled { key, outcome } => self.settled(key, outcome, out),
            Event::Exited { run, exit } => {
                if let Some(script) = self.runs.remove(&run)
                    && let Some(tracker) = self.scripts.get_mut(&script)
                {
                    self.touched.push(Owner::Script(script));
                    if self.stopping {
                        // Nobody wants to know how a run ended that we have just ended ourselves.
                        tracker.exited(run, exit, &mut Actions::new());
                    } else if tracker.exited(run, exit, out).is_some() {
                        self.review_all(out);
                    }
                }
            }
            Event::Reading(reading) => self.read(reading, out),
            Event::SendFailed { instance, destination, errno } => {
                self.send_failed(instance, destination, errno, out)
            }
            Event::Config(config) if !self.stopping => self.reload(config, out),
            Event::Config(_) => {}
            Event::ClearCounters => {
                self.instances.values_mut().for_each(|instance| instance.counters = Counters::default());
            }
            Event::Stop => self.stop(out),
        }
        self.conclude(out);
    }

    /// Mail is told before what is due, and may move what is due; so lateness is noticed at any event.
    fn notice_oversleep(&mut self) {
        let by = self.agenda.next().map(|at| self.now.since(at)).filter(|by| *by > LATE && !self.stopping);
        self.overslept = self.overslept.max(by);
    }

    fn due(&mut self, out: &mut Actions) {
        let overslept = self.overslept.take();
        if let Some(by) = overslept {
            out.push(Action::Report(Report::Late { by }));
        }
        for owner in self.agenda.due(self.now, DUE_MAX) {
            self.touched.push(owner);
            match owner {
                Owner::Script(id) => {
                    if let Some(tracker) = self.scripts.get_mut(&id) {
                        let (fresh, runs) = (&mut self.fresh, &mut self.runs);
                        let mut next = || {
                            let run = fresh.run();
                            runs.insert(run, id);
                            run
                        };
                        tracker.due(self.now, &mut next, out);
                    }
                }
                Owner::Instance(id) => {
                    let intent = self.with(id, out, |instance, ctx| instance.due(ctx)).flatten();
                    self.carry_out(id, intent, out);
                }
                Owner::Lane(lane) => self.announcer.due(lane, self.now, out),
                Owner::Links => self.links_turn(out),
                Owner::Readings => self.delay_over(out),
                Owner::Refusals => self.retry_refused(),
                Owner::Start => {
                    self.starts_at = None;
                    out.push(Action::Report(Report::StartDelayOver));
                    self.begin_all(out);
                }
            }
        }
        if overslept.is_some() {
            // Whoever is still master after reading its mail may have been replaced meanwhile (D5).
            for id in self.order.clone() {
                self.with(id, out, |instance, ctx| instance.announce_again(ctx));
            }
        }
    }

    fn changed(&mut self, change: Change, out: &mut Actions) {
        let of_links = matches!(change, Change::Link(_) | Change::LinkGone(_));
        // An interface or an address that appeared is what a route may have waited for.
        let may_help = match &change {
            Change::Link(link) => link.up && !self.links.get(link.id).is_some_and(|before| before.up),
            Change::Address(_) => true,
            Change::LinkGone(_) | Change::AddressGone(_) | Change::Lost(_) => false,
        };
        match change {
            Change::Link(link) => {
                let before = self.links.put(link.clone(), self.now);
                let link = self.links.get(link.id).cloned().unwrap_or(link);
                self.touched.push(Owner::Links);
                self.report_link(before.as_ref(), &link, out);
                if let Some(before) = before.filter(|before| before.name != link.name) {
                    self.forget_addresses(link.id);
                    self.link_taken(&before.name, out);
                }
            }
            Change::LinkGone(id) => {
                if let Some(link) = self.links.remove(id) {
                    if self.is_used(&link.name) {
                        let interface = link.name.as_str().into();
                        out.push(Action::Report(Report::LinkDeleted { interface }));
                    }
                    self.forget_addresses(id);
                    self.link_taken(&link.name, out);
                }
            }
            Change::Address(address) => self.links.put_address(address.key),
            Change::AddressGone(key) => {
                self.links.remove_address(key);
                self.taken(&Key::Address(key), out);
            }
            Change::Lost(key) => self.taken(&key, out),
        }
        if !self.stopping {
            if of_links {
                self.place_fixtures(out);
            }
            if may_help {
                self.retry_missing();
                self.begin_retries();
            }
            self.review_all(out);
        }
    }

    /// Somebody removed what we want, or the kernel forgot it.
    fn taken(&mut self, key: &Key, out: &mut Actions) {
        if self.stopping {
            return;
        }
        self.fixture_lost(key);
        for owner in self.wanted.owners(key) {
            let intent = self.with(owner, out, |instance, ctx| match key {
                Key::Address(key) => instance.address_taken(*key, ctx),
                Key::Route(_) | Key::Rule(_) => instance.routing_lost(key, ctx),
                Key::Barred(_) | Key::Link(_) | Key::Setting(..) | Key::OwnReversePaths => None,
            });
            self.carry_out(owner, intent.flatten(), out);
        }
    }

    pub(crate) fn report_link(
        &self,
        before: Option<&keepalived_model::kernel::Link>,
        link: &keepalived_model::kernel::Link,
        out: &mut Actions,
    ) {
        let name = || Name::from(link.name.as_str());
        let polled = self.links.beat(&link.name).is_some();
        match before {
            None if self.is_own_link(&link.name) => {}
            None if self.is_used(&link.name) => {
                out.push(Action::Report(Report::LinkAdded { interface: name() }))
            }
            Some(before) if before.name != link.name => {
                if self.is_used(&before.name) || self.is_used(&link.name) {
                    let from = before.name.as_str().into();
                    out.push(Action::Report(Report::LinkRenamed { from, to: name() }));
                }
            }
            Some(_) if self.is_our_doing(&link.name) => {}
            Some(before) if before.up != link.up && self.is_used(&link.name) => {
                out.push(Action::Report(Report::LinkState { interface: name(), up: link.up, polled }));
            }
            None | Some(_) => {}
        }
    }

    /// A link lost its name or is gone: what is placed on it has to be placed anew.
    fn forget_addresses(&mut self, link: LinkId) {
        let on_link = |key: &Key| match key {
            Key::Address(address) => address.link == link,
            Key::Route(route) => route.link == Some(link),
            Key::Barred(barred) => barred.link == Some(link),
            Key::Link(_) | Key::Setting(..) | Key::OwnReversePaths | Key::Rule(_) => false,
        };
        let keys: Vec<Key> = self.wanted.keys().map(|(key, _)| key.clone()).filter(on_link).collect();
        for key in keys {
            self.wanted.lost(&key);
        }
    }

    fn send_failed(&mut self, id: InstanceId, destination: IpAddr, errno: i32, out: &mut Actions) {
        if let Some(instance) = self.instances.get(&id)
            && [instance.link, instance.base].into_iter().flatten().all(|link| self.is_link_up(link))
        {
            let report = Report::SendFailed { instance: instance.name.clone(), destination, errno };
            out.push(Action::Report(report));
        }
    }

    fn is_link_up(&self, link: LinkId) -> bool {
        self.links.get(link).is_some_and(|link| link.up)
    }

    fn stop(&mut self, out: &mut Actions) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        for id in self.order.clone() {
            self.with(id, out, |instance, ctx| instance.stop(ctx));
        }
        self.remove_fixtures();
        for group in &self.groups {
            group.stop(out);
        }
        for (id, tracker) in &mut self.scripts {
            tracker.stop(out);
            self.touched.push(Owner::Script(*id));
        }
        self.starts_at = None;
        self.touched.push(Owner::Start);
    }

    /// What an instance intends, after its group had its say.
    pub(crate) fn carry_out(&mut self, id: InstanceId, intent: Option<Intent>, out: &mut Actions) {
        match intent {
            None => {}
            Some(Intent::TakeOver) => self.take_over(id, out),
            Some(Intent::StepDown) => self.step_down(id, out),
            Some(Intent::Follow) => self.follow(id, out),
            Some(Intent::Review) => self.review_all(out),
            Some(Intent::Insist(peer)) => self.insist(id, peer, out),
        }
    }

    /// Whoever acts for the group, such as a script that moves addresses of a cloud, has to hear that another box
    /// believed to be master.
    fn insist(&mut self, id: InstanceId, peer: IpAddr, out: &mut Actions) {
        let Some(group) = self.group_of(id).and_then(|group| self.groups.get_mut(group)) else { return };
        let interval = self.instances.get(&id).map_or(Micros::ZERO, |it| it.config.advert_interval);
        group.insist(self.now, interval, Why { cause: Cause::LowerPriority, peer: Some(peer) }, out);
    }

    fn take_over(&mut self, id: InstanceId, out: &mut Actions) {
        let Some(group) = self.group_of(id) else {
            self.with(id, out, |instance, ctx| instance.take_over(ctx));
            return;
        };
        let others = self.other_members(group, id);
        let ready = |other: &InstanceId| {
            self.instances
                .get(other)
                .is_some_and(|i| i.state == State::Master || (i.wants_master && i.state == State::Backup))
        };
        if !others.iter().all(ready) {
            self.with(id, out, |instance, ctx| instance.wait_for_group(ctx));
            return;
        }
        self.with(id, out, |instance, ctx| instance.take_over(ctx));
        self.report_syncing(group, State::Master, out);
        for other in others {
            if self.instances.get(&other).is_some_and(|instance| instance.state == State::Backup) {
                self.with(other, out, |instance, ctx| {
                    instance.why.cause = Cause::Group;
                    instance.take_over(ctx);
                });
            }
        }
        self.enter_group(group, State::Master, out);
    }

    fn step_down(&mut self, id: InstanceId, out: &mut Actions) {
        self.with(id, out, |instance, ctx| instance.step_down(ctx));
        if let Some(group) = self.group_of(id) {
            self.step_down_others(group, id, out);
        }
    }

    /// Only a reload can have put a backup into a group of masters. Until a master of its own is heard it may
    /// still follow them when its timer runs out; from then on they have to follow it.
    fn follow(&mut self, id: InstanceId, out: &mut Actions) {
        let Some(group) = self.group_of(id) else { return };
        let is_master = |other: &InstanceId| {
            self.instances.get(other).is_some_and(|instance| instance.state == State::Master)
        };
        if self.other_members(group, id).iter().any(is_master) {
            self.step_down_others(group, id, out);
        }
    }

    fn step_down_others(&mut self, group: usize, id: InstanceId, out: &mut Actions) {
        self.report_syncing(group, State::Backup, out);
        for other in self.other_members(group, id) {
            if self.instances.get(&other).is_some_and(|instance| instance.state == State::Master) {
                self.with(other, out, |instance, ctx| {
                    instance.why = Cause::Group.into();
                    instance.step_down(ctx);
                });
            }
        }
        self.enter_group(group, State::Backup, out);
    }

    pub(crate) fn report_syncing(&self, group: usize, state: State, out: &mut Actions) {
        if let Some(group) = self.groups.get(group) {
            out.push(Action::Report(Report::GroupSyncing { group: group.name.clone(), state }));
        }
    }

    pub(crate) fn enter_group(&mut self, group: usize, state: State, out: &mut Actions) {
        let Some(group) = self.groups.get_mut(group) else { return };
        // The member that did not only follow knows why.
        let members = group.members.iter().filter_map(|id| self.instances.get(id));
        let follows = |why: &Why| matches!(why.cause, Cause::Group | Cause::Fault(Fault::Group));
        let why = members.map(|member| &member.why).find(|why| !follows(why)).cloned();
        group.enter(state, why.unwrap_or(Cause::Group.into()), out);
    }

    pub(crate) fn group_of(&self, id: InstanceId) -> Option<usize> {
        self.instances.get(&id)?.group
    }

    fn other_members(&self, group: usize, id: InstanceId) -> Vec<InstanceId> {
        let members = self.groups.get(group).map(|group| group.members.as_slice()).unwrap_or_default();
        members.iter().copied().filter(|member| *member != id).collect()
    }

    /// Lets one instance act with everything it may reach for, and remembers that its timers may differ now.
    pub(crate) fn with<R>(
        &mut self,
        id: InstanceId,
        out: &mut Actions,
        act: impl FnOnce(&mut Instance, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let instance = self.instances.get_mut(&id)?;
        let owner = Owner::Instance(id);
        if self.touched.last() != Some(&owner) {
            self.touched.push(owner);
        }
        let (wanted, announcer) = (&mut self.wanted, &mut self.announcer);
        let (now, wall_ahead, links) = (self.now, self.wall_ahead, &self.links);
        let mut ctx = Context { now, wall_ahead, links, wanted, announcer, out };
        let result = act(instance, &mut ctx);
        if instance.is_unfinished() {
            self.unfinished.insert(id);
        }
        Some(result)
    }

    /// The end of every event: differences are said, finished work is announced, deadlines are noted.
    fn conclude(&mut self, out: &mut Actions) {
        self.wanted.flush(out);
        for id in std::mem::take(&mut self.unfinished) {
            self.with(id, out, |instance, ctx| instance.finish(ctx));
        }
        // Who still waits is looked at again when he acts, or something of his is answered: looking at all of four
        // thousand at every answer cost two seconds of a takeover.
        self.unfinished.clear();
        self.touched.extend(self.announcer.lanes().map(Owner::Lane));
        let mut touched = std::mem::take(&mut self.touched);
        for owner in touched.drain(..) {
            let at = match owner {
                Owner::Script(id) => self.scripts.get(&id).and_then(Tracker::next_deadline),
                Owner::Instance(id) => self.note_role(id),
                Owner::Lane(lane) => self.announcer.next(lane),
                Owner::Links => self.links.next_turn(),
                Owner::Readings => self.readings.next_deadline(),
                Owner::Refusals => self.retry_at,
                Owner::Start => self.starts_at,
            };
            self.agenda.note(owner, at);
        }
        touched.shrink_to(DUE_MAX);
        self.touched = touched;
        self.renew_claim_watch(out);
    }

    pub(crate) fn fresh(&mut self) -> &mut Fresh {
        &mut self.fresh
    }

    pub(crate) fn touch(&mut self, owner: Owner) {
        self.touched.push(owner);
    }

    pub(crate) fn delay_start(&mut self, until: Option<Instant>) {
        self.starts_at = until;
        self.touched.push(Owner::Start);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    pub(crate) fn is_delayed(&self) -> bool {
        self.starts_at.is_some()
    }

    /// When [`Event::Due`] is to be told.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// The next deadline, if it is the one at which a backup takes over. For whoever drives the core: clients
    /// count every moment of it, so it is worth being awake a little earlier.
    pub fn next_takeover(&self) -> Option<Instant> {
        let Owner::Instance(id) = self.agenda.next_owner()? else { return None };
        self.instances.get(&id)?.next_takeover().filter(|at| self.next_deadline() == Some(*at))
    }

    /// After [`Event::Stop`]: whether the kernel answered everything. Script runs are not waited
    /// for: whoever started them ends what is left.
    pub fn is_quiet(&self) -> bool {
        self.stopping && self.is_answered()
    }

    /// Whether the kernel answered everything it was asked for.
    pub fn is_answered(&self) -> bool {
        self.wanted.is_quiet()
    }
}
