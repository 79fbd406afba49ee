//! `bfd_instance` blocks (`spec` lvs 6.1).
//!
//! Three processes read them: the engine of the sessions, and those that are told. To the latter a session is
//! a name with a weight that stands earlier in the file than the line that uses it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use keepalived_model as model;
use keepalived_model::bfd::{Config, Receivers, Session};
use keepalived_model::check::Kind;
use keepalived_model::priority::Weight;
use keepalived_model::time::Micros;

use super::context::Context;
use super::inet;
use crate::diag::{Class, Pass};
use crate::lex::number::{self, Range};
use crate::tree::Statement;

/// Longest name of a session.
const NAME_MAX: usize = 31;
/// Milliseconds above which the original wonders.
const SENSIBLE_MAX: i64 = 10_000;
/// Hops that are no limit.
const HOPS_ANY: u8 = 255;

/// The sessions one of the told processes knows, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Vec<Told>);

/// A session as a told process sees it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub name: String,
    /// Zero for checkers, which have no use for it.
    pub weight: Weight,
    /// Number of the logical line it stands at.
    at: usize,
}

impl Known {
    /// Reads who is there for a process that is told: [`Pass::Vrrp`] or [`Pass::Checker`].
    pub fn read(cx: &mut Context<'_>, statements: &[Statement<'_>]) -> Self {
        let pass = cx.pass;
        let mut known = Self::default();
        for statement in statements {
            known.0.extend(told(cx, &known, statement, pass));
        }
        known
    }

    /// The session of this name, if it stands before the line with this number.
    pub fn find(&self, name: &str, before: usize) -> Option<&Told> {
        self.0.iter().find(|told| told.name == name && told.at < before)
    }
}

/// What a told process makes of a block; nothing if the session does not exist for it.
fn told(cx: &mut Context<'_>, known: &Known, statement: &Statement<'_>, pass: Pass) -> Option<Told> {
    // Without a name there is nothing to know; the engine's own pass says so.
    let name = name(statement)?;
    let place = cx.place(statement, 1);
    if known.0.iter().any(|other| other.name == name) {
        cx.say(&place, Class::General, format!("BFD {name} already specified"));
        return None;
    }
    if name.len() > NAME_MAX {
        if pass == Pass::Vrrp {
            cx.say(&place, Class::General, format!("BFD name {name} too long"));
        }
        return None;
    }
    let mut weight = Weight::default();
    for inner in statement.block().iter().filter(|inner| inner.row.name == "weight" && pass == Pass::Vrrp) {
        weight = read_weight(cx, inner, name).unwrap_or(weight);
    }
    let receivers = receivers(statement);
    let hears = if pass == Pass::Vrrp { receivers.vrrp() } else { receivers.checkers() };
    hears.then(|| Told { name: name.to_owned(), weight, at: statement.at })
}

fn name<'s>(statement: &Statement<'s>) -> Option<&'s str> {
    // A quoted brace is the block's, not a name.
    statement.word(1).filter(|name| *name != "{")
}

fn receivers(statement: &Statement<'_>) -> Receivers {
    let has = |name| statement.block().iter().any(|inner| inner.row.name == name);
    match (has("vrrp"), has("checker")) {
        (true, false) => Receivers::Vrrp,
        (false, true) => Receivers::Checkers,
        (true, true) | (false, false) => Receivers::Both,
    }
}

/// `weight N [reverse]`; nothing if the number cannot be used.
fn read_weight(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<Weight> {
    let word = cx.word(statement, owner)?;
    let place = cx.place(statement, 1);
    let read = number::integer(word, Range { min: -253, max: 253 });
    let amount = read.value.and_then(|amount| i16::try_from(amount).ok());
    if let Some(complaint) = read.complaint {
        cx.say(&place, Class::Number, complaint);
        let text = format!(
            "Configuration error: BFD instance {owner} weight value {word} not valid (must be in range [-253-253]), ignoring"
        );
        cx.say(&place, Class::General, text);
    }
    // What follows is looked at whatever became of the number.
    match statement.word(2) {
        None | Some("reverse") => {}
        Some(other) => {
            let place = cx.place(statement, 2);
            let text = format!("Configuration error: BFD instance {owner} unknown weight option {other}");
            cx.say(&place, Class::General, text);
        }
    }
    Some(Weight { amount: amount?, reverse: statement.word(2) == Some("reverse") })
}

/// What the engine of the sessions makes of its blocks. Weights are what the vrrp pass made of them.
pub(super) fn lower(cx: &mut Context<'_>, statements: &[Statement<'_>], vrrp: &Known) -> Config {
    let mut config = Config::default();
    for statement in statements {
        let Some(name) = name(statement) else {
            cx.mute(statement.at + 1, statement.end);
            cx.word(statement, "");
            continue;
        };
        let place = cx.place(statement, 1);
        let refused = if name.len() > NAME_MAX {
            Some(format!("name too long (maximum length is {NAME_MAX} characters) - ignoring"))
        } else {
            // One that was disabled leaves its name to the next.
            let taken = config.sessions.iter().any(|other| other.name == name);
            taken.then(|| "already configured - ignoring".to_owned())
        };
        if let Some(why) = refused {
            cx.mute(statement.at + 1, statement.end);
            cx.say(&place, Class::General, format!("Configuration error: BFD instance {name} {why}"));
            continue;
        }
        let mut draft = Draft::new(name);
        for inner in statement.block() {
            draft.statement(cx, inner);
        }
        if draft.dropped {
            continue;
        }
        let weight = vrrp.find(name, usize::MAX).map(|told| told.weight).unwrap_or_default();
        config.sessions.extend(draft.complete(cx, statement, &config, weight));
    }
    config
}

/// Those that are told read names where the engine of the sessions reads everything. What it has no session for would
/// never be up, and is not tracked.
pub(super) fn settle(cx: &mut Context<'_>, config: &mut model::Config) {
    let told = |hears: fn(Receivers) -> bool| -> BTreeSet<&str> {
        let told = config.bfd.sessions.iter().filter(|session| hears(session.receivers));
        told.map(|session| session.name.as_str()).collect()
    };
    let (vrrp, checkers) = (told(Receivers::vrrp), told(Receivers::checkers));
    let mut exists = |names: &BTreeSet<&str>, owner: &str, name: &str| {
        let exists = names.contains(name);
        if !exists {
            cx.conclude_log(format!("({owner}) BFD session {name} cannot be used - not tracking it"));
        }
        exists
    };
    for instance in config.vrrp.instances_mut() {
        let owner = &instance.name;
        instance.track.bfds.retain(|tracked| exists(&vrrp, owner, &tracked.name));
    }
    for group in &mut config.vrrp.groups {
        let owner = &group.name;
        group.track.bfds.retain(|tracked| exists(&vrrp, owner, &tracked.name));
    }
    for server in config.lvs.services.iter_mut().flat_map(|service| &mut service.servers) {
        let owner = server.ip.to_string();
        server.checkers.retain(|checker| match &checker.kind {
            Kind::Bfd(name) => exists(&checkers, &owner, name),
            _ => true,
        });
    }
}

/// A session as far as it is written.
struct Draft {
    name: String,
    neighbor: Option<IpAddr>,
    source: Option<IpAddr>,
    min_rx: Micros,
    min_tx: Micros,
    idle_tx: Micros,
    multiplier: u8,
    passive: bool,
    ttl: Option<u8>,
    hops_max: u8,
    multihop: bool,
    /// The neighbor cannot be read, and the rest of the block does not matter.
    dropped: bool,
}

impl Draft {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            neighbor: None,
            source: None,
            min_rx: Micros::from_millis(10),
            min_tx: Micros::from_millis(10),
            idle_tx: Micros::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: None,
            hops_max: 0,
            multihop: false,
            dropped: false,
        }
    }

    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        if self.dropped {
            return;
        }
        let owner = self.name.clone();
        match statement.row.name {
            "neighbor_ip" => self.neighbor(cx, statement),
            "source_ip" => {
                let Some(word) = cx.word(statement, &owner) else { return };
                match inet::address(word) {
                    Some(source) => self.source = Some(source),
                    None => {
                        let text = format!(
                            "Configuration error: BFD instance {owner} has malformed source address {word}, ignoring"
                        );
                        cx.say(&cx.place(statement, 1), Class::General, text);
                    }
                }
            }
            "min_rx" => self.min_rx = time(cx, statement, &owner).unwrap_or(self.min_rx),
            "min_tx" => self.min_tx = time(cx, statement, &owner).unwrap_or(self.min_tx),
            "idle_tx" => self.idle_tx = time(cx, statement, &owner).unwrap_or(self.idle_tx),
            "multiplier" => self.multiplier = small(cx, statement, &owner).unwrap_or(self.multiplier),
            "ttl" => self.ttl = small(cx, statement, &owner).or(self.ttl),
            "max_hops" => match cx.integer(statement, &owner) {
                None => {}
                // Minus one is no limit.
                Some(hops) => self.hops_max = u8::try_from(hops).unwrap_or(HOPS_ANY),
            },
            "multihop" => self.multihop = cx.boolean(statement, &owner).unwrap_or(self.multihop),
            "passive" => self.passive = true,
            // Read by those who are told.
            _ => {}
        }
    }

    fn neighbor(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let name = self.name.clone();
        let Some(word) = cx.word(statement, &name) else { return };
        self.neighbor = inet::address(word);
        if self.neighbor.is_none() {
            self.dropped = true;
            let text = format!(
                "Configuration error: BFD instance {name} has malformed neighbor address {word}, ignoring instance"
            );
            cx.say(&cx.place(statement, 1), Class::General, text);
        }
    }

    /// The rules at the end of the block.
    fn complete(
        self,
        cx: &mut Context<'_>,
        statement: &Statement<'_>,
        others: &Config,
        weight: Weight,
    ) -> Option<Session> {
        let end = cx.end_place(statement);
        let name = &self.name;
        let Some(neighbor) = self.neighbor else {
            let text = format!(
                "Configuration error: BFD instance {name} has no neighbor address set, disabling instance"
            );
            cx.say(&end, Class::General, text);
            return None;
        };
        if let Some(source) = self.source.filter(|source| source.is_ipv4() != neighbor.is_ipv4()) {
            // The original prints one address twice.
            let text = format!(
                "Configuration error: BFD instance {name} source address {source} and neighbor address {source} \
                 are not of the same family, disabling instance"
            );
            cx.say(&end, Class::General, text);
            return None;
        }
        let same = |other: &&Session| {
            let apart = matches!((other.source, self.source), (Some(theirs), Some(ours)) if theirs != ours);
            other.neighbor == neighbor && other.multihop == self.multihop && !apart
        };
        if others.sessions.iter().any(|other| same(&other)) {
            let what = match self.source {
                Some(source) => format!("source/neighbor address {source}/{neighbor}"),
                None => format!("neighbor address {neighbor}"),
            };
            let text =
                format!("Configuration error: BFD instance {name} has duplicate {what}, ignoring instance");
            cx.say(&end, Class::General, text);
            return None;
        }
        let receivers = receivers(statement);
        let ttl = self.ttl.unwrap_or(if neighbor.is_ipv4() { 255 } else { 64 });
        if self.hops_max > ttl {
            let text =
                format!("BFD instance {name}: max_hops exceeds ttl/hoplimit - setting to ttl/hoplimit");
            cx.say(&end, Class::General, text);
        }
        Some(Session {
            name: self.name,
            neighbor,
            source: self.source,
            min_rx: self.min_rx,
            min_tx: self.min_tx,
            idle_tx: self.idle_tx,
            multiplier: self.multiplier,
            passive: self.passive,
            ttl,
            hops_max: self.hops_max.min(ttl),
            multihop: self.multihop,
            // Another block of the name may have told virtual routers.
            weight: if receivers.vrrp() { weight } else { Weight::default() },
            receivers,
        })
    }
}

/// Milliseconds with three decimals, which are microseconds.
fn time(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<Micros> {
    let micros = cx.decimal(statement, owner)?;
    if micros > SENSIBLE_MAX * 1000 {
        let (key, value) = (statement.row.name, statement.word(1).unwrap_or(""));
        let text = format!(
            "Configuration warning: BFD instance {owner} {key} value {value} is larger than max sensible ({SENSIBLE_MAX})"
        );
        cx.log(&cx.place(statement, 1), text);
    }
    u64::try_from(micros).ok().map(Micros)
}

fn small(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &str) -> Option<u8> {
    cx.integer(statement, owner).and_then(|number| u8::try_from(number).ok())
}
