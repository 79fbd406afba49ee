//! Our own form: place, sentence, the line, a caret under the word, notes.
//!
//! ```text
//! keepalived.conf:3:5: Unknown keyword 'priorty'
//!   |
//! 3 |     priorty 100
//!   |     ^^^^^^^
//!   = did you mean 'priority'?
//! ```

use std::fmt::Write;

use crate::diag::Diagnostic;
use crate::lines::Span;

/// All lines of one diagnostic, each with its line end.
pub fn text(diagnostic: &Diagnostic) -> String {
    let mut out = String::new();
    let margin = diagnostic.at.as_ref().map_or(1, |at| at.line.to_string().len());
    match &diagnostic.at {
        Some(at) => {
            push(&mut out, format_args!("{}:{}:{}: {}", at.file, at.line, at.column, diagnostic.text));
            quote(&mut out, at, margin);
        }
        None => push(&mut out, format_args!("{}", diagnostic.text)),
    }
    for note in &diagnostic.notes {
        push(&mut out, format_args!("{:margin$} = {note}", ""));
    }
    if let Some(name) = diagnostic.at.as_ref().and_then(|at| at.through.as_ref()) {
        push(&mut out, format_args!("{:margin$} = through ${name}", ""));
    }
    crate::text::shown(&out)
}

fn quote(out: &mut String, at: &Span, margin: usize) {
    let visible: String =
        at.quoted.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
    // Tabs stay tabs under tabs, so that the caret stands where the word does.
    let indent: String = visible
        .chars()
        .take(at.column.saturating_sub(1))
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let rest = visible.chars().count().saturating_sub(at.column.saturating_sub(1)).max(1);
    push(out, format_args!("{:margin$} |", ""));
    push(out, format_args!("{} | {visible}", at.line));
    push(out, format_args!("{:margin$} | {indent}{}", "", "^".repeat(at.length.min(rest))));
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{line}");
}
