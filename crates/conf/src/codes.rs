//! Every kind of complaint there is, one row each: a number that never changes, a name, a severity, and what an
//! operator should know about it.
//!
//! A diagnostic finds its row by the name it was given ([`Diagnostic::coded`]), else by the original's sentence,
//! else by its class. So a sentence of the original gets an explanation of its own with a row here and nothing
//! anywhere else, and an operator who has only a line of a log finds the same row ([`find`]).
//!
//! Numbers: `KA00xx` files, `KA01xx` words and braces, `KA02xx` values, `KA03xx` instances and groups, `KA04xx`
//! scripts and users, `KA05xx` virtual servers, `KA09xx` this version; `KA1xxx` judgements (lint). A number that
//! was given is never given to something else.

mod files;
mod instances;
mod lines;
mod scripts;
mod servers;
mod structure;
mod values;

use std::fmt;

use crate::diag::Diagnostic;

/// One kind of complaint.
#[derive(Debug)]
pub struct Code {
    /// What stands behind `KA`.
    pub number: u16,
    /// The name machines use, such as `unknown-keyword`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// Sentences of the original that are of this kind; `{}` stands for anything. Empty where diagnostics are
    /// named.
    pub says: &'static [&'static str],
    /// Why anybody should care.
    pub why: &'static str,
    /// What the daemon does about it; empty where that differs from case to case.
    pub does: &'static str,
    /// How to get rid of it.
    pub fix: &'static str,
    /// Lines that are right, or the wrong ones beside the right ones.
    pub example: &'static str,
}

/// How bad a complaint is, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Legal, works as written, and is probably not what was meant: a judgement of ours.
    Lint,
    /// Something works in another way than written, or only just.
    Warning,
    /// Something that was written has no effect, or nothing starts.
    Error,
}

impl Severity {
    /// The word for people and machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Lint => "lint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KA{:04}", self.number)
    }
}

/// All tables, by number.
const TABLES: &[&[Code]] = &[
    files::CODES,
    structure::CODES,
    values::CODES,
    lines::CODES,
    instances::CODES,
    scripts::CODES,
    servers::CODES,
];

/// All rows, by number.
pub fn all() -> impl Iterator<Item = &'static Code> {
    TABLES.iter().flat_map(|table| table.iter()).chain(crate::lint::codes())
}

/// The row with this name.
pub fn named(name: &str) -> Option<&'static Code> {
    all().find(|code| code.name == name)
}

/// The row somebody asks for: by number (`KA0101`, `0101`), by name, or with a line of a log.
pub fn find(asked: &str) -> Option<&'static Code> {
    let asked = asked.trim();
    let digits = asked.strip_prefix("KA").or_else(|| asked.strip_prefix("ka")).unwrap_or(asked);
    let number = digits.parse().ok().filter(|_| digits.len() == 4);
    let numbered = number.and_then(|number: u16| all().find(|code| code.number == number));
    let logged = || all().find(|code| code.says.iter().any(|said| contains(asked, said)));
    numbered.or_else(|| named(asked)).or_else(logged)
}

/// The row of a diagnostic.
pub fn of(diagnostic: &Diagnostic) -> &'static Code {
    let general = diagnostic.class.code();
    if diagnostic.code != general
        && let Some(code) = named(diagnostic.code)
    {
        return code;
    }
    let said = all().find(|code| code.says.iter().any(|said| matches(&diagnostic.text, said)));
    let general = if diagnostic.stops.is_some() && general == "invalid" { "cannot-start" } else { general };
    said.or_else(|| named(general)).unwrap_or(&files::UNNAMED)
}

/// Whether the text is the sentence, where `{}` stands for anything.
fn matches(text: &str, sentence: &str) -> bool {
    let mut parts = sentence.split("{}");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or("");
        last = Some(part);
    }
    // A sentence that ends in a placeholder takes the rest along; another one has to end where the text does.
    rest.is_empty() || last.is_some_and(|part| part.is_empty() || text.ends_with(part))
}

/// Whether the sentence stands anywhere in a line of a log.
fn contains(line: &str, sentence: &str) -> bool {
    let solid = sentence.split("{}").map(str::trim).filter(|part| part.len() > 3);
    let mut rest = line;
    let mut any = false;
    for part in solid {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or("");
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Class, Pass};
    use std::collections::BTreeSet;

    const CLASSES: &[Class] = &[
        Class::NotYet,
        Class::Note,
        Class::FileNotFound,
        Class::BadInterface,
        Class::Fatal,
        Class::MultipleFiles,
        Class::UnknownKeyword,
        Class::Brace,
        Class::Quote,
        Class::Missing,
        Class::Number,
        Class::General,
        Class::Warning,
        Class::Deprecated,
        Class::Security,
        Class::MissingWord,
        Class::Include,
    ];

    #[test]
    fn numbers_ascend_names_are_unique_and_every_row_speaks() {
        let mut names = BTreeSet::new();
        let mut before = 0;
        for code in all() {
            assert!(code.number > before, "{code} does not come after KA{before:04}");
            before = code.number;
            assert!(names.insert(code.name), "{} twice", code.name);
            assert!(code.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!((1000..2000).contains(&code.number), code.severity == Severity::Lint, "{code}");
            for (what, text) in [("why", code.why), ("fix", code.fix)] {
                assert!(text.ends_with('.') && text.len() > 10, "{code} {what}: {text:?}");
            }
            assert!(code.does.is_empty() || code.does.ends_with('.'), "{code}: {:?}", code.does);
            assert!(!code.title.ends_with('.') && !code.title.is_empty(), "{code}");
        }
    }

    #[test]
    fn every_class_has_a_row() {
        for class in CLASSES {
            assert!(named(class.code()).is_some(), "{class:?}");
        }
    }

    #[test]
    fn a_diagnostic_finds_its_row_by_name_by_sentence_and_by_class() {
        let heard = |text: &str| Diagnostic::new(Class::General, Pass::Vrrp, None, text);
        assert_eq!(of(&heard("anything").coded("script-not-found")).name, "script-not-found");
        assert_eq!(of(&heard("(VI_1) unknown state 'X', defaulting to BACKUP")).name, "unknown-state");
        assert_eq!(of(&heard("something new")).name, "invalid");
        assert_eq!(of(&heard("something new").coded("nobody-knows-this")).name, "invalid");
    }

    #[test]
    fn sentences_match_as_a_whole() {
        let table = [
            ("a {} c", "a b c", true),
            ("a {} c", "a b c d", false),
            ("a {} c", "a c c", true),
            ("({}) x", "(V) x", true),
            ("({}) x", "(V) xy", false),
            ("x {}", "x anything at all", true),
            ("x", "x", true),
            ("x", "xx", false),
        ];
        for (sentence, text, expected) in table {
            assert_eq!(matches(text, sentence), expected, "{sentence} | {text}");
        }
    }

    #[test]
    fn a_row_is_found_by_what_people_have_at_hand() {
        for asked in ["KA0101", "ka0101", "0101", "unknown-keyword", "(Line 3) Unknown keyword 'priorty'"] {
            assert_eq!(find(asked).map(|code| code.number), Some(101), "{asked}");
        }
        assert!(find("KA9999").is_none() && find("").is_none());
        let line = "Nov 3 12:00:01 lb1 Keepalived_vrrp[812]: (V) Truncating auth_pass to 8 characters";
        assert_eq!(find(line).map(|code| code.name), Some("password-truncated"));
    }
}
