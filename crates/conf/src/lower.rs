//! The tree into the model: what statements mean, defaults, cross-references, rules between fields.
//!
//! The order is the original's. Its parent reads `global_defs` completely before the engines parse theirs
//! (`spec` config 0.1), the engines read in file order, and the rules between fields come after that
//! (`spec` config 4). Unlike the original nothing ends early: one bad word or instance does not hide the rest
//! (D13).

mod address;
mod bfd;
mod complete;
mod conflict;
mod context;
mod drafts;
mod file;
mod garp;
mod global;
mod group;
mod hmac;
mod inet;
mod instance;
mod interfaces;
mod lasting;
mod line;
mod links;
mod lvs;
mod names;
mod notify;
mod process;
mod route;
mod router;
mod rule;
mod rules;
mod script;
mod track;
mod track_files;
mod transport;
mod vmac;

use std::collections::BTreeSet;

use keepalived_model::Config;

use crate::diag::{Diagnostic, Pass};
use crate::host::Host;
use crate::lines::Lines;
use crate::tree::{self, Statement};
use context::Context;
use track_files::TrackFiles;

/// What a configuration means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lowered {
    /// Complete and consistent, whatever was wrong with the text.
    pub config: Config,
    /// In the original's order.
    pub diagnostics: Vec<Diagnostic>,
    /// What is wrong in blocks that the original skips without a look.
    pub skipped: Vec<Diagnostic>,
    /// Which engines have something to do.
    pub uses: Uses,
}

/// Which engines a configuration needs (`spec` config 0.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// An instance or a static object was written.
    pub vrrp: bool,
    /// A virtual server was written.
    pub checkers: bool,
    /// A BFD session was written.
    pub bfd: bool,
}

/// Lowers lines with the facts of a host.
pub fn lower(lines: &Lines, host: &dyn Host) -> Lowered {
    let parent = tree::parse(lines, Pass::Parent);
    let vrrp = tree::parse(lines, Pass::Vrrp);
    let checker = tree::parse(lines, Pass::Checker);
    let bfd = tree::parse(lines, Pass::Bfd);
    let mut cx = Context::new(lines, host);
    cx.found.extend(parent.found);
    let globals = global::lower(&mut cx, &parent.statements);
    let parents = cx.take_ordered();
    let lookups = &globals.model.lookups;
    cx.names = names::Names::new(lookups.iproute_usr.as_deref(), lookups.iproute_etc.as_deref());

    // What stands outside blocks is found by every pass; it is told once.
    let mut told: BTreeSet<(usize, String)> = parents.iter().map(|(at, d)| (*at, d.text.clone())).collect();
    for found in [vrrp.found, checker.found, bfd.found] {
        cx.found.extend(found.into_iter().filter(|(at, d)| told.insert((*at, d.text.clone()))));
    }
    cx.pass = Pass::Vrrp;
    let vrrp_sessions = bfd::Known::read(&mut cx, &bfd.statements);
    let mut balancing = lvs::Drafts::new(&globals);
    let mut draft = drafts::Drafts::new(globals, vrrp_sessions.clone());
    for statement in &vrrp.statements {
        draft.root(&mut cx, statement);
    }
    cx.pass = Pass::Checker;
    balancing.sessions(bfd::Known::read(&mut cx, &bfd.statements));
    balancing.files(TrackFiles::new(&vrrp.statements, &draft.files));
    for statement in &checker.statements {
        balancing.root(&mut cx, statement);
    }
    cx.pass = Pass::Bfd;
    let sessions = bfd::lower(&mut cx, &bfd.statements, &vrrp_sessions);
    let uses = uses(&vrrp.statements, &checker.statements, &bfd.statements);
    for (pass, statements) in [(Pass::Checker, &checker.statements), (Pass::Bfd, &bfd.statements)] {
        cx.pass = pass;
        engine_not_there(&mut cx, statements);
    }
    let engines = cx.take_ordered();
    // Rules between fields. The original tests the checkers' part first, which takes defaults from the globals.
    cx.pass = Pass::Vrrp;
    let config = draft.complete(&mut cx);
    let vrrp_after = std::mem::take(&mut cx.after);
    cx.pass = Pass::Checker;
    let config = Config { lvs: balancing.complete(&mut cx, &config.global), bfd: sessions, ..config };
    cx.after.extend(vrrp_after);
    let (mut diagnostics, unplaced): (Vec<_>, Vec<_>) =
        parents.into_iter().chain(engines).partition(|(at, _)| *at != usize::MAX);
    diagnostics.extend(unplaced);
    let diagnostics = diagnostics.into_iter().map(|(_, d)| d).chain(cx.after).collect();
    Lowered { config, diagnostics, skipped: cx.skipped, uses }
}

fn uses(vrrp: &[Statement<'_>], checker: &[Statement<'_>], bfd: &[Statement<'_>]) -> Uses {
    let vrrp_roots = ["vrrp_instance", "static_ipaddress", "static_routes", "static_rules"];
    Uses {
        vrrp: vrrp.iter().any(|statement| vrrp_roots.contains(&statement.row.name)),
        checkers: checker.iter().any(|statement| statement.row.name == "virtual_server"),
        bfd: bfd.iter().any(|statement| statement.row.name == "bfd_instance"),
    }
}

/// Engines this version does not have: none of their blocks is acted upon.
fn engine_not_there(cx: &mut Context<'_>, statements: &[Statement<'_>]) {
    for statement in statements {
        cx.not_yet(statement, "");
    }
}
