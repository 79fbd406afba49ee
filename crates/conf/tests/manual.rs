//! `docs/man/keepalived.conf.5` is its frame with what the keyword tables say. `UPDATE_EXPECT=1 cargo test` writes
//! it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use keepalived_conf::schema::{Keyword, Number, Status, TABLES, Table, Takes};

/// What roff would take for its own.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('"', "\\(dq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

/// Arguments: what is written in capitals stands for something.
fn arguments(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive([' ', '[', ']', '|', '/', ':', ',']) {
        let letters = piece.trim_end_matches([' ', '[', ']', '|', '/', ':', ',']);
        let stands_for = letters.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && letters.chars().filter(char::is_ascii_uppercase).count() > 1
            && ![
                "MASTER", "BACKUP", "PASS", "AH", "MTU", "ADVERT", "VS", "TCP", "UDP", "SCTP", "NAT", "DR",
                "TUN",
            ]
            .contains(&letters);
        let (font, rest) = (if stands_for { "I" } else { "B" }, piece.strip_prefix(letters).unwrap_or(""));
        if letters.is_empty() {
            out += &roff(piece);
        } else {
            write!(out, "\\f{font}{}\\fR{}", roff(letters), roff(rest)).unwrap();
        }
    }
    out
}

fn syntax(row: &Keyword) -> String {
    let values = match row.takes {
        _ if !row.args.is_empty() => arguments(row.args),
        Takes::Nothing => String::new(),
        Takes::Bool { .. } => arguments("[BOOL]"),
        Takes::Integer(_) => arguments("NUMBER"),
        Takes::Decimal { .. } => arguments("SECONDS"),
        Takes::Words(_) => arguments("WORD"),
        Takes::Command(_) => arguments("COMMAND [USER [[:]GROUP]]"),
        Takes::Values | Takes::NamedValues | Takes::Block(..) => String::new(),
    };
    let body = matches!(row.takes, Takes::Values | Takes::NamedValues | Takes::Block(..));
    let mut line = format!("\\fB{}\\fR", roff(row.name));
    for part in [values.as_str(), if body { "{ ... }" } else { "" }] {
        if !part.is_empty() {
            line += " ";
            line += part;
        }
    }
    line
}

/// A bound of a range that counts units of the last of so many decimals.
fn bound(value: i64, places: u32) -> String {
    let unit = 10_i64.pow(places);
    let fraction = format!("{:0width$}", (value % unit).abs(), width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        digits => format!("{}.{digits}", value / unit),
    }
}

fn description(row: &Keyword) -> String {
    let mut text = roff(row.doc);
    let mut range = |number: Number, places| {
        let (min, max) = (bound(number.range.min, places), bound(number.range.max, places));
        write!(text, "\nFrom {} to {}.", roff(&min), roff(&max)).unwrap();
    };
    match row.takes {
        Takes::Integer(number) => range(number, 0),
        Takes::Decimal { places, number } => range(number, places),
        _ => {}
    }
    if !row.default.is_empty() {
        write!(text, "\nDefault: {}.", roff(row.default)).unwrap();
    }
    if !row.was.is_empty() {
        let old: Vec<String> = row.was.iter().map(|name| format!("\\fB{}\\fR", roff(name))).collect();
        write!(text, "\nFormerly {}.", old.join(", ")).unwrap();
    }
    match row.status {
        Status::Works => {}
        Status::AcceptedAndIgnored => text += "\nAccepted; nothing needs to be done about it here.",
        Status::NotYet => text += "\nRead and checked, not acted upon yet.",
    }
    text
}

/// Where the blocks of a table stand.
fn places(table: &Table) -> Vec<&'static str> {
    let inside = |other: &&&Table| {
        let row = |row: &Keyword| matches!(row.takes, Takes::Block(inner, _) if std::ptr::eq(inner, table));
        other.keywords.iter().any(row)
    };
    TABLES.iter().filter(inside).map(|table| table.block).collect()
}

fn keywords() -> String {
    let mut text = String::new();
    // Checkers share most of their words: they are described once.
    let mut told: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for table in TABLES {
        match (table.block, places(table).as_slice()) {
            ("", _) => writeln!(text, ".SS Outside blocks").unwrap(),
            (block, [] | [""]) => writeln!(text, ".SS {}", roff(block)).unwrap(),
            (block, above) => writeln!(text, ".SS {} (in {})", roff(block), roff(&above.join(", "))).unwrap(),
        }
        let mut as_there: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in table.keywords {
            let words = format!("{}\n{}", syntax(row), description(row));
            let there = *told.entry((row.name, words.clone())).or_insert(table.block);
            if there == table.block {
                writeln!(text, ".TP\n{words}").unwrap();
            } else {
                as_there.entry(there).or_default().push(row.name);
            }
        }
        for (there, names) in as_there {
            let names: Vec<String> = names.iter().map(|name| format!("\\fB{}\\fR", roff(name))).collect();
            writeln!(text, ".PP\nAs in \\fB{}\\fR: {}.", roff(there), names.join(", ")).unwrap();
        }
    }
    text
}

#[test]
fn the_manual_page_says_what_the_tables_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man");
    let frame = std::fs::read_to_string(root.join("keepalived.conf.5.in")).unwrap();
    // The comment at its top is about the frame alone.
    let frame: String = frame.split_inclusive('\n').skip_while(|line| line.starts_with(".\\\"")).collect();
    let page = frame.replace("@VERSION@", env!("CARGO_PKG_VERSION")).replace("@KEYWORDS@\n", &keywords());
    let path = root.join("keepalived.conf.5");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "stale: run UPDATE_EXPECT=1 cargo test -p keepalived-conf --test manual");
}

#[test]
fn every_line_of_the_manual_page_is_text_or_a_request_that_is_used_on_purpose() {
    let page = keywords();
    for line in page.lines() {
        let request = line.strip_prefix('.').map(|rest| rest.split(' ').next().unwrap_or(""));
        assert!(request.is_none_or(|request| ["SS", "TP", "PP"].contains(&request)), "{line}");
        assert!(!line.starts_with('\''), "{line}");
    }
}
