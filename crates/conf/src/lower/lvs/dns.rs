//! `DNS_CHECK` (`spec` lvs 1.6).

use keepalived_model::check::Record;

use super::checker::{Draft, Kind, Owner};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::tree::Statement;

pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>, owner: &Owner<'_>) -> Option<Draft> {
    let mut record = Record::SOA;
    let mut name: Option<String> = None;
    let mut draft = Draft::new(Kind::Tcp);
    for inner in statement.block() {
        if draft.common(cx, inner, owner.ip) {
            continue;
        }
        let Some(word) = cx.word(inner, "") else { continue };
        let text = match (inner.row.name, Record::named(word)) {
            ("type", Some(known)) => {
                record = known;
                continue;
            }
            ("type", None) => format!("Unknown DNS check type {word} - ignoring"),
            _ if name.is_some() => "DNS_CHECK name already specified - ignoring".to_owned(),
            _ if has_empty_label(word) => format!("DNS_CHECK name '{word}' has empty label - ignoring"),
            _ => {
                name = Some(word.trim_end_matches('.').to_owned());
                continue;
            }
        };
        cx.say(&cx.place(inner, 1), Class::General, text);
    }
    if !draft.connection.reaches(cx, statement, owner.ip) {
        return None;
    }
    draft.kind = Kind::Dns { record, name: name.unwrap_or_default() };
    Some(draft)
}

/// A dot alone is the root, and one at the end does not matter. (The original also refuses names whose first label
/// has one character, which are good names: `spec` lvs 10.)
fn has_empty_label(name: &str) -> bool {
    name != "." && name.strip_suffix('.').unwrap_or(name).split('.').any(str::is_empty)
}
