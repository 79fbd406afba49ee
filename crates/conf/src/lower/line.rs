//! A line that is read word by word, and the values such lines are made of (`spec` config 3.9–3.11).

use std::net::IpAddr;

use keepalived_model::route::Prefix;

use super::context::{Context, Place, Reading};
use super::interfaces::Interfaces;
use crate::diag::{Class, Diagnostic};
use crate::lex::number::Range;
use crate::schema::Grammar;
use crate::tree::Item;

/// The thing the line describes is left out. Why has been said.
pub(super) struct Dropped;

/// The words of a line, one after the other. What is said is said about the word taken last.
pub(super) struct Line<'r, 'c, 't> {
    pub cx: &'r mut Context<'c>,
    pub known: &'r mut Interfaces,
    item: &'r Item<'t>,
    next: usize,
}

impl<'r, 'c, 't> Line<'r, 'c, 't> {
    pub fn new(cx: &'r mut Context<'c>, known: &'r mut Interfaces, item: &'r Item<'t>) -> Self {
        Self { cx, known, item, next: 0 }
    }

    pub fn peek(&self) -> Option<&'t str> {
        self.item.words.get(self.next).map(|word| word.text)
    }

    /// Whether the next word is a keyword of this grammar and has what has to follow it.
    pub fn reads(&self, grammar: &Grammar) -> bool {
        let row = self.peek().and_then(|word| grammar.find(word));
        row.is_some_and(|row| row.args.is_empty() || self.item.words.len() > self.next + 1)
    }

    pub fn take(&mut self) -> Option<&'t str> {
        let word = self.peek();
        self.next += usize::from(word.is_some());
        word
    }

    /// Takes the next word if it is this one.
    pub fn take_if(&mut self, word: &str) -> bool {
        let comes = self.peek() == Some(word);
        self.next += usize::from(comes);
        comes
    }

    /// The word behind an option; without one the original ends the process (kind F).
    pub fn value(&mut self) -> Result<&'t str, Dropped> {
        self.take().ok_or_else(|| {
            let place = self.cx.item_place(self.item, self.next.saturating_sub(1));
            self.cx.missing_word(&place, &self.item.words, self.next);
            Dropped
        })
    }

    /// Where the line is read, to come back to.
    pub fn position(&self) -> usize {
        self.next
    }

    pub fn back_to(&mut self, position: usize) {
        self.next = position;
    }

    pub fn skip_rest(&mut self) {
        self.next = self.item.words.len();
    }

    pub fn place(&self) -> Place {
        self.cx.item_place(self.item, self.next.saturating_sub(1))
    }

    pub fn say(&mut self, class: Class, text: impl Into<String>) {
        let place = self.place();
        self.cx.say(&place, class, text);
    }

    /// Says something about a word that is none of the line's, and what it may be a misspelling of.
    pub fn unknown(
        &mut self,
        word: &str,
        grammar: &Grammar,
        others: &[&'static str],
        text: impl Into<String>,
    ) {
        // A word of the grammar in the wrong place is no misspelling.
        let near = grammar.meant(word, others).filter(|_| grammar.find(word).is_none());
        let place = self.place();
        let so = match grammar.line {
            "address" => "The address is kept without the word.".to_owned(),
            line => format!("The {line} is left out."),
        };
        let with = |told: Diagnostic| match near {
            Some(near) => told.so(so).note(format!("did you mean '{near}'?")).suggest(near),
            None => told.so(so),
        };
        self.cx.tell(&place, with, Class::General, text);
    }

    /// Says something that is another kind of complaint here than elsewhere.
    pub fn say_coded(&mut self, code: &'static str, text: impl Into<String>) {
        let place = self.place();
        self.cx.tell(&place, |told| told.coded(code), Class::General, text);
    }

    /// Says why the thing is left out.
    pub fn refuse(&mut self, text: impl Into<String>) -> Dropped {
        self.say(Class::General, text);
        Dropped
    }

    /// A number from zero on, or two complaints.
    pub fn number(&mut self, word: &str, max: u32, bad: String) -> Result<u32, Dropped> {
        let how = Reading { range: Range { min: 0, max: max.into() }, lenient: false };
        let place = self.place();
        let read = self.cx.number_word(&place, word, how, Some(bad));
        read.and_then(|number| u32::try_from(number).ok()).ok_or(Dropped)
    }

    pub fn byte(&mut self, word: &str, bad: String) -> Result<u8, Dropped> {
        self.number(word, u8::MAX.into(), bad).and_then(|number| u8::try_from(number).map_err(|_| Dropped))
    }

    /// The name of an interface that has to be there.
    pub fn interface(&mut self, name: &str, unknown: impl Fn(&str) -> String) -> Result<String, Dropped> {
        let place = self.place();
        self.known.find(self.cx, &place, name, unknown).map(|_| name.to_owned()).ok_or(Dropped)
    }

    /// An address without a prefix length.
    pub fn ip(&mut self, word: &str) -> Option<IpAddr> {
        let place = self.place();
        ip(self.cx, &place, word, word)
    }

    /// An address that may have a prefix length.
    pub fn prefix(&mut self, word: &str) -> Option<Prefix> {
        let place = self.place();
        prefix(self.cx, &place, word)
    }
}

/// Reads `ADDRESS[/LENGTH]`. A bad length is said and counts as the longest; an empty one is zero
/// (`spec` config 3.9).
pub(super) fn prefix(cx: &mut Context<'_>, place: &Place, word: &str) -> Option<Prefix> {
    let (name, length) = word.split_once('/').map_or((word, None), |(name, length)| (name, Some(length)));
    let ip = ip(cx, place, name, word)?;
    let most = most(ip);
    let len = match length {
        None => most,
        Some("") => 0,
        Some(length) => {
            let how = Reading { range: Range { min: 0, max: i64::from(most) }, lenient: false };
            let bad = format!("Invalid address prefix len {length} for address {word} - using {most}");
            let read = cx.number_word(place, length, how, Some(bad));
            read.and_then(|length| u8::try_from(length).ok()).unwrap_or(most)
        }
    };
    Some(Prefix { ip, len })
}

/// The prefix length of a single address.
pub(crate) fn most(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn ip(cx: &mut Context<'_>, place: &Place, name: &str, word: &str) -> Option<IpAddr> {
    let ip = name.parse().ok();
    if ip.is_none() {
        cx.say(place, Class::General, format!("VRRP parsed invalid IP {word}. skipping IP..."));
    }
    ip
}
