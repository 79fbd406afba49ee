//! Logical lines with their origins: what is left of the files once includes, conditions and definitions are
//! done. Every process of one start lowers the same lines.
//!
//! ```text
//! files     "vrrp_instance VI_1 {\n  priority 100\n}\n"     once, as it was read
//! physical   ^0                    ^22            ^35        where lines start in it
//! logical    (0, 0..18) (0, open)  (1, 2..14)    (2, close)  pieces of physical lines, eight bytes each
//! made       what stands in no file as it is: substituted, unescaped, mended
//! ```
//!
//! A configuration of ten thousand instances has a quarter of a million lines, and three processes hold it. So a
//! line costs twelve bytes beside its text, and no allocation; `Line` and `Physical` are views.

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

/// A logical line as it is kept: eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slip {
    /// Index of the physical line, or of what was made.
    index: u32,
    /// Where the piece starts in the physical line.
    column: u16,
    /// How long it is there, or [`OPEN`], [`CLOSE`], [`MADE`].
    length: u16,
}

/// Stands for the length of an opening brace.
const OPEN: u16 = u16::MAX;
/// Stands for the length of a closing brace.
const CLOSE: u16 = u16::MAX - 1;
/// Stands for the length of what is not there.
const MADE: u16 = u16::MAX - 2;

/// A piece that no file has like that, or that came through a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    piece: MadePiece,
    origin: u32,
    column: u16,
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
        let (origin, narrow_column) = (narrow(origin), u16::try_from(column).unwrap_or(u16::MAX));
        let there = |length| Slip { index: origin, column: narrow_column, length };
        let piece = match (piece, through) {
            (Piece::Open, None) => return there(OPEN),
            (Piece::Close, None) => return there(CLOSE),
            (Piece::Text(text), None) if self.stands_there(origin, column, text) => {
                return there(u16::try_from(text.len()).unwrap_or(MADE - 1));
            }
            (Piece::Text(text), _) => MadePiece::Text(text.into()),
            (Piece::Open, _) => MadePiece::Open,
            (Piece::Close, _) => MadePiece::Close,
        };
        self.made.push(Made { piece, origin, column: narrow_column, through: through.cloned() });
        Slip { index: narrow(self.made.len() - 1), column: 0, length: MADE }
    }

    fn stands_there(&self, origin: u32, column: usize, text: &str) -> bool {
        let short = text.len() < usize::from(MADE) && column <= usize::from(u16::MAX);
        let there = self.piece(origin, column, text.len()).filter(|_| short);
        there == Some(text) && !text.contains('\n')
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
        let Slip { index, column, length } = *self.logical.get(number)?;
        let (origin, column) = (index as usize, usize::from(column));
        let piece = match length {
            OPEN => Piece::Open,
            CLOSE => Piece::Close,
            MADE => {
                let made = self.made.get(index as usize)?;
                let piece = match &made.piece {
                    MadePiece::Text(text) => Piece::Text(text),
                    MadePiece::Open => Piece::Open,
                    MadePiece::Close => Piece::Close,
                };
                let (origin, column) = (made.origin as usize, usize::from(made.column));
                return Some(Line { piece, origin, column, through: made.through.as_ref() });
            }
            length => Piece::Text(self.piece(index, column, usize::from(length)).unwrap_or("")),
        };
        Some(Line { piece, origin, column, through: None })
    }

    /// A piece of a physical line.
    fn piece(&self, origin: u32, column: usize, length: usize) -> Option<&str> {
        let (file, _) = self.whose(origin)?;
        let start = *self.sheets.starts.get(origin as usize)? as usize + column;
        file.text.get(start..start + length)
    }

    /// The file a physical line belongs to, and the run.
    fn whose(&self, origin: u32) -> Option<(&Source, &Run)> {
        let Sheets { files, runs, .. } = &*self.sheets;
        let run = runs.get(runs.partition_point(|run| run.first <= origin).checked_sub(1)?)?;
        Some((files.get(run.file as usize)?, run))
    }

    /// All logical lines.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Line<'_>> + ExactSizeIterator {
        // A line that is not there is an empty one, so that numbers stay right.
        let empty = Line { piece: Piece::Text(""), origin: usize::MAX, column: 0, through: None };
        (0..self.logical.len()).map(move |number| self.line(number).unwrap_or(empty))
    }

    /// A line as it stands in a file.
    pub(crate) fn physical(&self, index: usize) -> Option<Physical<'_>> {
        let start = *self.sheets.starts.get(index)? as usize;
        let index = narrow(index);
        let (source, run) = self.whose(index)?;
        let rest = source.text.get(start..)?;
        let end = rest.find('\n').unwrap_or(rest.len());
        let text = rest.get(..end)?.trim_end_matches('\r');
        let number = run.number.saturating_add(index - run.first);
        Some(Physical { file: run.file as usize, number, text })
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
            out.number(made.origin);
            out.number(u32::from(made.column));
            out.text(made.through.as_deref().unwrap_or(""));
        });
        out.list(self.logical.iter(), |out, slip| {
            out.number(slip.index);
            out.number(u32::from(slip.column) << 16 | u32::from(slip.length));
        });
        out.0
    }

    /// What [`Lines::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let halves = |number: u32| ((number >> 16) as u16, (number & 0xffff) as u16);
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
            let (origin, column) = (from.number()?, halves(from.number()?).1);
            let through = from.text()?;
            Ok(Made { piece, origin, column, through: (!through.is_empty()).then(|| Arc::from(through)) })
        })?;
        let logical = from.list(|from| {
            let index = from.number()?;
            let (column, length) = halves(from.number()?);
            Ok(Slip { index, column, length })
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
