//! Lines as they were probably meant: with their braces repaired and their words spelt right.
//!
//! Lowering the repaired lines tells which complaints were only consequences of a mistake above, and what is wrong
//! besides.

use std::collections::{BTreeMap, BTreeSet};

use super::Words;
use super::braces::{Kind, Repair};
use crate::diag::{Class, Diagnostic, Pass};
use crate::lex;
use crate::lines::{Line, Lines, Piece, Span};

/// The lines with the repairs made.
pub(super) fn apply(lines: &Lines, repairs: &[Repair]) -> Lines {
    let mut made = lines.without_lines();
    let at = |kind: Kind, at: usize| repairs.iter().filter(move |r| r.kind == kind && r.at == at);
    for (number, line) in lines.iter().enumerate() {
        for _ in at(Kind::Close, number) {
            made.push(beside(lines, number.saturating_sub(1), Piece::Close));
        }
        if at(Kind::ExtraClose, number).next().is_some() || at(Kind::ExtraOpen, number).next().is_some() {
            continue;
        }
        if at(Kind::Wrap, number).next().is_some() {
            wrap(&mut made, line);
            continue;
        }
        made.push(line);
        if at(Kind::Open, number).next().is_some() {
            made.push(beside(lines, number, Piece::Open));
        }
    }
    for _ in at(Kind::Close, lines.len()) {
        made.push(beside(lines, lines.len().saturating_sub(1), Piece::Close));
    }
    made
}

/// A brace at the end of a line that is there.
fn beside<'a>(lines: &'a Lines, number: usize, piece: Piece<'a>) -> Line<'a> {
    let line = lines.line(number);
    let origin = line.map_or(0, |line| line.origin);
    Line { piece, origin, column: line.map_or(0, |line| line.column + line.text().len()), through: None }
}

/// `keyword a b` as `keyword { a b }`.
fn wrap(made: &mut Lines, line: Line<'_>) {
    let text = line.text();
    let (keyword, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let piece = |piece, column| Line { piece, column, ..line };
    let rest_column = line.column + text.len() - rest.len();
    made.push(piece(Piece::Text(keyword), line.column));
    made.push(piece(Piece::Open, rest_column));
    made.push(piece(Piece::Text(rest.trim()), rest_column));
    made.push(piece(Piece::Close, line.column + text.len()));
}

/// Lines with words mended, and what was said of these words.
pub(super) struct Respelt {
    pub lines: Lines,
    pub mended: Vec<Diagnostic>,
}

/// Replaces misspelt keywords by what they probably mean, and takes out blocks that nobody knows.
pub(super) fn respell(lines: &Lines, complaints: &[Diagnostic], which: Words) -> Respelt {
    let mut made = lines.clone();
    let mut mended = Vec::new();
    if complaints.iter().all(|heard| heard.class != Class::UnknownKeyword) {
        return Respelt { lines: made, mended };
    }
    let index = Index::new(lines);
    let mut dropped = vec![false; made.len()];
    let mut seen = BTreeSet::new();
    for heard in complaints.iter().filter(|heard| heard.class == Class::UnknownKeyword) {
        let Some(at) = heard.at.as_ref().and_then(|at| index.position(at, &seen)) else { continue };
        seen.insert(at);
        let opens = lines.line(at + 1).is_some_and(|next| next.piece == Piece::Open);
        if which == Words::Openers && !opens || dropped.get(at) == Some(&true) {
            continue;
        }
        let with = heard.suggestion.as_ref().map(|suggestion| suggestion.with.as_str());
        let Some(Line { piece: Piece::Text(text), .. }) = lines.line(at) else { continue };
        let length = lex::words(text).words.first().map_or(0, |word| word.text.len());
        let mend = match with {
            Some(with) => {
                made.set_text(at, &format!("{with}{}", text.get(length..).unwrap_or("")));
                true
            }
            // Braces that do not pair can make any block look misplaced; they were mended before the last step.
            None if heard.code == "misplaced-keyword" && which == Words::Openers => false,
            None => opens && drop_block(lines, at, &mut dropped),
        };
        if mend {
            let whole = opens && heard.consequence.is_none();
            mended.push(if whole { heard.clone().so("The whole block is ignored.") } else { heard.clone() });
        }
    }
    made.retain(|number| dropped.get(number) != Some(&true));
    Respelt { lines: made, mended }
}

/// A block nobody knows goes with everything in it.
fn drop_block(lines: &Lines, at: usize, dropped: &mut [bool]) -> bool {
    let mut depth = 0_usize;
    for (number, line) in lines.iter().enumerate().skip(at + 1) {
        match line.piece {
            Piece::Open => depth += 1,
            Piece::Close => depth = depth.saturating_sub(1),
            Piece::Text(_) => {}
        }
        if depth == 0 {
            let range = dropped.get_mut(at..=number);
            return range.map(|range| range.fill(true)).is_some();
        }
    }
    false
}

/// Logical lines by the line of the file they come from.
struct Index<'a> {
    lines: &'a Lines,
    /// Of a file that is read several times, every time.
    by_place: BTreeMap<(&'a str, u32), Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(lines: &'a Lines) -> Self {
        let mut by_place: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, line) in lines.iter().enumerate() {
            if let Some(physical) = lines.physical(line.origin)
                && let Some(file) = lines.files().get(physical.file)
            {
                by_place.entry((&*file.name, physical.number)).or_default().push(number);
            }
        }
        Self { lines, by_place }
    }

    /// The logical line that begins with the place. A line of a `~SEQ` or of a file that is read twice is there
    /// several times: the next that was not seen yet.
    fn position(&self, at: &Span, seen: &BTreeSet<usize>) -> Option<usize> {
        let begins = |number: &&usize| {
            let Some(line) = self.lines.line(**number) else { return false };
            let words = lex::words(line.text()).words;
            let first = words.first().and_then(|word| self.lines.span(line, word.start, word.text));
            first.as_ref() == Some(at)
        };
        let there = self.by_place.get(&(&*at.file, at.line))?;
        let fresh = there.iter().filter(|number| !seen.contains(number)).find(begins);
        fresh.or_else(|| there.iter().find(begins)).copied()
    }
}

/// What to say of a repair.
pub(super) fn describe(lines: &Lines, repair: &Repair) -> Diagnostic {
    let whole = |number: usize| {
        let line = lines.line(number)?;
        lines.span(line, 0, line.text())
    };
    let header = repair.header.and_then(|header| whole(header).map(|span| (title(lines, header), span)));
    let block = header.as_ref().map_or("a block", |(title, _)| title);
    let heard = |at: Option<Span>, text: String| Diagnostic::new(Class::Brace, Pass::Parent, at, text);
    let opened = header.as_ref().map(|(_, span)| span.clone());
    match repair.kind {
        Kind::Close => {
            let last = repair.at.saturating_sub(1);
            let at = whole(last).map(|span| behind(&span));
            let heard = heard(at, format!("the block of {block} is not closed: a '}}' is missing here"));
            let heard =
                heard.coded("block-not-closed").suggest("}").label(opened, "the block is opened here");
            match repair.evidence {
                Some(evidence) if is_close(lines, evidence) => {
                    heard.label(whole(evidence), "this closes the block around it, as its indentation shows")
                }
                Some(evidence) => heard.label(whole(evidence), "this line does not belong in the block"),
                None => heard,
            }
        }
        Kind::Open => {
            let at = repair.header.and_then(whole).map(|span| behind(&span));
            let text = format!("the block of {block} is not opened: a '{{' is missing here");
            heard(at, text).suggest("{")
        }
        Kind::Wrap => {
            let text = lines.line(repair.at).map_or("", |line| line.text());
            let (keyword, entry) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            let entry = entry.trim();
            let heard = heard(whole(repair.at), format!("what {keyword} lists has to stand between braces"));
            let heard = heard.coded("extra-words");
            if entry.contains([' ', '\t']) {
                heard
            } else {
                heard.suggest(format!("{keyword} {{ {entry} }}"))
            }
        }
        Kind::ExtraClose => {
            let heard = match header {
                Some(_) => {
                    heard(whole(repair.at), format!("this '}}' closes the block of {block} too early"))
                }
                None => heard(whole(repair.at), "this '}' closes nothing".into()),
            };
            let heard = heard.coded("extra-close").suggest("").label(opened, "the block is opened here");
            heard.label(repair.evidence.and_then(whole), "this line is still part of it")
        }
        Kind::ExtraOpen => {
            let text = match header {
                Some(_) => format!("{block} opens no block: this '{{' is one too many"),
                None => "this '{' opens nothing".into(),
            };
            heard(whole(repair.at), text).suggest("")
        }
    }
}

fn is_close(lines: &Lines, number: usize) -> bool {
    lines.line(number).is_some_and(|line| line.piece == Piece::Close)
}

/// A block's keyword and name.
fn title(lines: &Lines, header: usize) -> String {
    let text = lines.line(header).map_or("", |line| line.text());
    let words: Vec<&str> = lex::words(text).words.iter().take(2).map(|word| word.text).collect();
    words.join(" ")
}

/// The place behind a piece of text.
fn behind(span: &Span) -> Span {
    let end = span.quoted.chars().count() + 1;
    Span { column: (span.column + span.length).min(end), length: 0, ..span.clone() }
}
