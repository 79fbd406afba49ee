//! Models at random: everything a configuration can come to, and nothing it cannot.
//!
//! A model is built field by field from dice, by the rules between fields that lowering keeps, so that printing and
//! reading it again has to give it back.

mod check;
mod global;
mod lines;
mod lvs;
mod vrrp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_conf::{Host, Recorder};
use keepalived_model::notify::{Command, RunAs};
use keepalived_model::priority::Weight;
use keepalived_model::{Config, Micros, bfd};

use super::common::Dice;

/// Words that are hard to write.
const WORDS: [&str; 18] = [
    "a",
    "VI_1",
    "two words",
    "x#y!",
    "{x",
    "a{b}",
    "back\\slash",
    "end\\",
    "@id",
    "$VAR",
    "~SEQ",
    "include x",
    "é中",
    "-1",
    "'single'",
    "tab\tbed",
    "\u{10ff80}",
    "100",
];
/// Arguments of commands.
const ARGUMENTS: [&[u8]; 12] = [
    b"-x",
    b"two words",
    b"",
    b"it's",
    b"\"q\"",
    b"back\\slash",
    b"\\",
    b"\x01\n\xff",
    "“curly”".as_bytes(),
    b"${_PWD}",
    b"{a}",
    b"#!",
];
const USERS: [(&str, RunAs); 3] =
    [("root", RunAs::new(0, 0)), ("web", RunAs::new(33, 33)), ("nobody", RunAs::new(65534, 65534))];
const GROUPS: [(&str, u32); 3] = [("root", 0), ("web", 33), ("nogroup", 65534)];

/// Dice and the machine the models are for.
pub struct Maker<'a> {
    pub dice: Dice,
    /// Asked whatever lowering would ask.
    host: &'a Recorder<'a>,
}

impl<'a> Maker<'a> {
    /// The names of users are known.
    pub fn new(seed: u64, host: &'a Recorder<'a>) -> Self {
        for (name, _) in USERS {
            host.user(name);
        }
        for (name, _) in GROUPS {
            host.group(name);
        }
        let mut maker = Self { dice: Dice(seed), host };
        if maker.chance(2) {
            host.user("keepalived_script");
        }
        maker
    }

    /// A whole configuration.
    pub fn config(&mut self) -> Config {
        let global = self.global();
        let bfd = self.bfd();
        let vrrp = self.vrrp(&global, &bfd);
        let lvs = self.lvs(&global, &vrrp, &bfd);
        Config { global, vrrp, lvs, bfd }
    }

    /// One time in so many.
    pub fn chance(&mut self, sides: usize) -> bool {
        self.dice.roll(sides) == 0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.dice.roll(usize::try_from(limit).unwrap()) as u64
    }

    /// From the first to the last, the ends more often than the rest.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        match self.dice.roll(4) {
            0 => first,
            1 => last,
            2 => first + self.below((last - first).min(20) + 1),
            _ => first + self.below((last - first).saturating_add(1).max(1)),
        }
    }

    pub fn number(&mut self, first: u32, last: u32) -> u32 {
        u32::try_from(self.between(first.into(), last.into())).unwrap()
    }

    pub fn byte(&mut self, first: u8, last: u8) -> u8 {
        u8::try_from(self.between(first.into(), last.into())).unwrap()
    }

    pub fn signed(&mut self, first: i64, last: i64) -> i64 {
        first + i64::try_from(self.between(0, u64::try_from(last - first).unwrap())).unwrap()
    }

    pub fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.dice.roll(all.len())].clone()
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(3).then(|| make(self))
    }

    /// The first value, but for some times.
    pub fn or<T>(&mut self, usual: T, make: impl FnOnce(&mut Self) -> T) -> T {
        self.maybe(make).unwrap_or(usual)
    }

    pub fn some<T>(&mut self, most: usize, make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.dice.roll(most + 1);
        self.several(count, make)
    }

    pub fn several<T>(&mut self, count: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| make(self)).collect()
    }

    pub fn word(&mut self) -> String {
        self.pick(&WORDS).to_owned()
    }

    /// Different for different numbers.
    pub fn name(&mut self, kind: &str, number: usize) -> String {
        let odd = self.pick(&["", " ", "#", "{", "\\", "é"]);
        format!("{kind}{odd}{number}")
    }

    pub fn path(&mut self) -> PathBuf {
        PathBuf::from(self.pick(&["/run/x", "/run/with blank", "/var/a#b", "/é"]))
    }

    /// The last digit is the machine's only number of its own.
    pub fn interface(&mut self) -> String {
        self.pick(&["eth0", "eth1", "eth2", "eth3"]).to_owned()
    }

    pub fn seconds(&mut self, first: u32, last: u32) -> Micros {
        Micros::from_secs(self.number(first, last).into())
    }

    pub fn micros(&mut self, first: u64, last: u64) -> Micros {
        Micros(self.between(first, last))
    }

    pub fn v4(&mut self, network: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, network, self.byte(0, 255), self.byte(1, 254))
    }

    pub fn v6(&mut self, network: u16) -> Ipv6Addr {
        let (a, b) = (self.number(0, 0xffff), self.number(1, 0xffff));
        Ipv6Addr::new(0xfd00, network, 0, 0, 0, 0, u16::try_from(a).unwrap(), u16::try_from(b).unwrap())
    }

    pub fn ip(&mut self, v4: bool, network: u8) -> IpAddr {
        if v4 { self.v4(network).into() } else { self.v6(network.into()).into() }
    }

    /// Distinct addresses.
    pub fn ips(&mut self, most: usize, v4: bool, network: u8) -> Vec<IpAddr> {
        let mut found = self.some(most, |maker| maker.ip(v4, network));
        found.sort();
        found.dedup();
        found
    }

    pub fn weight(&mut self, most: i64) -> Weight {
        let amount = i16::try_from(self.signed(-most, most)).unwrap();
        Weight { amount, reverse: self.chance(3) }
    }

    pub fn user(&mut self) -> RunAs {
        let (_, mut user) = self.pick(&USERS);
        if self.chance(4) {
            (_, user.gid) = self.pick(&GROUPS);
        }
        user
    }

    /// One of those, for as many as want it.
    pub fn shared_command(&mut self) -> Arc<Command> {
        Arc::new(self.command())
    }

    /// A command that can be run, and what the machine has to say of it.
    pub fn command(&mut self) -> Command {
        let user = self.user();
        let mut more = self.some(3, |maker| maker.pick(&ARGUMENTS).to_vec());
        let (written, path) = match self.dice.roll(8) {
            0 => {
                // Only whether it can be opened counts.
                let first = self.pick(&[b"<".as_slice(), b"</run/x"]).to_vec();
                let file = if first.len() > 1 { first[1..].to_vec() } else { b"/run/x y".to_vec() };
                let argv = vec![first, b"-c".to_vec(), b": <\"$0\"".to_vec(), file];
                return Command { path: b"/bin/sh".to_vec(), argv, user };
            }
            1 => ("killall", "/usr/bin/killall"),
            2 => ("/bin/sh", "/bin/sh"),
            3 => ("/usr/lib/a b", "/usr/lib/a b"),
            4 => ("/x/it's.noshebang", "/x/it's.noshebang"),
            5 => ("/x/\u{10ffff}", "/x/\u{10ffff}"),
            _ => ("/etc/check.sh", "/etc/check.sh"),
        };
        let bytes = |text: &str| keepalived_conf::text::encode(text);
        self.host.search_path(written);
        let facts = self.host.script(Path::new(path), &user);
        let mut argv = vec![bytes(written)];
        let path = if facts.has_interpreter {
            bytes(path)
        } else {
            argv.push(bytes(path));
            b"/bin/sh".to_vec()
        };
        argv.append(&mut more);
        Command { path, argv, user }
    }

    fn bfd(&mut self) -> bfd::Config {
        let count = self.dice.roll(4);
        let sessions = (0..count).map(|number| self.session(number)).collect();
        bfd::Config { sessions }
    }

    fn session(&mut self, number: usize) -> bfd::Session {
        let v4 = self.chance(2);
        let network = u8::try_from(number).unwrap();
        let millis = |maker: &mut Self, first| maker.micros(first, 4_294_967_000);
        let receivers = self.pick(&[bfd::Receivers::Both, bfd::Receivers::Vrrp, bfd::Receivers::Checkers]);
        let usual_ttl = if v4 { 255 } else { 64 };
        let ttl = self.or(usual_ttl, |maker| maker.byte(1, 255));
        bfd::Session {
            name: self.name("bfd", number),
            neighbor: self.ip(v4, 100 + network),
            source: self.maybe(|maker| maker.ip(v4, 120)),
            min_rx: self.or(Micros(10_000), |maker| millis(maker, 1_000)),
            min_tx: self.or(Micros(10_000), |maker| millis(maker, 1_000)),
            idle_tx: self.or(Micros(1_000_000), |maker| millis(maker, 1_000_000)),
            multiplier: self.or(5, |maker| maker.byte(1, 255)),
            passive: self.chance(3),
            ttl,
            hops_max: self.or(0, |maker| maker.byte(0, ttl)),
            multihop: self.chance(3),
            weight: if receivers.vrrp() { self.weight(253) } else { Weight::default() },
            receivers,
        }
    }
}
