//! The original's lines, byte for byte (`spec` config 0.2).

use crate::diag::{Class, Diagnostic, Pass};

/// One line without its line end: the place as the original writes it, then the sentence.
///
/// The parent's pass leaves the file out while it reads the main file.
pub fn line(diagnostic: &Diagnostic) -> String {
    placed(diagnostic, "")
}

fn placed(diagnostic: &Diagnostic, before: &str) -> String {
    let text = crate::text::shown(&diagnostic.text);
    match &diagnostic.at {
        None => format!("{before}{text}"),
        Some(at) if diagnostic.pass == Pass::Parent && !at.named => {
            format!("(Line {}) {before}{text}", at.line)
        }
        Some(at) => format!("({}: Line {}) {before}{text}", at.file, at.line),
    }
}

/// What `-t` prints, in order. What is not acted upon yet the original does act upon, and says nothing.
pub fn test(diagnostics: &[Diagnostic]) -> impl Iterator<Item = String> + '_ {
    diagnostics.iter().filter(|d| !d.log_only && d.class != Class::NotYet).map(line)
}

/// What the process of this pass logs, in order. A word nobody knows is followed by what may have been meant
/// (D7); `-t` keeps to the original's lines.
pub fn log(diagnostics: &[Diagnostic], pass: Pass) -> impl Iterator<Item = String> + '_ {
    let mark = |d: &Diagnostic| placed(d, if d.lenient { "WARNING - " } else { "" });
    let meant = |d: &'_ Diagnostic| -> Vec<String> {
        let notes = if d.class == Class::UnknownKeyword { d.notes.as_slice() } else { &[] };
        notes.iter().map(|note| line(&Diagnostic { text: note.clone(), ..d.clone() })).collect()
    };
    let heard =
        diagnostics.iter().filter(move |d| !d.test_only && d.class != Class::NotYet && d.pass == pass);
    heard.flat_map(move |d| std::iter::once(mark(d)).chain(meant(d)))
}
