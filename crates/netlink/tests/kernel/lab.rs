//! A private network namespace and what is needed to watch it.

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use keepalived_model::LinkId;
use keepalived_model::kernel::{AddressKey, AddressSpec, Change, Key, Lifetime, Refusal, Spec};
use keepalived_netlink::{Options, Started, Told, start_with};
use nix::sched::{CloneFlags, unshare};

/// Longer than anything here takes, even on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(10);
/// Set in the process that `unshare` started for a user without privileges.
const INSIDE: &str = "KEEPALIVED_TEST_INSIDE";

/// Runs a test on a thread of its own in a network namespace of its own; says so where that is not possible.
pub fn in_namespace(test: &str, body: fn()) {
    let done = thread::spawn(move || {
        if std::env::var_os(INSIDE).is_some() || unshare(CloneFlags::CLONE_NEWNET).is_ok() {
            ip("link set lo up");
            ip("link add d0 type veth peer name d1");
            ip("link set d0 up");
            ip("link set d1 up");
            wait_for_carrier();
            body();
            true
        } else {
            false
        }
    });
    match done.join() {
        Ok(true) => {}
        Ok(false) => in_user_namespace(test),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The kernel notices carrier a moment after the links came up; that shall not happen during a test.
fn wait_for_carrier() {
    let end = Instant::now() + PATIENCE;
    while show("-o link show").matches("state UP").count() < 2 {
        assert!(Instant::now() < end, "the links never came up");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A thread cannot get a user namespace of its own; a process can.
fn in_user_namespace(test: &str) {
    let possible = Command::new("unshare").args(["-Urn", "true"]).stderr(Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        println!("SKIP {test}: neither root nor allowed to make user namespaces");
        return;
    }
    let program = std::env::current_exe().expect("a running test has a file");
    let status = Command::new("unshare")
        .arg("-Urn")
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status();
    assert!(status.expect("unshare just worked").success(), "{test} failed in a user namespace");
}

pub fn ip(arguments: &str) {
    let output =
        Command::new("ip").args(arguments.split_whitespace()).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

pub fn show(arguments: &str) -> String {
    let output =
        Command::new("ip").args(arguments.split_whitespace()).output().expect("iproute2 is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Many commands in one process.
pub fn batch(lines: &str) {
    use std::io::Write;
    let mut child = Command::new("ip")
        .args(["-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("iproute2 is installed");
    child.stdin.take().expect("it was asked for").write_all(lines.as_bytes()).expect("ip reads its input");
    child.wait().expect("it is our child");
}

/// The system under test, with one address format: `a/b`, on `d0` unless said otherwise.
pub struct Lab {
    pub started: Started,
}

impl Lab {
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub fn start_with(options: Options) -> Self {
        Self { started: start_with(options).expect("netlink works in a namespace") }
    }

    pub fn link(&self, name: &str) -> LinkId {
        let links = &self.started.snapshot.links;
        links.iter().find(|link| link.name == name).expect("the link was there at the start").id
    }

    pub fn key(&self, address: &str) -> AddressKey {
        key_on(self.link("d0"), address)
    }

    pub fn want(&self, key: AddressKey, there: bool) {
        // As the configuration means it: a single IPv6 address is nobody's source.
        let single = key.prefix_len == 128;
        let preferred = if single { Lifetime::Seconds(0) } else { Lifetime::Forever };
        let spec = there.then(|| Spec::Address(AddressSpec { preferred, ..AddressSpec::default() }));
        self.started.handle.want(Key::Address(key), spec);
    }

    /// The next thing told that is not about IPv6 (which the kernel hands out by itself).
    pub fn next(&mut self) -> Option<Told> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.started.told.try_recv() {
                Ok(Told::Change(Change::Address(address))) if address.key.ip.is_ipv6() => {}
                Ok(Told::Change(Change::AddressGone(key))) if key.ip.is_ipv6() => {}
                Ok(told) => return Some(told),
                Err(_) => thread::sleep(Duration::from_micros(200)),
            }
        }
        None
    }

    /// Everything told up to the first for which `last` holds.
    pub fn until(&mut self, last: impl Fn(&Told) -> bool) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.next().unwrap_or_else(|| panic!("nothing more came after {all:?}"));
            let done = last(&told);
            all.push(told);
            if done {
                return all;
            }
        }
    }

    /// Waits for the answer to a want; nothing else may come before it.
    pub fn settled(&mut self, key: AddressKey) -> Result<(), Refusal> {
        match self.next() {
            Some(Told::Settled { key: Key::Address(it), outcome }) if it == key => outcome,
            other => panic!("expected the settlement of {key:?}, got {other:?}"),
        }
    }

    /// Asserts that nothing happens for a while, by having something harmless settled in between.
    pub fn quiet(&mut self) {
        thread::sleep(Duration::from_millis(30));
        let probe = key_on(LinkId(1), "127.99.99.99/32");
        self.want(probe, false);
        assert_eq!(self.settled(probe), Ok(()));
    }
}

pub fn key_on(link: LinkId, address: &str) -> AddressKey {
    let (ip, prefix_len) = address.split_once('/').expect("an address has a prefix here");
    let ip: IpAddr = ip.parse().expect("an address");
    AddressKey { link, ip, prefix_len: prefix_len.parse().expect("a number") }
}
