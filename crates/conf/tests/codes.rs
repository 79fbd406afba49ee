//! Every code has a fixture that produces it, and every name used in the source has a row.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{FILE, Machine, Memory, conditions, configurations, files, run_on};
use keepalived_conf::{codes, read};

fn fixtures() -> Vec<PathBuf> {
    configurations(vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")])
}

/// Kinds that need a file of their own, or two.
fn special() -> Vec<Memory> {
    let one = |text: &[u8]| Memory::default().with(FILE, text);
    let long = format!("global_defs {{\n router_id {}\n}}\n", "x".repeat(1100));
    vec![
        Memory::default(),
        one(b"include /etc/keepalived/none.conf\n"),
        one(b"includer /etc/keepalived/none.conf\n"),
        one(b"include keepalived.conf\n"),
        one(long.as_bytes()),
        one(b"global_defs {\n router_id a\0b\n}\n"),
        one(b"~SEQ(A, 1, 400000) x$A\n"),
        one(b"~SEQ(A\n"),
        one(b"includer /etc/keepalived/a.exe\n").with("/etc/keepalived/a.exe", "router_id A\n"),
        one(b"$A=$A\n$A\n"),
    ]
}

#[test]
fn every_code_is_produced_by_a_fixture() {
    let mut produced = BTreeSet::new();
    let mut hear = |files: &Memory| {
        for host in [Machine::default(), Machine { script_user: true, ..Machine::default() }] {
            let lowered = run_on(files, &host);
            produced.extend(lowered.diagnostics.iter().map(|heard| codes::of(heard).number));
        }
    };
    let both = Memory::default().with("/etc/a.conf", "").with("/etc/b.conf", "");
    let several = read(&both, Path::new("/etc/*.conf"), &conditions()).diagnostics;
    for path in fixtures() {
        hear(&Memory::default().with(FILE, std::fs::read(&path).unwrap()));
    }
    special().iter().for_each(&mut hear);
    produced.extend(several.iter().map(|heard| codes::of(heard).number));
    let missing: Vec<_> = codes::all()
        // Judgements have fixtures of their own (tests/lint.rs).
        .filter(|code| code.severity != codes::Severity::Lint && !produced.contains(&code.number))
        .map(|code| format!("{code} {}", code.name))
        .collect();
    assert!(missing.is_empty(), "no fixture produces {missing:?}");
}

/// The names given in the source, `.coded("name")`.
#[test]
fn every_name_in_the_source_has_a_row() {
    let mut count = 0;
    for path in files(vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")], "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or("");
        for start in [".coded(\"", "code: \"", ".code = \""] {
            for name in text.split(start).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(codes::named(name).is_some(), "{}: {name} has no row", path.display());
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count}");
}
