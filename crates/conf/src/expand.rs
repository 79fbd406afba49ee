//! Files into logical lines: comments, conditions, definitions, repetition, includes, braces.
//!
//! One pass, because an include may stand behind a condition and contain a definition. For each logical line
//! (`spec` config 2):
//!
//! ```text
//! strip ─► [inside a definition?] ─► @cond ─► $NAME= ─► ~SEQ/~LST ─► $NAME ─► include ─► braces ─► Line
//!                                      ▲                               │                   │
//!                                      └──── what was substituted ─────┴── what follows ───┘
//! ```

mod define;
pub(crate) mod include;
mod sequence;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_model::global::files::IncludeCheck;

use crate::diag::{Class, Diagnostic, Pass};
use crate::files::{Conditions, FileKind, Files};
use crate::lines::{Line, Lines, Piece, Source, Span};
use crate::source::{self, Fault, Sheet};
use define::Definitions;

/// Most bytes of one configuration, its files counted as often as they are read; what is beyond is dropped with
/// one diagnostic. A `~SEQ` typo can ask for billions of lines, and files that include each other too. 10,000
/// instances with four addresses and a script each are a quarter of it.
const BYTES_MAX: usize = 64 << 20;
/// What a line counts besides its text: it has to be kept, and everything said about it too.
const LINE_BYTES: usize = 32;
/// Most files, counted as often as they are read; further includes are ignored with one diagnostic.
const FILES_MAX: usize = 100_000;
/// Files inside files; deeper ones are not read.
const INCLUDE_DEPTH_MAX: usize = 32;
/// Definitions inside definitions for one line.
const EXPANSION_DEPTH_MAX: usize = 64;

/// The lines of a configuration and what went wrong finding them.
#[derive(Clone, Debug, Default)]
pub struct Sourced {
    /// For [`crate::lower`].
    pub lines: Lines,
    /// In reading order.
    pub diagnostics: Vec<Diagnostic>,
    /// How the text came together, for [`crate::check`].
    pub origins: Origins,
}

/// Where text came from that does not stand in the main file as it is.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Names of files, and the line that included each first.
    pub includes: Vec<(Arc<str>, Span)>,
    /// Names of definitions, and the line that made each last.
    pub definitions: Vec<(String, Span)>,
}

impl Origins {
    /// The lines that led to a file, the nearest first.
    pub fn includers(&self, file: &str) -> Vec<&Span> {
        let mut stack: Vec<&Span> = Vec::new();
        let mut name = file;
        while let Some((_, line)) = self.includes.iter().find(|(included, _)| **included == *name)
            && stack.len() < INCLUDE_DEPTH_MAX
        {
            stack.push(line);
            name = &line.file;
        }
        stack
    }

    /// The line that made a definition.
    pub fn definition(&self, name: &str) -> Option<&Span> {
        self.definitions.iter().rev().find(|(made, _)| made == name).map(|(_, line)| line)
    }
}

/// Reads the configuration at `root`, which may be a pattern.
pub fn read(files: &dyn Files, root: &Path, conditions: &Conditions) -> Sourced {
    let mut expander = Expander {
        files,
        conditions,
        out: Sourced::default(),
        definitions: Definitions::new(conditions),
        check: if conditions.all_files { IncludeCheck::ALL } else { IncludeCheck::default() },
        directory: conditions.directory.clone(),
        open: Vec::new(),
        block: Block::default(),
        collecting: None,
        repeats: 0,
        bytes: 0,
        full: false,
    };
    expander.root(root);
    expander.out
}

struct Expander<'a> {
    files: &'a dyn Files,
    conditions: &'a Conditions,
    out: Sourced,
    definitions: Definitions,
    /// What `include_check` says at this point.
    check: IncludeCheck,
    /// Of the file being read.
    directory: PathBuf,
    /// Files that are open now, each included by the one before.
    open: Vec<PathBuf>,
    block: Block,
    /// A multi-line definition that is not complete.
    collecting: Option<define::Collecting>,
    /// Lines repeated so far.
    repeats: usize,
    /// What counts against [`BYTES_MAX`] so far.
    bytes: usize,
    /// A limit was reached and said.
    full: bool,
}

/// Just enough of the structure to know that a line stands in `global_defs`, whose `include_check` and
/// `random_seed` act on what is read next.
#[derive(Default)]
struct Block {
    depth: usize,
    /// The outermost block is `global_defs`.
    global: bool,
}

/// Text on its way to becoming a line.
#[derive(Clone)]
struct Text<'t> {
    text: Cow<'t, str>,
    origin: usize,
    column: usize,
    through: Option<Arc<str>>,
    /// How many definitions it came through.
    depth: usize,
    /// A condition was taken off it: a second one is an ordinary word.
    unconditional: bool,
    /// Nothing more is replaced in it.
    finished: bool,
}

impl<'t> Text<'t> {
    /// The same place with other words.
    fn saying(&self, text: impl Into<Cow<'t, str>>) -> Self {
        let Self { origin, column, ref through, depth, unconditional, finished, .. } = *self;
        Self { text: text.into(), origin, column, through: through.clone(), depth, unconditional, finished }
    }

    /// A part of it, by bytes.
    fn part(&self, range: std::ops::Range<usize>) -> Self {
        let start = range.start;
        let text = match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or("")),
            Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or("").to_owned()),
        };
        Self { column: self.column + start, ..self.saying(text) }
    }

    /// From here on.
    fn after(&self, start: usize) -> Self {
        self.part(start..self.text.len())
    }

    /// Without blanks around it.
    fn trimmed(self) -> Self {
        let kept = self.text.trim_start_matches(BLANK);
        let start = self.text.len() - kept.len();
        let end = start + kept.trim_end_matches(BLANK).len();
        if (start, end) == (0, self.text.len()) { self } else { self.part(start..end) }
    }
}

const BLANK: [char; 2] = [' ', '\t'];

impl Expander<'_> {
    fn root(&mut self, root: &Path) {
        let name = root.to_string_lossy().into_owned();
        let mut found = vec![root.to_path_buf()];
        if include::is_pattern(&name) {
            found = include::alternatives(&name).iter().flat_map(|one| self.files.glob(one)).collect();
        }
        let usable: Vec<_> =
            found.iter().filter(|path| self.files.kind(path) != FileKind::Missing).cloned().collect();
        let Some(first) = usable.first() else {
            let text = format!("Config files missing '{name}'.");
            self.say(
                Diagnostic::new(Class::Include, Pass::Parent, None, text).coded("file-not-found").stops(6),
            );
            return;
        };
        if usable.len() > 1 {
            let first = first.display();
            let text =
                format!("WARNING, multiple configuration file matches of {name}, starting with {first}");
            self.say(Diagnostic::new(Class::MultipleFiles, Pass::Parent, None, text));
        }
        let mut read = 0;
        for path in &usable {
            match include::refusal(self.files, path, &path.to_string_lossy()) {
                None => {
                    read += 1;
                    self.file(path, &path.to_string_lossy(), usable.len() > 1);
                }
                Some(text) => self.say(Diagnostic::new(Class::Include, Pass::Parent, None, text).stops(6)),
            }
        }
        if read > 0 && self.collecting.is_some() {
            self.finish_definition();
        }
    }

    /// Reads one file to its end. It is called `name`, and `named` by the parent too.
    fn file(&mut self, path: &Path, name: &str, named: bool) {
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = format!("Configuration file '{name}' open problem ({error}) - skipping");
                let class = if self.open.is_empty() { Class::Include } else { Class::FileNotFound };
                let heard = Diagnostic::new(class, Pass::Parent, None, text);
                self.say(if self.open.is_empty() { heard.stops(6) } else { heard });
                return;
            }
        };
        let (sheet, file, cut) = self.note_file(bytes, name, named);
        let above = self.directory.clone();
        let parent = path.parent().unwrap_or(Path::new(""));
        self.directory = above.join(parent);
        self.definitions.directory = self.directory.to_string_lossy().into_owned();
        let check = self.check;
        self.open.push(path.to_owned());
        for raw in sheet.lines() {
            self.bytes += raw.text.len() + LINE_BYTES;
            if self.bytes > BYTES_MAX {
                self.too_many();
                break;
            }
            let origin = self.out.lines.push_physical(file, raw.start, raw.number);
            self.physical(origin, raw);
        }
        if cut {
            self.too_many();
        }
        self.open.pop();
        self.check = check;
        self.definitions.directory = above.to_string_lossy().into_owned();
        self.directory = above;
    }

    /// Notes a file and what is in it, as far as there is room; whether there was not enough.
    fn note_file(&mut self, mut bytes: Vec<u8>, name: &str, named: bool) -> (Sheet, usize, bool) {
        let room = BYTES_MAX.saturating_sub(self.bytes);
        let cut = bytes.len() > room;
        if cut {
            bytes.truncate(room);
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            bytes.truncate(whole);
        }
        let sheet = Sheet::new(bytes);
        let (name, text) = (Arc::from(name), Arc::clone(&sheet.text));
        let file = self.out.lines.push_file(Source { name, named, marked: sheet.marked, text });
        (sheet, file, cut)
    }

    fn physical(&mut self, origin: usize, raw: source::Raw<'_>) {
        let complaint = match raw.fault {
            None => None,
            Some(Fault::TooLong) => Some("line too long - ignoring"),
            Some(Fault::Nul) => Some("configuration appears to have embedded NULs - ignoring line"),
        };
        let (kept, column) = source::strip(raw.text);
        let text = Text {
            text: kept,
            origin,
            column,
            through: None,
            depth: 0,
            unconditional: false,
            finished: false,
        };
        match complaint {
            Some(complaint) => self.complain(&text, Class::General, complaint),
            None if self.collecting.is_some() => self.collect(&text),
            None => self.process(text),
        }
    }

    /// One logical line, from the condition on.
    fn process(&mut self, line: Text<'_>) {
        let blanks = line.text.len() - line.text.trim_start_matches(BLANK).len();
        let mut line = if blanks == 0 { line } else { line.after(blanks) };
        if line.depth > EXPANSION_DEPTH_MAX {
            return self.complain(&line, Class::General, "definitions are nested too deeply - ignoring line");
        }
        if line.text.is_empty() || self.full {
            return;
        }
        if !line.unconditional && line.text.starts_with('@') {
            let Some(kept) = define::condition(&line.text, &self.conditions.config_id) else { return };
            let start = line.text.len() - kept.len();
            line = line.after(start);
            line.unconditional = true;
            return self.process(line);
        }
        if let Some((name, value)) = define::definition(&line.text) {
            return self.define(&line, name.to_owned(), value.to_owned());
        }
        if line.text.starts_with("~SEQ") || line.text.starts_with("~LST") {
            return self.repeat(&line);
        }
        let substituted = if line.finished { None } else { self.substitute(&line) };
        match substituted {
            Some(substituted) => substituted.into_iter().for_each(|line| self.process(line)),
            None => self.settled(line),
        }
    }

    /// A line without anything to substitute: an include, or something to emit piece by piece.
    fn settled(&mut self, line: Text<'_>) {
        if self.include(&line) {
            return;
        }
        let mut quoted = false;
        let brace = line.text.bytes().enumerate().find(|(_, byte)| {
            quoted ^= *byte == b'"';
            !quoted && matches!(byte, b'{' | b'}')
        });
        let Some((at, brace)) = brace else { return self.emit_text(line) };
        self.emit_text(line.part(0..at));
        let piece = if brace == b'{' { Piece::Open } else { Piece::Close };
        self.emit(&line.part(at..at + 1), piece);
        if at + 1 < line.text.len() {
            self.process(Text { unconditional: false, ..line.after(at + 1) });
        }
    }

    fn emit_text(&mut self, line: Text<'_>) {
        let line = line.trimmed();
        let text = &*line.text;
        if text.is_empty() {
            return;
        }
        let word = |n: usize| crate::lex::words(text).words.get(n).map_or("", |word| word.text);
        if self.block.depth == 0 {
            self.block.global = word(0) == "global_defs";
        } else if self.block.depth == 1 && self.block.global {
            match word(0) {
                "include_check" => self.include_check(&line, text),
                "random_seed" => self.definitions.reseed(word(1)),
                _ => {}
            }
        }
        self.emit(&line, Piece::Text(text));
    }

    fn emit(&mut self, line: &Text<'_>, piece: Piece<'_>) {
        match piece {
            Piece::Open => self.block.depth += 1,
            Piece::Close => self.block.depth = self.block.depth.saturating_sub(1),
            Piece::Text(_) => {}
        }
        // Of lines that stand in a file the text counts already.
        self.bytes += LINE_BYTES + if line.depth > 0 { line.text.len() } else { 0 };
        if self.bytes > BYTES_MAX {
            return self.too_many();
        }
        let through = line.through.as_ref();
        self.out.lines.push(Line { piece, origin: line.origin, column: line.column, through });
    }

    fn too_many(&mut self) {
        if !self.full {
            self.full = true;
            let text = "configuration has too many lines - ignoring the rest";
            self.say(Diagnostic::new(Class::General, Pass::Parent, None, text));
        }
    }

    /// The place of a piece of a line on its way.
    fn place(&self, line: &Text<'_>, word: &str) -> Option<Span> {
        let through = line.through.as_ref();
        let place = Line { piece: Piece::Open, origin: line.origin, column: line.column, through };
        self.out.lines.span(place, 0, word)
    }

    fn complain(&mut self, line: &Text<'_>, class: Class, text: impl Into<String>) {
        let word = line.text.split_whitespace().next().unwrap_or("");
        let at = self.place(line, word);
        self.say(Diagnostic::new(class, Pass::Parent, at, text));
    }

    /// For the log alone.
    fn log(&mut self, line: &Text<'_>, text: String) {
        let at = self.place(line, &line.text);
        self.say(Diagnostic::new(Class::Warning, Pass::Parent, at, text).log_only());
    }

    fn say(&mut self, diagnostic: Diagnostic) {
        self.out.diagnostics.push(diagnostic);
    }
}
