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
pub(crate) mod line;
mod links;
pub(crate) mod lvs;
mod names;
mod notify;
mod process;
mod roster;
pub(crate) mod route;
mod router;
mod rule;
mod rules;
pub(crate) mod script;
mod track;
mod track_files;
mod transport;
pub(crate) mod vmac;

use std::collections::BTreeSet;

use keepalived_model::Config;

use crate::diag::{Diagnostic, Pass};
use crate::host::Host;
use crate::lines::Lines;
use crate::tree::{Found, Roots, Statement};
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
    draft(lines, host).complete(host)
}

/// What was read of a configuration, before the rules between its parts. Nothing in it needs the lines any more.
pub struct Drafted {
    vrrp: drafts::Drafts,
    lvs: lvs::Drafts,
    bfd: keepalived_model::bfd::Config,
    names: names::Names,
    uses: Uses,
    /// Said of lines, with their numbers, in the order it has to be told.
    told: Found,
    /// Said after all lines.
    after: Vec<Diagnostic>,
    skipped: Vec<Diagnostic>,
}

/// The first half of [`lower`], for those who want to be rid of the lines before the second.
pub fn draft(lines: &Lines, host: &dyn Host) -> Drafted {
    let mut cx = Context::new(lines, host);
    let parent = all(lines, Pass::Parent, &mut cx.found);
    let globals = global::lower(&mut cx, &parent);
    let parents = cx.take_ordered();
    let lookups = &globals.model.lookups;
    cx.names = names::Names::new(lookups.iproute_usr.as_deref(), lookups.iproute_etc.as_deref());

    // What stands outside blocks is found by every pass; it is told once.
    let mut told = Told(parents.iter().map(|(at, d)| (*at, d.text.clone())).collect());
    let mut uses = Uses::default();
    let mut bfd_found = Vec::new();
    let bfd_blocks = all(lines, Pass::Bfd, &mut bfd_found);
    // Of one line, what is wrong with its form comes before what is wrong with its meaning.
    let inside = |at: usize| {
        let block = bfd_blocks.get(bfd_blocks.partition_point(|block| block.end < at));
        block.is_some_and(|block| block.at < at)
    };
    cx.found.extend(bfd_found.extract_if(.., |(at, _)| inside(*at)));
    cx.pass = Pass::Vrrp;
    let vrrp_sessions = bfd::Known::read(&mut cx, &bfd_blocks);
    let mut balancing = lvs::Drafts::new(&globals);
    let mut draft = drafts::Drafts::new(globals, vrrp_sessions.clone());
    let mut files = Vec::new();
    let mut vrrp = Roots::new(lines, Pass::Vrrp);
    while let Some(statement) = told.next(&mut vrrp, &mut cx.found) {
        uses.vrrp |= VRRP_ROOTS.contains(&statement.row.name);
        if let ("track_file", Some(name)) = (statement.row.name, statement.word(1)) {
            files.push((name.to_owned(), statement.at));
        }
        draft.root(&mut cx, &statement);
    }
    cx.pass = Pass::Checker;
    balancing.sessions(bfd::Known::read(&mut cx, &bfd_blocks));
    balancing.files(TrackFiles::new(files, &draft.files));
    let mut checker = Roots::new(lines, Pass::Checker);
    while let Some(statement) = told.next(&mut checker, &mut cx.found) {
        uses.checkers |= statement.row.name == "virtual_server";
        balancing.root(&mut cx, &statement);
        engine_not_there(&mut cx, &statement);
    }
    cx.pass = Pass::Bfd;
    told.add(bfd_found, &mut cx.found);
    let sessions = bfd::lower(&mut cx, &bfd_blocks, &vrrp_sessions);
    for statement in &bfd_blocks {
        uses.bfd |= statement.row.name == "bfd_instance";
        engine_not_there(&mut cx, statement);
    }
    let told = parents.into_iter().chain(cx.take_ordered()).collect();
    let Context { names, after, skipped, .. } = cx;
    Drafted { vrrp: draft, lvs: balancing, bfd: sessions, names, uses, told, after, skipped }
}

impl Drafted {
    /// The second half of [`lower`].
    pub fn complete(self, host: &dyn Host) -> Lowered {
        let Self { vrrp, lvs, bfd, names, uses, told, after, skipped } = self;
        let nothing = Lines::default();
        let mut cx = Context::new(&nothing, host);
        (cx.names, cx.after, cx.skipped) = (names, after, skipped);
        // The original tests the checkers' part first, which takes defaults from the globals.
        cx.pass = Pass::Vrrp;
        let config = vrrp.complete(&mut cx);
        let vrrp_after = std::mem::take(&mut cx.after);
        cx.pass = Pass::Checker;
        let lvs = lvs.complete(&mut cx, &config.global);
        let mut config = Config { lvs, bfd, ..config };
        bfd::settle(&mut cx, &mut config);
        cx.after.extend(vrrp_after);
        let (mut diagnostics, unplaced): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|(at, _)| *at != usize::MAX);
        diagnostics.extend(unplaced);
        let diagnostics = diagnostics.into_iter().map(|(_, d)| d).chain(cx.after).collect();
        Lowered { config, diagnostics, skipped: cx.skipped, uses }
    }
}

impl std::fmt::Debug for Drafted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drafted").field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// Blocks that make the vrrp engine start.
const VRRP_ROOTS: [&str; 4] = ["vrrp_instance", "static_ipaddress", "static_routes", "static_rules"];

/// All statements of a pass that has few.
fn all<'a>(lines: &'a Lines, pass: Pass, found: &mut Found) -> Vec<Statement<'a>> {
    let mut roots = Roots::new(lines, pass);
    let statements = roots.by_ref().collect();
    found.extend(roots.found());
    statements
}

/// Structural mistakes that some pass has told already.
struct Told(BTreeSet<(usize, String)>);

impl Told {
    /// The next statement of a pass. Mistakes on the way to it and in it are added if they are new.
    fn next<'a>(&mut self, roots: &mut Roots<'a>, into: &mut Found) -> Option<Statement<'a>> {
        let statement = roots.next();
        self.add(roots.found(), into);
        statement
    }

    fn add(&mut self, found: Found, into: &mut Found) {
        into.extend(found.into_iter().filter(|(at, d)| self.0.insert((*at, d.text.clone()))));
    }
}

/// Engines this version does not have: none of their blocks is acted upon.
fn engine_not_there(cx: &mut Context<'_>, statement: &Statement<'_>) {
    cx.not_yet(statement, "");
}
