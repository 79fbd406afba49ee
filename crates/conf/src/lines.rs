//! Logical lines with their origins: what is left of the files once includes, conditions and definitions are
//! done. Every process of one start lowers the same lines.
//!
//! ```text
//! files     "vrrp_instance VI_1 {\n  priority 100\n}\n"     once, as it was read
//! physical   ^0                    ^22            ^35        where lines start in it
//! logical    (0, 0..18) (0, open)  (1, 2..14)    (2, close)  pieces of physical lines
//! made       what stands in no file as it is: substituted, unescaped, mended
//! ```
//!
//! A configuration of ten thousand instances has a quarter of a million lines, and three processes hold it. So a
//! line costs a few bytes beside its text, and no allocation; [`Line`] and [`Physical`] are views.

use std::sync::Arc;

use crate::codec::{Malformed, Reader, Writer};

/// The logical lines of one configuration. Cheap to share, free of I/O.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    sheets: Arc<Sheets>,
    /// Pieces that are not as the files have them.
    made: Vec<Made>,
    logical: Vec<Slip>,
}

/// The files, and the order in which their lines were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sheets {
    files: Vec<Source>,
    /// Where each line starts in its file.
    starts: Vec<u32>,
    /// From which line on another file was read, or the numbers did not go on by one.
    runs: Vec<Run>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// As the command line or the include names it.
    pub name: Arc<str>,
    /// Not the only main file: even the parent names it (`spec` config 0.2).
    pub named: bool,
    /// It starts with a byte order mark, which is not in the text.
    pub marked: bool,
    /// All of it.
    pub text: Arc<str>,
}

/// Lines of one file that were read one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Index of the first one.
    first: u32,
    /// Index of the file.
    file: u32,
    /// Number of the first one, from 1.
    number: u32,
}

/// A logical line as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slip {
    /// Index of the physical line.
    origin: u32,
    column: u16,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// So many bytes of the physical line, from the column on.
    Read(u16),
    Open,
    Close,
    /// An index.
    Made(u32),
}

/// A piece that no file has like that, or that came through a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    piece: MadePiece,
    through: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MadePiece {
    Text(Box<str>),
    Open,
    Close,
}

/// A line as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Physical<'a> {
    /// Index of the file.
    pub file: usize,
    /// Counts from 1.
    pub number: u32,
    /// Without its line end.
    pub text: &'a str,
}

/// What the parser gets to see as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub piece: Piece<'a>,
    /// Index of the line in a file that caused this one.
    pub origin: usize,
    /// Where the text starts in that line, in bytes; approximate once something was substituted.
    pub column: usize,
    /// The definition the text came through last.
    pub through: Option<&'a Arc<str>>,
}

/// A line, or a brace that stood outside quotes (`spec` config 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Open,
    Close,
}

impl<'a> Line<'a> {
    /// The text as the original's parser would see it.
    pub fn text(&self) -> &'a str {
        match self.piece {
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

/// Reading, line by line.
impl Lines {
    /// Begins a file. Its lines are told one by one, those of files it includes between them.
    pub(crate) fn push_file(&mut self, file: Source) -> usize {
        let files = &mut Arc::make_mut(&mut self.sheets).files;
        files.push(file);
        files.len() - 1
    }

    /// A line of a file, by its start in bytes and its number; the result is its index.
    pub(crate) fn push_physical(&mut self, file: usize, start: usize, number: u32) -> usize {
        let Sheets { starts, runs, .. } = Arc::make_mut(&mut self.sheets);
        let (first, file) = (narrow(starts.len()), narrow(file));
        let goes_on = runs
            .last()
            .is_some_and(|run| run.file == file && run.number.checked_add(first - run.first) == Some(number));
        if !goes_on {
            runs.push(Run { first, file, number });
        }
        starts.push(narrow(start));
        starts.len() - 1
    }

    /// One more logical line.
    pub(crate) fn push(&mut self, line: Line<'_>) {
        let slip = self.slip(line);
        self.logical.push(slip);
    }

    /// Another text in the place of a logical line.
    pub(crate) fn set_text(&mut self, number: usize, text: &str) {
        let Some(line) = self.line(number) else { return };
        let (origin, column) = (line.origin, line.column);
        let through = line.through.map(Arc::clone);
        let slip = self.slip(Line { piece: Piece::Text(text), origin, column, through: through.as_ref() });
        if let Some(standing) = self.logical.get_mut(number) {
            *standing = slip;
        }
    }

    /// Keeps the logical lines for whose number this holds.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut numbers = 0..;
        self.logical.retain(|_| numbers.next().is_some_and(&mut keep));
    }

    /// The same files without any logical line.
    pub(crate) fn without_lines(&self) -> Self {
        Self { sheets: Arc::clone(&self.sheets), made: Vec::new(), logical: Vec::new() }
    }

    fn slip(&mut self, line: Line<'_>) -> Slip {
        let Line { piece, origin, column, through } = line;
        let kind = match (piece, through) {
            (Piece::Open, None) => Kind::Open,
            (Piece::Close, None) => Kind::Close,
            (Piece::Text(text), None) if self.stands_there(origin, column, text) => {
                Kind::Read(u16::try_from(text.len()).unwrap_or(u16::MAX))
            }
            (piece, through) => {
                let piece = match piece {
                    Piece::Text(text) => MadePiece::Text(text.into()),
                    Piece::Open => MadePiece::Open,
                    Piece::Close => MadePiece::Close,
                };
                self.made.push(Made { piece, through: through.cloned() });
                Kind::Made(narrow(self.made.len() - 1))
            }
        };
        Slip { origin: narrow(origin), column: u16::try_from(column).unwrap_or(u16::MAX), kind }
    }

    fn stands_there(&self, origin: usize, column: usize, text: &str) -> bool {
        let short = text.len() <= usize::from(u16::MAX) && column <= usize::from(u16::MAX);
        let physical = self.physical(origin).filter(|_| short);
        physical.is_some_and(|line| line.text.get(column..).is_some_and(|rest| rest.starts_with(text)))
    }
}

impl Lines {
    /// How many logical lines there are.
    pub(crate) fn len(&self) -> usize {
        self.logical.len()
    }

    /// How many lines of files there are.
    pub(crate) fn physical_len(&self) -> usize {
        self.sheets.starts.len()
    }

    /// The files in the order they were opened.
    pub(crate) fn files(&self) -> &[Source] {
        &self.sheets.files
    }

    /// A logical line.
    pub(crate) fn line(&self, number: usize) -> Option<Line<'_>> {
        let Slip { origin, column, kind } = *self.logical.get(number)?;
        let (origin, column) = (origin as usize, usize::from(column));
        let (piece, through) = match kind {
            Kind::Open => (Piece::Open, None),
            Kind::Close => (Piece::Close, None),
            Kind::Read(length) => {
                let text = self.physical(origin).map_or("", |line| line.text);
                (Piece::Text(text.get(column..column + usize::from(length)).unwrap_or("")), None)
            }
            Kind::Made(index) => {
                let made = self.made.get(index as usize)?;
                let piece = match &made.piece {
                    MadePiece::Text(text) => Piece::Text(text),
                    MadePiece::Open => Piece::Open,
                    MadePiece::Close => Piece::Close,
                };
                (piece, made.through.as_ref())
            }
        };
        Some(Line { piece, origin, column, through })
    }

    /// All logical lines.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Line<'_>> + ExactSizeIterator {
        // A line that is not there is an empty one, so that numbers stay right.
        let empty = Line { piece: Piece::Text(""), origin: usize::MAX, column: 0, through: None };
        (0..self.logical.len()).map(move |number| self.line(number).unwrap_or(empty))
    }

    /// A line as it stands in a file.
    pub(crate) fn physical(&self, index: usize) -> Option<Physical<'_>> {
        let Sheets { files, starts, runs } = &*self.sheets;
        let start = *starts.get(index)? as usize;
        let index = narrow(index);
        let run = runs.get(runs.partition_point(|run| run.first <= index).checked_sub(1)?)?;
        let file = run.file as usize;
        let rest = files.get(file)?.text.get(start..)?;
        let end = rest.find('\n').unwrap_or(rest.len());
        let text = rest.get(..end)?.trim_end_matches('\r');
        Some(Physical { file, number: run.number.saturating_add(index - run.first), text })
    }

    /// All lines of all files in the order of reading.
    pub(crate) fn physical_lines(&self) -> impl Iterator<Item = (usize, Physical<'_>)> {
        (0..self.physical_len()).filter_map(|index| Some((index, self.physical(index)?)))
    }

    /// The place of a piece of a logical line: `start` and `word` as they stand in its text.
    pub(crate) fn span(&self, line: Line<'_>, start: usize, word: &str) -> Option<Span> {
        let physical = self.physical(line.origin)?;
        let source = self.sheets.files.get(physical.file)?;
        let at = find(physical.text, line.column, start, word);
        let column = physical.text.get(..at).map_or(0, |before| before.chars().count()) + 1;
        Some(Span {
            file: Arc::clone(&source.name),
            line: physical.number,
            column,
            length: word.chars().count().max(1),
            quoted: Arc::from(physical.text),
            through: line.through.cloned(),
            named: source.named,
        })
    }
}

/// Handing the lines to others.
impl Lines {
    /// All lines as one file, with a comment wherever another file begins.
    pub fn consolidated(&self) -> String {
        let (mut text, mut within) = (String::new(), None);
        for line in (0..self.len()).filter_map(|number| self.line(number)) {
            let file = self.physical(line.origin).map(|physical| physical.file);
            if let Some(source) = file.filter(|_| file != within).and_then(|file| self.files().get(file)) {
                text.push_str("# ");
                text.push_str(&source.name);
                text.push('\n');
            }
            within = file;
            if line.piece == Piece::Open && text.ends_with('\n') {
                text.pop();
                text.push(' ');
            }
            text.push_str(line.text());
            text.push('\n');
        }
        text
    }

    /// The lines as bytes, for another process.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let Sheets { files, starts, runs } = &*self.sheets;
        out.list(files.iter(), |out, file| {
            out.text(&file.name);
            out.flag(file.named);
            out.flag(file.marked);
            out.text(&file.text);
        });
        out.list(starts.iter(), |out, start| out.number(*start));
        out.list(runs.iter(), |out, run| {
            out.number(run.first);
            out.number(run.file);
            out.number(run.number);
        });
        out.list(self.made.iter(), |out, made| {
            match &made.piece {
                MadePiece::Open => out.number(0),
                MadePiece::Close => out.number(1),
                MadePiece::Text(text) => {
                    out.number(2);
                    out.text(text);
                }
            }
            out.text(made.through.as_deref().unwrap_or(""));
        });
        out.list(self.logical.iter(), |out, slip| {
            let (kind, value) = match slip.kind {
                Kind::Open => (0, 0),
                Kind::Close => (1, 0),
                Kind::Read(length) => (2, u32::from(length)),
                Kind::Made(index) => (3, index),
            };
            out.number(slip.origin);
            out.number(u32::from(slip.column));
            out.number(kind);
            out.number(value);
        });
        out.0
    }

    /// What [`Lines::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let small = |number: u32| u16::try_from(number).map_err(|_| Malformed);
        let files = from.list(|from| {
            let (name, named, marked) = (Arc::from(from.text()?), from.flag()?, from.flag()?);
            Ok(Source { name, named, marked, text: Arc::from(from.text()?) })
        })?;
        let starts = from.list(Reader::number)?;
        let runs = from
            .list(|from| Ok(Run { first: from.number()?, file: from.number()?, number: from.number()? }))?;
        let made = from.list(|from| {
            let piece = match from.number()? {
                0 => MadePiece::Open,
                1 => MadePiece::Close,
                2 => MadePiece::Text(from.text()?.into()),
                _ => return Err(Malformed),
            };
            let through = from.text()?;
            Ok(Made { piece, through: (!through.is_empty()).then(|| Arc::from(through)) })
        })?;
        let logical = from.list(|from| {
            let (origin, column) = (from.number()?, small(from.number()?)?);
            let kind = match (from.number()?, from.number()?) {
                (0, _) => Kind::Open,
                (1, _) => Kind::Close,
                (2, length) => Kind::Read(small(length)?),
                (3, index) => Kind::Made(index),
                _ => return Err(Malformed),
            };
            Ok(Slip { origin, column, kind })
        })?;
        from.end()?;
        Ok(Self { sheets: Arc::new(Sheets { files, starts, runs }), made, logical })
    }
}

/// Indices are kept in 32 bits: more lines than that do not come up, a configuration that large is cut before
/// (`expand`, `BYTES_MAX`).
fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
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
