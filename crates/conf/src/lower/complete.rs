//! Rules between fields, and the model (`spec` config 4).

use std::collections::BTreeSet;
use std::net::IpAddr;

use keepalived_model::notify::{Command, Notifications};
use keepalived_model::vrrp::{self, Family, SyncGroup, Transport, Version};
use keepalived_model::{Config, Priority, Vrid};

use super::context::Context;
use super::instance::{Draft, Drafts, Notify, State};
use super::rules::{accept, auth, interval, preempt, trackers, unweighted};
use super::script::{Found, Security};
use super::{conflict, group, lasting};
use crate::diag::Class;

/// Most addresses an advert has a count for.
const ADDRESSES_MAX: usize = 255;
/// Bytes of a frame that are not addresses: Ethernet, IPv4, VRRP; version 2 adds its authentication.
const HEADERS: usize = 14 + 20 + 8;
const AUTHENTICATION: usize = 8;

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
        let mut completed = Vec::new();
        for (mut draft, notify) in drafts.into_iter().zip(instance_notes) {
            let group = self.groups.iter().find(|group| has_member(group, &draft.name));
            completed.extend(
                self.complete_instance(cx, &mut draft, group)
                    .map(|instance| vrrp::Instance { notify, ..instance }),
            );
        }
        conflict::check(cx, &completed);
        let mut groups = Vec::new();
        for draft in std::mem::take(&mut self.groups) {
            let notify =
                group_notes.iter().find(|(name, _)| *name == draft.name).map(|(_, notify)| notify.clone());
            groups.extend(complete_group(cx, draft, notify.unwrap_or_default(), &completed));
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
            lasting,
            ..vrrp::Config::default()
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
        let security = &mut self.globals.security;
        let mut command = |written: &Option<super::script::Written>| find(cx, security, written);
        Notifications {
            master: command(&written.master),
            backup: command(&written.backup),
            fault: command(&written.fault),
            stop: command(&written.stop),
            any: command(&written.any),
            lower_priority: None,
            deleted: None,
        }
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
            !members.is_empty()
        });
    }

    /// One instance; nothing if it cannot run.
    fn complete_instance(
        &self,
        cx: &mut Context<'_>,
        draft: &mut Draft,
        group: Option<&group::Draft>,
    ) -> Option<vrrp::Instance> {
        let name = draft.name.clone();
        let strict = draft.strict.unwrap_or(self.globals.model.vrrp.strict);
        let (vrid, interface) = self.identity(cx, draft)?;
        if draft.xmit_base && !draft.vmac {
            cx.conclude(Class::General, format!("({name}) vmac_xmit_base is only valid with a vmac"));
        }
        let version = self.version(draft);
        self.addresses(cx, draft, version, strict)?;
        let (priority, wants_master) = self.standing(cx, draft, strict);
        let auth = auth(cx, draft, version, strict)?;
        let transport = self.transport(cx, draft, &interface, strict)?;
        let preempt = preempt(cx, draft, priority, wants_master, strict);
        if strict && draft.down_timer_adverts != 3 {
            let text = format!("({name}) down_timer_adverts is incompatible with strict mode - resetting");
            cx.conclude(Class::General, text);
            draft.down_timer_adverts = 3;
        }
        let mut garp = draft.garp.complete(&self.globals.garp);
        let mut lower_prio_no_advert =
            draft.lower_prio_no_advert.unwrap_or(self.globals.model.vrrp.lower_prio_no_advert);
        if strict {
            draft.garp.strict(cx, &name, &mut garp);
            if draft.lower_prio_no_advert == Some(false) {
                let text = format!("({name}) Strict mode requires no lower priority advert. resetting");
                cx.conclude(Class::General, text);
            }
            lower_prio_no_advert = true;
            accept(cx, draft, priority, version);
        }
        let advert_interval = interval(cx, &name, draft.advert_interval, version);
        trackers(cx, draft, &interface, priority, group);
        let skip_check_adv_addr =
            draft.skip_check_adv_addr.unwrap_or(self.globals.model.vrrp.skip_check_adv_addr);
        let higher = draft.higher_prio_send_advert.unwrap_or(self.globals.model.vrrp.higher_prio_send_advert);
        let track = std::mem::take(&mut draft.track);
        Some(vrrp::Instance {
            version,
            priority,
            wants_master,
            advert_interval,
            preempt,
            down_timer_adverts: draft.down_timer_adverts,
            auth,
            transport,
            addresses: std::mem::take(&mut draft.addresses),
            excluded: std::mem::take(&mut draft.excluded),
            routes: std::mem::take(&mut draft.routes),
            rules: std::mem::take(&mut draft.rules),
            garp,
            lower_prio_no_advert,
            higher_prio_send_advert: higher && !strict,
            skip_check_adv_addr,
            dont_track_primary: draft.dont_track_primary,
            track_interfaces: track.interfaces,
            track_scripts: track.scripts,
            track_files: track.files,
            track_processes: track.processes,
            track_bfds: track.bfds,
            ..vrrp::Instance::new(&name, vrid, &interface)
        })
    }

    /// VRID and interface: without them there is nothing to run (`spec` config 4.1).
    fn identity(&self, cx: &mut Context<'_>, draft: &Draft) -> Option<(Vrid, String)> {
        let name = &draft.name;
        let Some(vrid) = draft.vrid else {
            cx.refuse(format!("({name}) the virtual router id must be set"));
            return None;
        };
        if draft.family == Some(Family::V6) {
            return unsupported(cx, name, "IPv6");
        }
        match &draft.interface {
            Some(interface) => Some((vrid, interface.clone())),
            None if self.interfaces.missing => None,
            None if !draft.unicast => {
                cx.refuse(format!("({name}) Unknown interface!"));
                None
            }
            None if draft.source.is_none() => {
                cx.refuse(format!("({name}): Unicast instances must have unicast_src_ip or interface"));
                None
            }
            None => unsupported(cx, name, "unicast without an interface"),
        }
    }

    fn version(&self, draft: &Draft) -> Version {
        draft.version.unwrap_or(self.globals.model.vrrp.version)
    }

    /// At least one address, and no more than fit (`spec` config 4.4).
    fn addresses(
        &self,
        cx: &mut Context<'_>,
        draft: &mut Draft,
        version: Version,
        strict: bool,
    ) -> Option<()> {
        let name = &draft.name;
        if strict && draft.no_address {
            cx.conclude(
                Class::General,
                format!("({name}) no_virtual_ipaddress is incompatible with strict mode - resetting"),
            );
            draft.no_address = false;
        }
        if draft.addresses.is_empty() && !draft.no_address {
            if version == Version::V3 || strict {
                cx.refuse(format!("({name}) No VIP specified; at least one is required"));
                return None;
            }
            cx.conclude(Class::Warning, format!("({name}) No VIP specified; at least one is sensible"));
        }
        let mtu = draft.interface.as_ref().map_or(0, |interface| self.interfaces.facts(interface).mtu);
        let mtu = usize::try_from(mtu).unwrap_or(usize::MAX);
        let headers = HEADERS + if version == Version::V2 { AUTHENTICATION } else { 0 };
        let most = (mtu.saturating_sub(headers) / 4).min(ADDRESSES_MAX);
        let count = draft.addresses.len();
        if count > most {
            let text = format!(
                "({name}) Number of VIPs ({count}) exceeds maximum/space available in packet (max {most} addresses) \
                 - excess moved to eVIPs"
            );
            cx.conclude(Class::General, text);
            let excess = draft.addresses.split_off(most);
            draft.excluded.splice(..0, excess);
        }
        Some(())
    }

    /// Priority and wish (`spec` config 4.3): without a priority, MASTER means owner.
    fn standing(&self, cx: &mut Context<'_>, draft: &Draft, strict: bool) -> (Priority, bool) {
        let master = draft.state == Some(State::Master);
        let priority = draft.priority.unwrap_or(if master { Priority::OWNER } else { Priority::DEFAULT });
        let mut wants = if draft.state.is_some() { master } else { priority.is_owner() };
        if strict && wants != priority.is_owner() {
            let name = &draft.name;
            cx.conclude(Class::General, format!("({name}) State MASTER must match being address owner"));
            wants = priority.is_owner();
        }
        (priority, wants)
    }

    /// Multicast, or unicast if there is a peer (`spec` config 4.6).
    fn transport(
        &self,
        cx: &mut Context<'_>,
        draft: &Draft,
        interface: &str,
        strict: bool,
    ) -> Option<Transport> {
        let name = &draft.name;
        let multicast = self.interfaces.facts(interface).multicast;
        if !draft.peers.is_empty() {
            if strict && multicast {
                cx.refuse(format!("({name}) Unicast peers are not supported in strict mode"));
                return None;
            }
            if draft.group.is_some() {
                cx.conclude(
                    Class::General,
                    format!("({name}) multicast destination specified with unicast - ignoring"),
                );
            }
            return Some(Transport::Unicast {
                peers: draft.peers.clone(),
                source: draft.source,
                check_source: draft.check_unicast_src,
                ttl: Some(draft.unicast_ttl.unwrap_or(255)),
            });
        }
        if draft.fault_no_peer {
            // Nothing would ever lead out of that FAULT, so there is nothing to run.
            cx.conclude_log(format!(
                "({name}) no unicast peers and unicast_fault_no_peer set - instance not run"
            ));
            return None;
        }
        if draft.unicast {
            let text = format!(
                "({name}) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. \
                 This usage is deprecated - please update your configuration."
            );
            cx.conclude(Class::Deprecated, text);
        }
        if !multicast {
            let text = format!(
                "({name}) interface {interface} does not support multicast, specify unicast peers - disabling"
            );
            cx.conclude(Class::General, text);
        }
        Some(Transport::Multicast {
            group: draft.group.unwrap_or(self.globals.model.vrrp.group4.into()),
            source: draft.source,
        })
    }
}

fn complete_group(
    cx: &mut Context<'_>,
    draft: group::Draft,
    notify: Notifications,
    instances: &[vrrp::Instance],
) -> Option<SyncGroup> {
    let find = |name: &String| instances.iter().find(|instance| instance.name == *name);
    let members: Vec<String> =
        draft.members.unwrap_or_default().into_iter().filter(|name| find(name).is_some()).collect();
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
        smtp_alert: false,
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

/// An instance this version cannot run: better none than one that its peers do not understand.
pub(super) fn unsupported<T>(cx: &mut Context<'_>, name: &str, what: &str) -> Option<T> {
    let text = format!("({name}) {what} is not supported yet - ignoring the instance");
    cx.conclude_unacted(name, &format!("vrrp_instance with {what}"), text);
    None
}

fn has_member(group: &group::Draft, name: &str) -> bool {
    group.members.iter().flatten().any(|member| member == name)
}

/// What a command comes to, if it can be run.
pub(super) fn find(
    cx: &mut Context<'_>,
    security: &mut Security,
    written: &Option<super::script::Written>,
) -> Option<Command> {
    match security.find(cx, written.as_ref()?) {
        Found::Runs(command) => Some(command),
        Found::Missing | Found::NotExecutable | Found::Insecure => None,
    }
}

/// Multicast group of an instance, if it has one.
pub(super) fn multicast_group(transport: &Transport) -> Option<IpAddr> {
    match transport {
        Transport::Multicast { group, .. } => Some(*group),
        Transport::Unicast { .. } => None,
    }
}
