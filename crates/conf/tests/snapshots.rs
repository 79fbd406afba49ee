//! What is said of the files in `tests/data`, line by line.
//!
//! Each `NAME.conf` stands next to `NAME.expected`; `UPDATE_EXPECT=1` writes the latter anew, for a human
//! to compare.

mod common;

use std::fmt::Write;
use std::path::Path;

use common::{FILE, Machine, Memory, run_on};
use keepalived_conf::{Class, Lowered, render, start_refusal, summary, test_status, unacted};

fn snapshot(lowered: &Lowered) -> String {
    let diagnostics = &lowered.diagnostics;
    let mut out = format!("-t exits {}", test_status(diagnostics));
    match start_refusal(diagnostics) {
        Some(status) => writeln!(out, ", start refused with {status}").unwrap(),
        None => writeln!(out, ", starts").unwrap(),
    }
    for summary in [summary(diagnostics), unacted::summary(diagnostics)].into_iter().flatten() {
        writeln!(out, "{summary}").unwrap();
    }
    for diagnostic in diagnostics {
        let mark = match (diagnostic.log_only, diagnostic.test_only) {
            (true, _) => "log ",
            (_, true) => "-t  ",
            _ if diagnostic.class == Class::NotYet => "yet ",
            _ if diagnostic.lenient => "~   ",
            _ => "    ",
        };
        writeln!(out, "{mark}{}", render::keepalived::line(diagnostic).replace(FILE, "F")).unwrap();
        for note in &diagnostic.notes {
            writeln!(out, "       = {note}").unwrap();
        }
    }
    out
}

#[test]
fn everything_said_of_a_file_is_as_expected() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        count += 1;
        let files = Memory::default().with(FILE, std::fs::read(&path).unwrap());
        let found = snapshot(&run_on(&files, &Machine::default()));
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(count >= 15 && wrong.is_empty(), "{}", wrong.join("\n"));
}
