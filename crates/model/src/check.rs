//! How it is found out whether a real server is alive.

use std::net::IpAddr;

use crate::notify::{Command, RunAs};
use crate::time::Micros;

/// One check of one real server.
#[derive(Clone, Debug, PartialEq)]
pub struct Checker {
    /// How often.
    pub pace: Pace,
    /// Counts as failed until it has succeeded once.
    pub alpha: bool,
    /// Every failure is logged, not only the one that decides.
    pub log_all_failures: bool,
    /// What is done.
    pub kind: Kind,
}

/// When a check is made and when its failures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From the end of a check to the next; 60 s unless configured.
    pub delay_loop: Micros,
    /// The first check waits a random time up to this; [`Pace::delay_loop`] unless configured.
    pub warmup: Micros,
    /// Failures in a row that are forgiven.
    pub retries: u32,
    /// From a forgiven failure to the next attempt.
    pub delay_before_retry: Micros,
}

/// What a check does.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Connects.
    Tcp(Connection),
    /// Sends an echo request.
    Ping(Connection),
    /// Sends a datagram.
    Udp(Udp),
    /// Gets documents, with or without TLS.
    Http(Http),
    /// Greets a mail server.
    Smtp(Smtp),
    /// Asks a name server.
    Dns(Dns),
    /// Runs a program.
    Misc(Misc),
    /// Follows the number in a tracked file.
    File(File),
    /// Follows a BFD session by name.
    Bfd(String),
}

/// Where a check connects to and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The real server's address unless configured.
    pub ip: IpAddr,
    /// The real server's port unless configured; none where neither is known (pings, firewall marks).
    pub port: Option<u16>,
    /// Source address, of the same family.
    pub bind: Option<IpAddr>,
    /// Source port.
    pub bind_port: Option<u16>,
    /// Interface to go out by; at most 15 bytes. Always there for link-local addresses.
    pub interface: Option<String>,
    /// Firewall mark of the packets; zero: none.
    pub mark: u32,
    /// How long an answer may take; 1 µs–4294.967295 s, 5 s unless configured.
    pub timeout: Micros,
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Where to.
    pub connection: Connection,
    /// What is sent.
    pub payload: Vec<u8>,
    /// What has to come back.
    pub reply: Reply,
}

/// What has to come back to a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing; only being refused is a failure.
    NotNeeded,
    /// Anything.
    Any,
    /// These bytes, as far as both are long.
    Matching {
        /// Never empty.
        pattern: Vec<Masked>,
        /// Fewer bytes are a failure; 0 unless configured.
        length_min: u16,
        /// More bytes are a failure; 255 unless configured.
        length_max: u16,
    },
}

/// A byte of which some bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Masked {
    /// The bits that count; the others are zero.
    pub value: u8,
    /// Ones where a bit counts.
    pub mask: u8,
}

/// `HTTP_GET` and `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where to.
    pub connection: Connection,
    /// `SSL_GET`.
    pub tls: bool,
    /// How the request is worded.
    pub version: HttpVersion,
    /// After a failure the documents are got without pauses.
    pub fast_recovery: bool,
    /// In the order of the file; never empty.
    pub urls: Vec<Url>,
}

/// How a request is worded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// `1.0`.
    #[default]
    V1_0,
    /// `1.0C`: 1.0 with `Connection: close`.
    V1_0Close,
    /// `1.1`, with `Connection: close`.
    V1_1,
}

/// A document and what is right about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Sent as it is.
    pub path: String,
    /// The `Host` header; none: address and port of the connection.
    pub host: Option<String>,
    /// Name for the TLS extension; none: the extension is not sent.
    pub server_name: Option<String>,
    /// Waits for the end TLS demands (`tls_compliant`).
    pub tls_compliant: bool,
    /// MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// Which answers are good; 200–299 unless configured.
    pub status: StatusCodes,
    /// What the body has to match.
    pub regex: Option<Regex>,
}

/// A set of status codes between 100 and 599.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCodes([u64; 8]);

impl StatusCodes {
    /// Smallest code there is.
    pub const MIN: u16 = 100;
    /// Largest.
    pub const MAX: u16 = 599;

    /// The codes from `first` to `last`, both included; others than 100–599 are left out.
    pub fn range(first: u16, last: u16) -> Self {
        let mut codes = Self::default();
        for code in first.max(Self::MIN)..=last.min(Self::MAX) {
            if let Some((word, bit)) = codes.place(code) {
                *word |= bit;
            }
        }
        codes
    }

    /// Both together.
    pub fn union(self, other: Self) -> Self {
        let mut all = self;
        all.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
        all
    }

    /// Whether a code is in it.
    pub fn contains(mut self, code: u16) -> bool {
        self.place(code).is_some_and(|(word, bit)| *word & bit != 0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn place(&mut self, code: u16) -> Option<(&mut u64, u64)> {
        let offset = code.checked_sub(Self::MIN)?;
        Some((self.0.get_mut(usize::from(offset / 64))?, 1 << (offset % 64)))
    }
}

/// A regular expression of PCRE2 over the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regex {
    /// As written, escapes decoded.
    pub pattern: Vec<u8>,
    /// Switches.
    pub options: RegexOptions,
    /// A match is a failure.
    pub no_match: bool,
    /// First place a match may start at.
    pub offset_min: u64,
    /// Last place a match may start at; none: anywhere.
    pub offset_max: Option<u64>,
    /// First and largest size of the stack of the compiled program, in bytes.
    pub stack: Option<(u64, u64)>,
}

/// Switches of a regular expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegexOptions(u32);

impl RegexOptions {
    /// Their names, as PCRE2 calls them.
    pub const NAMES: [&'static str; 24] = [
        "allow_empty_class",
        "alt_bsux",
        "auto_callout",
        "caseless",
        "dollar_endonly",
        "dotall",
        "dupnames",
        "extended",
        "firstline",
        "match_unset_backref",
        "multiline",
        "never_ucp",
        "never_utf",
        "no_auto_capture",
        "no_auto_possess",
        "no_dotstar_anchor",
        "no_start_optimize",
        "ucp",
        "ungreedy",
        "utf",
        "never_backslash_c",
        "alt_circumflex",
        "alt_verbnames",
        "use_offset_limit",
    ];

    /// With one more; false if there is none of that name.
    pub fn set(&mut self, name: &str) -> bool {
        let place = Self::NAMES.iter().position(|known| *known == name);
        self.0 |= place.map_or(0, |place| 1 << place);
        place.is_some()
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(place, _)| self.0 & (1 << place) != 0)
            .map(|(_, name)| name)
    }
}

/// `SMTP_CHECK`, one host of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Where to.
    pub connection: Connection,
    /// Who we say we are; `smtpchecker.keepalived.org` unless configured.
    pub helo: String,
}

/// `DNS_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Where to.
    pub connection: Connection,
    /// What is asked for; SOA unless configured.
    pub record: Record,
    /// Of which name, without a final dot; empty: the root.
    pub name: String,
}

/// A type of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its name, in upper case.
    pub name: &'static str,
    /// Its number (RFC 1035 §3.2.2 and later).
    pub number: u16,
}

impl Record {
    /// What is asked for unless configured.
    pub const SOA: Self = Self { name: "SOA", number: 6 };
    /// Every type that can be asked for.
    pub const ALL: [Self; 9] = [
        Self { name: "A", number: 1 },
        Self { name: "NS", number: 2 },
        Self { name: "CNAME", number: 5 },
        Self::SOA,
        Self { name: "MX", number: 15 },
        Self { name: "TXT", number: 16 },
        Self { name: "AAAA", number: 28 },
        Self { name: "RRSIG", number: 46 },
        Self { name: "DNSKEY", number: 48 },
    ];

    /// The type of this name, in upper or lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|record| record.name.eq_ignore_ascii_case(name))
    }
}

/// `MISC_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misc {
    /// What to run.
    pub program: Program,
    /// When a run is ended by force; the virtual server's `delay_loop` unless configured.
    pub timeout: Micros,
    /// Exit statuses above 1 are weights.
    pub dynamic: bool,
}

/// The program of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// It can be run.
    Runs(Command),
    /// It is missing, or may not be run. As in the original such a check always succeeds
    /// (`spec` lvs 2 rule 24), and status says so.
    Unrunnable {
        /// `argv` as it was written.
        argv: Vec<Vec<u8>>,
        /// Who would run it.
        user: RunAs,
    },
}

/// `FILE_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name of a tracked file.
    pub name: String,
    /// Multiplies the number in the file; zero: a number other than zero is a failure.
    pub weight: FileWeight,
}

/// What the number in a tracked file does to a real server's weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileWeight {
    /// −2147483647–2147483647.
    pub amount: i32,
    /// Multiplies the effect by −1, or turns the failure round when the amount is zero.
    pub reverse: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_a_set() {
        let codes = StatusCodes::range(200, 299).union(StatusCodes::range(599, 700));
        assert!(codes.contains(200) && codes.contains(299) && codes.contains(599));
        assert!(!codes.contains(199) && !codes.contains(300) && !codes.contains(600) && !codes.contains(99));
        assert!(StatusCodes::range(300, 200).is_empty());
    }

    #[test]
    fn regex_options_have_names() {
        let mut options = RegexOptions::default();
        assert!(options.set("utf") && options.set("caseless") && !options.set("bogus"));
        assert_eq!(options.names().collect::<Vec<_>>(), ["caseless", "utf"]);
    }
}
