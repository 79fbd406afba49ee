//! `global_defs` and the root keywords (`spec` config 3.1 and 3.2, lvs 1.7).
//!
//! Read as a whole before anything else, at a start and at a reload alike (D10): where they stand in the file
//! makes no difference.

mod agents;
mod files;
mod lvs;
mod mail;
mod packet_filter;
mod process;
mod scripts;
mod umask;
mod vrrp;

pub(super) use lvs::INTERFACE_NAME_MAX;
use std::path::PathBuf;

use keepalived_model::global::{Dynamic, Global};
use keepalived_model::time::Micros;
use keepalived_model::vrrp::ExtraGarp;

use super::context::Context;
use super::script::Security;
use crate::diag::Class;
use crate::expand::include;
use crate::schema::Status;
use crate::tree::Statement;

/// What instances inherit, and what processes need.
#[derive(Clone, Debug, Default)]
pub(super) struct Globals {
    pub model: Global,
    pub security: Security,
    pub garp: super::garp::Garps,
    pub garp_interval: Micros,
    pub gna_interval: Micros,
    pub polls_instances: bool,
    pub startup_delay: Micros,
    /// `vrrp_garp_extra_if`.
    pub garp_extra: Option<ExtraGarp>,
    process: process::Names,
    scripts: scripts::Written,
    buffers: vrrp::BufferPolicy,
    /// `vmac_prefix`, the first one.
    vmac_prefix: Option<String>,
    /// `vmac_addr_prefix`, the first one.
    vmac_addr_prefix: Option<String>,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The keyword belongs to another part.
    NotMine,
    /// It changes nothing: it is wrong, or asks for what is anyway.
    None,
    /// It asks for something.
    Asked,
}

impl Effect {
    fn when(asked: bool) -> Self {
        if asked { Self::Asked } else { Self::None }
    }
}

/// Lowers what the parent owns. Several `global_defs` blocks add up.
pub(super) fn lower(cx: &mut Context<'_>, statements: &[Statement<'_>]) -> Globals {
    let mut globals = Globals::default();
    for statement in statements {
        if statement.row.name == "global_defs" {
            for inner in statement.block() {
                let effect = globals.statement(cx, inner);
                tell(cx, inner, effect);
            }
        } else {
            let effect = globals.root(cx, statement);
            tell(cx, statement, effect);
        }
    }
    globals.settle_vrrp();
    let scripts = &globals.model.scripts;
    (globals.security.keep_links, globals.security.all_groups) =
        (scripts.keep_symlinks, scripts.supplementary_groups);
    globals.supervisor_scripts(cx);
    globals
}

/// Says of a keyword that asks for something whether it gets it.
fn tell(cx: &mut Context<'_>, statement: &Statement<'_>, effect: Effect) {
    match effect {
        Effect::NotMine => cx.unacted(statement, ""),
        Effect::Asked if statement.row.status == Status::NotYet => cx.not_yet(statement, ""),
        Effect::Asked | Effect::None => {}
    }
}

impl Globals {
    /// A keyword outside blocks.
    fn root(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let namespaces = &mut self.model.namespaces;
        match statement.row.name {
            "child_wait_time" => {
                if let Some(secs) = cx.integer(statement, "") {
                    self.model.processes.child_wait = seconds(secs);
                }
            }
            "net_namespace" => return once(cx, statement, &mut namespaces.network),
            "net_namespace_ipvs" if namespaces.ipvs.is_none() && statement.word(1).is_none() => {
                namespaces.ipvs = Some(String::new());
                return Effect::Asked;
            }
            "net_namespace_ipvs" => return once(cx, statement, &mut namespaces.ipvs),
            "namespace_with_ipsets" => return on(&mut namespaces.with_ipsets),
            "use_pid_dir" => return on(&mut namespaces.pid_directory),
            "instance" => return once(cx, statement, &mut self.model.instance),
            "linkbeat_use_polling" => return on(&mut self.polls_instances),
            _ => return Effect::NotMine,
        }
        Effect::None
    }

    /// A keyword of `global_defs`.
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let parts = [
            Self::general,
            Self::process_keyword,
            Self::script_keyword,
            Self::vrrp_keyword,
            Self::mail_keyword,
            Self::lvs_keyword,
            Self::file_keyword,
            Self::packet_filter_keyword,
            Self::agent_keyword,
        ];
        for part in parts {
            let effect = part(self, cx, statement);
            if effect != Effect::NotMine {
                return effect;
            }
        }
        Effect::NotMine
    }

    /// What concerns the host as a whole.
    fn general(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let interfaces = &mut self.model.interfaces;
        match statement.row.name {
            "router_id" => set_word(cx, statement, &mut self.model.router_id),
            "dynamic_interfaces" => {
                interfaces.dynamic = match statement.word(1) {
                    Some("allow_if_changes") => Dynamic::MayChangeKind,
                    None => Dynamic::Yes,
                    Some(other) => {
                        let place = cx.place(statement, 1);
                        let text = format!("Unknown dynamic_interfaces option '{other}'");
                        cx.say(&place, Class::General, text);
                        Dynamic::Yes
                    }
                };
                Effect::Asked
            }
            "default_interface" => match cx.word(statement, "") {
                Some(name) => {
                    interfaces.default = name.to_owned();
                    Effect::None
                }
                None => Effect::None,
            },
            "disable_local_igmp" => on(&mut interfaces.no_local_igmp),
            // Both have done what they do while the lines were read.
            "include_check" => {
                let standing = self.model.lookups.include_check.unwrap_or_default();
                let words = statement.words.iter().skip(1).map(|word| word.text);
                self.model.lookups.include_check = Some(include::checks(standing, words, |_| ()));
                Effect::Asked
            }
            "random_seed" => {
                let seed = whole(cx, statement);
                self.model.lookups.random_seed = seed.or(self.model.lookups.random_seed);
                Effect::when(seed.is_some())
            }
            _ => Effect::NotMine,
        }
    }

    /// The globals as the processes need them, when all commands can be looked at.
    pub fn complete(&mut self, cx: &mut Context<'_>) -> Global {
        self.fifo_scripts(cx);
        self.name_processes();
        self.model.clone()
    }
}

/// A flag that needs no value.
fn on(value: &mut bool) -> Effect {
    *value = true;
    Effect::Asked
}

/// A `[BOOL]`.
fn flag(cx: &mut Context<'_>, statement: &Statement<'_>, value: &mut bool) -> Effect {
    let Some(on) = cx.boolean(statement, "") else { return Effect::None };
    *value = on;
    Effect::when(on)
}

/// A word; the last one wins.
fn set_word(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<String>) -> Effect {
    let Some(word) = cx.word(statement, "") else { return Effect::None };
    *slot = Some(word.to_owned());
    Effect::Asked
}

/// A path; the last one wins.
fn set_path(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<PathBuf>) -> Effect {
    let Some(word) = cx.word(statement, "") else { return Effect::None };
    *slot = Some(crate::host::path(word));
    Effect::Asked
}

/// A word at the root that must not come twice.
fn once(cx: &mut Context<'_>, statement: &Statement<'_>, slot: &mut Option<String>) -> Effect {
    if slot.is_none() {
        return set_word(cx, statement, slot);
    }
    let again = statement.word(1).unwrap_or("");
    let text = format!("Duplicate {} definition {again} - ignoring", statement.row.name);
    cx.say(&cx.place(statement, 1), Class::General, text);
    Effect::None
}

/// The number of an integer keyword as something smaller.
fn whole<T: TryFrom<i64>>(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<T> {
    cx.integer(statement, "").and_then(|n| T::try_from(n).ok())
}

/// The time of a keyword in seconds with six decimals.
fn time(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Micros> {
    cx.decimal(statement, "").and_then(|n| u64::try_from(n).ok()).map(Micros)
}

/// Whole seconds as time.
pub(super) fn seconds(secs: i64) -> Micros {
    Micros::from_secs(u64::try_from(secs).unwrap_or(0))
}
