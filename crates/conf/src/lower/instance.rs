//! `vrrp_instance` blocks, statement by statement.

use std::net::IpAddr;

use keepalived_model::lasting::Lasting;
use keepalived_model::route::Route;
use keepalived_model::rule::Rule;
use keepalived_model::time::Micros;
use keepalived_model::track::{File, Process};
use keepalived_model::vrrp::{Family, Peer, Version, VirtualAddress};
use keepalived_model::{Priority, Vrid};

use super::bfd::Known;
use super::context::Context;
use super::garp::Garps;
use super::global::Globals;
use super::group;
use super::interfaces::Interfaces;
use super::rule::Preferences;
use super::script::{self, Security, Written};
use super::track::{self, Trackers};
use super::{address, file, lasting, process, route, rule};
use crate::diag::Class;
use crate::schema::Status;
use crate::tree::{Item, Statement};

/// Longest interface name.
const INTERFACE_MAX: usize = 15;
/// Bytes of a password that count (RFC 2338 §5.3.10).
const PASSWORD_MAX: usize = 8;

/// Everything the vrrp pass has read so far.
pub(super) struct Drafts {
    pub globals: Globals,
    pub interfaces: Interfaces,
    pub scripts: Vec<script::Draft>,
    pub files: Vec<File>,
    pub processes: Vec<Process>,
    pub bfds: Known,
    pub groups: Vec<group::Draft>,
    pub instances: Vec<Draft>,
    pub lasting: Lasting,
    /// Of rules that name none.
    pub preferences: Preferences,
}

/// An instance as far as it is written.
#[derive(Debug)]
pub(super) struct Draft {
    pub name: String,
    pub state: Option<State>,
    pub interface: Option<String>,
    pub vrid: Option<Vrid>,
    pub priority: Option<Priority>,
    pub advert_interval: Micros,
    pub version: Option<Version>,
    pub nopreempt: bool,
    pub preempt_delay: Micros,
    pub down_timer_adverts: u32,
    pub auth: Option<Scheme>,
    pub password: Option<Vec<u8>>,
    pub family: Option<Family>,
    pub addresses: Vec<VirtualAddress>,
    pub excluded: Vec<VirtualAddress>,
    pub routes: Vec<Route>,
    pub rules: Vec<Rule>,
    pub no_address: bool,
    pub source: Option<IpAddr>,
    pub group: Option<IpAddr>,
    pub peers: Vec<Peer>,
    /// A keyword that makes sense with unicast only.
    pub unicast: bool,
    pub unicast_ttl: Option<u8>,
    pub check_unicast_src: bool,
    pub garp: Garps,
    pub lower_prio_no_advert: Option<bool>,
    pub higher_prio_send_advert: Option<bool>,
    pub skip_check_adv_addr: Option<bool>,
    pub strict: Option<bool>,
    /// `accept` was written.
    pub accept: bool,
    pub dont_track_primary: bool,
    pub track: Trackers,
    pub notify: Notify,
    /// `smtp_alert` was written, one way or the other.
    pub smtp_alert: Option<bool>,
    pub vmac: bool,
    /// `vmac_xmit_base` was written.
    pub xmit_base: bool,
    /// `unicast_fault_no_peer` was written.
    pub fault_no_peer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Master,
    Backup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Pass,
    Ah,
}

/// Commands by occasion, as written.
#[derive(Debug, Default)]
pub(super) struct Notify {
    pub master: Option<Written>,
    pub backup: Option<Written>,
    pub fault: Option<Written>,
    pub stop: Option<Written>,
    pub any: Option<Written>,
}

impl Notify {
    /// A `notify…` keyword; the first one wins (`spec` config 1.6). False if it is none.
    pub fn set(
        &mut self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        owner: &str,
        prefix: &str,
    ) -> bool {
        let slot = match statement.row.name {
            "notify_master" => &mut self.master,
            "notify_backup" => &mut self.backup,
            "notify_fault" => &mut self.fault,
            "notify_stop" => &mut self.stop,
            "notify" => &mut self.any,
            _ => return false,
        };
        if slot.is_some()
            && let Some(other) = statement.word(1)
        {
            let place = cx.place(statement, 1);
            let name = statement.row.name;
            let text = format!("{prefix} {name} script already specified - ignoring {other}");
            cx.say(&place, Class::General, text);
            return true;
        }
        *slot = script::notify(cx, security, statement, owner);
        true
    }
}

impl Drafts {
    pub fn new(globals: Globals, bfds: Known) -> Self {
        let interfaces = Interfaces::new(globals.model.interfaces.dynamic.may_be_missing());
        Self {
            globals,
            interfaces,
            scripts: Vec::new(),
            files: Vec::new(),
            processes: Vec::new(),
            bfds,
            groups: Vec::new(),
            instances: Vec::new(),
            lasting: Lasting::default(),
            preferences: Preferences::default(),
        }
    }

    /// One statement outside blocks.
    pub fn root(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        match statement.row.name {
            "vrrp_script" => self.scripts.extend(script::lower(cx, &mut self.globals.security, statement)),
            "vrrp_sync_group" => self.group(cx, statement),
            "vrrp_instance" => self.instance(cx, statement),
            "track_group" => lasting::track_group(cx, statement, &mut self.lasting.groups),
            "static_ipaddress" | "static_routes" | "static_rules" => {
                let (known, preferences) = (&mut self.interfaces, &mut self.preferences);
                let usual = &self.globals.model.interfaces.default;
                lasting::block(cx, known, preferences, usual, statement, &mut self.lasting);
            }
            "track_file" | "vrrp_track_process" => {
                if statement.word(1).is_some() {
                    cx.cannot_in(&cx.place(statement, 0), "", statement.row.name, &titled(statement));
                }
                match statement.row.name {
                    "track_file" => self.files.extend(file::lower(cx, statement)),
                    _ => self.processes.extend(process::lower(cx, statement)),
                }
            }
            _ => cx.cannot_in(&cx.place(statement, 0), "", statement.row.name, &titled(statement)),
        }
    }

    fn instance(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let place = cx.place(statement, 0);
        let (Some(name), None) = (statement.word(1), statement.word(2)) else {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::Missing, "vrrp_instance must have a name");
        };
        if self.instances.iter().any(|other| other.name == name) {
            cx.mute(statement.at + 1, statement.end);
            return cx.say(&place, Class::General, format!("vrrp instance {name} already defined"));
        }
        let mut draft = Draft::new(name, &self.globals);
        for inner in statement.block() {
            self.statement(cx, &mut draft, inner);
        }
        if draft.unicast_ttl.is_some() && draft.peers.is_empty() {
            let end = cx.end_place(statement);
            let text = format!("({name}): Cannot use unicast_ttl without unicast peers - resetting");
            // Adverts keep their TTL of 255 (D10: the original mutes the instance).
            cx.say(&end, Class::General, text);
        }
        self.instances.push(draft);
    }

    fn statement(&mut self, cx: &mut Context<'_>, draft: &mut Draft, statement: &Statement<'_>) {
        let owner = draft.name.clone();
        let prefix = format!("({owner})");
        if draft.timing(cx, statement)
            || draft.policy(cx, statement)
            || draft.transport(cx, statement)
            || draft.garp.instance(cx, statement, &owner)
            || draft.notify.set(cx, &mut self.globals.security, statement, &owner, &prefix)
        {
            return;
        }
        if self.tracker(cx, &mut draft.track, statement, &owner) {
            return;
        }
        let interfaces = &mut self.interfaces;
        match statement.row.name {
            "interface" => draft.interface(cx, interfaces, statement),
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
                lasting::unacted(cx, statement, &owner);
            }
            "virtual_rules" => {
                let preferences = &mut self.preferences;
                let lower = |item| rule::lower(cx, interfaces, item, preferences);
                draft.rules.extend(statement.items().iter().filter_map(lower));
                lasting::unacted(cx, statement, &owner);
            }
            "authentication" => {
                for inner in statement.block() {
                    draft.authentication(cx, inner);
                }
            }
            _ => draft.other(cx, statement),
        }
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
            "track_script" => {
                self.scripts.iter().find(|script| script.name == name).map(|found| found.weight)
            }
            "track_file" => self.files.iter().find(|file| file.name == name).map(|found| found.weight),
            "track_process" => {
                self.processes.iter().find(|process| process.name == name).map(|found| found.weight)
            }
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

impl Draft {
    fn new(name: &str, globals: &Globals) -> Self {
        Self {
            name: name.to_owned(),
            state: None,
            interface: None,
            vrid: None,
            priority: None,
            advert_interval: Micros::from_secs(1),
            version: None,
            nopreempt: false,
            preempt_delay: Micros::ZERO,
            down_timer_adverts: globals.model.vrrp.down_timer_adverts,
            auth: None,
            password: None,
            family: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            no_address: false,
            source: None,
            group: None,
            peers: Vec::new(),
            unicast: false,
            unicast_ttl: None,
            check_unicast_src: globals.model.vrrp.check_unicast_src,
            garp: Garps::default(),
            lower_prio_no_advert: None,
            higher_prio_send_advert: None,
            skip_check_adv_addr: None,
            strict: None,
            accept: false,
            dont_track_primary: false,
            track: Trackers::default(),
            notify: Notify::default(),
            smtp_alert: None,
            vmac: false,
            xmit_base: false,
            fault_no_peer: false,
        }
    }

    /// Identity and times; false if it is another keyword.
    fn timing(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let owner = self.name.clone();
        let number = |cx: &mut Context<'_>| cx.integer(statement, &owner).and_then(|n| u8::try_from(n).ok());
        match statement.row.name {
            "state" => self.state(cx, statement),
            "virtual_router_id" => self.vrid = number(cx).and_then(|n| Vrid::try_from(n).ok()).or(self.vrid),
            "priority" => {
                let read = number(cx).and_then(|n| Priority::try_from(n).ok());
                // A bad value is 100, a missing word none at all.
                self.priority = read.or(statement.word(1).map(|_| Priority::DEFAULT)).or(self.priority);
            }
            "advert_int" => {
                self.advert_interval = decimal(cx, statement, &owner).unwrap_or(self.advert_interval)
            }
            "version" => self.version(cx, statement),
            "nopreempt" => self.nopreempt = true,
            "preempt" => self.nopreempt = false,
            "preempt_delay" => self.preempt_delay = decimal(cx, statement, &owner).unwrap_or(Micros::ZERO),
            "down_timer_adverts" => {
                self.down_timer_adverts = number(cx).map_or(self.down_timer_adverts, u32::from);
            }
            _ => return false,
        }
        true
    }

    /// Switches; false if it is another keyword.
    fn policy(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let owner = self.name.clone();
        match statement.row.name {
            "lower_prio_no_advert" => {
                self.lower_prio_no_advert = cx.boolean(statement, &owner).or(self.lower_prio_no_advert);
            }
            "higher_prio_send_advert" => {
                self.higher_prio_send_advert = cx.boolean(statement, &owner).or(self.higher_prio_send_advert);
            }
            "skip_check_adv_addr" => {
                self.skip_check_adv_addr = cx.boolean(statement, &owner).or(self.skip_check_adv_addr);
            }
            "strict_mode" => self.strict = cx.boolean(statement, &owner).or(self.strict),
            "no_virtual_ipaddress" => self.no_address = true,
            "accept" => self.accept = true,
            "dont_track_primary" => self.dont_track_primary = true,
            "unicast_fault_no_peer" => self.fault_no_peer = true,
            "smtp_alert" => {
                let on = cx.boolean(statement, &owner);
                self.smtp_alert = on.or(self.smtp_alert);
                if on == Some(true) {
                    cx.not_yet(statement, &owner);
                }
            }
            "check_unicast_src" => {
                self.check_unicast_src = true;
                self.unicast = true;
            }
            _ => return false,
        }
        true
    }

    /// Keywords that are recognised and change nothing.
    fn other(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let place = cx.place(statement, 0);
        match (statement.row.name, statement.word(0)) {
            ("native_ipv6", _) if self.family == Some(Family::V4) => {
                cx.say(
                    &place,
                    Class::General,
                    format!("({owner}) Cannot specify native_ipv6 with IPv4 addresses"),
                );
            }
            ("native_ipv6", _) => self.family = Some(Family::V6),
            ("use_vmac", _) => {
                self.vmac = true;
                cx.not_yet(statement, &owner);
            }
            // Without a VMAC there is nothing to send from another interface.
            ("vmac_xmit_base", _) => self.xmit_base = true,
            ("linkbeat_use_polling", _) => {
                let text = format!(
                    "({owner}) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block"
                );
                cx.say(&place, Class::Deprecated, text);
                cx.not_yet(statement, &owner);
            }
            ("lvs_sync_daemon_interface", _) if statement.word(1).is_some() => {
                let text =
                    format!("({owner}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.");
                cx.say(&place, Class::Deprecated, text);
                cx.say(&place, Class::Deprecated, "        Please use global lvs_sync_daemon");
                cx.not_yet(statement, &owner);
            }
            ("garp_extra_if", Some("vmac_garp_intvl")) => {
                let text = "Keyword \"vmac_garp_intvl\" is deprecated - please use \"garp_extra_if\"";
                cx.say(&place, Class::Deprecated, text);
                super::garp::extra_interfaces(cx, statement, &owner);
            }
            ("timer_expired_backup", Some("thread_timer_expired")) => {
                let text = format!(
                    "({owner}) thread_timer_expired - please replace with keyword 'timer_expired_backup'"
                );
                cx.say(&place, Class::Deprecated, text);
                cx.not_yet(statement, &owner);
            }
            ("old_unicast_checksum", _) => {
                self.unicast = true;
                match statement.word(1).filter(|mode| *mode != "never") {
                    Some(mode) => {
                        let text = format!("({owner}) Unknown old_unicast_chksum mode {mode} - ignoring");
                        cx.say(&place, Class::General, text);
                    }
                    None => cx.not_yet(statement, &owner),
                }
            }
            ("garp_extra_if", _) => {
                super::garp::extra_interfaces(cx, statement, &owner);
            }
            _ => cx.unacted(statement, &owner),
        }
    }

    fn state(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = &self.name;
        let Some(word) = cx.word(statement, owner) else { return };
        let place = cx.place(statement, 1);
        match (word, self.state) {
            ("MASTER", _) => self.state = Some(State::Master),
            ("BACKUP", Some(State::Master)) => {
                let text = format!("({owner}) state previously set as MASTER - ignoring BACKUP");
                cx.say(&place, Class::General, text);
            }
            ("BACKUP", _) => self.state = Some(State::Backup),
            (other, _) => {
                let text = format!("({owner}) unknown state '{other}', defaulting to BACKUP");
                cx.say(&place, Class::General, text);
                self.state = Some(State::Backup);
            }
        }
    }

    fn version(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let written = match cx.integer(statement, &owner) {
            Some(2) => Version::V2,
            Some(_) => Version::V3,
            None => return,
        };
        let standing = self.version.or((self.family == Some(Family::V6)).then_some(Version::V3));
        match standing {
            Some(standing) if standing != written => {
                let number = |version| if version == Version::V2 { 2 } else { 3 };
                let (new, old) = (number(written), number(standing));
                let place = cx.place(statement, 1);
                let text = format!(
                    "({owner}) vrrp_version {new} conflicts with configured or deduced version {old}; ignoring."
                );
                cx.say(&place, Class::General, text);
            }
            _ => self.version = Some(written),
        }
    }

    fn interface(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(name) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        if name.len() > INTERFACE_MAX {
            return cx.say(&place, Class::General, format!("Interface name '{name}' too long - ignoring"));
        }
        let unknown =
            |name: &str| format!("WARNING - interface {name} for vrrp_instance {owner} doesn't exist");
        match known.find(cx, &place, name, unknown) {
            Some(facts) if facts.loopback => {
                let text = format!("({owner}) cannot use a loopback interface ({name}) for vrrp - ignoring");
                cx.say(&place, Class::General, text);
                self.interface = None;
            }
            Some(_) => self.interface = Some(name.to_owned()),
            None => {}
        }
    }

    fn address(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let owner = self.name.clone();
        let Some(address) = address::lower(cx, known, item, &owner) else { return };
        let place = cx.item_place(item, 0);
        let ip = address.ip;
        if *self.family.get_or_insert(Family::of(ip)) != Family::of(ip) {
            let text = format!("({owner}): address family must match VRRP instance [{ip}] - ignoring");
            return cx.say(&place, Class::General, text);
        }
        if self.addresses.iter().any(|other| other.ip == ip) {
            return cx.say(
                &place,
                Class::General,
                format!("({owner}): VIP duplicates a VIP {ip} - ignoring"),
            );
        }
        if self.excluded.iter().any(|other| other.ip == ip && other.interface == address.interface) {
            let text = format!("({owner}): VIP duplicates an excluded VIP {ip} - ignoring");
            return cx.say(&place, Class::General, text);
        }
        self.addresses.push(address);
    }

    fn excluded(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let owner = self.name.clone();
        let Some(address) = address::lower(cx, known, item, &owner) else { return };
        let place = cx.item_place(item, 0);
        let ip = address.ip;
        let same = |other: &VirtualAddress| other.ip == ip && other.interface == address.interface;
        for (list, what) in [(&self.addresses, "a VIP"), (&self.excluded, "an excluded VIP")] {
            if list.iter().any(same) {
                let text = format!("({owner}): Excluded VIP duplicates {what} {ip} - ignoring");
                return cx.say(&place, Class::General, text);
            }
        }
        if ip.is_ipv6() {
            return cx.cannot_in(&place, &owner, "IPv6 address", &format!("IPv6 address {ip}"));
        }
        self.excluded.push(address);
    }

    fn authentication(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(word) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        match (statement.row.name, word) {
            ("auth_type", "PASS") => self.auth = Some(Scheme::Pass),
            ("auth_type", "AH") => self.auth = Some(Scheme::Ah),
            ("auth_type", other) => {
                cx.say(&place, Class::General, format!("({owner}) unknown authentication type '{other}'"));
            }
            (_, password) => {
                let mut bytes = crate::text::encode(password);
                if bytes.len() > PASSWORD_MAX {
                    let text = "Truncating auth_pass to 8 characters";
                    cx.tell(&place, |d| d.coded("password-truncated"), Class::General, text);
                    bytes.truncate(PASSWORD_MAX);
                }
                self.password = Some(bytes);
            }
        }
    }
}

fn decimal(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<Micros> {
    cx.decimal(statement, owner).and_then(|n| u64::try_from(n).ok()).map(Micros)
}
