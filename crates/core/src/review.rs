//! From facts to causes: what the kernel and the scripts say now, turned into each instance's link, source
//! address, causes of FAULT and priority. Always computed anew from all facts, so that no repeated, late or
//! lost message can make it drift.

use std::collections::{BTreeMap, BTreeSet};

use keepalived_model::kernel::{AddressKey, Key};
use keepalived_model::route;
use keepalived_model::track::TrackerKind;
use keepalived_model::vrrp::Transport;
use keepalived_model::{InstanceId, Priority, Weight};

use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::instance::{Context, Instance};
use crate::report::{Fault, Name, Report, State};

/// What an instance's surroundings amount to.
struct Finding {
    faults: BTreeSet<Fault>,
    /// A script that could be a fault has not said anything yet.
    pending: bool,
    /// Something tracked was not looked at yet.
    unread: bool,
    priority: Priority,
    /// Base plus weights, whatever that comes to.
    total: i64,
}

impl Engine {
    /// Looks at all instances anew and carries out what follows.
    pub(crate) fn review_all(&mut self, out: &mut Actions) {
        let pending = self.look_around(out);
        let groups = self.memberships();
        let mut followed = BTreeSet::new();
        for id in self.order.clone() {
            let Some(group) = groups.get(&id).copied() else {
                self.follow_faults(id, pending.contains(&id), out);
                continue;
            };
            if followed.insert(group) {
                for member in self.in_turn(group) {
                    self.follow_faults(member, pending.contains(&member), out);
                }
                self.settle_group(group, out);
            }
        }
        self.renew_listeners(out);
    }

    /// Who is in which group.
    fn memberships(&self) -> BTreeMap<InstanceId, usize> {
        let all = self.groups.iter().enumerate();
        all.flat_map(|(index, group)| group.members.iter().map(move |id| (*id, index))).collect()
    }

    /// The members of a group, those first that make the others follow: into FAULT whoever has a cause, out of
    /// it whoever was the last to have one (scenario `FIFO lines of a life are the same for both`).
    fn in_turn(&self, group: usize) -> Vec<InstanceId> {
        let mut members = self.groups.get(group).map(|group| group.members.clone()).unwrap_or_default();
        let of = |id: &InstanceId| self.instances.get(id);
        if members.iter().any(|id| of(id).is_some_and(|member| !member.own_faults.is_empty())) {
            members.sort_by_key(|id| of(id).is_none_or(|member| member.own_faults.is_empty()));
        } else if let Some(last) =
            members.iter().rposition(|id| of(id).is_some_and(|member| member.recovered))
        {
            let last = members.remove(last);
            members.insert(0, last);
        }
        members
    }

    /// The facts, without their consequences for any state. Returns who still waits for a script's first word.
    pub(crate) fn look_around(&mut self, out: &mut Actions) -> BTreeSet<InstanceId> {
        let mut pending = BTreeSet::new();
        for id in self.order.clone() {
            self.relocate(id, out);
            let Some(finding) = self.instances.get(&id).map(|instance| self.finding(instance)) else {
                continue;
            };
            let unfounded = self.instances.get(&id).is_some_and(|it| self.is_being_underpinned(it));
            if finding.pending || finding.unread || unfounded {
                pending.insert(id);
            }
            self.with(id, out, |instance, ctx| instance.found(finding, ctx));
        }
        self.spread_faults();
        pending
    }

    /// Enters the first state of every instance that is not waiting for a script.
    pub(crate) fn begin_all(&mut self, out: &mut Actions) {
        let pending = self.look_around(out);
        self.begin_groups(&pending, out);
        for id in self.order.clone() {
            let waits = pending.contains(&id);
            self.with(id, out, |instance, ctx| {
                if instance.state == State::Init && !waits {
                    instance.begin(ctx);
                }
            });
        }
        for group in &self.groups {
            let faulty = group
                .members
                .iter()
                .filter_map(|id| self.instances.get(id))
                .find(|i| !i.own_faults.is_empty());
            if let Some(instance) = faulty {
                let (group, instance) = (group.name.clone(), instance.name.clone());
                out.push(Action::Report(Report::GroupStartsInFault { group, instance }));
            }
        }
        for group in 0..self.groups.len() {
            self.settle_group(group, out);
        }
    }

    /// At the start groups tell of BACKUP and FAULT before their members do (`spec` runtime 5.2), and like
    /// these not of the BACKUP of owners.
    fn begin_groups(&mut self, pending: &BTreeSet<InstanceId>, out: &mut Actions) {
        for index in 0..self.groups.len() {
            let Some(group) = self.groups.get(index) else { continue };
            let members: Vec<&Instance> =
                group.members.iter().filter_map(|id| self.instances.get(id)).collect();
            let waits = members.iter().any(|i| i.state != State::Init || pending.contains(&i.id));
            let faulty = members.iter().any(|member| member.in_fault());
            let owners = members.iter().all(|member| member.takes_over_at_once());
            match (waits, faulty) {
                (true, _) => {}
                (false, true) => {
                    for id in group.members.clone() {
                        self.instances.get_mut(&id).into_iter().for_each(|instance| instance.blame_faults());
                    }
                    self.enter_group(index, State::Fault, out);
                }
                (false, false) if owners => {}
                (false, false) => self.enter_group(index, State::Backup, out),
            }
        }
    }

    /// Finds the link and the source address by name, as they are now.
    fn relocate(&mut self, id: InstanceId, out: &mut Actions) {
        self.underpin(id);
        let Some(instance) = self.instances.get(&id) else { return };
        let config = &instance.config;
        let link = instance.base;
        let configured = config.transport.source();
        let found = link.and_then(|link| self.links.source(link, config.family, |key| self.is_virtual(key)));
        let source = configured.or(found);
        let (before, interface) = (instance.source, Name::from(instance.config.interface_name()));
        let entered = instance.state != State::Init;
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.source = source;
        }
        if before != source && entered && !self.is_delayed() {
            let told = |ip| (interface.clone(), ip);
            if let Some((interface, ip)) = before.map(told) {
                out.push(Action::Report(Report::AddressDeassigned { interface, ip }));
            }
            if let Some((interface, ip)) = source.map(told) {
                out.push(Action::Report(Report::AddressAssigned { interface, ip }));
            }
        }
    }

    /// Whether an address comes and goes with a router: one of this configuration, or one of an earlier
    /// configuration whose removal the kernel has not confirmed yet.
    pub(crate) fn is_virtual(&self, key: AddressKey) -> bool {
        let wanted = Key::Address(key);
        self.virtual_ips.contains(&key.ip)
            || (self.wanted.concerns(&wanted) && !self.wanted.is_lasting(&wanted))
    }

    fn finding(&self, instance: &Instance) -> Finding {
        let mut faults = BTreeSet::new();
        let mut sum = 0;
        let mut pending = false;
        for name in self.vital_links(instance) {
            if !self.links.is_up(name) {
                faults.insert(Fault::LinkDown(name.into()));
            }
        }
        faults.extend(self.footing_fault(instance));
        if let Some(link) = instance.base.and_then(|id| self.links.get(id)) {
            let multicast = matches!(instance.config.transport, Transport::Multicast { .. });
            if multicast && !link.multicast {
                faults.insert(Fault::NoMulticast(link.name.as_str().into()));
            }
        }
        let config = &instance.config;
        if instance.source.is_none() && (instance.base.is_some() || config.link_name().is_none()) {
            faults.insert(Fault::NoAddress(config.family));
        }
        if let Some(source) = config.transport.source().filter(|_| config.track_source)
            && !(self.links.has(instance.base, source) || self.links.has(instance.home, source))
        {
            faults.insert(Fault::NoSource);
        }
        for (name, weight) in self.tracked(instance, TrackerKind::Interface) {
            let up = self.links.is_up(name);
            sum += weight.contribution(up);
            if weight.is_fault(up) {
                faults.insert(Fault::LinkDown(name.into()));
            }
        }
        for (name, weight) in self.tracked(instance, TrackerKind::Script) {
            match self.scripts.values().find(|tracker| &**tracker.name() == name).map(|tracker| tracker.up())
            {
                Some(Some(up)) => {
                    sum += weight.contribution(up);
                    if weight.is_fault(up) {
                        faults.insert(Fault::Script(name.into()));
                    }
                }
                Some(None) => pending |= weight.amount == 0,
                None => {}
            }
        }
        let mut unread = false;
        for (name, weight) in self.tracked(instance, TrackerKind::File) {
            let Some(file) = self.readings.file(name) else { continue };
            unread |= file.number.is_none();
            let Some(number) = file.number else { continue };
            match weight.scaled(number) {
                Some(amount) => sum += amount,
                None => drop(faults.insert(Fault::File { file: name.into(), number })),
            }
        }
        for (name, weight) in self.tracked(instance, TrackerKind::Process) {
            let Some(process) = self.readings.process(name) else { continue };
            unread |= process.up.is_none();
            let Some(up) = process.up else { continue };
            sum += weight.contribution(up);
            if weight.is_fault(up) {
                faults.insert(Fault::Process(name.into()));
            }
        }
        faults.extend(config.hopeless.map(Fault::Hopeless));
        if instance.stands_aside {
            faults.insert(Fault::AddressesTaken);
        }
        let base = instance.config.priority;
        let total = if base.is_owner() { 0 } else { sum } + i64::from(base.number());
        Finding { faults, pending, unread, priority: base.weighted(sum), total }
    }

    /// Links whose loss is a fault whatever is tracked: its own and those of its VIPs, routes, rules and of static
    /// things it is tied to.
    fn vital_links<'a>(&'a self, instance: &'a Instance) -> BTreeSet<&'a str> {
        let config = &instance.config;
        // Whatever is said about its own interface (scenario `interfaces of routes, rules and track groups are
        // tracked`).
        let routing = route::interfaces(&config.routes, &config.rules);
        let others = routing.chain(self.tied_links(&instance.name));
        if config.dont_track_primary {
            // Without its link at all there is nothing to speak on.
            let own = config.link_name().filter(|name| self.links.named(name).is_none());
            return own.into_iter().chain(others).collect();
        }
        let addresses = config.addresses.iter().chain(&config.excluded).filter(|address| !address.no_track);
        let theirs = addresses.filter_map(|address| address.interface.as_deref());
        theirs.chain(config.link_name()).chain(others).collect()
    }

    /// Interfaces of the static things whose track group an instance is in.
    fn tied_links<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = &'a str> {
        let lasting = &self.config.lasting;
        let is_member = move |name: &str| {
            let group = lasting.groups.iter().find(|group| group.name == name);
            group.is_some_and(|group| group.members.iter().any(|member| member == instance))
        };
        let is_tied = move |group: Option<&str>| group.is_some_and(&is_member);
        lasting.interfaces().filter(move |(_, group)| is_tied(*group)).map(|(interface, _)| interface)
    }

    /// What an instance tracks, with its group.
    fn tracked<'a>(&'a self, instance: &'a Instance, kind: TrackerKind) -> Vec<(&'a str, Weight)> {
        let group = self.group_config(instance).map(|group| &group.track);
        instance.config.track.with(group, kind)
    }

    pub(crate) fn group_config<'a>(
        &'a self,
        instance: &Instance,
    ) -> Option<&'a keepalived_model::vrrp::SyncGroup> {
        self.config.groups.get(instance.group?)
    }

    /// A cause of one member is a cause of all, and of nobody who has left the group.
    fn spread_faults(&mut self) {
        self.instances.values_mut().for_each(|instance| instance.group_fault = false);
        for group in &self.groups {
            let faulty: BTreeSet<InstanceId> = group
                .members
                .iter()
                .filter(|id| self.instances.get(id).is_some_and(|instance| !instance.own_faults.is_empty()))
                .copied()
                .collect();
            for id in &group.members {
                let by_others = faulty.iter().any(|other| other != id);
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.group_fault = by_others;
                }
            }
        }
    }

    fn follow_faults(&mut self, id: InstanceId, pending: bool, out: &mut Actions) {
        let Some(instance) = self.instances.get(&id) else { return };
        match (instance.state, instance.in_fault()) {
            (State::Init, _) if pending || self.is_delayed() => {}
            (State::Init, _) => {
                self.with(id, out, |instance, ctx| match instance.waited {
                    true => instance.begin_late(ctx),
                    false => instance.begin(ctx),
                });
            }
            (State::Backup | State::Master, true) => {
                self.with(id, out, |instance, ctx| instance.enter_fault(ctx));
            }
            (State::Fault, false) => {
                self.with(id, out, |instance, ctx| instance.leave_fault(ctx));
            }
            (State::Master, false) => {
                self.with(id, out, |instance, ctx| instance.follow_links(ctx));
            }
            (State::Backup, false) | (State::Fault, true) => {}
        }
    }

    /// A group's state follows its members'.
    fn settle_group(&mut self, index: usize, out: &mut Actions) {
        let Some(group) = self.groups.get(index) else { return };
        let members = || group.members.iter().filter_map(|id| self.instances.get(id));
        let states: Vec<State> = members().map(|instance| instance.state).collect();
        let state = match () {
            () if states.contains(&State::Fault) => State::Fault,
            () if states.contains(&State::Init) => return,
            () if states.iter().all(|state| *state == State::Master) => State::Master,
            // Owners are about to become masters.
            () if group.state == State::Init && members().all(|member| member.takes_over_at_once()) => return,
            () => State::Backup,
        };
        let before = group.state;
        if before != state {
            if before != State::Init {
                self.report_syncing(index, state, out);
            }
            self.enter_group(index, state, out);
        }
    }

    /// Whether an instance is configured to use a link of this name.
    pub(crate) fn is_used(&self, name: &str) -> bool {
        self.config.lasting.interfaces().any(|(interface, _)| interface == name)
            || self.instances.values().any(|instance| {
                instance.config.link_name() == Some(name)
                    || self.is_own_link(name)
                    || self.vital_links(instance).contains(name)
                    || self
                        .tracked(instance, TrackerKind::Interface)
                        .iter()
                        .any(|(tracked, _)| *tracked == name)
            })
    }
}

impl Instance {
    /// What its surroundings amount to now. What is tracked since a reload and was not looked at yet must not move
    /// anything: until then what was known before stands.
    fn found(&mut self, finding: Finding, ctx: &mut Context<'_>) {
        self.waited |= finding.pending || finding.unread;
        if finding.unread && self.state != State::Init {
            self.own_faults.retain(Fault::is_reading);
            self.own_faults.extend(finding.faults);
            let base = self.config.priority;
            self.reprioritize(base.weighted(self.total - i64::from(base.number())), ctx);
            return;
        }
        if self.state != State::Init {
            self.report_files(&finding.faults, ctx);
        }
        self.recovered = !self.own_faults.is_empty() && finding.faults.is_empty();
        self.own_faults = finding.faults;
        self.total = finding.total;
        self.reprioritize(finding.priority, ctx);
    }

    /// Says which files are faults now and were none before, and the other way round.
    fn report_files(&self, now: &BTreeSet<Fault>, ctx: &mut Context<'_>) {
        let files = |faults: &BTreeSet<Fault>| -> BTreeSet<Name> {
            let file = |fault: &Fault| match fault {
                Fault::File { file, .. } => Some(file.clone()),
                _ => None,
            };
            faults.iter().filter_map(file).collect()
        };
        let (before, now) = (files(&self.own_faults), files(now));
        for file in before.symmetric_difference(&now) {
            let (instance, file, fault) = (self.name.clone(), file.clone(), now.contains(file));
            ctx.report(Report::FileFault { instance, file, fault });
        }
    }
}
