//! Logical lines with their origins: what is left of the files once includes, conditions and definitions are
//! done. Every process of one start lowers the same lines.

use std::sync::Arc;

use crate::codec::{Malformed, Reader, Writer};

/// The logical lines of one configuration. Cheap to share, free of I/O.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub(crate) files: Vec<Source>,
    pub(crate) physical: Vec<Physical>,
    pub(crate) logical: Vec<Line>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// As the command line or the include names it.
    pub name: Arc<str>,
    /// Not the only main file: even the parent names it (`spec` config 0.2).
    pub named: bool,
    /// It starts with a byte order mark.
    pub marked: bool,
}

/// A line as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Physical {
    /// Index into the file names.
    pub file: usize,
    /// Counts from 1.
    pub number: u32,
    /// Without its line end.
    pub text: Arc<str>,
}

/// What the parser gets to see as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub piece: Piece,
    /// Index of the line in a file that caused this one.
    pub origin: usize,
    /// Where the text starts in that line, in bytes; approximate once something was substituted.
    pub column: usize,
    /// The definition the text came through last.
    pub through: Option<Arc<str>>,
}

/// A line, or a brace that stood outside quotes (`spec` config 1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Open,
    Close,
}

impl Line {
    /// The text as the original's parser would see it.
    pub fn text(&self) -> &str {
        match &self.piece {
            Piece::Text(text) => text,
            Piece::Open => "{",
            Piece::Close => "}",
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Name of the file as it was opened.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters, at least 1.
    pub length: usize,
    /// The line as it stands in the file.
    pub quoted: Arc<str>,
    /// The definition the text came through.
    pub through: Option<Arc<str>>,
    /// It is not the only main file, so that even the parent names it (`spec` config 0.2).
    pub named: bool,
}

impl Lines {
    /// The place of a piece of a logical line: `start` and `word` as they stand in its text.
    pub(crate) fn span(&self, line: &Line, start: usize, word: &str) -> Option<Span> {
        let physical = self.physical.get(line.origin)?;
        let source = self.files.get(physical.file)?;
        let file = Arc::clone(&source.name);
        let quoted = Arc::clone(&physical.text);
        let at = find(&quoted, line.column, start, word);
        let column = quoted.get(..at).map_or(0, |before| before.chars().count()) + 1;
        Some(Span {
            file,
            line: physical.number,
            column,
            length: word.chars().count().max(1),
            quoted,
            through: line.through.clone(),
            named: source.named,
        })
    }

    /// For handing the lines to another process.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.list(self.files.iter(), |out, file| {
            out.text(&file.name);
            out.flag(file.named);
            out.flag(file.marked);
        });
        out.list(self.physical.iter(), |out, line| {
            out.number(u32::try_from(line.file).unwrap_or(u32::MAX));
            out.number(line.number);
            out.text(&line.text);
        });
        out.list(self.logical.iter(), |out, line| {
            match &line.piece {
                Piece::Open => out.number(0),
                Piece::Close => out.number(1),
                Piece::Text(text) => {
                    out.number(2);
                    out.text(text);
                }
            }
            out.number(u32::try_from(line.origin).unwrap_or(u32::MAX));
            out.number(u32::try_from(line.column).unwrap_or(u32::MAX));
            out.text(line.through.as_deref().unwrap_or(""));
        });
        out.0
    }

    /// What [`Lines::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let index = |from: &mut Reader<'_>| usize::try_from(from.number()?).map_err(|_| Malformed);
        let files = from.list(|from| {
            Ok(Source { name: Arc::from(from.text()?), named: from.flag()?, marked: from.flag()? })
        })?;
        let physical = from.list(|from| {
            Ok(Physical { file: index(from)?, number: from.number()?, text: Arc::from(from.text()?) })
        })?;
        let logical = from.list(|from| {
            let piece = match from.number()? {
                0 => Piece::Open,
                1 => Piece::Close,
                2 => Piece::Text(from.text()?.into()),
                _ => return Err(Malformed),
            };
            let (origin, column) = (index(from)?, index(from)?);
            let through = from.text()?;
            Ok(Line { piece, origin, column, through: (!through.is_empty()).then(|| Arc::from(through)) })
        })?;
        from.end()?;
        Ok(Self { files, physical, logical })
    }
}

/// Where the word stands in the quoted line: at the expected place, else at its first occurrence (escapes and
/// substitutions shift things), else where its piece starts.
fn find(quoted: &str, column: usize, start: usize, word: &str) -> usize {
    let expected = column.saturating_add(start);
    let at = |from: usize| quoted.get(from..).filter(|rest| rest.starts_with(word)).map(|_| from);
    at(expected)
        .or_else(|| quoted.get(column..).and_then(|rest| rest.find(word)).map(|found| column + found))
        .unwrap_or(if quoted.is_char_boundary(column) { column } else { 0 })
}
