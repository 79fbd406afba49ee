//! Every keyword there is, one row each: the single source for parsing, ranges, messages and coverage.
//!
//! A row says what a keyword takes and how far this version supports it. What it means is
//! [`crate::lower`]'s job; what it is called nobody else knows.

mod bfd;
mod global;
mod group;
mod instance;
mod lines;
mod lvs;
mod root;
mod track;

pub use bfd::BFD_INSTANCE;
pub use global::GLOBAL_DEFS;
pub use group::{GARP_GROUP, SYNC_GROUP, TRACK_GROUP};
pub use instance::{AUTH_HMAC, AUTHENTICATION, INSTANCE};
pub use lines::{ADDRESS, ENCAP_IP, ENCAP_IP6, GRAMMARS, Grammar, LineWord, NEXTHOP, ROUTE, RULE};
pub use lvs::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, HTTP_URL, MISC_CHECK, PING_CHECK, REAL_SERVER, SMTP_CHECK,
    SMTP_HOST, SSL, SSL_GET, SSL_URL, TCP_CHECK, UDP_CHECK, VIRTUAL_SERVER,
};
pub use root::ROOT;
pub use track::{SCRIPT, TRACK_FILE, TRACK_PROCESS};

use crate::lex::number::Range;

/// The keywords of one block.
#[derive(Debug)]
pub struct Table {
    /// The block's own keyword; empty for the root.
    pub block: &'static str,
    /// In the order of the documentation.
    pub keywords: &'static [Keyword],
}

impl Table {
    /// The row of a word, by its name or an old one.
    pub fn find(&self, word: &str) -> Option<&'static Keyword> {
        // Most rows differ in the first letter or in length, and there are many.
        let is = |name: &str| name.len() == word.len() && name.as_bytes().first() == word.as_bytes().first();
        let called = |row: &&Keyword| {
            is(row.name) && row.name == word || row.was.iter().any(|old| is(old) && *old == word)
        };
        self.keywords.iter().find(called)
    }
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// As it is spelt.
    pub name: &'static str,
    /// Older spellings that mean the same.
    pub was: &'static [&'static str],
    /// What may follow.
    pub takes: Takes,
    /// How far it is supported.
    pub status: Status,
    /// One sentence for the manual.
    pub doc: &'static str,
    /// The words behind it as the manual writes them, where [`Takes`] does not say it all.
    pub args: &'static str,
    /// What counts while it is not written, for the manual; empty where that goes without saying.
    pub default: &'static str,
}

/// What a row may add to what its constructor says.
impl Keyword {
    const fn was(mut self, was: &'static [&'static str]) -> Self {
        self.was = was;
        self
    }

    const fn args(mut self, args: &'static str) -> Self {
        self.args = args;
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// How far a keyword is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Works,
    /// It is checked, and needs no action from us.
    AcceptedAndIgnored,
    /// It is recognised and skipped with one line that says so.
    NotYet,
}

/// What follows a keyword.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Nothing that matters.
    Nothing,
    /// `on true yes` or `off false no`; nothing means yes.
    Bool {
        /// What is said of any other word.
        bad: &'static str,
    },
    /// One or more words the keyword makes its own sense of.
    Words(Miss),
    /// A whole number.
    Integer(Number),
    /// A number with decimals; the range counts in units of the last one.
    Decimal {
        /// How many decimals.
        places: u32,
        /// The rest of what there is to know.
        number: Number,
    },
    /// A command line, read by the second tokeniser.
    Command(Miss),
    /// A block of items.
    Values,
    /// A block of items with a name behind the keyword, without which the original ends the process.
    NamedValues,
    /// A block of keywords. The miss is about the name behind the keyword.
    Block(&'static Table, Miss),
}

/// A number a keyword takes. In messages `{v}` stands for the value and `{o}` for the block's name.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Allowed values.
    pub range: Range,
    /// The daemon takes leading digits (`spec` config 1.6).
    pub lenient: bool,
    /// Read as a signed number although no negative one is allowed.
    pub signed: bool,
    /// What is said when there is no value.
    pub miss: Miss,
    /// What is said of a bad value.
    pub bad: &'static str,
}

impl Number {
    /// Read as a signed number although no negative one is allowed.
    const fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// With something to say when there is no value.
    const fn without(mut self, text: &'static str) -> Self {
        self.miss = Miss::Says(text);
        self
    }
}

/// What happens when a value is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The original ends the process (kind F).
    Fatal,
    /// This is said and the keyword ignored (kind M).
    Says(&'static str),
    /// There is a default (kind D).
    Fine,
}

const fn row(name: &'static str, takes: Takes, status: Status, doc: &'static str) -> Keyword {
    Keyword { name, was: &[], takes, status, doc, args: "", default: "" }
}

const fn works(name: &'static str, takes: Takes, doc: &'static str) -> Keyword {
    row(name, takes, Status::Works, doc)
}

const fn ignored(name: &'static str, takes: Takes, doc: &'static str) -> Keyword {
    row(name, takes, Status::AcceptedAndIgnored, doc)
}

const fn later(name: &'static str, takes: Takes, doc: &'static str) -> Keyword {
    row(name, takes, Status::NotYet, doc)
}

/// A number whose value is fatal to miss and read leniently.
const fn lenient(min: i64, max: i64, bad: &'static str) -> Number {
    Number { range: Range { min, max }, lenient: true, signed: false, miss: Miss::Fatal, bad }
}

/// The same, read strictly.
const fn strict(min: i64, max: i64, bad: &'static str) -> Number {
    Number { range: Range { min, max }, lenient: false, signed: false, miss: Miss::Fatal, bad }
}

/// Seconds with six decimals, leniently.
const fn seconds(min: i64, max: i64, bad: &'static str) -> Takes {
    Takes::Decimal { places: 6, number: lenient(min, max, bad) }
}

const WORD: Takes = Takes::Words(Miss::Fatal);
const WORDS: Takes = Takes::Words(Miss::Fine);
const U32: i64 = u32::MAX as i64;
const I32: i64 = i32::MAX as i64;
/// The longest time in whole seconds that fits 32 bits of microseconds.
const SECONDS_MAX: i64 = 4294;
/// The same in microseconds.
const MICROS_MAX: i64 = U32;

/// All tables, for documentation and tests.
pub const TABLES: &[&Table] = &[
    &ROOT,
    &GLOBAL_DEFS,
    &SCRIPT,
    &TRACK_PROCESS,
    &TRACK_FILE,
    &TRACK_GROUP,
    &GARP_GROUP,
    &SYNC_GROUP,
    &INSTANCE,
    &AUTHENTICATION,
    &AUTH_HMAC,
    &BFD_INSTANCE,
    &SSL,
    &VIRTUAL_SERVER,
    &REAL_SERVER,
    &TCP_CHECK,
    &HTTP_GET,
    &HTTP_URL,
    &SSL_GET,
    &SSL_URL,
    &SMTP_CHECK,
    &SMTP_HOST,
    &DNS_CHECK,
    &MISC_CHECK,
    &UDP_CHECK,
    &PING_CHECK,
    &FILE_CHECK,
    &BFD_CHECK,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_block_has_a_word_twice_and_every_row_says_something() {
        for table in TABLES {
            let mut seen = BTreeSet::new();
            for row in table.keywords {
                assert!(seen.insert(row.name), "{} twice in {:?}", row.name, table.block);
                assert!(row.was.iter().all(|old| seen.insert(old)), "{} has an old name twice", row.name);
                assert!(row.doc.ends_with('.') && row.doc.len() > 10, "{}: {:?}", row.name, row.doc);
            }
        }
    }

    #[test]
    fn the_tables_are_as_long_as_the_specification_counts() {
        let count = |table: &Table| table.keywords.iter().map(|row| 1 + row.was.len()).sum::<usize>();
        let table = [
            // One of ours: the group hears of weaker routers.
            (&SYNC_GROUP, 15 + 1),
            (&SCRIPT, 8),
            (&TRACK_PROCESS, 9),
            (&TRACK_FILE, 3),
            (&BFD_INSTANCE, 15),
            (&INSTANCE, 70),
            (&GLOBAL_DEFS, 140),
            (&GARP_GROUP, 4),
            (&AUTHENTICATION, 2),
            (&AUTH_HMAC, 5),
            (&SSL, 4),
            (&VIRTUAL_SERVER, 39),
            (&REAL_SERVER, 16 + 10),
            (&TCP_CHECK, 13),
            (&HTTP_GET, 13 + 7),
            (&SSL_GET, 13 + 8),
            (&HTTP_URL, 10),
            (&SSL_URL, 11),
            (&SMTP_CHECK, 13 + 2),
            (&SMTP_HOST, 13),
            (&DNS_CHECK, 13 + 2),
            (&MISC_CHECK, 6 + 4),
            (&UDP_CHECK, 13 + 4),
            (&PING_CHECK, 13),
            (&FILE_CHECK, 2),
            (&BFD_CHECK, 2),
        ];
        for (table, expected) in table {
            assert_eq!(count(table), expected, "{}", table.block);
        }
    }
}
