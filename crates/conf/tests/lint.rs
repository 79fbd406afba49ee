//! Rules about files that are legal and wrong.
//!
//! For each rule `tests/lint/NAME.conf` breaks it and `NAME.near.conf` nearly does; rules about two files have
//! `NAME.a.conf`, `NAME.b.conf`, `NAME.near.a.conf` and `NAME.near.b.conf`. What is said of the former stands in
//! `NAME.expected`, as do `explain-….conf`, where the original complains and we say more. `UPDATE_EXPECT=1`
//! writes the expected texts and the guide anew.

mod common;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use common::{FILE, Machine, Memory, conditions, shared};
use keepalived_conf::check::{Report, check, compare};
use keepalived_conf::host::{DirectoryFacts, KeyFile, Watch};
use keepalived_conf::lint::{
    self, Component, ComponentKind, Facts, Interface, Judge, Pair, Rule, Surroundings, weak_step,
};
use keepalived_conf::render::screen::{self, Paint};
use keepalived_conf::{Elsewhere, Host, InterfaceFacts, ScriptFacts, Sourced, read, render};
use keepalived_model::notify::RunAs;

/// A machine with two networks and a few scripts.
struct Scene(BTreeMap<&'static str, Node>);

#[derive(Clone, Copy)]
enum Node {
    Directory,
    File(u32, u32, &'static str),
    Link(&'static str),
}

const ELF: &str = "\x7fELF\0";

impl Default for Scene {
    fn default() -> Self {
        use Node::{Directory, File, Link};
        Self(BTreeMap::from([
            ("/", Directory),
            ("/bin", Link("usr/bin")),
            ("/usr", Directory),
            ("/usr/bin", Directory),
            ("/usr/sbin", Directory),
            ("/usr/bin/sh", File(0, 0o755, ELF)),
            ("/usr/bin/bash", File(0, 0o755, ELF)),
            ("/usr/bin/true", File(0, 0o755, ELF)),
            ("/usr/bin/env", File(0, 0o755, ELF)),
            ("/usr/bin/killall", File(0, 0o755, ELF)),
            ("/usr/bin/pgrep", File(0, 0o755, ELF)),
            ("/usr/bin/pidof", Link("../sbin/killall5")),
            ("/usr/bin/latest", Link("pgrep")),
            ("/usr/sbin/killall5", File(0, 0o755, ELF)),
            ("/etc", Directory),
            ("/etc/keepalived", Directory),
            ("/etc/keepalived/ok.sh", File(0, 0o755, "#!/bin/sh\nexit 0\n")),
            (
                "/etc/keepalived/slow.sh",
                File(0, 0o755, "#!/bin/sh\nif ! true; then\n  sleep 3; exit 1\nfi\n"),
            ),
            ("/etc/keepalived/quick.sh", File(0, 0o755, "#!/bin/sh\n# sleep 30\nsleep 0.5\n")),
            (
                "/etc/keepalived/stop.sh",
                File(0, 0o755, "#!/bin/sh\npgrep nginx || systemctl stop keepalived\n"),
            ),
            (
                "/etc/keepalived/look.sh",
                File(0, 0o755, "#!/bin/sh\n# systemctl stop keepalived\nkillall -0 keepalived\n"),
            ),
            ("/etc/keepalived/crlf.sh", File(0, 0o755, "#!/bin/sh\r\nexit 0\r\n")),
            ("/etc/keepalived/perl.pl", File(0, 0o755, "#!/bin/perl5 -w\n")),
            ("/etc/keepalived/ruby.rb", File(0, 0o755, "#!/usr/bin/env ruby\n")),
            ("/etc/keepalived/bare.sh", File(0, 0o755, "exit 0\n")),
            ("/etc/keepalived/mode.sh", File(0, 0o644, "#!/bin/sh\n")),
            ("/etc/keepalived/open.sh", File(0, 0o777, "#!/bin/sh\n")),
            ("/home", Directory),
            ("/home/me", Directory),
            ("/home/me/check.sh", File(1000, 0o755, "#!/bin/sh\n")),
        ]))
    }
}

impl Scene {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let mut found = PathBuf::from("/");
        for part in path.components().skip(1) {
            match part.as_os_str().to_str()? {
                ".." => {
                    found.pop();
                }
                name => found.push(name),
            }
            match self.0.get(found.to_str()?)? {
                Node::Link(to) => {
                    let above = found.parent()?.to_owned();
                    found = self.resolve(&above.join(to))?;
                }
                Node::Directory | Node::File(..) => {}
            }
        }
        Some(found)
    }

    fn node(&self, path: &Path) -> Option<Node> {
        self.0.get(path.to_str()?).copied()
    }
}

impl Surroundings for Scene {
    fn interfaces(&self) -> Vec<Interface> {
        let interface = |name: &str, addresses: &[(&str, u8)]| Interface {
            name: name.into(),
            addresses: addresses
                .iter()
                .map(|(ip, length)| (ip.parse::<IpAddr>().unwrap(), *length))
                .collect(),
        };
        vec![
            interface("lo", &[("127.0.0.1", 8), ("::1", 128)]),
            interface("eth0", &[("192.168.1.10", 24), ("fe80::1", 64), ("2001:db8::10", 64)]),
            interface("eth1", &[("10.0.0.1", 24)]),
        ]
    }

    fn components(&self, path: &Path) -> Vec<Component> {
        let mut parts: Vec<&Path> = path.ancestors().collect();
        parts.reverse();
        let mut found = Vec::new();
        for part in parts {
            let above = part.parent().and_then(|above| self.resolve(above)).unwrap_or_default();
            let real = part.file_name().map_or(PathBuf::from("/"), |name| above.join(name));
            let Some(node) = self.node(&real) else { break };
            let (kind, uid, mode) = match node {
                Node::Directory => (ComponentKind::Directory, 0, 0o755),
                Node::File(uid, mode, _) => (ComponentKind::File, uid, mode),
                Node::Link(to) => (ComponentKind::Link(to.into()), 0, 0o777),
            };
            found.push(Component { path: part.to_owned(), kind, uid, gid: uid, mode });
        }
        found
    }

    fn beginning(&self, path: &Path) -> Option<Vec<u8>> {
        match self.node(&self.resolve(path)?)? {
            Node::File(_, _, text) => Some(text.as_bytes().to_vec()),
            _ => None,
        }
    }
}

impl Host for Scene {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        let found = self.interfaces().iter().any(|interface| interface.name == name);
        found.then(|| Elsewhere.interface(name)).flatten()
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        Machine::default().user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        Machine::default().group(name)
    }

    fn own(&self) -> RunAs {
        RunAs::new(0, 0)
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        let path = Path::new("/usr/bin").join(program);
        self.node(&path).map(|_| path)
    }

    fn script(&self, path: &Path, user: &RunAs) -> ScriptFacts {
        let resolved = self.resolve(path);
        let Some(Node::File(_, mode, text)) = resolved.as_ref().and_then(|path| self.node(path)) else {
            return ScriptFacts::default();
        };
        ScriptFacts {
            executable: mode & 0o111 != 0,
            weak: (user.uid == 0)
                .then(|| resolved.as_ref().and_then(|path| weak_step(path, &self.components(path))))
                .flatten(),
            has_interpreter: text.starts_with("#!") || text == ELF,
            resolved,
        }
    }

    fn surroundings(&self) -> Option<&dyn Surroundings> {
        Some(self)
    }

    fn watch(&self, _: &Path) -> Watch {
        Watch::Possible
    }

    fn address(&self, _: &str) -> bool {
        true
    }

    fn processors(&self) -> u32 {
        1
    }

    fn directory(&self, _: &Path) -> DirectoryFacts {
        DirectoryFacts::Usable
    }

    fn key_file(&self, _: &Path) -> KeyFile {
        KeyFile::Unreadable
    }

    fn file(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }

    fn matches(&self, _: &str) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

/// What `keepalived check` shows of a text, and whether one rule finds something in it.
fn checked(text: &[u8], rule: Option<&Rule>) -> (String, bool) {
    let scene = Scene::default();
    let sourced = read(&Memory::default().with(FILE, text), Path::new(FILE), &conditions());
    let found = rule.is_some_and(|rule| !rule.findings(&Facts::new(&sourced.lines, &scene), None).is_empty());
    (screen::report(&check(&sourced, &scene), &sourced.origins, Paint::Plain).replace(FILE, "F"), found)
}

fn compared(texts: [&[u8]; 2], rule: &Rule) -> (String, bool) {
    let scene = Scene::default();
    let [a, b] = ["a.conf", "b.conf"].map(Path::new);
    let [first, second] = texts;
    let files = Memory::default().with("a.conf", first).with("b.conf", second);
    let (a, b) = (read(&files, a, &conditions()), read(&files, b, &conditions()));
    let (mut first, mut second) = (Report::default(), Report::default());
    compare((&a, &mut first), (&b, &mut second));
    let shown = |sourced: &Sourced, report| screen::report(report, &sourced.origins, Paint::Plain);
    let screens = shown(&a, &first) + &shown(&b, &second);
    let (one, other) = (Facts::new(&a.lines, &scene), Facts::new(&b.lines, &scene));
    let found = !rule.findings(&one, Some(&Pair { first: &one, second: &other })).is_empty();
    (screens, found)
}

/// What is said of a rule's fixtures: the one that breaks it and the one that nearly does.
fn fixtures(rule: &Rule) -> [(String, bool); 2] {
    ["", ".near"].map(|near| {
        let text = |side: &str| {
            let path = folder().join(format!("{}{near}{side}.conf", rule.code.name));
            std::fs::read(&path).unwrap_or_else(|_| panic!("{} is missing", path.display()))
        };
        match rule.judge {
            Judge::One(_) => checked(&text(""), Some(rule)),
            Judge::Two(_) => compared([&text(".a"), &text(".b")], rule),
        }
    })
}

fn expect(path: &Path, found: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, found).unwrap();
    } else if std::fs::read_to_string(path).unwrap_or_default() != found {
        wrong.push(format!("{}\n{found}", path.display()));
    }
}

#[test]
fn every_rule_finds_its_fixture_and_not_its_neighbor() {
    let mut wrong = Vec::new();
    for rule in lint::rules() {
        let name = rule.code.name;
        let [(broken, found), (near, near_found)] = fixtures(rule);
        if !found {
            wrong.push(format!("{name} is not found\n{broken}"));
        }
        if near_found {
            wrong.push(format!("{name} is found where it is not\n{near}"));
        }
        expect(&folder().join(format!("{name}.expected")), &broken, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_original_says_gets_a_place_a_reason_and_a_fix() {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("explain-") && name.ends_with(".conf") {
            let (found, _) = checked(&std::fs::read(&path).unwrap(), None);
            expect(&path.with_extension("expected"), &found, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_guide_is_what_the_rules_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/lint.md");
    let mut wrong = Vec::new();
    expect(&path, &lint::guide(), &mut wrong);
    assert!(wrong.is_empty(), "docs/guide/lint.md is stale: UPDATE_EXPECT=1 writes it anew");
}

#[test]
fn the_corpus_is_judged_and_counted() {
    let Some(root) = shared("corpus") else { return };
    let only = std::env::var_os("RULE").and_then(|rule| rule.into_string().ok());
    let mut counts: BTreeMap<&str, usize> = lint::rules().map(|rule| (rule.code.name, 0)).collect();
    let mut names: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|extension| extension == "conf")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let sourced = read(
            &Memory::default().with(&name, std::fs::read(path).unwrap()),
            Path::new(&name),
            &conditions(),
        );
        let host = Machine::default();
        let facts = Facts::new(&sourced.lines, &host);
        for rule in lint::rules() {
            let found = rule.findings(&facts, None);
            *counts.entry(rule.code.name).or_default() += found.len();
            if only.as_deref().is_none_or(|only| only == rule.code.name) {
                found.iter().for_each(|found| println!("{}", render::keepalived::line(found)));
            }
        }
    }
    for (name, count) in counts {
        println!("{count:5} {name}");
    }
}
