//! From files to lines: includes, conditions, definitions, repetition.

mod common;

use std::path::Path;

use common::{FILE, Machine, Memory, conditions, lines, run, run_on};
use keepalived_conf::{Conditions, Sourced, read, start_refusal, test_status};

/// The notification addresses a text comes to: a value block shows what became of lines.
fn values(text: &str) -> Vec<String> {
    let source = format!("vrrp_instance V {{\nvirtual_ipaddress {{\n{text}\n}}\n}}\n");
    let lowered = run(source);
    let refused = lowered.diagnostics.iter().filter_map(|d| {
        let rest = d.text.strip_prefix("VRRP parsed invalid IP ")?;
        rest.strip_suffix(". skipping IP...").map(str::to_owned)
    });
    refused.collect()
}

#[test]
fn conditions_keep_or_drop_a_line() {
    assert_eq!(values("@main a\n@other b\n@^main c\n@^other d\n@main\n@ x\ne"), ["a", "d", "e"]);
    assert_eq!(values("@main @main x"), ["@main"]);
    let dropped = run(
        "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { @other 10.0.0.9 }\n}\n",
    );
    assert!(lines(&dropped.diagnostics).contains(&"There are 1 missing '}'s or extra '{'s".to_owned()));
}

#[test]
fn definitions_are_replaced_where_they_are_used() {
    assert_eq!(values("$A=x\n$A\n${A}y\n$A.b\n\"$A\"\n$B"), ["x", "xy", "$A.b", "$A", "$B"]);
    assert_eq!(values("$A=$B\n$B=late\n$A"), ["late"]);
    assert_eq!(values("$A=\n$A\n${A}z"), ["z"]);
    assert_eq!(values("${_INSTANCE}\n\"${_HASH}q\"\nx${_HASH}y"), ["main", "#q", "x"]);
    assert_eq!(values("$M= \\\n a \\\n @other b \\\n c\nbefore\n$M\nafter"), ["before", "a", "c", "after"]);
    assert_eq!(values("$N=1\n$M=a${N} \\\nb${N}\n$M\n$N=2\n$M"), ["a1", "b1", "a2", "b2"]);
}

#[test]
fn what_a_definition_brings_is_looked_at_again() {
    assert_eq!(values("$IF=@main\n$IF x"), ["x"]);
    assert_eq!(values("$S=~SEQ(V, 2) v${V}\n$S"), ["v1", "v2"]);
}

#[test]
fn sequences_and_lists_repeat_a_line() {
    assert_eq!(values("~SEQ(X, 3) a$X"), ["a1", "a2", "a3"]);
    assert_eq!(values("~SEQ(X, -2) a${X}"), ["a-1", "a-2"]);
    assert_eq!(values("~SEQ(X, 0, 5, 12) ${X}x"), ["0x", "5x", "10x"]);
    assert_eq!(values("~SEQ(X, 3, 1) ${X}x"), ["3x", "2x", "1x"]);
    assert_eq!(values("~SEQx(X, 9, 11) ${X}x"), ["9x", "ax", "bx"]);
    assert_eq!(values("~SEQ(X,1,2) ~SEQ(Y,1,2) v${X}.${Y}"), ["v1.1", "v1.2", "v2.1", "v2.2"]);
    assert_eq!(values("~LST(X, a, b) v${X}"), ["va", "vb"]);
    assert_eq!(values("~LST({A,B}, {1,2},{3}) v${A}-${B}"), ["v1-2", "v3-"]);
}

#[test]
fn nothing_repeats_for_ever() {
    let endless = ["$A=$A\n$A", "$A=${B}\n$B=${A}\n$A x", "~SEQ(X, 2000000000) x", "$A=$A$A\n$A"];
    for text in endless {
        assert!(!run(text).diagnostics.is_empty(), "{text}");
    }
}

#[test]
fn a_file_that_includes_itself_is_read_once() {
    let files = Memory::default()
        .with(FILE, format!("include {FILE}\ninclude b.conf\nbogus\n"))
        .with("/etc/keepalived/b.conf", format!("include {FILE}\nbogus2\n"));
    let found = lines(&run_on(&files, &Machine::default()).diagnostics);
    let count = |part: &str| found.iter().filter(|line| line.contains(part)).count();
    assert_eq!(
        (count("includes itself - skipping"), count("'bogus'"), count("'bogus2'")),
        (2, 1, 1),
        "{found:?}"
    );
}

#[test]
fn includes_are_read_in_place_and_name_their_lines() {
    let files = Memory::default()
        .with(FILE, "vrrp_instance V {\ninclude part/*.conf\nvirtual_router_id 9\nbogus1\n}\nbogus2\n")
        .with("/etc/keepalived/part/a.conf", "interface eth0\ninclude b.inc\nbogus3\n")
        .with("/etc/keepalived/part/b.inc", "virtual_ipaddress { 10.0.0.1 }\n")
        .with("/etc/keepalived/part/z.conf", "priority 7\n");
    let lowered = run_on(&files, &Machine::default());
    let expected = ["(Line 6) Unknown keyword 'bogus2'"];
    let found = lines(&lowered.diagnostics);
    assert_eq!(found.iter().filter(|line| line.starts_with("(Line")).collect::<Vec<_>>(), expected);
    assert!(found.contains(&"(part/a.conf: Line 3) Unknown keyword 'bogus3'".to_owned()), "{found:?}");
    assert!(found.contains(&"(F: Line 4) Unknown keyword 'bogus1'".to_owned()), "{found:?}");
    let instance = lowered.config.vrrp.instances.first().unwrap();
    assert_eq!((instance.priority.number(), instance.addresses.len()), (7, 1));
}

fn read_as(text: &str) -> Sourced {
    read(&Memory::default().with(FILE, text), Path::new(FILE), &conditions())
}

#[test]
fn a_missing_include_is_fatal_only_where_it_is_said_to_be() {
    let table = [
        ("include nix.conf", 0, None, "(Line 1) Config files missing 'nix.conf'."),
        ("includer nix.conf", 0, None, "(Line 1) Config files missing 'nix.conf'."),
        ("includem nix.conf", 6, Some(6), "(Line 1) Config files missing 'nix.conf'."),
        ("includew *.nix", 6, Some(6), "(Line 1) No config files matched '*.nix'."),
        ("includem *.nix", 0, None, ""),
        ("includea x.dir", 6, Some(6), "(Line 1) Configuration file 'x.dir/' is a directory - skipping"),
        (
            "include x.exe",
            0,
            None,
            "(Line 1) Configuration file 'x.exe' is not a regular non-executable file - skipping",
        ),
        (
            "global_defs { include_check match\n}\ninclude nix",
            6,
            Some(6),
            "(Line 3) Config files missing 'nix'.",
        ),
        (
            "global_defs { include_check bogus\n}",
            5,
            None,
            "(Line 1) Unknown include_check type 'bogus' - ignoring",
        ),
    ];
    for (text, status, refusal, line) in table {
        let diagnostics = read_as(text).diagnostics;
        assert_eq!((test_status(&diagnostics), start_refusal(&diagnostics)), (status, refusal), "{text}");
        assert_eq!(lines(&diagnostics).first().map_or("", String::as_str), line, "{text}");
    }
}

#[test]
fn a_main_file_that_cannot_be_used_ends_with_6() {
    let files = Memory::default();
    for (name, text) in [
        ("/nix.conf", "Config files missing '/nix.conf'."),
        ("/x.dir", "Configuration file '/x.dir' is a directory - skipping"),
        ("/x.exe", "Configuration file '/x.exe' is not a regular non-executable file - skipping"),
    ] {
        let diagnostics = read(&files, Path::new(name), &Conditions::default()).diagnostics;
        assert_eq!(lines(&diagnostics), [text]);
        assert_eq!((test_status(&diagnostics), start_refusal(&diagnostics)), (6, Some(6)));
    }
}

#[test]
fn odd_bytes_are_said_and_survived() {
    let found = |bytes: &[u8]| lines(&run(bytes).diagnostics);
    assert_eq!(found(b"\xef\xbb\xbfglobal_defs {\n}\n"), Vec::<String>::new());
    assert_eq!(found(b"a\0b\n"), ["(Line 1) configuration appears to have embedded NULs - ignoring line"]);
    let long = [vec![b'#'; 1100], b"\n".to_vec()].concat();
    assert_eq!(found(&long), ["(Line 1) line too long - ignoring"]);
    assert_eq!(found(b"global_defs {\r router_id A\r}"), Vec::<String>::new());
    assert_eq!(found(b"\xd6\xd0\n"), [format!("(Line 1) Unknown keyword '{}'", "\u{fffd}\u{fffd}")]);
}
