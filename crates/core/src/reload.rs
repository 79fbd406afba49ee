//! Start and reload: from a configuration to running objects. A reload is a difference: whatever has the
//! same identity keeps its role, its timers and its addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::kernel::{Key, Snapshot};
use keepalived_model::vrrp::{self, Family, Identity};
use keepalived_model::{InstanceId, ScriptId};

use crate::announce::Pacing;
use crate::engine::{Engine, Owner};
use crate::event::{Action, Actions};
use crate::footing::delays;
use crate::group::Group;
use crate::instance::Instance;
use crate::memory::{Memory, Standing};
use crate::report::{Name, Report, State};
use crate::track::Tracker;

impl Engine {
    pub(crate) fn launch(
        &mut self,
        config: Arc<vrrp::Config>,
        snapshot: &Snapshot,
        memories: &[Memory],
        out: &mut Actions,
    ) {
        let polling = self.apply(&config);
        self.build_scripts(memories, out);
        for instance in &config.instances {
            self.add(Arc::clone(instance));
        }
        self.regroup(&BTreeMap::new());
        self.look_around(out);
        self.report_addresses(out);
        out.extend(polling.into_iter().map(Action::Report));
        out.push(Action::Report(Report::AnnouncerReady));
        // A successor goes on where its predecessor was: the delay is one of the machine's start.
        let adopted = self.remove_leftovers(memories, snapshot, out);
        self.place_fixtures(out);
        if adopted || config.startup_delay.is_zero() {
            self.begin_all(out);
        } else {
            out.push(Action::Report(Report::StartDelayed { length: config.startup_delay }));
            self.delay_start(Some(self.now + config.startup_delay));
        }
        self.renew_listeners(out);
    }

    pub(crate) fn reload(&mut self, config: Arc<vrrp::Config>, out: &mut Actions) {
        if config == self.config {
            return;
        }
        let mut old: BTreeMap<Identity, InstanceId> =
            self.instances.iter().map(|(id, instance)| ((*instance.identity).clone(), *id)).collect();
        let group_states: BTreeMap<Name, State> =
            self.groups.iter().map(|group| (group.name.clone(), group.state)).collect();
        out.extend(self.apply(&config).into_iter().map(Action::Report));
        self.build_scripts(&[], out);
        self.readings.reconfigure(&config, out);
        self.touch(Owner::Readings);
        let before = std::mem::take(&mut self.order);
        let (mut kept, mut added) = (0, Vec::new());
        // In the order of the file, which decides about stopping and logging.
        for instance in &config.instances {
            match old.remove(&instance.identity()) {
                Some(id) => {
                    kept += 1;
                    self.order.push(id);
                    self.with(id, out, |running, ctx| running.reconfigure(Arc::clone(instance), ctx));
                }
                None => added.push(self.add(Arc::clone(instance))),
            }
        }
        let removed = old.len();
        let gone: BTreeSet<InstanceId> = old.into_values().collect();
        for id in before.into_iter().filter(|id| gone.contains(id)) {
            self.with(id, out, |instance, ctx| instance.remove(ctx));
            self.instances.remove(&id);
        }
        self.regroup(&group_states);
        self.look_around_for(&added, out);
        for id in &added {
            self.with(*id, out, |instance, ctx| instance.clear_leftovers(ctx));
        }
        self.place_fixtures(out);
        self.review_all(out);
        out.push(Action::Report(Report::Reloaded { kept, restarted: 0, added: added.len(), removed }));
    }

    /// What a configuration says about everybody.
    /// Returns what is to be said of links that are polled.
    fn apply(&mut self, config: &Arc<vrrp::Config>) -> Vec<Report> {
        let virtual_ips = virtual_ips(config);
        self.watches_claims &= virtual_ips == self.virtual_ips;
        self.virtual_ips = virtual_ips;
        self.filters_packets = config.instances.iter().any(|instance| instance.needs_packet_filter());
        self.announcer.set_pacing(Pacing::of(config));
        self.links.set_delays(delays(config));
        self.config = Arc::clone(config);
        self.touch(Owner::Links);
        self.links.poll(config, self.now)
    }

    fn add(&mut self, config: Arc<vrrp::Instance>) -> InstanceId {
        let (id, now) = (self.fresh().instance(), self.now);
        self.instances.insert(Box::new(Instance::new(id, config, now)));
        self.order.push(id);
        self.touch(Owner::Instance(id));
        id
    }

    fn look_around_for(&mut self, added: &[InstanceId], out: &mut Actions) {
        // New instances need their link before their addresses can be named.
        let everyone = std::mem::replace(&mut self.order, added.to_vec());
        self.look_around(out);
        self.order = everyone;
    }

    fn build_scripts(&mut self, memories: &[Memory], out: &mut Actions) {
        let mut old: BTreeMap<Name, ScriptId> =
            self.scripts.iter().map(|(id, tracker)| (tracker.name().clone(), *id)).collect();
        let now = self.now;
        let config = Arc::clone(&self.config);
        for script in &config.scripts {
            let shared = Arc::new(script.clone());
            if let Some(id) = old.remove(script.name.as_str()) {
                if let Some(tracker) = self.scripts.get_mut(&id) {
                    tracker.reconfigure(shared, now, out);
                }
                self.touch(Owner::Script(id));
                continue;
            }
            let remembered = memories.iter().find_map(|memory| match memory {
                Memory::Verdict(verdict) if *verdict.script == *script.name => Some(verdict.up),
                Memory::Verdict(_) | Memory::Standing(_) => None,
            });
            let tracker = match remembered {
                Some(up) => {
                    let script = Name::from(script.name.as_str());
                    out.push(Action::Report(Report::ScriptKept { script, up }));
                    Tracker::remembered(shared, up, now)
                }
                None => Tracker::new(shared, now),
            };
            let id = self.fresh().script();
            self.scripts.insert(id, tracker);
            self.touch(Owner::Script(id));
        }
        for id in old.into_values() {
            if let Some(mut tracker) = self.scripts.remove(&id) {
                tracker.stop(out);
            }
            self.touch(Owner::Script(id));
        }
    }

    /// Builds the groups of the configuration, in its order, and lets their members know.
    fn regroup(&mut self, states: &BTreeMap<Name, State>) {
        self.groups = self.build_groups(states);
        self.instances.values_mut().for_each(|instance| instance.group = None);
        for (index, group) in self.groups.iter().enumerate() {
            for id in &group.members {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.group.get_or_insert(index);
                }
            }
        }
    }

    fn build_groups(&self, states: &BTreeMap<Name, State>) -> Vec<Group> {
        let by_name: BTreeMap<&str, InstanceId> =
            self.instances.iter().map(|(id, instance)| (&*instance.name, *id)).collect();
        let build = |config: &vrrp::SyncGroup| {
            let members =
                config.members.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect();
            let state = states.get(config.name.as_str()).copied().unwrap_or(State::Init);
            Group::new(config, members, state)
        };
        self.config.groups.iter().map(build).collect()
    }

    /// The first IPv4 and the first link-local address of every link in use.
    fn report_addresses(&self, out: &mut Actions) {
        let mut told = BTreeSet::new();
        for instance in self.order.iter().filter_map(|id| self.instances.get(id)) {
            let Some(link) = instance.base.filter(|link| told.insert(*link)) else { continue };
            let interface = Name::from(instance.config.interface_name());
            let source = self.links.source(link, Family::V4, |key| self.is_virtual(key));
            let link_local = self.links.source(link, Family::V6, |key| self.is_virtual(key));
            for ip in source.into_iter().chain(link_local) {
                out.push(Action::Report(Report::AddressAssigned { interface: interface.clone(), ip }));
            }
        }
    }

    /// Before the first advert: what a crashed predecessor left is removed, unless its role is taken up.
    /// Returns whether any was.
    fn remove_leftovers(&mut self, memories: &[Memory], snapshot: &Snapshot, out: &mut Actions) -> bool {
        let adopted = self.adoptable(memories);
        for id in self.order.clone() {
            let standing = adopted.get(&id);
            // A backup's predecessor may have been killed before its addresses were gone.
            if standing.is_none_or(|standing| standing.state != State::Master) {
                self.with(id, out, |instance, ctx| instance.clear_leftovers(ctx));
            }
            if let Some(standing) = standing {
                self.with(id, out, |instance, ctx| instance.adopt(standing, ctx));
            }
        }
        let ours: BTreeSet<Key> = self.wanted.keys().map(|(key, _)| key.clone()).collect();
        let used: BTreeSet<_> = self.instances.values().filter_map(|instance| instance.link).collect();
        for address in
            snapshot.addresses.iter().filter(|address| address.ours && used.contains(&address.key.link))
        {
            let key = Key::Address(address.key);
            if !ours.contains(&key) {
                out.push(Action::Report(Report::LeftoverRemoved {
                    link: address.key.link,
                    key: address.key,
                }));
                self.wanted.forbid(&key);
            }
        }
        !adopted.is_empty()
    }

    /// Whose role can be taken up; of a group's members all, in the same role, or none.
    fn adoptable<'a>(&self, memories: &'a [Memory]) -> BTreeMap<InstanceId, &'a Standing> {
        let standings = memories.iter().filter_map(|memory| match memory {
            Memory::Standing(standing) => Some((&*standing.identity, standing)),
            Memory::Verdict(_) => None,
        });
        let standings: BTreeMap<&Identity, &Standing> = standings.collect();
        let find = |id: &InstanceId| {
            let instance = self.instances.get(id)?;
            let standing = *standings.get(&*instance.identity)?;
            instance.can_adopt(standing, self.now).then_some((*id, standing))
        };
        let mut found: BTreeMap<InstanceId, &Standing> = self.order.iter().filter_map(find).collect();
        for group in &self.groups {
            let role = |id: &InstanceId| found.get(id).map(|standing| standing.state);
            let first = group.members.first().and_then(role);
            if first.is_none() || group.members.iter().any(|id| role(id) != first) {
                found.retain(|id, _| !group.members.contains(id));
            }
        }
        found
    }
}

fn virtual_ips(config: &vrrp::Config) -> BTreeSet<IpAddr> {
    let instances = config.instances.iter();
    let addresses = instances.flat_map(|instance| instance.addresses.iter().chain(&instance.excluded));
    addresses.map(|address| address.ip).collect()
}
