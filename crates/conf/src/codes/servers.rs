//! Virtual servers, and what this version is.

use super::{Code, Severity};

pub(super) const CODES: &[Code] = &[Code {
    number: 901,
    name: "not-supported-yet",
    severity: Severity::Note,
    title: "a keyword without effect in this version",
    says: &[],
    why: "keepalived-rs checks it and does not act on it yet. The original does.",
    does: "The line has no effect.",
    fix: "Stay with the original if your site rests on it, or leave the line for a later version.",
    example: "",
}];
