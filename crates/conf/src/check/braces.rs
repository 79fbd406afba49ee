//! Where a brace is missing, or one too many.
//!
//! The original counts braces, so one that is missing shows at the end of the file, or as a hundred unknown words.
//! Two things tell where it belongs: a keyword that is not one of the block it stands in but of one around it, and
//! the indentation. A walk over the lines with either or both proposes repairs; whoever asked tries them
//! ([`super::repair`]) and keeps the proposal that leaves least to complain about.

use crate::lex;
use crate::lines::{Lines, Piece};
use crate::schema::{Keyword, ROOT, Table, Takes};
use crate::suggest;

/// What the walk goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub keywords: bool,
    pub indentation: bool,
}

/// A change that would make the braces right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    pub kind: Kind,
    /// The logical line it happens at.
    pub at: usize,
    /// The line that opens the block it is about.
    pub header: Option<usize>,
    /// The line that gave it away.
    pub evidence: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A closing brace belongs before the line.
    Close,
    /// An opening brace belongs behind the line.
    Open,
    /// What stands behind the line's keyword belongs between braces.
    Wrap,
    /// The closing brace that is this line is one too many.
    ExtraClose,
    /// The opening brace that is this line opens nothing.
    ExtraOpen,
}

/// Most open blocks the walk follows; what is deeper is no configuration.
const DEPTH_MAX: usize = 100;

/// Proposes repairs.
pub(super) fn repairs(lines: &Lines, evidence: Evidence) -> Vec<Repair> {
    let count = |piece: Piece<'_>| lines.iter().filter(|line| line.piece == piece).count();
    let unclosed = count(Piece::Open) > count(Piece::Close);
    let mut walk = Walk { lines, evidence, unclosed, stack: Vec::new(), closed: None, found: Vec::new() };
    let mut next = 0;
    while next < lines.len() {
        next = walk.step(next);
    }
    while let Some(open) = walk.stack.pop() {
        walk.close_missing(&open, next, None);
    }
    walk.found
}

/// What a block may contain.
#[derive(Clone, Copy)]
enum Inside {
    Keywords(&'static Table),
    Values,
    /// Nobody knows.
    Anything,
}

#[derive(Clone)]
struct Open {
    header: usize,
    inside: Inside,
    indent: Option<usize>,
}

struct Walk<'a> {
    lines: &'a Lines,
    evidence: Evidence,
    /// There are more opening than closing braces.
    unclosed: bool,
    stack: Vec<Open>,
    /// The block that was closed last, and by which line, while nothing has come since.
    closed: Option<(Open, usize)>,
    found: Vec<Repair>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, at: usize) -> usize {
        match self.piece(at) {
            Some(Piece::Text(text)) => self.text(at, text),
            Some(Piece::Open) => {
                self.repair(Kind::ExtraOpen, at, None, None);
                at + 1
            }
            Some(Piece::Close) => {
                self.close(at);
                at + 1
            }
            None => at + 1,
        }
    }

    fn text(&mut self, at: usize, text: &str) -> usize {
        let found = lex::words(text);
        let word = found.words.first().map_or("", |word| word.text);
        let opens = self.piece(at + 1) == Some(Piece::Open);
        self.leave(at, word, opens);
        self.closed = None;
        let table = self.table();
        let row = table.and_then(|table| table.find(word));
        let inside = row.and_then(contents);
        if self.stack.len() >= DEPTH_MAX {
            return at + 1;
        }
        match (inside, row) {
            (Some(inside), _) if opens => {
                self.open(at, inside);
                at + 2
            }
            // A quoted brace opens the block without being counted (`spec` config 1.4).
            (Some(_), _) if found.words.last().is_some_and(|word| word.text == "{") => at + 1,
            (Some(_), Some(Keyword { takes: Takes::Values, .. }))
                if found.words.len() > 1 && self.is_ours(at + 1) =>
            {
                self.repair(Kind::Wrap, at, Some(at), None);
                at + 1
            }
            (Some(inside), _) => {
                self.repair(Kind::Open, at, Some(at), None);
                self.open(at, inside);
                at + 1
            }
            (None, Some(_)) if opens => {
                self.repair(Kind::ExtraOpen, at + 1, Some(at), None);
                at + 2
            }
            (None, None) if opens => {
                let meant = table.and_then(|table| table.find(suggest::meant_block(word, table)?));
                self.open(at, meant.and_then(contents).unwrap_or(Inside::Anything));
                at + 2
            }
            _ => at + 1,
        }
    }

    /// Leaves blocks that the line cannot be part of, or returns to one that was left too early.
    fn leave(&mut self, at: usize, word: &str, opens: bool) {
        let misfit = self.evidence.keywords && !self.fits(self.stack.len(), word, opens);
        let home = (0..self.stack.len()).rev().find(|depth| self.knows(*depth, word, opens));
        if misfit && !(self.unclosed && home.is_some()) && self.reopen(at, word) {
            return;
        }
        if misfit && let Some(depth) = home {
            return self.leave_to(depth, at);
        }
        if !self.evidence.indentation || !self.is_first(at) {
            return;
        }
        let indent = self.indent(at);
        let outside = |open: &Open| open.indent.zip(indent).is_some_and(|(block, line)| line <= block);
        if let Some(depth) = self.stack.iter().position(outside)
            && self.knows(depth, word, opens)
        {
            self.leave_to(depth, at);
        }
    }

    fn leave_to(&mut self, depth: usize, at: usize) {
        while self.stack.len() > depth {
            let Some(open) = self.stack.pop() else { break };
            self.close_missing(&open, at, Some(at));
        }
    }

    /// Takes back the closing brace before this line if the line belongs to what it closed.
    fn reopen(&mut self, at: usize, word: &str) -> bool {
        let Some((open, brace)) = self.closed.clone() else { return false };
        let near = self.table().is_some_and(|table| suggest::meant(word, table).is_some());
        let belongs = match open.inside {
            Inside::Keywords(table) => table.find(word).is_some(),
            Inside::Values => !near && word.starts_with(|c: char| c.is_ascii_digit()),
            Inside::Anything => false,
        };
        if belongs && brace + 1 == at {
            self.repair(Kind::ExtraClose, brace, Some(open.header), Some(at));
            self.stack.push(open);
        }
        belongs && brace + 1 == at
    }

    fn close(&mut self, at: usize) {
        if self.evidence.indentation && self.is_first(at) {
            let indent = self.indent(at);
            let inner = self.stack.last().and_then(|open| open.indent).zip(indent);
            let partner = self.stack.iter().rposition(|open| open.indent.is_some() && open.indent == indent);
            if let Some(depth) = partner
                && inner.is_some_and(|(block, brace)| brace < block)
            {
                self.leave_to(depth + 1, at);
            }
        }
        match self.stack.pop() {
            Some(open) => self.closed = Some((open, at)),
            None => self.repair(Kind::ExtraClose, at, None, None),
        }
    }

    /// The keywords that may stand here, if it is a place for keywords.
    fn table(&self) -> Option<&'static Table> {
        self.table_at(self.stack.len())
    }

    /// The keywords inside the first `depth` blocks.
    fn table_at(&self, depth: usize) -> Option<&'static Table> {
        match depth.checked_sub(1).map(|inner| self.stack.get(inner).map(|open| open.inside)) {
            None => Some(&ROOT),
            Some(Some(Inside::Keywords(table))) => Some(table),
            Some(_) => None,
        }
    }

    fn knows(&self, depth: usize, word: &str, opens: bool) -> bool {
        let Some(table) = self.table_at(depth) else { return false };
        let row = table.find(word);
        if depth > 0 {
            return row.is_some();
        }
        // At the root a word is only believed when it opens what it should; then it may be misspelt as well.
        opens
            && (row.is_some_and(|row| contents(row).is_some()) || suggest::meant_block(word, table).is_some())
    }

    fn fits(&self, depth: usize, word: &str, opens: bool) -> bool {
        match self.table_at(depth) {
            Some(table) => table.find(word).is_some(),
            None => !(0..depth).any(|outer| self.knows(outer, word, opens)),
        }
    }

    /// Whether the line is one of the block we are in, so that it is no item of a list.
    fn is_ours(&self, at: usize) -> bool {
        match self.piece(at) {
            Some(Piece::Text(text)) => {
                let found = lex::words(text);
                let word = found.words.first().map_or("", |word| word.text);
                self.table().is_some_and(|table| table.find(word).is_some())
            }
            Some(Piece::Close) | None => true,
            Some(Piece::Open) => false,
        }
    }

    fn open(&mut self, header: usize, inside: Inside) {
        let indent = if self.is_first(header) { self.indent(header) } else { None };
        self.stack.push(Open { header, inside, indent });
    }

    fn close_missing(&mut self, open: &Open, at: usize, evidence: Option<usize>) {
        self.repair(Kind::Close, at, Some(open.header), evidence);
    }

    fn repair(&mut self, kind: Kind, at: usize, header: Option<usize>, evidence: Option<usize>) {
        self.found.push(Repair { kind, at, header, evidence });
    }

    fn piece(&self, at: usize) -> Option<Piece<'a>> {
        self.lines.line(at).map(|line| line.piece)
    }

    /// Whether the logical line begins its line in the file.
    fn is_first(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.lines.line(before));
        self.lines.line(at).is_some_and(|line| before.is_none_or(|b| b.origin != line.origin))
    }

    /// How far the line is indented in its file.
    fn indent(&self, at: usize) -> Option<usize> {
        let line = self.lines.line(at)?;
        let text = self.lines.physical(line.origin)?.text;
        let blanks = text.chars().take_while(|c| matches!(c, ' ' | '\t'));
        Some(blanks.fold(0, |width, c| if c == '\t' { (width / TAB + 1) * TAB } else { width + 1 }))
    }
}

const TAB: usize = 8;

fn contents(row: &'static Keyword) -> Option<Inside> {
    match row.takes {
        Takes::Block(table, _) => Some(Inside::Keywords(table)),
        Takes::Values | Takes::NamedValues => Some(Inside::Values),
        _ => None,
    }
}
