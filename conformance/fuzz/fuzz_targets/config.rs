//! Configuration files: any bytes, also spread over files that include each other.
//!
//! Promises: nothing panics and everything ends; lines and answers survive their way to another process, which then
//! understands the same; every diagnostic can be rendered; and whatever may start makes an engine that runs.

#![no_main]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_conf::check::check;
use keepalived_conf::{
    Answers, Conditions, DirectoryFacts, FileKind, Files, Host, InterfaceFacts, KeyFile, Lines, Lowered,
    Recorder, ScriptFacts, Watch, lower, read, render, start_refusal, test_status,
};
use keepalived_core::{Actions, Engine, Event};
use keepalived_model::kernel::{Address, AddressKey, Link, Snapshot};
use keepalived_model::notify::RunAs;
use keepalived_model::{Instant, LinkId, MacAddr, Micros};
use libfuzzer_sys::fuzz_target;

/// What separates the files in the fuzzed bytes: ASCII's own file separator.
const FILE_SEPARATOR: u8 = 0x1c;
/// Longer inputs say nothing new.
const BYTES_MAX: usize = 8192;
/// An engine for more instances than this takes the time of many inputs.
const INSTANCES_MAX: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let files = Memory::of(bytes.get(..BYTES_MAX).unwrap_or(bytes));
    let conditions = Conditions { config_id: "a".into(), directory: "/etc".into(), ..Conditions::default() };
    let sourced = read(&files, Path::new("/etc/0.conf"), &conditions);
    let recorder = Recorder::new(&Machine);
    let lowered = lower(&sourced.lines, &recorder);
    travels(&sourced.lines, &recorder.into_answers(), &lowered);
    for diagnostic in sourced.diagnostics.iter().chain(&lowered.diagnostics) {
        assert!(!render::keepalived::line(diagnostic).is_empty());
    }
    let report = check(&sourced, &Machine);
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
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn of(bytes: &[u8]) -> Self {
        let texts = bytes.split(|byte| *byte == FILE_SEPARATOR).enumerate();
        Self(texts.map(|(at, text)| (format!("/etc/{at}.conf").into(), text.to_vec())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let fits = |path: &&PathBuf| {
            path.to_str().and_then(|path| path.strip_prefix(start)).is_some_and(|rest| rest.ends_with(end))
        };
        self.0.keys().filter(fits).cloned().collect()
    }

    fn kind(&self, path: &Path) -> FileKind {
        match (self.0.contains_key(path), path.ends_with("etc")) {
            (true, _) => FileKind::Regular { executable: false },
            (false, true) => FileKind::Directory,
            (false, false) => FileKind::Missing,
        }
    }
}

/// A machine with `eth0` to `eth9`, root, and every script whose path has an even length.
struct Machine;

impl Host for Machine {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        let known = name.strip_prefix("eth").is_some_and(|rest| rest.len() == 1);
        known.then_some(InterfaceFacts {
            loopback: false,
            multicast: true,
            mtu: 1500,
            vrf: false,
            ethernet: true,
            stacked: false,
        })
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        (name == "root").then(RunAs::default)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn own(&self) -> RunAs {
        RunAs::default()
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        (program == "killall").then(|| "/usr/bin/killall".into())
    }

    fn script(&self, path: &Path, _user: &RunAs) -> ScriptFacts {
        let there = path.as_os_str().len().is_multiple_of(2);
        ScriptFacts {
            resolved: there.then(|| path.to_owned()),
            executable: there,
            insecure: false,
            has_interpreter: true,
        }
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        match path.as_os_str().len() % 3 {
            0 => KeyFile::Unreadable,
            1 => KeyFile::TooLarge,
            _ => KeyFile::Read { bytes: vec![b'k'; 40], exposed: true },
        }
    }

    fn watch(&self, path: &Path) -> Watch {
        match path.as_os_str().len() % 3 {
            0 => Watch::Possible,
            1 => Watch::Impossible,
            _ => Watch::NoDirectory { errno: 2, text: "No such file or directory".into() },
        }
    }

    fn address(&self, host: &str) -> bool {
        host.ends_with(".org")
    }

    fn processors(&self) -> u32 {
        2
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        match path.to_str() {
            Some("/etc/passwd") => DirectoryFacts::Other,
            Some(name) if name.is_empty() || name.starts_with("/missing") => DirectoryFacts::Missing,
            _ => DirectoryFacts::Usable,
        }
    }

    fn file(&self, _path: &Path) -> Option<Vec<u8>> {
        None
    }

    fn matches(&self, _pattern: &str) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn snapshot() -> Snapshot {
    let links = (0..10u8).map(|number| Link {
        id: LinkId(u32::from(number) + 2),
        name: format!("eth{number}"),
        up: true,
        mac: Some(MacAddr([2, 0, 0, 0, 0, number])),
        multicast: true,
        arp: true,
        loopback: false,
        forwards_ipv6: false,
        mtu: 1500,
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
