//! Configuration files: any bytes, also spread over files that include each other.
//!
//! Promises: nothing panics and everything ends; lines and answers survive their way to another process, which then
//! understands the same; every diagnostic can be rendered; what was understood comes back when it is printed and read
//! again; and whatever may start makes an engine that runs.

#![no_main]

use std::path::Path;
use std::sync::Arc;

#[path = "../../../crates/conf/tests/common/mod.rs"]
mod common;

use common::{Machine, Memory};
use keepalived_conf::check::check;
use keepalived_conf::print::print;
use keepalived_conf::{
    Answers, Conditions, Lines, Lowered, Recorder, lower, read, render, start_refusal, test_status, text,
};
use keepalived_core::{Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Link, Snapshot};
use keepalived_model::{Config, Instant, LinkId, MacAddr, Micros};
use libfuzzer_sys::fuzz_target;

/// What separates the files in the fuzzed bytes: ASCII's own file separator.
const FILE_SEPARATOR: u8 = 0x1c;
/// Longer inputs say nothing new.
const BYTES_MAX: usize = 8192;
/// Longest line in bytes that is read.
const LINE_MAX: usize = 1022;
/// An engine for more instances than this takes the time of many inputs.
const INSTANCES_MAX: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let files = files(bytes.get(..BYTES_MAX).unwrap_or(bytes));
    let host = Machine::default();
    let sourced = read(&files, Path::new("/etc/0.conf"), &conditions());
    let recorder = Recorder::new(&host);
    let mut lowered = lower(&sourced.lines, &recorder);
    let answers = recorder.into_answers();
    travels(&sourced.lines, &answers, &lowered);
    for diagnostic in sourced.diagnostics.iter().chain(&lowered.diagnostics) {
        assert!(!render::keepalived::line(diagnostic).is_empty());
    }
    // What cannot be run is not printed.
    lowered.config.vrrp.unrunnable.clear();
    comes_back(&lowered.config, &answers, &host);
    let report = check(&sourced, &host);
    let _ = render::screen::report(&report, &sourced.origins, render::screen::Paint::Plain);
    let _ = test_status(&lowered.diagnostics);
    if start_refusal(&lowered.diagnostics).is_none() {
        runs(lowered);
    }
});

/// Another process gets lines and answers as bytes and must understand the same.
fn travels(lines: &Lines, answers: &Answers, lowered: &Lowered) {
    let lines = Lines::from_bytes(&lines.to_bytes()).expect("own bytes are well formed");
    let answers = Answers::from_bytes(&answers.to_bytes()).expect("own bytes are well formed");
    assert_eq!(lower(&lines, &answers), *lowered);
}

/// A minute of an engine with this configuration, without a peer.
fn runs(lowered: Lowered) {
    if lowered.config.vrrp.instances.len() > INSTANCES_MAX {
        return;
    }
    let mut now = Instant(1_000_000);
    let mut out = Actions::new();
    let mut engine = Engine::start(now, Arc::new(lowered.config.vrrp), &snapshot(), &[], &[], &mut out);
    for _ in 0..60 {
        now += Micros(1_000_000);
        engine.handle(now, Event::Due, &mut out);
        out.clear();
    }
    engine.handle(now, Event::Stop, &mut out);
}

/// Files `/etc/0.conf`, `/etc/1.conf` and so on.
fn files(bytes: &[u8]) -> Memory {
    let texts = bytes.split(|byte| *byte == FILE_SEPARATOR).enumerate();
    texts.fold(Memory::default(), |files, (at, text)| files.with(&format!("/etc/{at}.conf"), text))
}

/// What was understood can be printed, and means the same when it is read again.
fn comes_back(config: &Config, answers: &Answers, host: &Machine) {
    let printed = print(config, answers).text();
    // What the language has no way to say: a word that is a brace alone, and lines longer than it reads.
    if printed.contains("\"{\"") || printed.lines().any(|line| line.len() > LINE_MAX) {
        return;
    }
    let (again, answers) = understood(&text::encode(&printed), host);
    if again != *config {
        let (before, after) = (format!("{config:#?}"), format!("{again:#?}"));
        let first = before.lines().zip(after.lines()).position(|(before, after)| before != after);
        panic!("{printed}\nmeans something else from line {first:?} on\n{before}\n{after}");
    }
    assert_eq!(print(&again, &answers).text(), printed);
}

fn understood(bytes: &[u8], host: &Machine) -> (Config, Answers) {
    let files = Memory::default().with("/etc/0.conf", bytes);
    let sourced = read(&files, Path::new("/etc/0.conf"), &conditions());
    let recorder = Recorder::new(host);
    let lowered = lower(&sourced.lines, &recorder);
    (lowered.config, recorder.into_answers())
}

fn conditions() -> Conditions {
    Conditions { config_id: "a".into(), directory: "/etc".into(), ..Conditions::default() }
}

fn snapshot() -> Snapshot {
    let links = (0..10u8).map(|number| {
        let mac = MacAddr([2, 0, 0, 0, 0, number]);
        Link::ethernet(LinkId(u32::from(number) + 2), format!("eth{number}"), mac)
    });
    let address = |number: u8| {
        let key = AddressKey {
            link: LinkId(u32::from(number) + 2),
            ip: [192, 0, 2, number].into(),
            prefix_len: 24,
        };
        Address { key, ours: false }
    };
    Snapshot { links: links.collect(), addresses: (0..10).map(address).collect() }
}
