//! Rules between fields, and the model (`spec` config 4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keepalived_model::Config;
use keepalived_model::track::{Script, Unrunnable};
use keepalived_model::vrrp::{self, SyncGroup};

use super::context::Context;
use super::drafts::Drafts;
use super::instance::{Draft, State};
use super::roster::Roster;
use super::router::{Names, Router};
use super::rules::unweighted;
use super::script::Found;
use super::vmac::Shared;
use super::{conflict, group, lasting};
use crate::diag::Class;

impl Drafts {
    /// Everything read becomes the configuration.
    pub fn complete(mut self, cx: &mut Context<'_>) -> Config {
        if self.interfaces.missing {
            // The lines that named it decide about the exit status of `-t`.
            cx.refuse_as(Class::Fatal, "Non-existent interface specified in configuration");
        }
        let refused = cx.after.len();
        let (scripts, unrunnable) = self.check_scripts(cx);
        for draft in self.instances.iter_mut() {
            let written = std::mem::take(&mut draft.notify);
            draft.notifications = written.complete(cx, &mut self.globals.security);
        }
        let mut group_drafts: Vec<group::Draft> = std::mem::take(&mut self.groups).into_iter().collect();
        for draft in &mut group_drafts {
            let written = std::mem::take(&mut draft.notify);
            draft.notifications = written.complete(cx, &mut self.globals.security);
        }
        self.globals.security.conclude(cx, "scripts");
        if self.interfaces.missing || self.instances.len() == 0 {
            // The original stops before it looks at scripts, and nobody runs them without an instance (2.2.7).
            cx.after.truncate(refused);
        }
        check_groups(cx, &mut group_drafts, &self.instances);
        let completed = self.complete_instances(cx, &group_drafts);
        conflict::check(cx, &completed);
        if completed.iter().any(vrrp::Instance::needs_packet_filter) {
            self.globals.need_packet_filter(cx);
        }
        self.links.settle(cx, &completed);
        let groups = self.complete_groups(cx, group_drafts, &completed);
        let names: BTreeSet<&str> = completed.iter().map(|instance| instance.name.as_str()).collect();
        let mut lasting = std::mem::take(&mut self.lasting);
        lasting::complete(cx, &mut lasting, &names);
        let mut config = vrrp::Config {
            instances: completed.into_iter().map(Arc::new).collect(),
            groups,
            scripts,
            unrunnable,
            files: std::mem::take(&mut self.files).into_iter().collect(),
            processes: std::mem::take(&mut self.processes).into_iter().collect(),
            garp_interval: self.globals.garp_interval,
            gna_interval: self.globals.gna_interval,
            startup_delay: self.globals.startup_delay,
            polled: std::mem::take(&mut self.links.polled),
            polls_instances: self.globals.polls_instances,
            delays: std::mem::take(&mut self.links.delays),
            garp_groups: std::mem::take(&mut self.links.garp_groups),
            lasting,
        };
        drop_unused_scripts(cx, &mut config);
        let mut global = self.globals.complete(cx);
        // The old place counts where nothing stands in the new one.
        global.lvs.sync_daemon = global.lvs.sync_daemon.or(self.sync_daemon);
        Config { global, vrrp: config, ..Config::default() }
    }

    fn complete_instances(&mut self, cx: &mut Context<'_>, groups: &[group::Draft]) -> Vec<vrrp::Instance> {
        let mut group_of: BTreeMap<&str, &group::Draft> = BTreeMap::new();
        for group in groups {
            for member in group.members.iter().flatten() {
                group_of.entry(member).or_insert(group);
            }
        }
        let mut names: Names = self.own_links.names().map(str::to_owned).collect();
        let drafts = std::mem::take(&mut self.instances);
        let mut shared = Shared::default();
        let mut completed = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            let group = group_of.get(&*draft.name).copied();
            let notify = draft.notifications.take().map(|notifications| *notifications).unwrap_or_default();
            let polls_link = draft.polls_link;
            let names_link = draft.own_link.name().is_some();
            let Some(router) = Router::begin(cx, self, draft) else { continue };
            let Some(mut instance) = router.complete(cx, group, notify, &mut names) else { continue };
            shared.settle(cx, &mut instance, group.map(|group| group.name.as_str()), names_link);
            if let (true, Some(interface)) = (polls_link, &instance.interface) {
                self.links.poll(interface);
            }
            completed.push(instance);
        }
        completed
    }

    fn complete_groups(
        &self,
        cx: &mut Context<'_>,
        drafts: Vec<group::Draft>,
        instances: &[vrrp::Instance],
    ) -> Vec<SyncGroup> {
        let find: BTreeMap<&str, &vrrp::Instance> =
            instances.iter().map(|instance| (&*instance.name, instance)).collect();
        let alert = self.globals.model.mail.alerts.of_vrrp();
        drafts.into_iter().filter_map(|draft| complete_group(cx, draft, &find, alert)).collect()
    }

    /// Looks at the file of every script. One that cannot run is taken off every list, and the instances run
    /// without it (`spec` config 4.7).
    fn check_scripts(&mut self, cx: &mut Context<'_>) -> (Vec<Script>, Vec<Unrunnable>) {
        let mut runnable: Vec<Script> = Vec::new();
        let (mut taken, mut unrunnable) = (BTreeSet::new(), Vec::new());
        for draft in std::mem::take(&mut self.scripts) {
            let (why, reason) = match self.globals.security.find(cx, &draft.written) {
                Found::Runs(command) => {
                    // Of two with one name the first is used, the second is not.
                    if taken.insert(draft.name.clone()) {
                        runnable.push(draft.complete(command));
                    }
                    continue;
                }
                Found::Missing => {
                    (Some("since not found/accessible"), "not found or not accessible".to_owned())
                }
                Found::Insecure(weak) => (Some("due to insecure"), format!("insecure: {weak}")),
                Found::NotExecutable => (None, "not executable for its user".to_owned()),
            };
            let name = draft.name;
            if let Some(why) = why {
                cx.conclude(Class::General, format!("Disabling track script {name} {why}"));
            }
            if let Some(last) = cx.after.last_mut() {
                last.code = "script-disabled";
            }
            unrunnable.push(Unrunnable { name, reason });
        }
        if !unrunnable.is_empty() {
            let disabled: BTreeSet<&str> = unrunnable.iter().map(|script| script.name.as_str()).collect();
            let tracks = self.instances.iter_mut().map(|instance| &mut instance.track);
            for track in tracks.chain(self.groups.iter_mut().map(|group| &mut group.track)) {
                track.scripts.retain(|tracked| !disabled.contains(tracked.name.as_str()));
            }
        }
        // Nobody tracks those that nothing came of; their names may be another's.
        unrunnable.append(&mut self.unrunnable);
        (runnable, unrunnable)
    }
}

/// Members that exist, each in one group only (`spec` config 4.8).
fn check_groups(cx: &mut Context<'_>, groups: &mut Vec<group::Draft>, instances: &Roster<Draft>) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    groups.retain_mut(|group| {
        let name = group.name.clone();
        let members = group.members.get_or_insert_default();
        members.retain(|member| {
            if !instances.contains(member) {
                let text = format!(
                    "Virtual router {member} specified in sync group {name} doesn't exist - ignoring"
                );
                cx.conclude(Class::General, text);
                return false;
            }
            if !taken.insert(member.clone()) {
                let text = format!(
                    "Virtual router {member} cannot exist in more than one sync group; ignoring {name}"
                );
                cx.conclude(Class::General, text);
                return false;
            }
            true
        });
        match members.len() {
            0 => {
                let text = format!(
                    "Sync group {name}, no matching virtual router found in group declaration - removing"
                );
                cx.conclude(Class::General, text);
            }
            1 => {
                let text = format!(
                    "Sync group {name} has only 1 virtual router(s) - this probably isn't what you want"
                );
                cx.conclude(Class::Warning, text);
            }
            _ => {}
        }
        if mixes_owners(members, instances) {
            let text = format!(
                "Sync group {name} has some member(s) as address owner and some not as address owner. \
                 This won't work."
            );
            cx.conclude(Class::General, text);
        }
        !members.is_empty()
    });
}

fn complete_group(
    cx: &mut Context<'_>,
    draft: group::Draft,
    instances: &BTreeMap<&str, &vrrp::Instance>,
    smtp_alert: bool,
) -> Option<SyncGroup> {
    let find = |name: &String| instances.get(name.as_str()).copied();
    let members: Vec<String> =
        draft.members.unwrap_or_default().into_iter().filter(|name| find(name).is_some()).collect();
    let smtp_alert = draft.smtp_alert.unwrap_or(smtp_alert);
    let notify_priority_changes = draft.notify_priority_changes;
    let group::Draft { name, mut track, notifications, .. } = draft;
    let notify = notifications.map(|notifications| *notifications).unwrap_or_default();
    if members.iter().filter_map(find).any(|instance| instance.priority.is_owner()) {
        unweighted(cx, &name, &mut track);
    }
    for tracked in &track.interfaces {
        let interface = &tracked.name;
        let both = |instance: &&vrrp::Instance| {
            instance.interface_name() == interface
                || instance.track.interfaces.iter().any(|own| own.name == *interface)
        };
        for instance in members.iter().filter_map(find).filter(both) {
            let member = &instance.name;
            let text = format!(
                "({member}) track_interface {interface} is configured on VRRP instance and sync group. \
                 Remove vrrp instance or sync group config"
            );
            cx.conclude(Class::General, text);
        }
    }
    (!members.is_empty()).then_some(SyncGroup {
        name,
        members,
        track,
        notify,
        notify_priority_changes,
        smtp_alert,
    })
}

/// Scripts nobody tracks are not run.
fn drop_unused_scripts(cx: &mut Context<'_>, config: &mut vrrp::Config) {
    let instances = config.instances.iter().flat_map(|instance| &instance.track.scripts);
    let groups = config.groups.iter().flat_map(|group| &group.track.scripts);
    let used: BTreeSet<&str> = instances.chain(groups).map(|tracked| tracked.name.as_str()).collect();
    config.scripts.retain(|script| {
        let is_used = used.contains(script.name.as_str());
        if !is_used {
            cx.conclude_log(format!("Warning - script {} is not used", script.name));
        }
        is_used
    });
}

/// A member that is said to start as MASTER and owner, before one that is said to start as BACKUP
/// (`spec` config 4.3).
fn mixes_owners(members: &[String], instances: &Roster<Draft>) -> bool {
    let mut drafts = members.iter().filter_map(|name| instances.find(name));
    let owner = |draft: &Draft| {
        draft.state == Some(State::Master) && draft.priority.is_some_and(|priority| priority.is_owner())
    };
    drafts.any(owner) && drafts.any(|draft| draft.state == Some(State::Backup))
}
