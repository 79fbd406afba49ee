//! What every part of lowering needs: where to say things, and how values are read.

use super::names::{Kind, Names};
use crate::diag::{Class, Diagnostic, Pass};
use crate::host::Host;
use crate::lex::Word;
use crate::lex::number::{self, Range, Read};
use crate::lines::{Lines, Span};
use crate::schema::{Miss, Number, Status, Takes};
use crate::tree::{Item, Statement};
use crate::unacted::Unacted;

/// The state of one lowering.
pub(super) struct Context<'a> {
    lines: &'a Lines,
    pub host: &'a dyn Host,
    /// Whose block is being lowered.
    pub pass: Pass,
    /// Said about a line, with its number.
    pub found: Vec<(usize, Diagnostic)>,
    /// Said after all lines.
    pub after: Vec<Diagnostic>,
    /// Names of tables, scopes and the like.
    pub names: Names,
    /// Would have been said about lines that the original skips.
    pub skipped: Vec<Diagnostic>,
}

/// A word to point at. What it looks like is found out when something is said of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number of the logical line.
    at: usize,
    /// Where the word starts in its text, and how many bytes it has; none where the line is not shown.
    word: Option<(usize, usize)>,
}

/// Behind every line there may be, and before what the tree says of the file as a whole.
const AFTER_LINES: usize = usize::MAX - 1;

/// How a number is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub range: Range,
    pub lenient: bool,
}

impl<'a> Context<'a> {
    pub fn new(lines: &'a Lines, host: &'a dyn Host) -> Self {
        let (found, after, skipped, names) = (Vec::new(), Vec::new(), Vec::new(), Names::default());
        Self { lines, host, pass: Pass::Parent, found, after, skipped, names }
    }

    /// Everything said about lines so far, in the order of the lines.
    pub fn take_ordered(&mut self) -> Vec<(usize, Diagnostic)> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(at, _)| *at);
        found
    }

    /// Forgets what this pass said about a range of lines: the original skips them.
    pub fn mute(&mut self, from: usize, to: usize) {
        let pass = self.pass;
        let skipped = self.found.extract_if(.., |(at, d)| d.pass == pass && (from..=to).contains(at));
        self.skipped.extend(skipped.map(|(_, heard)| heard));
    }

    /// A word of a statement; the keyword itself where there is no such word.
    pub fn place(&self, statement: &Statement<'_>, position: usize) -> Place {
        word_place(statement.at, &statement.words, position)
    }

    /// A word of an item.
    pub fn item_place(&self, item: &Item<'_>, position: usize) -> Place {
        word_place(item.at, &item.words, position)
    }

    /// The line that ended a statement.
    pub fn end_place(&self, statement: &Statement<'_>) -> Place {
        let line = self.lines.line(statement.end);
        Place { at: statement.end, word: line.map(|line| (0, line.text().len())) }
    }

    pub fn say(&mut self, place: &Place, class: Class, text: impl Into<String>) {
        self.tell(place, |d| d, class, text);
    }

    /// A plain line for the log. The original names no place in these.
    pub fn log(&mut self, place: &Place, text: impl Into<String>) {
        let nowhere = Place { at: place.at, word: None };
        self.tell(&nowhere, Diagnostic::log_only, Class::Warning, text);
    }

    /// The same about what is as it mostly is.
    pub fn log_note(&mut self, place: &Place, text: impl Into<String>) {
        let nowhere = Place { at: place.at, word: None };
        self.tell(&nowhere, Diagnostic::log_only, Class::Note, text);
    }

    /// Says something that needs more than a text.
    pub fn tell(
        &mut self,
        place: &Place,
        with: impl FnOnce(Diagnostic) -> Diagnostic,
        class: Class,
        text: impl Into<String>,
    ) {
        let heard = Diagnostic::new(class, self.pass, self.span(place), text);
        self.found.push((place.at, with(heard)));
    }

    fn span(&self, place: &Place) -> Option<Span> {
        let (line, (start, length)) = (self.lines.line(place.at)?, place.word?);
        self.lines.span(line, start, line.text().get(start..start + length)?)
    }

    /// Says something after all lines, without a place.
    pub fn conclude(&mut self, class: Class, text: impl Into<String>) {
        self.after.push(Diagnostic::new(class, self.pass, None, text));
    }

    /// Says something after all lines of this pass, before the next.
    pub fn conclude_pass(&mut self, class: Class, text: impl Into<String>) {
        self.tell(&Place { at: AFTER_LINES, word: None }, |told| told, class, text);
    }

    /// Says something after all lines that does not count for the exit status.
    pub fn conclude_note(&mut self, text: impl Into<String>) {
        self.conclude(Class::Note, text);
    }

    pub fn conclude_log(&mut self, text: impl Into<String>) {
        self.after.push(Diagnostic::new(Class::Warning, self.pass, None, text).log_only());
    }

    /// Says in the log, after all lines, what is done although nobody asked for it.
    pub fn conclude_log_note(&mut self, text: impl Into<String>) {
        self.after.push(Diagnostic::new(Class::Note, self.pass, None, text).log_only());
    }

    /// Says something after all lines that keeps the daemon from starting.
    pub fn refuse(&mut self, text: impl Into<String>) {
        self.refuse_as(Class::General, text);
    }

    /// The same with another class.
    pub fn refuse_as(&mut self, class: Class, text: impl Into<String>) {
        let refusal = Diagnostic::new(class, self.pass, None, text);
        self.after.push(refusal.stops(2));
    }

    /// A keyword this version does not act upon.
    pub fn not_yet(&mut self, statement: &Statement<'_>, owner: &str) {
        let what = statement.word(0).unwrap_or(statement.row.name);
        self.cannot(&self.place(statement, 0), owner, what);
    }

    /// A thing this version does not act upon.
    pub fn cannot(&mut self, place: &Place, owner: &str, what: &str) {
        self.cannot_in(place, owner, what, what);
    }

    /// One of several things of a kind that this version does not act upon; the kind is counted.
    pub fn cannot_in(&mut self, place: &Place, owner: &str, kind: &str, what: &str) {
        let text = format!("{}{what} is not supported yet - ignoring", owned(owner));
        let unacted = Some(Unacted { kind: kind.to_owned(), owner: owner.to_owned() });
        self.tell(place, |told| Diagnostic { unacted, ..told }, Class::NotYet, text);
    }

    /// Values of keywords nobody acts on: checked, and said where it would make a difference.
    pub fn unacted(&mut self, statement: &Statement<'_>, owner: &str) {
        let off = match statement.row.takes {
            Takes::Bool { .. } => match self.boolean(statement, owner) {
                None => return,
                Some(on) => !on,
            },
            Takes::Integer(_) if self.integer(statement, owner).is_none() => return,
            Takes::Decimal { .. } if self.decimal(statement, owner).is_none() => return,
            Takes::Words(miss) | Takes::Command(miss)
                if statement.word(1).is_none() && miss != Miss::Fine =>
            {
                return self.missing(statement, 1, miss, owner);
            }
            _ => false,
        };
        if statement.row.status == Status::NotYet && !off {
            self.not_yet(statement, owner);
        }
    }

    /// The value of an integer keyword, if it has one that counts.
    pub fn integer(&mut self, statement: &Statement<'_>, owner: &str) -> Option<i64> {
        let Takes::Integer(row) = statement.row.takes else { return None };
        let Some(word) = statement.word(1) else {
            self.missing(statement, 1, row.miss, owner);
            return None;
        };
        let read =
            if row.signed { number::signed(word, row.range) } else { number::integer(word, row.range) };
        self.settle(statement, read, row, word, owner)
    }

    /// The value of a decimal keyword in units of its last decimal.
    pub fn decimal(&mut self, statement: &Statement<'_>, owner: &str) -> Option<i64> {
        let Takes::Decimal { places, number: row } = statement.row.takes else { return None };
        let Some(word) = statement.word(1) else {
            self.missing(statement, 1, row.miss, owner);
            return None;
        };
        let read = if row.lenient { number::decimal } else { number::strict_decimal };
        self.settle(statement, read(word, places, row.range), row, word, owner)
    }

    fn settle(
        &mut self,
        statement: &Statement<'_>,
        read: Read,
        row: Number,
        word: &str,
        owner: &str,
    ) -> Option<i64> {
        let place = self.place(statement, 1);
        let bad = read.complaint.as_ref().map(|_| fill(row.bad, word, owner));
        let default = statement.row.default;
        self.number(&place, read, row.lenient, bad, default)
    }

    /// A number that is a word of a line.
    pub fn number_word(
        &mut self,
        place: &Place,
        word: &str,
        how: Reading,
        bad: Option<String>,
    ) -> Option<i64> {
        self.number(place, number::integer(word, how.range), how.lenient, bad, "")
    }

    /// A number read in some way of its own.
    pub fn read_number(&mut self, place: &Place, read: Read, lenient: bool) -> Option<i64> {
        self.number(place, read, lenient, None, "")
    }

    fn number(
        &mut self,
        place: &Place,
        read: Read,
        lenient: bool,
        bad: Option<String>,
        default: &str,
    ) -> Option<i64> {
        let Some(complaint) = read.complaint else { return read.value };
        let so: String = match read.value.or(read.lenient.filter(|_| lenient)) {
            Some(_) => "The daemon takes the digits it understands.".into(),
            None if default.is_empty() => "The value is not used.".into(),
            None => format!("The value is not used; the default counts: {default}."),
        };
        let milder = |mut heard: Diagnostic| {
            heard.lenient = lenient;
            heard.so(so.as_str())
        };
        for complaint in read.first.into_iter().chain([complaint]) {
            self.tell(place, milder, Class::Number, complaint);
        }
        if read.value.is_some() {
            return read.value;
        }
        let taken = read.lenient.filter(|_| lenient);
        if let Some(bad) = bad {
            let test_only = |mut heard: Diagnostic| {
                heard.test_only = taken.is_some();
                heard
            };
            self.tell(place, test_only, Class::General, bad);
        }
        taken
    }

    /// The value of a `[BOOL]` keyword; nothing means yes.
    pub fn boolean(&mut self, statement: &Statement<'_>, owner: &str) -> Option<bool> {
        let Takes::Bool { bad } = statement.row.takes else { return None };
        match statement.word(1) {
            None | Some("on" | "true" | "yes") => Some(true),
            Some("off" | "false" | "no") => Some(false),
            Some(other) => {
                let place = self.place(statement, 1);
                self.say(&place, Class::General, fill(bad, other, owner));
                None
            }
        }
    }

    /// The first word behind the keyword, or what is said without one.
    pub fn word<'s>(&mut self, statement: &Statement<'s>, owner: &str) -> Option<&'s str> {
        let word = statement.word(1);
        if word.is_none() {
            let miss = match statement.row.takes {
                Takes::Words(miss) | Takes::Command(miss) | Takes::Block(_, miss) => miss,
                Takes::NamedValues => Miss::Fatal,
                _ => Miss::Fine,
            };
            self.missing(statement, 1, miss, owner);
        }
        word
    }

    /// A further word that the original does not live without (kind F).
    pub fn required<'s>(&mut self, statement: &Statement<'s>, position: usize) -> Option<&'s str> {
        let word = statement.word(position);
        if word.is_none() {
            self.missing(statement, position, Miss::Fatal, "");
        }
        word
    }

    /// What is said when there is no such word.
    pub fn missing(&mut self, statement: &Statement<'_>, position: usize, miss: Miss, owner: &str) {
        let place = self.place(statement, 0);
        match miss {
            Miss::Fine => {}
            Miss::Says(text) => self.say(&place, Class::Missing, fill(text, "", owner)),
            Miss::Fatal => self.missing_word(&place, &statement.words, position),
        }
    }

    /// A word that is not there where the original ends the process (kind F).
    pub fn missing_word(&mut self, place: &Place, words: &[Word<'_>], position: usize) {
        let word = |position: usize| words.get(position).map_or("", |word| word.text);
        let (first, before) = (word(0), word(position.saturating_sub(1)));
        let text = format!(
            "*** Configuration line starting `{first}` is missing a parameter after keyword `{before}` at word \
             position {}",
            position + 1
        );
        self.tell(place, |d| d.stops(2), Class::MissingWord, text);
    }

    /// A number in any base, cut to 32 bits as the original does, or a name of iproute2.
    pub fn named(&mut self, kind: Kind, word: &str) -> Option<u32> {
        self.names.number(self.host, kind, word)
    }

    /// A protocol over IP by its name.
    pub fn ip_protocol(&mut self, word: &str) -> Option<u8> {
        self.names.ip_protocol(self.host, word)
    }

    /// The same for what has to fit into a byte.
    pub fn named_byte(&mut self, kind: Kind, word: &str) -> Option<u8> {
        self.names.byte(self.host, kind, word)
    }
}

fn word_place(at: usize, words: &[Word<'_>], position: usize) -> Place {
    let word = words.get(position).or(words.first());
    Place { at, word: word.map(|word| (word.start, word.text.len())) }
}

fn fill(text: &str, value: &str, owner: &str) -> String {
    text.replace("{v}", value).replace("{o}", owner)
}

/// The prefix of messages about a named thing.
pub(super) fn owned(owner: &str) -> String {
    if owner.is_empty() { String::new() } else { format!("({owner}) ") }
}
