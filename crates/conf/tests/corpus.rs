//! Configurations from public repositories, with what the original says of them.

mod common;

use std::path::Path;

use common::{Machine, Memory, lines, run_on, shared};
use keepalived_conf::test_status;
use serde_json::Value;

/// Files whose exit status differs, with scripts present or absent, and why.
const KNOWN: &[(&str, &str)] = &[("115", "complains about a track_file, which is not supported yet")];

struct Verdict {
    status: u64,
    messages: Vec<String>,
}

fn verdict(value: &Value, suffix: &str) -> Verdict {
    let texts = value[format!("messages{suffix}")].as_array().unwrap();
    let messages = texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    Verdict { status: value[format!("rc{suffix}")].as_u64().unwrap(), messages }
}

/// The machine the verdict was found on, as far as its messages tell.
fn machine(verdict: &Verdict, no_scripts: bool) -> Machine {
    let after = |start: &str| -> Vec<String> {
        let found = verdict.messages.iter().filter_map(|text| text.split_once(start));
        found.map(|(_, rest)| rest.split(' ').next().unwrap_or("").to_owned()).collect()
    };
    let no_interfaces = after("WARNING - interface ");
    Machine { no_scripts, no_interfaces, no_hosts: after("Invalid smtp server "), ..Machine::default() }
}

/// Without the name of the file and without repetitions: the original tells everything once per process.
fn plain(messages: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    for text in messages {
        let text =
            text.replace("(/etc/keepalived/keepalived.conf: Line", "(Line").replace("(F: Line", "(Line");
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

#[test]
fn the_exit_status_of_a_test_is_the_originals() {
    let Some(root) = shared("corpus") else { return };
    let text = std::fs::read_to_string(root.join("verdicts-2.4.3.jsonl")).unwrap();
    let (mut compared, mut load_balancers, mut same_words) = (0, 0, 0);
    let mut differences = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let name = value["nnn"].as_str().unwrap();
        let conf = std::fs::read(root.join(format!("{name}.conf"))).unwrap();
        // What the original says of virtual servers needs checkers, and includes need files we do not have.
        if [&b"virtual_server"[..], b"include "]
            .iter()
            .any(|word| conf.windows(word.len()).any(|w| w == *word))
        {
            load_balancers += 1;
            continue;
        }
        for (suffix, no_scripts) in [("", true), ("_with_stubs", false)] {
            let theirs = verdict(&value, suffix);
            let files = Memory::default().with(common::FILE, &conf);
            let lowered = run_on(&files, &machine(&theirs, no_scripts));
            let ours = u64::from(test_status(&lowered.diagnostics));
            compared += 1;
            let words = plain(&lines(&lowered.diagnostics));
            let expected = plain(&theirs.messages);
            same_words += usize::from(words == expected);
            if ours != theirs.status {
                let known = KNOWN.iter().find(|(file, _)| *file == name).map(|(_, why)| *why);
                println!(
                    "{name}{suffix}: original {}, ours {ours}: {}",
                    theirs.status,
                    known.unwrap_or("???")
                );
                differences.push((name.to_owned(), known));
            }
            if words != expected {
                for text in expected.iter().filter(|text| !words.contains(text)) {
                    println!("{name}{suffix}:  - {text}");
                }
                for text in words.iter().filter(|text| !expected.contains(text)) {
                    println!("{name}{suffix}:  + {text}");
                }
            }
        }
    }
    println!("{compared} verdicts compared, {same_words} word for word, {load_balancers} files left out");
    assert!(Path::new(&root).exists() && compared >= 180, "{compared}");
    assert!(differences.iter().all(|(_, known)| known.is_some()), "{differences:?}");
}
