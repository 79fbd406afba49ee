//! What is printed means what was understood, and printing it again gives the same text.

mod common;
mod random;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{Dice, FILE, Machine, Memory, conditions, configurations, shared};
use keepalived_conf::print::print;
use keepalived_conf::schema::{GRAMMARS, ROOT, TABLES, Table, Takes};
use keepalived_conf::{Answers, Host, Lowered, Recorder, lower, read, text};
use random::Maker;

/// A file's meaning with everything that was asked for it.
fn understood(bytes: &[u8], host: &dyn Host) -> (Lowered, Answers) {
    let files = Memory::default().with(FILE, bytes);
    let sourced = read(&files, Path::new(FILE), &conditions());
    let recorder = Recorder::new(host);
    let lowered = lower(&sourced.lines, &recorder);
    (lowered, recorder.into_answers())
}

/// Prints what bytes mean, and reads that again; the result is the text.
fn round(name: &str, bytes: &[u8], host: &dyn Host) -> Result<String, String> {
    let (mut first, answers) = understood(bytes, host);
    // What cannot be run is not printed.
    first.config.vrrp.unrunnable.clear();
    let printed = print(&first.config, &answers).text();
    // The language has no way to say this word.
    if printed.contains("\"{\"") {
        return Ok(printed);
    }
    let (second, answers) = understood(&text::encode(&printed), host);
    if second.config != first.config {
        let (before, after) = (format!("{:#?}", first.config), format!("{:#?}", second.config));
        return Err(format!("{name}:\n{}", difference(&before, &after)));
    }
    let again = print(&second.config, &answers).text();
    if again != printed {
        return Err(format!("{name}: printed again\n{}", difference(&printed, &again)));
    }
    Ok(printed)
}

/// Prints a model and reads that; the result is the text.
fn back(seed: u64, host: &Machine) -> Result<String, String> {
    let recorder = Recorder::new(host);
    let config = Maker::new(seed, &recorder).config();
    let printed = print(&config, &recorder.into_answers()).text();
    let (mut read, answers) = understood(&text::encode(&printed), host);
    // What VMACs of addresses are called is found by reading alone.
    for instance in read.config.vrrp.instances_mut() {
        let addresses = instance.addresses.iter_mut().chain(&mut instance.excluded);
        addresses.for_each(|address| address.vmac = None);
    }
    if read.config != config {
        let (before, after) = (format!("{config:#?}"), format!("{:#?}", read.config));
        let said = common::lines(&read.diagnostics);
        return Err(format!("seed {seed}:\n{}\n{said:#?}", difference(&before, &after)));
    }
    let again = print(&read.config, &answers).text();
    if again != printed {
        return Err(format!("seed {seed}: printed again\n{}", difference(&printed, &again)));
    }
    Ok(printed)
}

/// The lines around the first one that differs.
fn difference(before: &str, after: &str) -> String {
    let same = before.lines().zip(after.lines()).take_while(|(before, after)| before == after).count();
    let around = |text: &str| -> Vec<String> {
        text.lines().skip(same.saturating_sub(CONTEXT)).take(2 * CONTEXT).map(str::to_owned).collect()
    };
    format!("line {same}\nbefore:\n{}\nafter:\n{}", around(before).join("\n"), around(after).join("\n"))
}

const CONTEXT: usize = 8;

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join("tests"), root.join("../../examples")];
    open.extend([shared("corpus"), shared("articles")].into_iter().flatten());
    let mut found = configurations(open);
    found.sort();
    found
}

#[test]
fn every_file_comes_back_with_the_same_meaning() {
    let hosts = [
        Machine::default(),
        Machine { script_user: true, ..Machine::default() },
        Machine { no_scripts: true, ..Machine::default() },
    ];
    let mut failed = Vec::new();
    let files = fixtures();
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        for host in &hosts {
            failed.extend(round(&path.display().to_string(), &bytes, host).err());
        }
    }
    println!("{} files", files.len());
    assert!(files.len() > 40 && failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n\n"));
}

/// Models come back, and between them they have every keyword there is.
#[test]
fn every_model_comes_back_as_it_was() {
    let hosts = [Machine::default(), Machine { script_user: true, ..Machine::default() }];
    let (mut failed, mut seen, mut words) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for seed in 0..MODELS {
        match back(seed, &hosts[usize::from(seed % 2 == 1)]) {
            Ok(printed) => {
                collect(&printed, &mut seen);
                words.extend(printed.split_whitespace().map(str::to_owned));
            }
            Err(failure) => failed.push(failure),
        }
    }
    println!("{MODELS} models");
    let first = failed.iter().take(FAILURES_SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {MODELS} failed\n{first}", failed.len());
    let all = TABLES.iter().flat_map(|table| table.keywords.iter().map(|row| (table.block, row.name)));
    let missing: Vec<_> =
        all.filter(|one| !seen.contains(one) && !OTHERWISE.contains(one) && one.0 != "host").collect();
    assert!(missing.is_empty(), "never printed: {missing:?}");
    let all = GRAMMARS.iter().flat_map(|grammar| grammar.words.iter().map(|row| row.name));
    let missing: Vec<_> =
        all.filter(|word| !words.contains(*word) && !WORDS_OTHERWISE.contains(word)).collect();
    assert!(missing.is_empty(), "never printed: {missing:?}");
}

const MODELS: u64 = 2000;
const FAILURES_SHOWN: usize = 3;

/// Keywords that come back as others, or have no effect.
const OTHERWISE: &[(&str, &str)] = &[
    ("global_defs", "process_names"),
    ("global_defs", "vrrp_min_garp"),
    ("global_defs", "vrrp_iptables"),
    ("garp_group", "interface"),
    ("vrrp_sync_group", "notify_priority_changes"),
    ("vrrp_sync_group", "global_tracking"),
    ("vrrp_instance", "native_ipv6"),
    ("vrrp_instance", "preempt"),
    ("vrrp_instance", "debug"),
    ("vrrp_instance", "linkbeat_use_polling"),
    ("vrrp_instance", "lvs_sync_daemon_interface"),
    ("virtual_server", "hashed"),
    ("virtual_server", "alpha"),
    ("virtual_server", "weight"),
    ("virtual_server", "connect_timeout"),
    ("virtual_server", "retry"),
    ("virtual_server", "delay_before_retry"),
    ("virtual_server", "warmup"),
    ("virtual_server", "inhibit_on_failure"),
    ("real_server", "alpha"),
    ("real_server", "connect_timeout"),
    ("HTTP_GET", "nb_get_retry"),
    ("HTTP_GET", "virtualhost"),
    ("HTTP_GET", "enable_sni"),
    ("HTTP_GET", "sni_name"),
    ("SSL_GET", "tls_compliant"),
    ("SSL_GET", "nb_get_retry"),
    ("SSL_GET", "virtualhost"),
    ("SMTP_CHECK", "host"),
    ("PING_CHECK", "connect_port"),
];
const WORDS_OTHERWISE: &[&str] = &["to", "unicast", "inet", "or", "as", "type"];

/// The keywords of a printed text with their blocks.
fn collect(text: &str, seen: &mut BTreeSet<(&'static str, &'static str)>) {
    let mut stack: Vec<Option<&'static Table>> = vec![Some(&ROOT)];
    for line in text.lines().map(str::trim) {
        let row = stack.last().copied().flatten().and_then(|table| {
            let row = table.find(line.split(' ').next()?)?;
            seen.insert((table.block, row.name));
            Some(row)
        });
        if line == "}" {
            stack.pop();
        } else if line.ends_with(" {") {
            stack.push(match row.map(|row| row.takes) {
                Some(Takes::Block(table, _)) => Some(table),
                _ => None,
            });
        }
    }
}

/// Lines of all files in any order, some with a word of another line: what is left of them comes back, too.
#[test]
fn what_is_left_of_mixed_up_files_comes_back() {
    let mut dice = Dice(5);
    let host = Machine::default();
    let files = fixtures().into_iter().map(|path| text::decode(&std::fs::read(path).unwrap()));
    let models = (0..50).map(|seed| {
        let recorder = Recorder::new(&host);
        let config = Maker::new(seed, &recorder).config();
        print(&config, &recorder.into_answers()).text()
    });
    let texts: Vec<String> = files.chain(models).collect();
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    let mut failed = Vec::new();
    for number in 0..MIXED {
        let base: Vec<&str> = texts[dice.roll(texts.len())].lines().collect();
        let mut mixed: Vec<String> = base.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..1 + dice.roll(8) {
            let at = dice.roll(mixed.len());
            let other = lines[dice.roll(lines.len())];
            match dice.roll(4) {
                0 if !mixed.is_empty() => drop(mixed.remove(at)),
                1 if !mixed.is_empty() => {
                    let mut words: Vec<&str> = mixed[at].split(' ').collect();
                    let from: Vec<&str> = other.split(' ').collect();
                    let place = dice.roll(words.len());
                    words[place] = from[dice.roll(from.len())];
                    mixed[at] = words.join(" ");
                }
                _ => mixed.insert(at, other.to_owned()),
            }
        }
        let mixed = mixed.join("\n");
        failed.extend(round(&number.to_string(), &text::encode(&mixed), &host).err());
    }
    let first = failed.iter().take(FAILURES_SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {MIXED} failed\n{first}", failed.len());
}

const MIXED: usize = 500;

/// The canonical form is good style: nothing is said of it that was not said of the file.
#[test]
fn nothing_new_is_wrong_with_what_is_printed() {
    let host = Machine::default();
    // Lines have other numbers.
    let said = |lowered: &Lowered| -> BTreeSet<String> {
        let lines = common::lines(&lowered.diagnostics).into_iter();
        lines
            .map(|line| line.split_once("Line ").map_or(line.clone(), |(_, said)| without_number(said)))
            .collect()
    };
    for path in fixtures() {
        let (first, answers) = understood(&std::fs::read(&path).unwrap(), &host);
        let printed = print(&first.config, &answers).text();
        let (second, _) = understood(&text::encode(&printed), &host);
        let new: Vec<String> = said(&second).difference(&said(&first)).cloned().collect();
        assert!(new.is_empty(), "{}: {new:#?}", path.display());
    }
}

fn without_number(said: &str) -> String {
    said.split_once(") ").map_or(said, |(_, said)| said).to_owned()
}
