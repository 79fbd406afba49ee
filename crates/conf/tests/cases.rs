//! One statement at a time, and what is said of it.
//!
//! `tests/data/cases/BLOCK.txt` has a line `= STATEMENT` for each case (`\n` starts a new line of the
//! configuration, `\t` a tab), followed by what `-t` says. `UPDATE_EXPECT=1` writes the files anew, for a human to compare.
//! All cases were compared with 2.2.7 as far as it knows the keyword; where we differ on purpose is said in
//! `docs/compat`.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use common::{FILE, Machine, Memory, lines, run, run_on};
use keepalived_conf::{Lowered, schema, test_status};

fn file(block: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(format!("{block}.txt"))
}

fn cases(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("= "))
}

/// All cases of a file with what is said now. Headings name rows of the specification.
fn answers(text: &str, read: impl Fn(&str) -> Lowered) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let Some(case) = line.strip_prefix("= ") else {
            if line.starts_with("# ") {
                out.push_str(&format!("{line}\n"));
            }
            continue;
        };
        let lowered = read(&case.replace("\\n", "\n").replace("\\t", "\t"));
        out.push_str(&format!("= {case}\n"));
        let said = lines(&lowered.diagnostics);
        if !said.is_empty() {
            out.push_str(&format!("{}: ", test_status(&lowered.diagnostics)));
            out.push_str(&said.join("\n   "));
            out.push('\n');
        }
    }
    out
}

fn check(block: &str, read: impl Fn(&str) -> Lowered) {
    let path = file(block);
    let written = std::fs::read_to_string(&path).unwrap();
    let found = answers(&written, read);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &found).unwrap();
        return;
    }
    for (line, (was, is)) in written.lines().zip(found.lines()).enumerate() {
        assert_eq!(was, is, "{}:{}", path.display(), line + 1);
    }
    assert_eq!(written, found);
}

fn in_global_defs(text: &str) -> Lowered {
    run(format!("global_defs {{\nenable_script_security\nscript_user root\n{text}\n}}\n"))
}

#[test]
fn every_statement_of_global_defs_is_answered_as_expected() {
    check("global_defs", in_global_defs);
}

#[test]
fn every_root_keyword_of_the_parent_is_answered_as_expected() {
    check("root", |text| run(format!("{text}\n")));
}

/// `spec` config 1.
#[test]
fn every_lexical_rule_is_kept() {
    check("spec_lexical", |text| run(format!("{text}\n")));
}

/// `spec` config 2.2 to 2.4.
#[test]
fn every_rule_of_the_preprocessor_is_kept() {
    check("spec_preprocessor", |text| run(format!("{text}\n")));
}

/// `spec` config 2.1.
#[test]
fn every_form_of_include_does_what_it_says() {
    let directory = "/etc/keepalived/";
    let others = [
        ("a.inc", "bogus_a\n"),
        ("b.inc", "bogus_b\n"),
        ("d/c.inc", "include e.inc\nbogus_c\n"),
        ("d/e.inc", "bogus_e\n\"${_PWD}\"\n"),
        ("open.inc", "global_defs {\n"),
        ("close.inc", "}\n"),
        ("chk.inc", "global_defs {\n include_check match\n}\ninclude missing1\n"),
        ("def.inc", "$D=defined\n"),
        ("self.inc", "include self.inc\n"),
    ];
    check("spec_include", |text| {
        let mut files = Memory::default().with(FILE, format!("{text}\n"));
        for (name, text) in others {
            files = files.with(&format!("{directory}{name}"), text);
        }
        run_on(&files, &Machine::default())
    });
}

#[test]
fn every_row_of_global_defs_has_a_case() {
    let text = std::fs::read_to_string(file("global_defs")).unwrap();
    let known: BTreeSet<&str> = cases(&text).filter_map(|case| case.split([' ', '\\']).next()).collect();
    let rows = schema::GLOBAL_DEFS.keywords.iter();
    let names = rows.flat_map(|row| std::iter::once(&row.name).chain(row.was));
    let missing: Vec<_> = names.filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
