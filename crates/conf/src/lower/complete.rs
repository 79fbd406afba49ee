//! Rules between fields, and the model (`spec` config 4).

use std::collections::BTreeSet;

use keepalived_model::Config;
use keepalived_model::notify::Notifications;
use keepalived_model::vrrp::{self, SyncGroup};

use super::context::Context;
use super::drafts::Drafts;
use super::instance::{Draft, State};
use super::notify::Notify;
use super::router::{Names, Router};
use super::rules::unweighted;
use super::script::Found;
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
        let scripts = self.check_scripts(cx);
        let instance_notes: Vec<_> =
            self.instances.iter_mut().map(|draft| std::mem::take(&mut draft.notify)).collect();
        let instance_notes: Vec<_> =
            instance_notes.iter().map(|written| self.notifications(cx, written)).collect();
        let group_notes: Vec<_> =
            self.groups.iter_mut().map(|draft| std::mem::take(&mut draft.notify)).collect();
        let group_notes: Vec<_> = group_notes.iter().map(|written| self.notifications(cx, written)).collect();
        let group_notes: Vec<(String, Notifications)> =
            self.groups.iter().map(|group| group.name.clone()).zip(group_notes).collect();
        self.globals.security.conclude(cx, "scripts");
        if self.interfaces.missing || self.instances.is_empty() {
            // The original stops before it looks at scripts, and nobody runs them without an instance (2.2.7).
            cx.after.truncate(refused);
        }
        self.check_groups(cx);
        let drafts = std::mem::take(&mut self.instances);
        let written = drafts.iter().filter_map(|draft| draft.own_link.name().map(str::to_owned));
        let mut names: Names = written.collect();
        let mut completed = Vec::new();
        for (draft, notify) in drafts.into_iter().zip(instance_notes) {
            let group = self.groups.iter().find(|group| has_member(group, &draft.name));
            let Some(router) = Router::begin(cx, &self, draft) else { continue };
            let Some(instance) = router.complete(cx, group, notify, &mut names) else { continue };
            if let Some(what) = instance.beyond() {
                let text = format!("({}) {what} is not supported yet - ignoring the instance", instance.name);
                cx.conclude_unacted(&instance.name, &format!("vrrp_instance with {what}"), text);
            }
            completed.push(instance);
        }
        conflict::check(cx, &completed);
        self.links.settle(cx, &completed);
        let mut groups = Vec::new();
        for draft in std::mem::take(&mut self.groups) {
            let notify =
                group_notes.iter().find(|(name, _)| *name == draft.name).map(|(_, notify)| notify.clone());
            let alert = self.globals.model.mail.alerts.of_vrrp();
            groups.extend(complete_group(cx, draft, notify.unwrap_or_default(), &completed, alert));
        }
        let names: Vec<String> = completed.iter().map(|instance| instance.name.clone()).collect();
        let mut lasting = std::mem::take(&mut self.lasting);
        lasting::complete(cx, &mut lasting, &names);
        let mut config = vrrp::Config {
            instances: completed,
            groups,
            scripts,
            files: std::mem::take(&mut self.files),
            processes: std::mem::take(&mut self.processes),
            garp_interval: self.globals.garp_interval,
            startup_delay: self.globals.startup_delay,
            polled: std::mem::take(&mut self.links.polled),
            delays: std::mem::take(&mut self.links.delays),
            garp_groups: std::mem::take(&mut self.links.garp_groups),
            lasting,
        };
        drop_unused_scripts(cx, &mut config);
        Config { global: self.globals.complete(cx), vrrp: config, ..Config::default() }
    }

    /// Looks at the file of every script. One that cannot run is taken off every list, and the instances run
    /// without it (`spec` config 4.7).
    fn check_scripts(&mut self, cx: &mut Context<'_>) -> Vec<keepalived_model::track::Script> {
        let mut runnable = Vec::new();
        for draft in std::mem::take(&mut self.scripts) {
            let why = match self.globals.security.find(cx, &draft.written) {
                Found::Runs(command) => {
                    // Of two with one name the first is used, the second is not.
                    if !runnable
                        .iter()
                        .any(|other: &keepalived_model::track::Script| other.name == draft.name)
                    {
                        runnable.push(draft.complete(command));
                    }
                    continue;
                }
                Found::Missing => Some("since not found/accessible"),
                Found::Insecure => Some("due to insecure"),
                Found::NotExecutable => None,
            };
            let name = &draft.name;
            if let Some(why) = why {
                cx.conclude(Class::General, format!("Disabling track script {name} {why}"));
            }
            if let Some(last) = cx.after.last_mut() {
                last.code = "script-disabled";
            }
            for instance in &mut self.instances {
                instance.track.scripts.retain(|tracked| tracked.name != *name);
            }
            for group in &mut self.groups {
                group.track.scripts.retain(|tracked| tracked.name != *name);
            }
        }
        runnable
    }

    fn notifications(&mut self, cx: &mut Context<'_>, written: &Notify) -> Notifications {
        written.complete(cx, &mut self.globals.security)
    }

    /// Members that exist, each in one group only (`spec` config 4.8).
    fn check_groups(&mut self, cx: &mut Context<'_>) {
        let mut taken: Vec<String> = Vec::new();
        let instances = &self.instances;
        self.groups.retain_mut(|group| {
            let name = group.name.clone();
            let members = group.members.get_or_insert_default();
            members.retain(|member| {
                if !instances.iter().any(|instance| instance.name == *member) {
                    let text = format!(
                        "Virtual router {member} specified in sync group {name} doesn't exist - ignoring"
                    );
                    cx.conclude(Class::General, text);
                    return false;
                }
                if taken.contains(member) {
                    let text = format!(
                        "Virtual router {member} cannot exist in more than one sync group; ignoring {name}"
                    );
                    cx.conclude(Class::General, text);
                    return false;
                }
                taken.push(member.clone());
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
}

fn complete_group(
    cx: &mut Context<'_>,
    draft: group::Draft,
    notify: Notifications,
    instances: &[vrrp::Instance],
    smtp_alert: bool,
) -> Option<SyncGroup> {
    let find = |name: &String| instances.iter().find(|instance| instance.name == *name);
    let members: Vec<String> =
        draft.members.unwrap_or_default().into_iter().filter(|name| find(name).is_some()).collect();
    let smtp_alert = draft.smtp_alert.unwrap_or(smtp_alert);
    let group::Draft { name, mut track, .. } = draft;
    if members.iter().filter_map(find).any(|instance| instance.priority.is_owner()) {
        unweighted(cx, &name, &mut track);
    }
    for tracked in &track.interfaces {
        let interface = &tracked.name;
        let both = |instance: &&vrrp::Instance| {
            instance.interface_name() == interface
                || instance.track_interfaces.iter().any(|own| own.name == *interface)
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
        track_scripts: track.scripts,
        track_interfaces: track.interfaces,
        track_files: track.files,
        track_processes: track.processes,
        track_bfds: track.bfds,
        notify,
        smtp_alert,
    })
}

/// Scripts nobody tracks are not run.
fn drop_unused_scripts(cx: &mut Context<'_>, config: &mut vrrp::Config) {
    let instances = config.instances.iter().flat_map(|instance| &instance.track_scripts);
    let groups = config.groups.iter().flat_map(|group| &group.track_scripts);
    let used: BTreeSet<String> = instances.chain(groups).map(|tracked| tracked.name.clone()).collect();
    config.scripts.retain(|script| {
        if !used.contains(&script.name) {
            cx.conclude_log(format!("Warning - script {} is not used", script.name));
        }
        used.contains(&script.name)
    });
}

/// A member that is said to start as MASTER and owner, before one that is said to start as BACKUP
/// (`spec` config 4.3).
fn mixes_owners(members: &[String], instances: &[Draft]) -> bool {
    let find = |name: &String| instances.iter().find(|instance| instance.name == *name);
    let mut drafts = members.iter().filter_map(find);
    let owner = |draft: &Draft| {
        draft.state == Some(State::Master) && draft.priority.is_some_and(|priority| priority.is_owner())
    };
    drafts.any(owner) && drafts.any(|draft| draft.state == Some(State::Backup))
}

fn has_member(group: &group::Draft, name: &str) -> bool {
    group.members.iter().flatten().any(|member| member == name)
}
