//! The tree into the model: what statements mean, defaults, cross-references, rules between fields.
//!
//! The order is the original's. Its parent reads `global_defs` completely before the engines parse theirs
//! (`spec` config 0.1), the engines read in file order, and the rules between fields come after that
//! (`spec` config 4). Unlike the original nothing ends early: one bad word or instance does not hide the rest
//! (D13).

mod address;
mod complete;
mod conflict;
mod context;
mod file;
mod garp;
mod global;
mod group;
mod instance;
mod interfaces;
mod process;
mod rules;
mod script;
mod track;
mod transport;

use std::collections::BTreeSet;

use keepalived_model::Config;

use crate::diag::{Diagnostic, Pass};
use crate::host::Host;
use crate::lines::Lines;
use crate::tree::{self, Statement};
use context::Context;

/// What a configuration means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lowered {
    /// Complete and consistent, whatever was wrong with the text.
    pub config: Config,
    /// In the original's order.
    pub diagnostics: Vec<Diagnostic>,
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

    cx.pass = Pass::Vrrp;
    // What stands outside blocks is found by every pass; the parent told it.
    let told: BTreeSet<(usize, String)> = parents.iter().map(|(at, d)| (*at, d.text.clone())).collect();
    cx.found.extend(vrrp.found.into_iter().filter(|(at, d)| !told.contains(&(*at, d.text.clone()))));
    let mut draft = instance::Drafts::new(globals, track::bfds(&bfd.statements));
    for statement in &vrrp.statements {
        draft.root(&mut cx, statement);
    }
    let uses = uses(&vrrp.statements, &checker.statements, &bfd.statements);
    for (pass, statements) in [(Pass::Checker, &checker.statements), (Pass::Bfd, &bfd.statements)] {
        cx.pass = pass;
        engine_not_there(&mut cx, statements);
    }
    cx.pass = Pass::Vrrp;
    let engines = cx.take_ordered();
    let config = draft.complete(&mut cx);
    let (mut diagnostics, unplaced): (Vec<_>, Vec<_>) =
        parents.into_iter().chain(engines).partition(|(at, _)| *at != usize::MAX);
    diagnostics.extend(unplaced);
    let diagnostics = diagnostics.into_iter().map(|(_, d)| d).chain(cx.after).collect();
    Lowered { config, diagnostics, uses }
}

fn uses(vrrp: &[Statement<'_>], checker: &[Statement<'_>], bfd: &[Statement<'_>]) -> Uses {
    let vrrp_roots = ["vrrp_instance", "static_ipaddress", "static_routes", "static_rules"];
    Uses {
        vrrp: vrrp.iter().any(|statement| vrrp_roots.contains(&statement.row.name)),
        checkers: checker.iter().any(|statement| statement.row.name.starts_with("virtual_server")),
        bfd: bfd.iter().any(|statement| statement.row.name == "bfd_instance"),
    }
}

/// Engines this version does not have: none of their blocks is acted upon.
fn engine_not_there(cx: &mut Context<'_>, statements: &[Statement<'_>]) {
    for statement in statements {
        cx.not_yet(statement, "");
    }
}
