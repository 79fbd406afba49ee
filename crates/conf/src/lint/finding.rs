//! What rules say, and how it joins what was said before.

use std::collections::BTreeSet;

use crate::diag::{Class, Diagnostic, HELP, Label, Pass};
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
    /// It is not worth mentioning where something was said of its line.
    yields: bool,
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
        self.found.push(Finding {
            diagnostic,
            echoes: Vec::new(),
            explains: self.rule.is_none(),
            yields: false,
        });
        Told(self.found.last_mut())
    }

    /// Joins what was found with what was said of the same; the rest is new.
    pub(super) fn join<S: AsMut<Diagnostic>>(self, said: &mut Vec<S>) -> Vec<Diagnostic> {
        let mut added = Vec::new();
        let mut explained = vec![false; said.len()];
        let mut dropped = BTreeSet::new();
        for Finding { diagnostic, echoes, explains, yields } in self.found {
            if yields && said.iter_mut().any(|other| Echo::Line.is(&diagnostic, other.as_mut())) {
                continue;
            }
            let alike = alike(&echoes, &diagnostic, said, &explained);
            // The line that `-t` shows is kept; the log's say nothing more.
            let kept = alike
                .iter()
                .copied()
                .min_by_key(|at| said.get_mut(*at).is_none_or(|other| other.as_mut().log_only));
            let Some(kept) = kept else {
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
                join(other.as_mut(), diagnostic);
            }
            dropped.extend(alike.into_iter().filter(|at| *at != kept));
        }
        let mut at = 0;
        said.retain(|_| {
            at += 1;
            !dropped.contains(&(at - 1))
        });
        added.sort_by(|a, b| (place(a), a.code).cmp(&(place(b), b.code)));
        once_per_place(added)
    }
}

/// What many instances share is found for each of them, and told once.
fn once_per_place(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut told: Vec<(Diagnostic, usize)> = Vec::new();
    for diagnostic in found {
        match told.last_mut() {
            Some((first, more))
                if first.at.is_some() && first.at == diagnostic.at && first.code == diagnostic.code =>
            {
                *more += 1;
            }
            _ => told.push((diagnostic, 0)),
        }
    }
    let note = |(diagnostic, more): (Diagnostic, usize)| match more {
        0 => diagnostic,
        more => {
            diagnostic.note(format!("the same is found {more} more time{}", if more == 1 { "" } else { "s" }))
        }
    };
    told.into_iter().map(note).collect()
}

/// Which of the original's lines say the same: of equal lines the first that is not explained yet.
fn alike<S: AsMut<Diagnostic>>(
    echoes: &[Echo],
    found: &Diagnostic,
    said: &mut [S],
    explained: &[bool],
) -> Vec<usize> {
    let mut alike: Vec<usize> = Vec::new();
    for echo in echoes {
        let open = said.iter_mut().enumerate().filter(|(at, _)| explained.get(*at) == Some(&false));
        let mut same = open.filter_map(|(at, other)| echo.is(found, other.as_mut()).then_some(at));
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
        self.edit(|finding| finding.diagnostic.notes.push(format!("{HELP}{help}")))
    }

    /// The original says the same in these words.
    pub(super) fn echoes(self, words: impl Into<String>) -> Self {
        self.edit(|finding| finding.echoes.push(Echo::Words(words.into())))
    }

    /// Whatever the original says of this line, it says because of this.
    pub(super) fn explains_line(self) -> Self {
        self.edit(|finding| finding.echoes.push(Echo::Line))
    }

    /// Where the original complains about the line already, nothing more is said.
    pub(super) fn yields(self) -> Self {
        self.edit(|finding| finding.yields = true)
    }
}
