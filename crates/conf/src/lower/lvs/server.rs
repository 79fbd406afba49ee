//! `virtual_server` blocks, statement by statement (`spec` lvs 1.1 and 1.2).

use std::net::IpAddr;

use keepalived_model::lvs::{Family, Forwarding, Granularity, Protocol, Scheduler, SchedulerFlags, Target};

use super::pace::Pace;
use super::{Surroundings, flag, forwarding, port, real, titled};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::lower::inet;
use crate::lower::script::{self, Security, Written};
use crate::tree::Statement;

/// Longest name of a persistence engine.
const ENGINE_MAX: usize = 15;
/// Seconds of persistence where no number is written.
pub(super) const PERSISTENCE_SECS: u32 = 360;

/// A virtual server as far as it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub target: Target,
    /// Which of the services of its group it is.
    pub index: usize,
    pub family: Option<Family>,
    pub protocol: Option<Protocol>,
    pub scheduler: Option<Scheduler>,
    pub flags: SchedulerFlags,
    pub forwarding: Option<Forwarding>,
    pub persistence_secs: Option<u32>,
    pub granularity: Option<Granularity>,
    pub engine: Option<String>,
    pub one_packet: bool,
    pub ha_suspend: bool,
    pub alpha: bool,
    pub omega: bool,
    pub quorum: u32,
    pub hysteresis: u32,
    pub quorum_up: Option<Written>,
    pub quorum_down: Option<Written>,
    pub weight: u32,
    pub inhibit: bool,
    pub smtp_alert: Option<bool>,
    pub virtualhost: Option<String>,
    pub snmp_name: Option<String>,
    pub pace: Pace,
    pub sorry: Option<Sorry>,
    pub servers: Vec<real::Draft>,
}

/// A sorry server as far as it is written.
#[derive(Clone, Debug)]
pub(super) struct Sorry {
    pub ip: IpAddr,
    pub port: Option<u16>,
    pub forwarding: Option<Forwarding>,
    pub inhibit: bool,
}

/// Reads a block; nothing if it cannot be used. `before` are the services read so far.
pub(super) fn lower(
    cx: &mut Context<'_>,
    around: &mut Surroundings,
    statement: &Statement<'_>,
    before: &[Draft],
) -> Option<Draft> {
    let Some(target) = target(cx, statement) else {
        // The block is skipped, and what is in it was not seen.
        cx.mute(statement.at + 1, statement.end);
        return None;
    };
    let mut draft = Draft::new(target, before);
    for inner in statement.block() {
        draft.statement(cx, around, inner);
    }
    let end = cx.end_place(statement);
    let differs = |sorry: &Sorry| {
        let is_tunnel = sorry.forwarding.is_some_and(Forwarding::is_tunnel);
        draft.family.is_some_and(|family| family != Family::of(sorry.ip)) && !is_tunnel
    };
    if let Some(sorry) = draft.sorry.take_if(|sorry| differs(sorry)) {
        let text = format!(
            "Address family of virtual server and sorry server {} don't match - skipping sorry server.",
            sorry.ip
        );
        cx.say(&end, Class::General, text);
    }
    if draft.servers.is_empty() {
        let text = format!("Virtual server {} has no real servers - ignoring", draft.title());
        cx.say(&end, Class::General, text);
        return None;
    }
    Some(draft)
}

/// What the header says; nothing if it cannot be read, which was said.
fn target(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Target> {
    let word = cx.word(statement, "")?;
    let value = statement.word(2);
    let place = cx.place(statement, if value.is_some() { 2 } else { 1 });
    match (word, value) {
        // The original crashes here (`spec` lvs 10).
        ("group" | "fwmark", None) => {
            let text = format!("virtual server {word} has no value - ignoring");
            cx.say(&place, Class::Missing, text);
            None
        }
        ("group", Some(name)) => Some(Target::Group(name.to_owned())),
        ("fwmark", Some(mark)) => {
            let how = Reading { range: Range { min: 0, max: i64::from(u32::MAX) }, lenient: false };
            let bad = |least: u32| {
                format!("virtual server fwmark '{mark}' must be in [{least}, 4294967295] - ignoring")
            };
            match cx.number_word(&place, mark, how, Some(bad(0)))? {
                // No packet has it; the original makes a service without an address of it (`spec` lvs 10).
                0 => {
                    cx.say(&place, Class::General, bad(1));
                    None
                }
                mark => u32::try_from(mark).ok().map(Target::Mark),
            }
        }
        (ip, written) => {
            let port = port(cx, &place, written);
            if let (Some(ip), Ok(port)) = (inet::address(ip), port) {
                return Some(Target::Address { ip, port });
            }
            let text = match written {
                Some(port) => format!("Invalid virtual server IP address/port {ip}/{port} - skipping"),
                None => format!("Invalid virtual server IP address {ip} - skipping"),
            };
            cx.say(&cx.place(statement, 1), Class::General, text);
            None
        }
    }
}

impl Draft {
    fn new(target: Target, before: &[Self]) -> Self {
        let family = match &target {
            Target::Address { ip, .. } => Some(Family::of(*ip)),
            Target::Mark(_) | Target::Group(_) => None,
        };
        let index = before.iter().filter(|other| other.target == target).count();
        Self {
            target,
            index,
            family,
            protocol: None,
            scheduler: None,
            flags: SchedulerFlags::default(),
            forwarding: None,
            persistence_secs: None,
            granularity: None,
            engine: None,
            one_packet: false,
            ha_suspend: false,
            alpha: false,
            omega: false,
            quorum: 1,
            hysteresis: 0,
            quorum_up: None,
            quorum_down: None,
            weight: 1,
            inhibit: false,
            smtp_alert: None,
            virtualhost: None,
            snmp_name: None,
            pace: Pace::default(),
            sorry: None,
            servers: Vec::new(),
        }
    }

    /// The service in messages.
    pub fn title(&self) -> String {
        match &self.target {
            Target::Address { ip, port } => titled(*ip, *port, self.protocol),
            Target::Mark(mark) => format!("FWM {mark}"),
            Target::Group(name) => format!("[{name}]:{}", self.index),
        }
    }

    /// The name of its group.
    pub fn group(&self) -> Option<&str> {
        if let Target::Group(name) = &self.target { Some(name) } else { None }
    }

    fn statement(&mut self, cx: &mut Context<'_>, around: &mut Surroundings, statement: &Statement<'_>) {
        if self.pace.set(cx, statement)
            || self.scheduling(cx, statement)
            || self.persistence(cx, statement)
            || self.quorum(cx, around, statement)
            || self.sorry(cx, statement)
        {
            return;
        }
        match statement.row.name {
            "lvs_method" => {
                let method = forwarding::lower(cx, statement, "virtual", self.forwarding);
                self.forwarding = method.or(self.forwarding);
            }
            "protocol" => self.protocol(cx, statement),
            "ip_family" => self.ip_family(cx, statement),
            "ha_suspend" => self.ha_suspend = flag(statement),
            "alpha" => self.alpha = flag(statement),
            "omega" => self.omega = flag(statement),
            "inhibit_on_failure" => self.inhibit = flag(statement),
            "weight" => {
                let weight = cx.integer(statement, "").and_then(|weight| u32::try_from(weight).ok());
                self.weight = weight.unwrap_or(self.weight);
            }
            "smtp_alert" => self.smtp_alert = cx.boolean(statement, "").or(self.smtp_alert),
            "virtualhost" => {
                let word = cx.word(statement, "").map(str::to_owned);
                self.virtualhost = word.or(self.virtualhost.take());
            }
            "snmp_name" => self.snmp_name = only_word(cx, statement).or(self.snmp_name.take()),
            "real_server" => real::lower(cx, around, self, statement),
            _ => {}
        }
    }

    fn protocol(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
        match known.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(word)) {
            Some(protocol) => self.protocol = Some(protocol),
            None => {
                let text = format!("Unknown protocol {word} - ignoring");
                cx.say(&cx.place(statement, 1), Class::General, text);
            }
        }
    }

    fn ip_family(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let family = match word {
            "inet" => Family::V4,
            "inet6" => Family::V6,
            _ => {
                let text = format!("unknown address family {word}");
                return cx.say(&cx.place(statement, 1), Class::General, text);
            }
        };
        if *self.family.get_or_insert(family) != family {
            let text = format!("Virtual server specified family {word} conflicts with server family");
            cx.say(&cx.place(statement, 1), Class::General, text);
        }
    }

    /// The scheduler and its switches; false if it is another keyword.
    fn scheduling(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let name = statement.row.name;
        let on = flag(statement);
        match name {
            "lvs_sched" => {
                let Some(word) = cx.word(statement, "") else { return true };
                match Scheduler::named(word) {
                    Some(scheduler) => self.scheduler = Some(scheduler),
                    None => {
                        let text = format!("Invalid lvs_scheduler '{word}' - ignoring");
                        cx.say(&cx.place(statement, 1), Class::General, text);
                    }
                }
            }
            "ops" => self.one_packet = on,
            "flag-1" => self.flags.flag_1 = on,
            "flag-2" => self.flags.flag_2 = on,
            "flag-3" => self.flags.flag_3 = on,
            "sh-port" | "sh-fallback" | "mh-port" | "mh-fallback" | "hashed" => {
                // The scheduler must be known by now. A switch of the other hashing one is silent and does nothing.
                let hashing = [Scheduler::SOURCE_HASH, Scheduler::MAGLEV_HASH];
                match self.scheduler.filter(|scheduler| hashing.contains(scheduler)) {
                    None => {
                        let text = format!("{name} only applies to sh scheduler - ignoring");
                        cx.say(&cx.place(statement, 0), Class::General, text);
                    }
                    Some(scheduler) => match name.strip_prefix(scheduler.name()) {
                        Some("-port") => self.flags.flag_2 = on,
                        Some("-fallback") => self.flags.flag_1 = on,
                        _ => {}
                    },
                }
            }
            _ => return false,
        }
        true
    }

    /// False if it is another keyword.
    fn persistence(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        match statement.row.name {
            "persistence_timeout" if statement.word(1).is_none() => {
                self.persistence_secs = Some(PERSISTENCE_SECS);
            }
            "persistence_timeout" => {
                let secs = cx.integer(statement, "").and_then(|secs| u32::try_from(secs).ok());
                self.persistence_secs = secs.or(self.persistence_secs);
            }
            "persistence_granularity" => self.granularity(cx, statement),
            "persistence_engine" => {
                let Some(word) = cx.word(statement, "") else { return true };
                let kept: String = word.chars().take(ENGINE_MAX).collect();
                if kept != word {
                    let text = format!("persistence_name too long, truncating - {word}");
                    cx.say(&cx.place(statement, 1), Class::General, text);
                }
                self.engine = Some(kept);
            }
            _ => return false,
        }
        true
    }

    fn granularity(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let place = cx.place(statement, 1);
        let likely = if word.contains('.') { Family::V4 } else { Family::V6 };
        let read = match self.family.unwrap_or(likely) {
            Family::V4 => {
                let mask = inet::numeric_host(word);
                if mask.is_none() {
                    let text = format!("Invalid IPv4 persistence_granularity specified - {word}");
                    cx.say(&place, Class::General, text);
                }
                mask.map(Granularity::V4)
            }
            Family::V6 => {
                let how = Reading { range: Range { min: 1, max: 128 }, lenient: false };
                let bad = format!("Invalid IPv6 persistence_granularity specified - {word}");
                let length = cx.number_word(&place, word, how, Some(bad));
                length.and_then(|length| u8::try_from(length).ok()).map(Granularity::V6)
            }
        };
        let Some(read) = read else { return };
        self.family = self.family.or(Some(likely));
        self.granularity = Some(read);
        self.persistence_secs = self.persistence_secs.or(Some(PERSISTENCE_SECS));
    }

    /// False if it is another keyword.
    fn quorum(&mut self, cx: &mut Context<'_>, around: &mut Surroundings, statement: &Statement<'_>) -> bool {
        let number = |cx: &mut Context<'_>| cx.integer(statement, "").and_then(|n| u32::try_from(n).ok());
        match statement.row.name {
            // A bad value is one, a missing word none at all.
            "quorum" => self.quorum = number(cx).or(statement.word(1).map(|_| 1)).unwrap_or(self.quorum),
            "hysteresis" => self.hysteresis = number(cx).unwrap_or(self.hysteresis),
            "quorum_up" | "quorum_down" => {
                let group = self.group().map(str::to_owned);
                let up = statement.row.name == "quorum_up";
                let slot = if up { &mut self.quorum_up } else { &mut self.quorum_down };
                Script { group: group.as_deref() }.set(cx, &mut around.security, statement, slot);
            }
            _ => return false,
        }
        true
    }

    /// The sorry server and what must follow it; false if it is another keyword.
    fn sorry(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let place = cx.place(statement, 0);
        match (statement.row.name, &mut self.sorry) {
            ("sorry_server", _) => self.sorry_server(cx, statement),
            ("sorry_server_inhibit", Some(sorry)) => sorry.inhibit = flag(statement),
            ("sorry_server_inhibit", None) => {
                let text = "Ignoring sorry_server inhibit used before or without sorry_server";
                cx.say(&place, Class::General, text);
            }
            ("sorry_server_lvs_method", Some(sorry)) => {
                if statement.word(1).is_none() {
                    cx.missing(statement, 1, crate::schema::Miss::Fatal, "");
                }
                let method = forwarding::lower(cx, statement, "sorry", sorry.forwarding);
                sorry.forwarding = method.or(sorry.forwarding);
            }
            ("sorry_server_lvs_method", None) => {
                cx.say(&place, Class::General, "sorry_server forwarding used without sorry_server");
            }
            _ => return false,
        }
        true
    }

    fn sorry_server(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let port = port(cx, &cx.place(statement, 2), statement.word(2));
        match (inet::address(word), port) {
            // A second one takes the place of the first, with nothing of it.
            (Some(ip), Ok(port)) => {
                let forwarding = self.forwarding;
                self.sorry = Some(Sorry { ip, port, forwarding, inhibit: false });
            }
            (_, _) => {
                let text = format!("Invalid sorry server IP address {word} - skipping");
                cx.say(&cx.place(statement, 1), Class::General, text);
            }
        }
    }
}

/// A script that is given once. Messages name the group of the virtual server, or what the original's C library
/// makes of there being none (`spec` lvs 10).
pub(super) struct Script<'a> {
    pub group: Option<&'a str>,
}

impl Script<'_> {
    pub fn set(
        &self,
        cx: &mut Context<'_>,
        security: &mut Security,
        statement: &Statement<'_>,
        slot: &mut Option<Written>,
    ) {
        if let (Some(_), Some(other)) = (&slot, statement.word(1)) {
            let (group, name) = (self.group.unwrap_or("(null)"), statement.row.name);
            let text = format!("({group}) {name} script already specified - ignoring {other}");
            return cx.say(&cx.place(statement, 1), Class::General, text);
        }
        *slot = script::notify(cx, security, statement, "");
    }
}

/// The one word of a keyword that takes neither none nor two.
pub(super) fn only_word(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<String> {
    match (statement.word(1), statement.word(2)) {
        (Some(word), None) => Some(word.to_owned()),
        (_, _) => {
            if let crate::schema::Takes::Words(miss) = statement.row.takes {
                cx.missing(statement, 1, miss, "");
            }
            None
        }
    }
}
