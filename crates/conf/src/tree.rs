//! Logical lines into statements and blocks, with the original's way out of every mistake.
//!
//! The original has no grammar but tables: a word opens a block because the table in force says so. So the
//! tables steer here too, and each process ("pass") descends only into the blocks it owns and skips the
//! others by counting braces (`spec` config 0.1 and 1.4). Mistakes outside blocks are therefore found by
//! every pass; they are told once.

use crate::diag::{Class, Diagnostic, Pass};
use crate::lex::{self, Word};
use crate::lines::{Line, Lines, Piece};
use crate::schema::{Keyword, Miss, ROOT, Table, Takes};
use crate::source;

/// Structural mistakes, with the number of the logical line they were found at.
pub(crate) type Found = Vec<(usize, Diagnostic)>;

/// A keyword with what follows it.
pub(crate) struct Statement<'a> {
    pub row: &'static Keyword,
    /// Number of the logical line.
    pub at: usize,
    pub line: Line<'a>,
    /// The keyword itself first.
    pub words: Vec<Word<'a>>,
    pub body: Body<'a>,
    /// Number of the logical line that ended it.
    pub end: usize,
}

/// What stands between a statement's braces.
pub(crate) enum Body<'a> {
    None,
    Items(Vec<Item<'a>>),
    Block(Vec<Statement<'a>>),
}

/// One line of a block of values.
pub(crate) struct Item<'a> {
    pub at: usize,
    pub line: Line<'a>,
    pub words: Vec<Word<'a>>,
}

impl<'a> Statement<'a> {
    /// The word at this position; the keyword is 0.
    pub fn word(&self, position: usize) -> Option<&'a str> {
        self.words.get(position).map(|word| word.text)
    }

    pub fn items(&self) -> &[Item<'a>] {
        if let Body::Items(items) = &self.body { items } else { &[] }
    }

    pub fn block(&self) -> &[Statement<'a>] {
        if let Body::Block(statements) = &self.body { statements } else { &[] }
    }
}

/// Which pass interprets a root keyword.
pub(crate) fn owner(name: &str) -> Pass {
    match name {
        "global_defs"
        | "net_namespace"
        | "net_namespace_ipvs"
        | "namespace_with_ipsets"
        | "use_pid_dir"
        | "instance"
        | "child_wait_time"
        | "linkbeat_use_polling" => Pass::Parent,
        "SSL" | "virtual_server_group" | "virtual_server" => Pass::Checker,
        "bfd_instance" => Pass::Bfd,
        _ => Pass::Vrrp,
    }
}

/// What a pass makes of the lines: its statements outside blocks, one after the other. Of ten thousand blocks one
/// is in memory at a time.
pub(crate) struct Roots<'a> {
    parser: Parser<'a>,
}

impl<'a> Roots<'a> {
    pub fn new(lines: &'a Lines, pass: Pass) -> Self {
        Self { parser: Parser { lines, pass, next: 0, depth: 0, found: Vec::new(), count: 0 } }
    }

    /// What was found since this was asked last.
    pub fn found(&mut self) -> Found {
        std::mem::take(&mut self.parser.found)
    }
}

impl<'a> Iterator for Roots<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let statement = self.parser.next(&ROOT, Level::Root);
        let Parser { pass, depth, .. } = self.parser;
        if statement.is_none() && pass == Pass::Parent && depth > 0 {
            self.parser.depth = 0;
            let text = format!("There are {depth} missing '}}'s or extra '{{'s");
            self.parser.found.push((usize::MAX, Diagnostic::new(Class::Brace, pass, None, text)));
        }
        statement
    }
}

/// After so many mistakes nobody reads suggestions any more.
const SUGGESTIONS_MAX: usize = 500;
/// Most mistakes a pass tells; what is not text at all has more of them than memory for all can be had.
const MISTAKES_MAX: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Inner,
}

struct Parser<'a> {
    lines: &'a Lines,
    pass: Pass,
    next: usize,
    /// Braces that are open, in the original's count.
    depth: usize,
    found: Found,
    /// How many were found so far.
    count: usize,
}

impl<'a> Parser<'a> {
    /// The next statement of a block; none at its end.
    fn next(&mut self, table: &'static Table, level: Level) -> Option<Statement<'a>> {
        while let Some((at, line)) = self.advance() {
            match line.piece {
                Piece::Close if level == Level::Inner => break,
                Piece::Close => self.unknown(at, line, 0, "}", table),
                Piece::Open => self.say(at, line, 0, "{", Class::Brace, "Unexpected '{' - ignoring"),
                Piece::Text(text) => {
                    let words = self.words(at, line, text);
                    let Some(first) = words.first() else { continue };
                    let found = match table.find(first.text) {
                        Some(row) => self.statement(row, level, at, line, words),
                        None => {
                            self.unknown(at, line, first.start, first.text, table);
                            None
                        }
                    };
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    fn block(&mut self, table: &'static Table) -> Vec<Statement<'a>> {
        std::iter::from_fn(|| self.next(table, Level::Inner)).collect()
    }

    fn statement(
        &mut self,
        row: &'static Keyword,
        level: Level,
        at: usize,
        line: Line<'a>,
        mut words: Vec<Word<'a>>,
    ) -> Option<Statement<'a>> {
        let theirs = level == Level::Root && owner(row.name) != self.pass;
        // A quoted brace opens the block without being counted (`spec` config 1.4).
        let opens = matches!(row.takes, Takes::Block(..) | Takes::Values | Takes::NamedValues);
        let quoted = opens && words.len() > 1 && words.last().is_some_and(|word| word.text == "{");
        if quoted {
            words.pop();
        }
        let body = match row.takes {
            _ if opens && theirs => {
                self.skip(quoted);
                return None;
            }
            Takes::Values | Takes::NamedValues => Body::Items(self.values(row, at, line, &words, quoted)),
            // Without its name and without a brace it opens nothing: one mistake, one line.
            Takes::Block(_, Miss::Fatal) if words.len() < 2 && !quoted && !self.comes_open() => Body::None,
            Takes::Block(table, _) => {
                if !quoted && !self.open() {
                    self.missing_open(row);
                }
                Body::Block(self.block(table))
            }
            _ if theirs => return None,
            _ => Body::None,
        };
        let end = self.next.saturating_sub(1);
        Some(Statement { row, at, line, words, body, end })
    }

    /// Items up to the next closing brace; an opening one among them is an item.
    fn values(
        &mut self,
        row: &Keyword,
        at: usize,
        line: Line<'a>,
        words: &[Word<'a>],
        opened: bool,
    ) -> Vec<Item<'a>> {
        if let (Takes::Values, Some(extra)) = (row.takes, words.get(1)) {
            let text = format!("Block {} has extra parameters {} ...", row.name, extra.text);
            self.say(at, line, extra.start, extra.text, Class::General, text);
        }
        if !opened && !self.open() {
            let text = format!("'{{' missing from beginning of block {}", row.name);
            self.tell(at, Diagnostic::new(Class::Brace, self.pass, None, text).log_only());
        }
        let mut items = Vec::new();
        while let Some((at, line)) = self.advance() {
            let words = match line.piece {
                Piece::Close => break,
                Piece::Open => vec![Word { text: "{", start: 0 }],
                Piece::Text(text) => self.words(at, line, text),
            };
            if !words.is_empty() {
                items.push(Item { at, line, words });
            }
        }
        items
    }

    /// Takes an opening brace if it comes next.
    fn open(&mut self) -> bool {
        let comes = self.comes_open();
        if comes {
            self.advance();
        }
        comes
    }

    fn comes_open(&self) -> bool {
        self.lines.line(self.next).is_some_and(|line| match line.piece {
            Piece::Open => true,
            Piece::Text(text) => text == "\"{\"",
            Piece::Close => false,
        })
    }

    /// Leaves a block that is not ours, if it has a beginning.
    fn skip(&mut self, opened: bool) {
        if !opened && !self.open() {
            return;
        }
        let mut inside = 1_usize;
        while inside > 0 {
            let Some((at, line)) = self.advance() else { break };
            match line.piece {
                Piece::Open => inside += 1,
                Piece::Close => inside -= 1,
                Piece::Text(text) if text.ends_with("\"{\"") => inside += 1,
                // The parent reads every line, also those it does not look at.
                Piece::Text(text) if self.pass == Pass::Parent => self.quotes(at, line, text),
                Piece::Text(_) => {}
            }
        }
    }

    fn missing_open(&mut self, row: &Keyword) {
        let (at, Some(line)) = (self.next, self.lines.line(self.next)) else { return };
        let text = "Missing '{' at beginning of configuration block";
        let place = self.lines.span(line, 0, line.text());
        let heard = Diagnostic::new(Class::Brace, self.pass, place, text);
        self.tell(at, heard.note(format!("the block of {} starts here all the same", row.name)));
    }

    fn advance(&mut self) -> Option<(usize, Line<'a>)> {
        let at = self.next;
        let lines = self.lines;
        let line = lines.line(at)?;
        self.next += 1;
        match line.piece {
            Piece::Open => self.depth += 1,
            Piece::Close if self.depth == 0 => self.say(at, line, 0, "}", Class::Brace, "Extra '}' found"),
            Piece::Close => self.depth -= 1,
            Piece::Text(_) => {}
        }
        Some((at, line))
    }

    fn words(&mut self, at: usize, line: Line<'a>, text: &'a str) -> Vec<Word<'a>> {
        let found = lex::words(text);
        self.quotes(at, line, text);
        if found.unterminated && self.pass != Pass::Parent {
            self.say(at, line, 0, text, Class::Quote, format!("Unmatched quote: '{text}'"));
        }
        found.words
    }

    /// Two readers count quotes, and only the first, which is this, knows about backslashes (2.2.7).
    fn quotes(&mut self, at: usize, line: Line<'_>, text: &str) {
        if source::is_unterminated(text) {
            self.say(at, line, 0, text, Class::Quote, format!("Unterminated quote '{text}'"));
        }
    }

    fn unknown(&mut self, at: usize, line: Line<'_>, start: usize, word: &str, table: &Table) {
        let place = self.lines.span(line, start, word);
        let text = format!("Unknown keyword '{word}'");
        let heard = Diagnostic::new(Class::UnknownKeyword, self.pass, place, text);
        let opens = self.comes_open();
        let hint =
            if self.count < SUGGESTIONS_MAX { crate::suggest::keyword(word, table, opens) } else { None };
        let heard = match hint {
            Some(hint) => {
                let heard = heard.coded(hint.code).note(hint.note);
                let row = hint.with.and_then(|with| table.find(with));
                let heard = match row.map(|row| row.default).filter(|default| !default.is_empty()) {
                    Some(default) => heard.so(format!("The line is ignored; the default counts: {default}.")),
                    None => heard,
                };
                if let Some(with) = hint.with { heard.suggest(with) } else { heard }
            }
            None => {
                let words = lex::words(line.text()).words;
                let next = words.get(1).map_or("", |next| next.text);
                match crate::suggest::split_keyword(word, next, table) {
                    Some(note) => heard.note(note),
                    None => heard,
                }
            }
        };
        self.tell(at, heard);
    }

    fn say(
        &mut self,
        at: usize,
        line: Line<'_>,
        start: usize,
        word: &str,
        class: Class,
        text: impl Into<String>,
    ) {
        let place = self.lines.span(line, start, word);
        self.tell(at, Diagnostic::new(class, self.pass, place, text));
    }

    fn tell(&mut self, at: usize, heard: Diagnostic) {
        self.count += 1;
        if self.count <= MISTAKES_MAX {
            self.found.push((at, heard));
        }
    }
}
