//! Judgements on files that are legal and wrong.
//!
//! Lowering says what the original says. Rules say what nobody says: a check that can never move an address,
//! a command that needs a shell and gets none. Each rule is one function over [`Facts`] (or over two of them,
//! [`Pair`]) and one row of a table, which is the single source for `--explain`, the guide and the tests.
//!
//! Rules judge the configuration as it is meant ([`Facts`]), not as far as this machine can run it. What the
//! original complains about as well is told once: its sentence gets our place, reason and fix ([`review`]).

mod command;
mod explain;
mod facts;
mod finding;
mod network;
mod pair;
mod process;
mod router;
mod script;
mod script_file;
mod surroundings;
mod text;
mod weight;

use std::fmt::Write;

use crate::codes::Code;
use crate::diag::Diagnostic;

pub use facts::Facts;
pub use finding::Findings;
pub use surroundings::{
    BEGINNING, Component, ComponentKind, Interface, Surroundings, Weak, Weakness, weak_step,
};

/// One judgement.
#[derive(Debug)]
pub struct Rule {
    /// Its number, its name and everything an operator should know about it.
    pub code: Code,
    /// Who finds it.
    pub judge: Judge,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// One configuration.
    One(fn(&Facts<'_>, &mut Findings)),
    /// The configurations of two routers that back each other.
    Two(fn(&Pair<'_>, &mut Findings)),
}

/// Two configurations that back each other.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The one named first.
    pub first: &'a Facts<'a>,
    /// The other.
    pub second: &'a Facts<'a>,
}

/// The tables of rules, in the order of their codes.
const TABLES: &[&[Rule]] = &[
    text::RULES,
    script::RULES,
    script_file::RULES,
    weight::RULES,
    process::RULES,
    router::RULES,
    network::RULES,
    pair::RULES,
];

/// What is not found by us but told better: these only explain what was said already.
const EXPLANATIONS: &[fn(&Facts<'_>, &mut Findings)] = &[
    script::not_tracked,
    script::tracked_not_defined,
    script_file::missing_file,
    script_file::not_executable,
    script_file::no_interpreter_line,
    network::unknown_interface,
    router::cut_password,
    explain::own_interface,
    explain::sync_groups,
];

/// All rules, in the order of their codes.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The rows of all rules for [`crate::codes`].
pub(crate) fn codes() -> impl Iterator<Item = &'static Code> {
    rules().map(|rule| &rule.code)
}

/// Adds what the rules find to what was said of a configuration. Where both speak of the same thing, the original's
/// sentence stays, with its code, and gets our place, reason and fix; what nobody said is the result.
pub fn review<S: AsMut<Diagnostic>>(facts: &Facts<'_>, said: &mut Vec<S>) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    for rule in rules() {
        if let Judge::One(judge) = rule.judge {
            findings.begin(rule.code.name);
            judge(facts, &mut findings);
        }
    }
    findings.explain_only();
    for explain in EXPLANATIONS {
        explain(facts, &mut findings);
    }
    findings.join(said)
}

/// What is wrong between two configurations that back each other.
pub fn pair(first: &Facts<'_>, second: &Facts<'_>) -> Vec<Diagnostic> {
    let pair = Pair { first, second };
    let two = rules().filter(|rule| matches!(rule.judge, Judge::Two(_)));
    two.flat_map(|rule| rule.findings(first, Some(&pair))).collect()
}

impl Rule {
    /// What this rule alone finds, in one configuration or in a pair.
    pub fn findings(&self, facts: &Facts<'_>, pair: Option<&Pair<'_>>) -> Vec<Diagnostic> {
        let mut findings = Findings::default();
        findings.begin(self.code.name);
        match (self.judge, pair) {
            (Judge::One(judge), _) => judge(facts, &mut findings),
            (Judge::Two(judge), Some(pair)) => judge(pair, &mut findings),
            (Judge::Two(_), None) => {}
        }
        findings.join(&mut Vec::<Diagnostic>::new())
    }
}

/// The page of the guide that lists all rules.
pub fn guide() -> String {
    let mut out = String::from(GUIDE_HEAD);
    for code in codes() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| [{code}](#{}) | `{}` | {} |",
            code.to_string().to_lowercase(),
            code.name,
            code.title
        );
    }
    for code in codes() {
        let Code { name, title, why, fix, example, .. } = code;
        let _ = write!(out, "\n## {code}\n\n`{name}`: {title}.\n\n{why}\n\n**Fix:** {fix}\n");
        if !example.is_empty() {
            let _ = write!(out, "\n```\n{example}\n```\n");
        }
    }
    out
}

const GUIDE_HEAD: &str = "\
# What `keepalived check` warns about

Files can be legal and wrong. Below is every judgement of `keepalived check` on such files, with what happens and
what to write instead; `keepalived check --explain CODE` prints the same. None of them changes what a file does.
This page is generated from the rules.

| code | name | what |
| --- | --- | --- |
";
