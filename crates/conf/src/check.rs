//! Everything there is to say about a configuration, for somebody who wants to repair it: `keepalived check`.
//!
//! ```text
//! Lines ──► lower ──► complaints ─────────────────────────────┐
//!   └─► braces repaired, words respelt ─► lower ─► complaints ─┴─► Findings
//! ```
//!
//! One mistake can cause a hundred complaints. So the lines are lowered a second time as they were probably meant:
//! complaints that are gone then follow from a mistake above and are told with it, and what appears only then was
//! hidden by it. The original's sentences stay what they are; `-t` shows all of them.

mod braces;
mod place;
mod repair;

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::{self, Code, Severity};
use crate::diag::{Class, Diagnostic, start_refusal};
use crate::expand::Sourced;
use crate::host::{Elsewhere, Host};
use crate::lines::{Lines, Piece, Span};
use crate::lint::{self, Facts};
use crate::lower::{Lowered, lower};
use braces::Evidence;
use repair::Respelt;

/// One thing to repair or to know.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What, where, and what is known about it.
    pub heard: Diagnostic,
    /// Its kind.
    pub code: &'static Code,
    /// That of its kind, or an error when the daemon does not start with it.
    pub severity: Severity,
    /// What the daemon says because of it and would not say otherwise, in its order.
    pub follows: Vec<Diagnostic>,
    /// The daemon cannot see it as long as the mistakes above are there.
    pub hidden: bool,
    /// The place is our guess; the sentence comes without one.
    pub guessed: bool,
}

/// Everything found in a configuration.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By place; what has none comes last.
    pub findings: Vec<Finding>,
    /// Nobody refuses to start with the configuration as it is.
    pub starts: bool,
}

impl Report {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The worst severity, if there is any finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Checks a configuration for a host.
pub fn check(sourced: &Sourced, host: &dyn Host) -> Report {
    let written = complaints(&sourced.lines, host);
    let starts = start_refusal(&sourced.diagnostics).or_else(|| start_refusal(&written)).is_none();
    let mut mending = Mending {
        host,
        lines: sourced.lines.clone(),
        complaints: written.clone(),
        findings: sourced.diagnostics.iter().cloned().map(Finding::new).collect(),
    };
    mending.words(Words::Openers);
    mending.braces();
    mending.words(Words::All);
    let Mending { lines, complaints, mut findings, .. } = mending;
    let known: BTreeSet<&str> = written.iter().map(|heard| heard.text.as_str()).collect();
    let places = place::Places::new(&lines);
    findings.extend(complaints.into_iter().map(|heard| {
        let hidden = !known.contains(heard.text.as_str());
        Finding { hidden, ..Finding::new(heard) }
    }));
    let judged = lint::review(&Facts::new(&lines, host), &mut findings);
    for finding in &mut findings {
        finding.guessed = places.improve(&mut finding.heard);
    }
    findings.extend(judged.into_iter().map(Finding::new));
    findings.sort_by_key(|finding| order(&lines, finding.heard.at.as_ref()));
    join_same_matter(&mut findings);
    join_interfaces(&mut findings);
    Report { findings, starts }
}

/// Adds what is wrong between two configurations that back each other to the reports about them.
pub fn compare(first: (&Sourced, &mut Report), second: (&Sourced, &mut Report)) {
    let ((one, report), (other, its_report)) = (first, second);
    // With both files nobody has to guess.
    let guess = |finding: &Finding| finding.code.name == "weight-without-effect";
    report.findings.retain(|finding| !guess(finding));
    its_report.findings.retain(|finding| !guess(finding));
    for heard in lint::pair(&Facts::new(&one.lines, &Elsewhere), &Facts::new(&other.lines, &Elsewhere)) {
        let file = heard.at.as_ref().map(|at| &at.file);
        let is_of =
            |lines: &Lines| file.is_none_or(|file| lines.files().iter().any(|other| other.name == *file));
        let report = if is_of(&one.lines) { &mut *report } else { &mut *its_report };
        report.findings.push(Finding::new(heard));
    }
    for (sourced, report) in [(one, report), (other, its_report)] {
        report.findings.sort_by_key(|finding| order(&sourced.lines, finding.heard.at.as_ref()));
    }
}

/// Lines on the way from what was written to what was meant.
#[derive(Clone)]
struct Mending<'a> {
    host: &'a dyn Host,
    lines: Lines,
    /// What there is to say about the lines.
    complaints: Vec<Diagnostic>,
    /// What was mended, and what was only there because of it.
    findings: Vec<Finding>,
}

/// Which words are mended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Those that open a block. What is in it can be judged only afterwards.
    Openers,
    All,
}

impl Mending<'_> {
    /// Mends misspelt words, those inside of blocks that were misspelt too after the blocks.
    fn words(&mut self, which: Words) {
        for _ in 0..NESTED_MAX {
            let Respelt { lines, mended } = repair::respell(&self.lines, &self.complaints, which);
            if mended.is_empty() {
                break;
            }
            let after = complaints(&lines, self.host);
            self.advance(lines, after, mended);
            if which == Words::All {
                break;
            }
        }
    }

    /// Mends braces if that leaves less to complain about.
    fn braces(&mut self) {
        let suspicious = self.complaints.iter().any(|heard| {
            heard.class == Class::Brace || heard.code == "misplaced-keyword" || heard.text.ends_with("'}'")
        });
        if !suspicious {
            return;
        }
        let mut best = None;
        let mut least = self.cost() + 1;
        for (keywords, indentation) in [(true, true), (true, false), (false, true)] {
            let repairs = braces::repairs(&self.lines, Evidence { keywords, indentation });
            if repairs.is_empty() || repairs.len() >= least {
                continue;
            }
            let causes = repairs.iter().map(|one| repair::describe(&self.lines, one)).collect();
            let repaired = repair::apply(&self.lines, &repairs);
            let after = complaints(&repaired, self.host);
            let mut tried = self.clone();
            tried.advance(repaired, after, causes);
            tried.words(Words::Openers);
            if tried.cost() < least {
                least = tried.cost();
                best = Some(tried);
            }
        }
        if let Some(best) = best {
            *self = best;
        }
    }

    /// What was mended, and what is still wrong. All braces that are missing are one complaint.
    fn cost(&self) -> usize {
        let wrong = |heard: &&Diagnostic| heard.class > Class::Note && !heard.log_only;
        let count = |piece: Piece<'_>| self.lines.iter().filter(|line| line.piece == piece).count();
        let others = count(Piece::Open).abs_diff(count(Piece::Close)).saturating_sub(1);
        self.findings.len() + self.complaints.iter().filter(wrong).count() + others
    }

    /// Goes on with mended lines. What nobody says any more was said because of the causes.
    fn advance(&mut self, lines: Lines, after: Vec<Diagnostic>, causes: Vec<Diagnostic>) {
        let places = place::Places::new(&self.lines);
        let mut gone = gone(&self.complaints, &after);
        gone.retain(|heard| !causes.iter().any(|cause| identity(cause) == identity(heard)));
        let mut causes: Vec<Finding> = causes.into_iter().map(Finding::new).collect();
        for mut heard in gone {
            places.improve(&mut heard);
            if let Some(cause) = cause_of(&mut causes, &heard) {
                cause.follows.push(heard);
            }
        }
        self.findings.append(&mut causes);
        (self.lines, self.complaints) = (lines, after);
    }
}

/// Which of the mistakes made somebody say this: one whose right word the sentence names, else the last one above
/// it, else the first.
fn cause_of<'f>(causes: &'f mut [Finding], heard: &Diagnostic) -> Option<&'f mut Finding> {
    let spoken = heard.text.replace('_', " ");
    let named = |cause: &Finding| {
        let with = cause.heard.suggestion.as_ref().map(|suggestion| suggestion.with.replace('_', " "));
        with.is_some_and(|with| with.len() > 3 && spoken.contains(&with))
    };
    let above = |cause: &Finding| match (&cause.heard.at, &heard.at) {
        (Some(cause), Some(at)) => cause.file == at.file && cause.line <= at.line,
        _ => false,
    };
    let position = causes.iter().position(named).or_else(|| causes.iter().rposition(above)).unwrap_or(0);
    causes.get_mut(position)
}

impl AsMut<Diagnostic> for Finding {
    fn as_mut(&mut self) -> &mut Diagnostic {
        &mut self.heard
    }
}

impl Finding {
    /// Tells another finding with this one.
    fn take(&mut self, other: Finding) {
        self.severity = self.severity.max(other.severity);
        self.follows.push(other.heard);
        self.follows.extend(other.follows);
    }

    fn new(heard: Diagnostic) -> Self {
        let code = codes::of(&heard);
        let severity = if heard.stops.is_some() { Severity::Error } else { code.severity };
        Self { code, severity, heard, follows: Vec::new(), hidden: false, guessed: false }
    }
}

/// What is said of the lines: all but what only `-t` says, where the daemon reads the same text more leniently.
fn complaints(lines: &Lines, host: &dyn Host) -> Vec<Diagnostic> {
    let Lowered { diagnostics: mut found, skipped, .. } = lower(lines, host);
    found.extend(skipped);
    found.retain(|heard| !heard.test_only && !is_normal(heard));
    found
}

/// Notes of the log are about what is done anyway, not about what is wrong with a file.
fn is_normal(heard: &Diagnostic) -> bool {
    heard.log_only && heard.class == Class::Note
}

/// What tells one complaint from another: its sentence, file, line and column.
type Identity<'a> = (&'a str, Option<(&'a str, u32, usize)>);

fn identity(heard: &Diagnostic) -> Identity<'_> {
    (&heard.text, heard.at.as_ref().map(|at| (&*at.file, at.line, at.column)))
}

fn tally(complaints: &[Diagnostic]) -> BTreeMap<Identity<'_>, usize> {
    let mut count = BTreeMap::new();
    for heard in complaints {
        *count.entry(identity(heard)).or_insert(0) += 1;
    }
    count
}

/// What is in the first list and not in the second.
fn gone(before: &[Diagnostic], after: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut left = tally(after);
    let mut lost = Vec::new();
    for heard in before {
        match left.get_mut(&identity(heard)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => lost.push(heard.clone()),
        }
    }
    lost
}

/// Misspelt blocks inside misspelt blocks.
const NESTED_MAX: usize = 5;

/// What is said of the same mistake in other words goes with the sentence that has the better place.
fn join_same_matter(findings: &mut Vec<Finding>) {
    let mut joined: Vec<Finding> = Vec::new();
    for finding in findings.drain(..) {
        match joined.last_mut() {
            Some(last) if is_same_matter(last, &finding) => last.take(finding),
            Some(last) if is_same_matter(&finding, last) => {
                let less = std::mem::replace(last, finding);
                last.take(less);
            }
            _ => joined.push(finding),
        }
    }
    *findings = joined;
}

/// The original says at the end that some interface is not there; which one was said before.
fn join_interfaces(findings: &mut Vec<Finding>) {
    let missing = |finding: &Finding| finding.code.name == "unknown-interface";
    let Some(last) = findings.iter().rposition(|finding| missing(finding) && finding.heard.at.is_none())
    else {
        return;
    };
    let first = findings.iter().position(|finding| missing(finding) && finding.heard.at.is_some());
    if let Some(first) = first.filter(|first| *first < last) {
        let again = findings.remove(last);
        if let Some(first) = findings.get_mut(first) {
            first.take(again);
        }
    }
}

/// Whether the second finding only repeats the first.
fn is_same_matter(first: &Finding, second: &Finding) -> bool {
    let line = |finding: &Finding| finding.heard.at.as_ref().map(|at| (at.file.clone(), at.line));
    if line(first).is_none() || line(first) != line(second) {
        return false;
    }
    let (one, other) = (&first.heard, &second.heard);
    let by_us = second.guessed && !first.guessed && first.code.severity >= Severity::Warning;
    by_us
        || match one.class {
            Class::Number => one.at == other.at && other.class == Class::General,
            Class::Deprecated => one.at == other.at && other.class == Class::Deprecated,
            Class::Quote => other.class == Class::Quote,
            _ if one.at == other.at && other.text.starts_with("VRRP parsed invalid IP") => true,
            _ => [&one.text, &other.text].iter().all(|text| text.starts_with("Unknown configuration entry")),
        }
}

/// Files in the order they were read, lines in theirs.
fn order(lines: &Lines, at: Option<&Span>) -> (usize, u32, usize) {
    let Some(at) = at else { return (usize::MAX, 0, 0) };
    let file = lines.files().iter().position(|file| file.name == at.file).unwrap_or(usize::MAX - 1);
    (file, at.line, at.column)
}
