//! What the vrrp pass reads, block by block.

use keepalived_model::global::lvs::SyncDaemon;
use keepalived_model::lasting::Lasting;
use keepalived_model::track::{File, Process, Trackers, Unrunnable};

use super::bfd::Known;
use super::context::Context;
use super::global::{Globals, INTERFACE_NAME_MAX};
use super::instance::Draft;
use super::interfaces::Interfaces;
use super::links::Links;
use super::roster::{Named, Roster};
use super::rule::Preferences;
use super::track;
use super::vmac::Taken;
use super::{file, group, lasting, process, route, rule, script};
use crate::diag::Class;
use crate::schema::Status;
use crate::text::encode;
use crate::tree::Statement;

/// Everything the vrrp pass has read so far.
pub(super) struct Drafts {
    pub globals: Globals,
    pub interfaces: Interfaces,
    pub scripts: Roster<script::Draft>,
    /// Scripts that nothing can come of.
    pub unrunnable: Vec<Unrunnable>,
    pub files: Roster<File>,
    pub processes: Roster<Process>,
    pub bfds: Known,
    pub groups: Roster<group::Draft>,
    pub instances: Roster<Draft>,
    /// Names of virtual interfaces that instances chose, and who was first.
    pub own_links: Taken,
    pub links: Links,
    /// The first `lvs_sync_daemon_interface`.
    pub sync_daemon: Option<SyncDaemon>,
    pub lasting: Lasting,
    /// Of rules that name none.
    pub preferences: Preferences,
}

impl Drafts {
    pub fn new(globals: Globals, bfds: Known) -> Self {
        let interfaces = Interfaces::new(globals.model.interfaces.dynamic.may_be_missing());
        Self {
            globals,
            interfaces,
            scripts: Roster::default(),
            unrunnable: Vec::new(),
            files: Roster::default(),
            processes: Roster::default(),
            bfds,
            groups: Roster::default(),
            instances: Roster::default(),
            own_links: Taken::default(),
            links: Links::default(),
            sync_daemon: None,
            lasting: Lasting::default(),
            preferences: Preferences::default(),
        }
    }

    /// One statement outside blocks.
    pub fn root(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        match statement.row.name {
            "vrrp_script" => match script::lower(cx, &mut self.globals.security, statement) {
                Ok(draft) => self.scripts.extend([draft]),
                Err(useless) => self.unrunnable.extend(useless),
            },
            "vrrp_sync_group" => self.group(cx, statement),
            "vrrp_instance" => self.instance(cx, statement),
            "linkbeat_interfaces" | "interface_up_down_delays" | "garp_group" => {
                self.links.block(cx, &mut self.interfaces, statement);
            }
            "track_group" => lasting::track_group(cx, statement, &mut self.lasting.groups),
            "static_ipaddress" | "static_routes" | "static_rules" => {
                let (known, preferences) = (&mut self.interfaces, &mut self.preferences);
                let usual = &self.globals.model.interfaces.default;
                lasting::block(cx, known, preferences, usual, statement, &mut self.lasting);
            }
            "track_file" => self.files.extend(file::lower(cx, statement)),
            "vrrp_track_process" => self.processes.extend(process::lower(cx, statement)),
            _ => cx.cannot_in(&cx.place(statement, 0), "", statement.row.name, &titled(statement)),
        }
    }

    fn instance(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let place = cx.place(statement, 0);
        let (Some(name), None) = (statement.word(1), statement.word(2)) else {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::Missing, "vrrp_instance must have a name");
        };
        if self.instances.contains(name) {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::General, format!("vrrp instance {name} already defined"));
        }
        let mut draft = Draft::new(name, &self.globals);
        for inner in statement.block() {
            self.statement(cx, &mut draft, inner, name);
        }
        let end = cx.end_place(statement);
        draft.settle_unicast_link(cx, &end);
        if draft.unicast_ttl.is_some() && draft.peers.is_empty() {
            let text = format!("({name}): Cannot use unicast_ttl without unicast peers - resetting");
            // Adverts keep their TTL of 255 (D10: the original mutes the instance).
            cx.say(&end, Class::General, text);
        }
        draft.addresses.shrink_to_fit();
        draft.track.shrink();
        self.own_links.add(&draft);
        self.instances.push(draft);
    }

    fn statement(&mut self, cx: &mut Context<'_>, draft: &mut Draft, statement: &Statement<'_>, owner: &str) {
        if draft.timing(cx, statement)
            || draft.policy(cx, statement)
            || draft.transport(cx, statement)
            || draft.garp.instance(cx, statement, owner)
            || draft
                .notify
                .set(cx, &mut self.globals.security, statement, owner, |owner| format!("({owner})"))
        {
            return;
        }
        if self.tracker(cx, &mut draft.track, statement, owner) {
            return;
        }
        let taken = &self.own_links;
        let interfaces = &mut self.interfaces;
        match statement.row.name {
            "interface" => draft.interface(cx, interfaces, statement),
            "vrf" => draft.vrf(cx, interfaces, statement),
            "use_vmac" => draft.use_vmac(cx, taken, statement),
            "use_ipvlan" => draft.use_ipvlan(cx, taken, statement),
            "virtual_ipaddress" => {
                for item in statement.items() {
                    draft.address(cx, interfaces, item);
                }
            }
            "virtual_ipaddress_excluded" => {
                for item in statement.items() {
                    draft.excluded(cx, interfaces, item);
                }
            }
            "virtual_routes" => {
                let items = statement.items();
                draft.routes.extend(items.iter().filter_map(|item| route::lower(cx, interfaces, item)));
            }
            "virtual_rules" => {
                let preferences = &mut self.preferences;
                let lower = |item| rule::lower(cx, interfaces, item, preferences);
                draft.rules.extend(statement.items().iter().filter_map(lower));
            }
            "authentication" => {
                for inner in statement.block() {
                    draft.authentication(cx, inner);
                }
            }
            "auth_hmac" => {
                let hmac = draft.hmac.get_or_insert_default();
                for inner in statement.block() {
                    hmac.statement(cx, inner, owner);
                }
            }
            "lvs_sync_daemon_interface" => self.sync_interface(cx, statement, owner),
            _ => draft.other(cx, statement),
        }
    }

    /// The old place of a global keyword.
    fn sync_interface(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) {
        let place = cx.place(statement, 0);
        let text = format!("({owner}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.");
        cx.say(&place, Class::Deprecated, text);
        // Below the text behind the name, and never less than seven blanks (2.2.7).
        let margin = (owner.len() + 4).max(7);
        cx.say(&place, Class::Deprecated, format!("{:margin$}Please use global lvs_sync_daemon", ""));
        if let Some(standing) = &self.sync_daemon {
            let interface = &standing.interface;
            let text = format!(
                "({owner}) lvs_sync_daemon_interface has already been specified as {interface} - ignoring"
            );
            return cx.say(&place, Class::General, text);
        }
        let Some(name) = cx.word(statement, owner) else { return };
        // No interface has a longer name; the original says so in the new place alone (2.2.7).
        if encode(name).len() <= INTERFACE_NAME_MAX {
            self.sync_daemon = Some(SyncDaemon::new(name, owner));
        }
        cx.not_yet(statement, owner);
    }
}

impl Drafts {
    /// A block of trackers; false if it is another keyword. What it names must stand earlier in the file
    /// (`spec` config 4.8).
    pub fn tracker(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Trackers,
        statement: &Statement<'_>,
        owner: &str,
    ) -> bool {
        let (kind, list) = match statement.row.name {
            "track_interface" => {
                track::interfaces(cx, &mut self.interfaces, statement, owner, &mut into.interfaces);
                return true;
            }
            "track_script" => (&track::SCRIPT, &mut into.scripts),
            "track_file" => (&track::FILE, &mut into.files),
            "track_process" => (&track::PROCESS, &mut into.processes),
            "track_bfd" => (&track::BFD, &mut into.bfds),
            _ => return false,
        };
        if statement.row.status == Status::NotYet {
            cx.not_yet(statement, owner);
        }
        let known = |name: &str| match statement.row.name {
            "track_script" => self.scripts.find(name).map(|found| found.weight),
            "track_file" => self.files.find(name).map(|found| found.weight),
            "track_process" => self.processes.find(name).map(|found| found.weight),
            _ => self.bfds.find(name, statement.at).map(|found| found.weight),
        };
        track::named(cx, kind, known, statement, owner, list);
        true
    }
}

/// The words of a root block that names itself.
fn titled(statement: &Statement<'_>) -> String {
    let words: Vec<&str> =
        statement.words.iter().take(2).map(|word| word.text).filter(|word| *word != "{").collect();
    words.join(" ")
}

impl Named for Draft {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for group::Draft {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for script::Draft {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for File {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Process {
    fn name(&self) -> &str {
        &self.name
    }
}
