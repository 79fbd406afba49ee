//! Names that iproute2 gives to numbers (`spec` config 3.10), from its files and from what was always built
//! in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::lex::number;
use crate::text;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Table,
    Scope,
    Protocol,
    Realm,
    ServiceType,
    Group,
    IpProtocol,
}

impl Kind {
    fn file(self) -> &'static str {
        match self {
            Self::Table => "rt_tables",
            Self::Scope => "rt_scopes",
            Self::Protocol => "rt_protos",
            Self::Realm => "rt_realms",
            Self::ServiceType => "rt_dsfield",
            Self::Group => "group",
            // Of another origin, see [`Names::ip_protocol`].
            Self::IpProtocol => "",
        }
    }

    fn built_in(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Table => &[("unspec", 0), ("default", 253), ("main", 254), ("local", 255)],
            Self::Scope => &[("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)],
            Self::Protocol => PROTOCOLS,
            Self::Realm => &[("cosmos", 0)],
            Self::ServiceType => SERVICE_TYPES,
            Self::Group => &[("default", 0)],
            Self::IpProtocol => IP_PROTOCOLS,
        }
    }
}

/// Who makes routes (`linux/rtnetlink.h`).
const PROTOCOLS: &[(&str, u32)] = &[
    ("unspec", 0),
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("gated", 8),
    ("ra", 9),
    ("mrt", 10),
    ("zebra", 11),
    ("bird", 12),
    ("dnrouted", 13),
    ("xorp", 14),
    ("ntk", 15),
    ("dhcp", 16),
    ("keepalived", 18),
    ("babel", 42),
    ("openr", 99),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
    ("eigrp", 192),
];

/// Code points in the place of the old type of service (RFC 2474, 2597, 3246).
const SERVICE_TYPES: &[(&str, u32)] = &[
    ("default", 0),
    ("AF11", 0x28),
    ("AF12", 0x30),
    ("AF13", 0x38),
    ("AF21", 0x48),
    ("AF22", 0x50),
    ("AF23", 0x58),
    ("AF31", 0x68),
    ("AF32", 0x70),
    ("AF33", 0x78),
    ("AF41", 0x88),
    ("AF42", 0x90),
    ("AF43", 0x98),
    ("CS1", 0x20),
    ("CS2", 0x40),
    ("CS3", 0x60),
    ("CS4", 0x80),
    ("CS5", 0xA0),
    ("CS6", 0xC0),
    ("CS7", 0xE0),
    ("EF", 0xB8),
];

/// Protocols over IP that rules are likely to name (IANA, "protocol-numbers").
const IP_PROTOCOLS: &[(&str, u32)] = &[
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

/// Where a distribution puts its files; newer ones first.
const USR_DIRS: &[&str] = &["/usr/share/iproute2", "/usr/lib/iproute2"];
/// Where the administrator's are.
const ETC_DIR: &str = "/etc/iproute2";
/// Names of protocols over IP.
const PROTOCOLS_FILE: &str = "/etc/protocols";
/// A file is not read beyond so many names; those behind are unknown.
const NAMES_MAX: usize = 100_000;

/// Names by kind; a file is read when the first name of its kind comes up.
pub(super) struct Names {
    usr: Vec<PathBuf>,
    etc: PathBuf,
    known: BTreeMap<Kind, BTreeMap<String, u32>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Names {
    /// With other directories than usual (`iproute_usr_dir`, `iproute_etc_dir`).
    pub fn new(usr: Option<&Path>, etc: Option<&Path>) -> Self {
        let usual = || USR_DIRS.iter().map(PathBuf::from).collect();
        let usr = usr.map_or_else(usual, |directory| vec![directory.to_owned()]);
        Self { usr, etc: etc.unwrap_or(Path::new(ETC_DIR)).to_owned(), known: BTreeMap::new() }
    }

    /// A number in any base, cut to 32 bits as the original does, or a name.
    pub fn number(&mut self, host: &dyn Host, kind: Kind, word: &str) -> Option<u32> {
        if let Some(number) = number::any_base(word) {
            return u32::try_from(number & u64::from(u32::MAX)).ok();
        }
        let Self { usr, etc, known } = self;
        known.entry(kind).or_insert_with(|| read(host, usr, etc, kind)).get(word).copied()
    }

    /// A protocol over IP by its name alone.
    pub fn ip_protocol(&mut self, host: &dyn Host, word: &str) -> Option<u8> {
        let read = || {
            let mut names = built_in(Kind::IpProtocol);
            let upper: Vec<_> =
                names.iter().map(|(name, number)| (name.to_ascii_uppercase(), *number)).collect();
            names.extend(upper);
            let bytes = host.file(Path::new(PROTOCOLS_FILE)).unwrap_or_default();
            names.extend(text::decode(&bytes).lines().flat_map(protocols));
            names
        };
        let names = self.known.entry(Kind::IpProtocol).or_insert_with(read);
        names.get(word).and_then(|number| u8::try_from(*number).ok())
    }

    /// The same for what has to fit into a byte.
    pub fn byte(&mut self, host: &dyn Host, kind: Kind, word: &str) -> Option<u8> {
        match number::any_base(word) {
            Some(number) => u8::try_from(number).ok(),
            None => self.number(host, kind, word).and_then(|number| u8::try_from(number).ok()),
        }
    }
}

/// A file in `etc` hides the one of the distribution; directories beside both add up, and later names win.
fn read(host: &dyn Host, usr: &[PathBuf], etc: &Path, kind: Kind) -> BTreeMap<String, u32> {
    let mut names = built_in(kind);
    let file = kind.file();
    let main = std::iter::once(etc.join(file)).chain(usr.iter().map(|directory| directory.join(file)));
    let main = main.into_iter().find_map(|path| host.file(&path));
    let beside = |directory: &PathBuf| {
        let pattern = directory.join(format!("{file}.d")).join("*.conf");
        host.matches(&text::decode(pattern.as_os_str().as_encoded_bytes()))
    };
    let parts = usr.iter().chain([&etc.to_owned()]).flat_map(beside).collect::<Vec<_>>();
    for bytes in main.into_iter().chain(parts.iter().filter_map(|path| host.file(path))) {
        for line in text::decode(&bytes).lines() {
            if names.len() < NAMES_MAX {
                names.extend(named(line));
            }
        }
    }
    names
}

fn built_in(kind: Kind) -> BTreeMap<String, u32> {
    kind.built_in().iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

/// `NAME NUMBER ALIAS…`, with comments behind `#`.
fn protocols(line: &str) -> Vec<(String, u32)> {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let (name, number) = (words.next(), words.next().and_then(|number| number.parse().ok()));
    match number {
        Some(number) => name.into_iter().chain(words).map(|name| (name.to_owned(), number)).collect(),
        None => Vec::new(),
    }
}

/// `NUMBER NAME`, with comments behind `#`.
fn named(line: &str) -> Option<(String, u32)> {
    let line = line.split('#').next()?;
    let mut words = line.split_whitespace();
    let number = u32::try_from(number::any_base(words.next()?)?).ok()?;
    Some((words.next()?.to_owned(), number))
}
