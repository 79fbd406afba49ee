//! What an operator should hear about a configuration.
//!
//! A diagnostic is a value; its text is the original's sentence without the place. Renderers add the place
//! ([`crate::render`]).

use std::sync::Arc;

use crate::lines::Span;
use crate::unacted::Unacted;

/// What notes that say what to do begin with.
pub const HELP: &str = "help: ";

/// One thing to say about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of its row in [`crate::codes`], or that of its class.
    pub code: &'static str,
    /// How bad it is for `-t`.
    pub class: Class,
    /// Which process logs it.
    pub pass: Pass,
    /// Where; none for judgements over the whole file.
    pub at: Option<Span>,
    /// The original's sentence.
    pub text: String,
    /// What the daemon does about it, where the row of its code does not say it or says it too generally.
    pub consequence: Option<String>,
    /// What the original does not say, one sentence each.
    pub notes: Vec<String>,
    /// Other places that have to do with it.
    pub labels: Vec<Label>,
    /// What was probably meant.
    pub suggestion: Option<Suggestion>,
    /// A plain log line of the daemon, not shown under `-t` (`spec` config 0.2).
    pub log_only: bool,
    /// Shown under `-t` only: the daemon reads the same text more leniently (`spec` config 1.6).
    pub test_only: bool,
    /// The daemon's log puts `WARNING - ` before it (`spec` config 1.6).
    pub lenient: bool,
    /// The daemon refuses to start with this exit status.
    pub stops: Option<u8>,
    /// For those of class [`Class::NotYet`]: what it is that is not acted upon.
    pub unacted: Option<Unacted>,
}

impl Diagnostic {
    /// A diagnostic without notes that everybody hears and nobody dies of.
    pub fn new(class: Class, pass: Pass, at: Option<Span>, text: impl Into<String>) -> Self {
        Self {
            code: class.code(),
            class,
            pass,
            at,
            text: text.into(),
            consequence: None,
            notes: Vec::new(),
            labels: Vec::new(),
            suggestion: None,
            log_only: false,
            test_only: false,
            lenient: false,
            stops: None,
            unacted: None,
        }
    }

    /// With another name than its class has.
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// With one more note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With what the daemon does about it.
    pub fn so(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = Some(consequence.into());
        self
    }

    /// With another place that has to do with it.
    pub fn label(mut self, at: Option<Span>, text: impl Into<String>) -> Self {
        self.labels.extend(at.map(|at| Label { at, text: text.into() }));
        self
    }

    /// With what may have been meant instead of the text it points at.
    pub fn suggest(mut self, with: impl Into<String>) -> Self {
        self.suggestion = self.at.clone().map(|replace| Suggestion { replace, with: with.into() });
        self
    }

    /// For the daemon's log alone.
    pub fn log_only(mut self) -> Self {
        self.log_only = true;
        self
    }

    /// Such that the daemon does not start.
    pub fn stops(mut self, status: u8) -> Self {
        self.stops = Some(status);
        self
    }
}

impl AsMut<Self> for Diagnostic {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// A second place of a diagnostic, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub at: Span,
    /// What is there, such as "the block opened here".
    pub text: String,
}

/// Another text for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to replace; a length of 0 inserts.
    pub replace: Span,
    /// By what.
    pub with: String,
}

/// Severity as the original's `-t` judges it (`spec` config 0.3), lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Understood, but this version cannot do it yet. Ours; neither shown under `-t` nor logged one by one
    /// ([`crate::unacted`]).
    NotYet,
    /// Worth knowing, and no reason for another exit status. Ours.
    Note,
    /// A plain `include` found nothing.
    FileNotFound,
    /// An interface that only gets reported.
    BadInterface,
    /// The process cannot run with it.
    Fatal,
    /// `-f` matched several files.
    MultipleFiles,
    /// A word that is no keyword where it stands.
    UnknownKeyword,
    /// Braces that do not pair.
    Brace,
    /// Quotes that do not pair.
    Quote,
    /// A value is missing and the keyword is ignored.
    Missing,
    /// A number that is none, or out of range.
    Number,
    /// Anything else that is wrong.
    General,
    /// Legal, and probably not what was meant.
    Warning,
    /// An old spelling.
    Deprecated,
    /// Script security.
    Security,
    /// A word is missing where the original ends the process (kind F).
    MissingWord,
    /// A file that must be there is not.
    Include,
}

impl Class {
    /// The name machines see unless a diagnostic has a better one.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotYet => "not-supported-yet",
            Self::Note | Self::Warning => "warning",
            Self::FileNotFound => "file-not-found",
            Self::BadInterface => "unknown-interface",
            Self::Fatal => "cannot-start",
            Self::MultipleFiles => "multiple-files",
            Self::UnknownKeyword => "unknown-keyword",
            Self::Brace => "brace",
            Self::Quote => "quote",
            Self::Missing => "missing-value",
            Self::Number => "number",
            Self::General => "invalid",
            Self::Deprecated => "deprecated",
            Self::Security => "script-security",
            Self::MissingWord => "missing-word",
            Self::Include => "include",
        }
    }

    /// Exit status of `-t` when this is the worst class (`spec` config 0.3).
    fn status(self) -> u8 {
        match self {
            Self::NotYet | Self::Note | Self::FileNotFound => 0,
            Self::BadInterface | Self::Fatal => 4,
            Self::MultipleFiles
            | Self::UnknownKeyword
            | Self::Brace
            | Self::Quote
            | Self::Missing
            | Self::Number
            | Self::General
            | Self::Warning
            | Self::Deprecated => 5,
            Self::Security | Self::Include => 6,
            Self::MissingWord => 2,
        }
    }
}

/// The process that owns the block a diagnostic is about, and so logs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// The supervisor: `global_defs`, root keywords, structure.
    Parent,
    /// The vrrp engine.
    Vrrp,
    /// The checkers.
    Checker,
    /// The bfd engine.
    Bfd,
}

/// Exit status of `-t`: the worst class decides (`spec` config 0.3 with D9 and D13: a missing file is 6, a
/// missing word 2 without ending the parse).
pub fn test_status(diagnostics: &[Diagnostic]) -> u8 {
    diagnostics.iter().filter(|d| !d.log_only).map(|d| d.class).max().map_or(0, Class::status)
}

/// The exit status with which the daemon refuses to start, if it does.
pub fn start_refusal(diagnostics: &[Diagnostic]) -> Option<u8> {
    diagnostics.iter().filter_map(|d| d.stops).max()
}

/// One line for the log of the start that sums up what was ignored (D7); none when nothing was.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let ignored = diagnostics
        .iter()
        .filter(|d| !d.log_only && !d.test_only)
        .filter(|d| {
            let harmless = [Class::Security, Class::Deprecated, Class::Warning, Class::Note, Class::NotYet];
            !harmless.contains(&d.class)
        })
        .filter_map(|d| d.at.as_ref().map(|at| (Arc::clone(&at.file), at.line)))
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    match ignored {
        0 => None,
        1 => Some("1 directive ignored, run keepalived -t for details".into()),
        n => Some(format!("{n} directives ignored, run keepalived -t for details")),
    }
}
