//! The findings for machines; the schema is described in `docs/guide/check-json.md`.

use keepalived_conf::check::Finding;
use keepalived_conf::render::screen;
use keepalived_conf::{Diagnostic, Origins, Severity, Span, text};
use serde_json::{Value, json};

use super::Checked;
use crate::compat::defaults;

/// Grows when a field changes its meaning or goes away; new fields do not count.
const VERSION: u32 = 1;

/// One document for all files.
pub fn document(checked: &[Checked]) -> String {
    let files: Vec<Value> = checked.iter().map(file).collect();
    let document = json!({ "version": VERSION, "program": defaults::VERSION_LINE, "files": files });
    format!("{document:#}\n")
}

fn file(checked: &Checked) -> Value {
    let report = &checked.report;
    let origins = &checked.sourced.origins;
    let findings: Vec<Value> = report.findings.iter().map(|one| finding(one, origins)).collect();
    json!({
        "file": checked.name,
        "starts": report.starts,
        "unseen": checked.unseen.as_deref().map(shown),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "lints": report.count(Severity::Lint),
        "notes": report.count(Severity::Note),
        "findings": findings,
    })
}

fn finding(finding: &Finding, origins: &Origins) -> Value {
    let heard = &finding.heard;
    let labels: Vec<Value> = heard
        .labels
        .iter()
        .map(|label| json!({ "at": span(&label.at), "text": shown(&label.text) }))
        .collect();
    let suggestion = heard
        .suggestion
        .as_ref()
        .map(|suggestion| json!({ "replace": span(&suggestion.replace), "with": shown(&suggestion.with) }));
    let follows: Vec<Value> = finding.follows.iter().map(consequence).collect();
    let notes: Vec<String> = heard.notes.iter().map(|note| shown(note)).collect();
    json!({
        "code": finding.code.to_string(),
        "name": finding.code.name,
        "severity": finding.severity.word(),
        "message": shown(&heard.text),
        "at": heard.at.as_ref().map(span),
        "included": heard.at.as_ref().map_or(Vec::new(), |at| origins.includers(&at.file).into_iter().map(span).collect()),
        "definition": heard.at.as_ref().and_then(|at| definition(at, origins)),
        "effect": screen::effect(finding),
        "fix": finding.code.fix,
        "notes": notes,
        "labels": labels,
        "suggestion": suggestion,
        "stops": heard.stops.is_some(),
        "hidden": finding.hidden,
        "follows": follows,
    })
}

fn definition(at: &Span, origins: &Origins) -> Option<Value> {
    let name = at.through.as_ref()?;
    Some(json!({ "name": shown(name), "at": origins.definition(name).map(span) }))
}

fn consequence(heard: &Diagnostic) -> Value {
    json!({
        "message": shown(&heard.text),
        "at": heard.at.as_ref().map(span),
        "stops": heard.stops.is_some(),
    })
}

/// Columns and lengths count characters.
fn span(at: &Span) -> Value {
    json!({ "file": shown(&at.file), "line": at.line, "column": at.column, "length": at.length })
}

fn shown(text: &str) -> String {
    text::shown(text)
}
