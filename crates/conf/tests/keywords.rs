//! `docs/compat/keywords.md` is what the keyword tables say. `UPDATE_EXPECT=1 cargo test` writes it anew.

use std::fmt::Write;
use std::path::Path;

use keepalived_conf::schema::{GRAMMARS, Keyword, Status, TABLES};

const HEAD: &str = "# Keywords

Every keyword of keepalived 2.4.3. Written from the keyword tables by a test (`crates/conf/tests/keywords.rs`); do not
edit.

\"works\" means that it does what it says. \"accepted\" means that it is checked and nothing needs to be done about it
here. \"not yet\" means that it is understood and not acted upon; the log of a start sums up what is meant by it in one
line, and `keepalived check` names every place.
";

fn status(row: &Keyword) -> &'static str {
    word(row.status)
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Works => "works",
        Status::AcceptedAndIgnored => "accepted",
        Status::NotYet => "not yet",
    }
}

fn document() -> String {
    let rows = || TABLES.iter().flat_map(|table| table.keywords);
    let count = |status: Status| rows().filter(|row| row.status == status).count();
    let mut text = HEAD.to_owned();
    let (works, accepted, later) =
        (count(Status::Works), count(Status::AcceptedAndIgnored), count(Status::NotYet));
    writeln!(text, "\n{works} work, {accepted} are accepted, {later} are not there yet.").unwrap();
    for table in TABLES {
        let title = if table.block.is_empty() { "outside blocks" } else { table.block };
        let here = |status: Status| table.keywords.iter().filter(|row| row.status == status).count();
        writeln!(text, "\n## {title}\n").unwrap();
        writeln!(
            text,
            "{} of {} work, {} accepted, {} not yet.\n\n| keyword | | what it is |\n| --- | --- | --- |",
            here(Status::Works),
            table.keywords.len(),
            here(Status::AcceptedAndIgnored),
            here(Status::NotYet)
        )
        .unwrap();
        for row in table.keywords {
            let names: Vec<String> =
                [row.name].iter().chain(row.was).map(|name| format!("`{name}`")).collect();
            writeln!(text, "| {} | {} | {} |", names.join(", "), status(row), row.doc).unwrap();
        }
    }
    for grammar in GRAMMARS {
        writeln!(
            text,
            "\n## words of {} lines\n\n| word | | what it is |\n| --- | --- | --- |",
            grammar.line
        )
        .unwrap();
        for row in grammar.words {
            let names: Vec<String> =
                [row.name].iter().chain(row.was).map(|name| format!("`{name}`")).collect();
            let args = row.args.replace('|', "\\|");
            let (names, status) = (names.join(", "), word(row.status));
            writeln!(text, "| {} | {status} | {} |", format!("{names} {args}").trim(), row.doc).unwrap();
        }
    }
    text
}

#[test]
fn the_document_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compat/keywords.md");
    let document = document();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document, "stale: run UPDATE_EXPECT=1 cargo test -p keepalived-conf --test keywords");
}
