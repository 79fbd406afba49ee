//! `vrrp_instance` blocks, statement by statement.

use std::net::IpAddr;

use keepalived_model::notify::Notifications;
use keepalived_model::route::Route;
use keepalived_model::rule::Rule;
use keepalived_model::time::Micros;
use keepalived_model::track::Trackers;
use keepalived_model::vrrp::{ExtraGarp, Family, OldChecksum, Peer, Version, VirtualAddress};
use keepalived_model::{Priority, Vrid};

use super::context::{Context, Reading};
use super::garp::Garps;
use super::global::Globals;
use super::interfaces::Interfaces;
use super::notify::Notify;
use super::{address, hmac, vmac};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::schema::Status;
use crate::tree::{Item, Statement};

/// Longest interface name.
pub(super) const INTERFACE_MAX: usize = 15;
/// Bytes of a password that count (RFC 2338 §5.3.10).
const PASSWORD_MAX: usize = 8;
/// The highest priority that is not an owner's.
const LATE_TIMER_DEFAULT: u8 = 254;

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
    /// `accept` or `no_accept`, the last one.
    pub accept: Option<bool>,
    pub owner_ignore_adverts: Option<bool>,
    pub dont_track_primary: bool,
    pub track: Trackers,
    pub notify: Notify,
    /// What became of it.
    pub notifications: Option<Box<Notifications>>,
    /// `smtp_alert` was written, one way or the other.
    pub smtp_alert: Option<bool>,
    pub notify_priority_changes: Option<bool>,
    pub vrf: Option<String>,
    pub own_link: vmac::Written,
    pub vmac_addresses: bool,
    pub promote_secondaries: bool,
    pub track_source: bool,
    pub old_checksum: OldChecksum,
    pub checksum_as_v2: Option<bool>,
    pub receive_buffer: Option<u32>,
    /// `garp_extra_if`; nothing behind it turns the global one off.
    pub garp_extra: Option<Option<ExtraGarp>>,
    pub late_timer_backup: Option<u8>,
    pub hmac: Option<Box<hmac::Draft>>,
    /// `unicast_fault_no_peer` was written.
    pub fault_no_peer: bool,
    /// `linkbeat_use_polling` was written.
    pub polls_link: bool,
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

impl Draft {
    pub fn new(name: &str, globals: &Globals) -> Self {
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
            accept: None,
            owner_ignore_adverts: None,
            dont_track_primary: false,
            track: Trackers::default(),
            notify: Notify::default(),
            notifications: None,
            smtp_alert: None,
            notify_priority_changes: None,
            vrf: None,
            own_link: vmac::Written::default(),
            vmac_addresses: false,
            promote_secondaries: false,
            track_source: false,
            old_checksum: OldChecksum::default(),
            checksum_as_v2: None,
            receive_buffer: None,
            garp_extra: None,
            late_timer_backup: None,
            hmac: None,
            fault_no_peer: false,
            polls_link: false,
        }
    }

    /// Identity and times; false if it is another keyword.
    pub fn timing(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
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
    pub fn policy(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let owner = self.name.clone();
        // What is asked for and not acted upon is told.
        let asked = |cx: &mut Context<'_>, standing: Option<bool>| {
            let on = cx.boolean(statement, &owner);
            if on == Some(true) && statement.row.status == Status::NotYet {
                cx.not_yet(statement, &owner);
            }
            on.or(standing)
        };
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
            "accept" => self.accept = Some(true),
            "no_accept" => self.accept = Some(false),
            "owner_ignore_adverts" => self.owner_ignore_adverts = asked(cx, self.owner_ignore_adverts),
            "notify_priority_changes" => {
                self.notify_priority_changes = asked(cx, self.notify_priority_changes);
            }
            "dont_track_primary" => self.dont_track_primary = true,
            "smtp_alert" => self.smtp_alert = asked(cx, self.smtp_alert),
            "use_vmac_addr" => {
                self.vmac_addresses = true;
            }
            "promote_secondaries" => {
                self.promote_secondaries = true;
            }
            // Without a VMAC there is nothing to send from another interface.
            "vmac_xmit_base" => self.own_link.transmit_base = true,
            _ => return false,
        }
        true
    }

    /// Everything else.
    pub fn other(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let place = cx.place(statement, 0);
        match statement.row.name {
            "native_ipv6" if self.family == Some(Family::V4) => {
                let text = format!("({owner}) Cannot specify native_ipv6 with IPv4 addresses");
                cx.say(&place, Class::General, text);
            }
            "native_ipv6" => (self.family, self.version) = (Some(Family::V6), Some(Version::V3)),
            "linkbeat_use_polling" => {
                let text = format!(
                    "({owner}) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block"
                );
                cx.say(&place, Class::Deprecated, text);
                self.polls_link = true;
            }
            "garp_extra_if" => {
                if statement.word(0) != Some(statement.row.name) {
                    let text = "Keyword \"vmac_garp_intvl\" is deprecated - please use \"garp_extra_if\"";
                    cx.say(&place, Class::Deprecated, text);
                }
                self.garp_extra = super::garp::extra_interfaces(cx, statement, &owner).or(self.garp_extra);
            }
            "timer_expired_backup" => self.late_timer_words(cx, statement),
            _ => cx.unacted(statement, &owner),
        }
    }

    /// `timer_expired_backup [PRIORITY]`.
    fn late_timer_words(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        if statement.word(0) != Some(statement.row.name) {
            let place = cx.place(statement, 0);
            let text = format!(
                "({owner}) thread_timer_expired - please replace with keyword 'timer_expired_backup'"
            );
            cx.say(&place, Class::Deprecated, text);
        }
        let highest = match statement.word(1) {
            None => Some(LATE_TIMER_DEFAULT),
            Some(word) => {
                let place = cx.place(statement, 1);
                let bad = format!(
                    "({owner}) timer_expired_backup highest_other_priority not valid! must be between 1 & 254"
                );
                let how = Reading { range: Range { min: 1, max: 254 }, lenient: false };
                cx.number_word(&place, word, how, Some(bad)).and_then(|n| u8::try_from(n).ok())
            }
        };
        self.late_timer_backup = highest.or(self.late_timer_backup);
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
        let number = |version| if version == Version::V2 { 2 } else { 3 };
        // The original calls a version that only follows from the family 0.
        let deduced = (self.family == Some(Family::V6)).then_some((Version::V3, 0));
        match self.version.map(|version| (version, number(version))).or(deduced) {
            Some((standing, old)) if standing != written => {
                let new = number(written);
                let place = cx.place(statement, 1);
                let text = format!(
                    "({owner}) vrrp_version {new} conflicts with configured or deduced version {old}; ignoring."
                );
                cx.say(&place, Class::General, text);
            }
            _ => self.version = Some(written),
        }
    }

    pub fn interface(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, statement: &Statement<'_>) {
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

    pub fn address(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let owner = self.name.clone();
        let Some(address) = address::lower(cx, known, item) else { return };
        let place = cx.item_place(item, 0);
        let ip = address.ip;
        if *self.family.get_or_insert(Family::of(ip)) != Family::of(ip) {
            let written = item.words.first().map_or("", |word| word.text);
            let text = format!("({owner}): address family must match VRRP instance [{written}] - ignoring");
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

    pub fn excluded(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, item: &Item<'_>) {
        let owner = self.name.clone();
        let Some(address) = address::lower(cx, known, item) else { return };
        let place = cx.item_place(item, 0);
        let ip = address.ip;
        let same = |other: &VirtualAddress| other.ip == ip && other.interface == address.interface;
        for (list, what) in [(&self.addresses, "a VIP"), (&self.excluded, "an excluded VIP")] {
            if list.iter().any(same) {
                let text = format!("({owner}): Excluded VIP duplicates {what} {ip} - ignoring");
                return cx.say(&place, Class::General, text);
            }
        }
        self.excluded.push(address);
    }

    pub fn authentication(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
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
