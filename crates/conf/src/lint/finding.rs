//! What rules say, and how it joins what was said before.

use std::collections::BTreeSet;

use crate::diag::{Class, Diagnostic, Label, Pass};
use crate::lines::Span;

/// Everything the rules have found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// Name of the rule at work; none for what only explains.
    rule: Option<&'static str>,
    found: Vec<Finding>,
}

/// One thing a rule found, and which words of the original mean the same.
#[derive(Debug)]
pub(super) struct Finding {
    diagnostic: Diagnostic,
    echoes: Vec<Echo>,
    /// It only explains what was said.
    explains: bool,
}

/// How the original says the same thing.
#[derive(Debug)]
enum Echo {
    /// In these words.
    Words(String),
    /// With a complaint about this line.
    Line,
}

impl Findings {
    /// What is said from now on is this rule's.
    pub(super) fn begin(&mut self, rule: &'static str) {
        self.rule = Some(rule);
    }

    /// What is said from now on counts where the original said the same, and nowhere else.
    pub(super) fn explain_only(&mut self) {
        self.rule = None;
    }

    /// Adds a finding: where, and what is wrong in one sentence.
    pub(super) fn say(&mut self, at: Option<Span>, text: impl Into<String>) -> Told<'_> {
        let diagnostic =
            Diagnostic::new(Class::Note, Pass::Parent, at, text).coded(self.rule.unwrap_or("warning"));
        self.found.push(Finding { diagnostic, echoes: Vec::new(), explains: self.rule.is_none() });
        Told(self.found.last_mut())
    }

    /// One list of everything, nothing twice.
    pub(super) fn merge(self, mut said: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut added = Vec::new();
        let mut explained = vec![false; said.len()];
        let mut dropped = BTreeSet::new();
        for Finding { diagnostic, echoes, explains } in self.found {
            let alike = alike(&echoes, &diagnostic, &said, &explained);
            // The line that `-t` shows is kept; the log's say nothing more.
            let shown = |at: &usize| said.get(*at).is_none_or(|other| other.log_only);
            let Some(kept) = alike.iter().copied().min_by_key(shown) else {
                if !explains {
                    added.push(diagnostic);
                }
                continue;
            };
            for at in &alike {
                if let Some(explained) = explained.get_mut(*at) {
                    *explained = true;
                }
            }
            if let Some(other) = said.get_mut(kept) {
                join(other, diagnostic);
            }
            dropped.extend(alike.into_iter().filter(|at| *at != kept));
        }
        added.sort_by(|a, b| place(a).cmp(&place(b)));
        let kept = said.into_iter().enumerate().filter(|(at, _)| !dropped.contains(at)).map(|(_, said)| said);
        kept.chain(added).collect()
    }
}

/// Which of the original's lines say the same: of equal lines the first that is not explained yet.
fn alike(echoes: &[Echo], found: &Diagnostic, said: &[Diagnostic], explained: &[bool]) -> Vec<usize> {
    let mut alike: Vec<usize> = Vec::new();
    for echo in echoes {
        let open = said.iter().enumerate().filter(|(at, _)| explained.get(*at) == Some(&false));
        let mut same = open.filter(|(_, other)| echo.is(found, other)).map(|(at, _)| at);
        match echo {
            Echo::Words(_) => alike.extend(same.next()),
            Echo::Line => alike.extend(same),
        }
    }
    alike.sort_unstable();
    alike.dedup();
    alike
}

fn place(diagnostic: &Diagnostic) -> Option<(&str, u32, usize)> {
    diagnostic.at.as_ref().map(|at| (&*at.file, at.line, at.column))
}

/// The original's sentence with our place, reason and fix.
fn join(said: &mut Diagnostic, found: Diagnostic) {
    said.at = found.at.or(said.at.take());
    said.notes = std::iter::once(found.text).chain(found.notes).collect();
    said.consequence = found.consequence.or(said.consequence.take());
    said.labels.extend(found.labels);
    said.suggestion = found.suggestion.or(said.suggestion.take());
    said.log_only = false;
}

impl Echo {
    fn is(&self, found: &Diagnostic, said: &Diagnostic) -> bool {
        match self {
            Self::Words(words) => said.text == *words,
            Self::Line => match (&found.at, &said.at) {
                (Some(found), Some(said)) => found.file == said.file && found.line == said.line,
                _ => false,
            },
        }
    }
}

/// A finding that was just added.
pub(super) struct Told<'a>(Option<&'a mut Finding>);

impl Told<'_> {
    fn edit(mut self, edit: impl FnOnce(&mut Finding)) -> Self {
        if let Some(finding) = self.0.as_deref_mut() {
            edit(finding);
        }
        self
    }

    /// What the daemon does.
    pub(super) fn so(self, consequence: impl Into<String>) -> Self {
        self.edit(|finding| finding.diagnostic.consequence = Some(consequence.into()))
    }

    /// Another place that has to do with it.
    pub(super) fn label(self, at: Option<Span>, text: impl Into<String>) -> Self {
        self.edit(|finding| finding.diagnostic.labels.extend(at.map(|at| Label { at, text: text.into() })))
    }

    /// What to do.
    pub(super) fn help(self, help: impl std::fmt::Display) -> Self {
        self.edit(|finding| finding.diagnostic.notes.push(format!("help: {help}")))
    }

    /// The original says the same in these words.
    pub(super) fn echoes(self, words: impl Into<String>) -> Self {
        self.edit(|finding| finding.echoes.push(Echo::Words(words.into())))
    }

    /// Whatever the original says of this line, it says because of this.
    pub(super) fn explains_line(self) -> Self {
        self.edit(|finding| finding.echoes.push(Echo::Line))
    }
}
