//! Statements of one block, put into the order of its table, and their text.

use crate::schema::{Grammar, Keyword, Table};
use crate::source::{self, LINE_MAX};

use super::{Body, Statement};

/// A block on its way.
pub(super) struct Block {
    table: &'static Table,
    /// With the place of the row in the table.
    statements: Vec<(usize, Statement)>,
}

impl Block {
    /// Nothing yet.
    pub fn of(table: &'static Table) -> Self {
        Self { table, statements: Vec::new() }
    }

    fn push(&mut self, name: &str, words: Vec<String>, body: Body) {
        let row = self.table.keywords.iter().enumerate().find(|(_, row)| row.name == name);
        debug_assert!(row.is_some(), "{name} is no keyword of {:?}", self.table.block);
        let Some((place, row)) = row else { return };
        self.statements.push((place, Statement { row, words, body }));
    }

    /// A keyword with words as they are written.
    pub fn line(&mut self, name: &str, words: impl IntoIterator<Item = String>) {
        self.push(name, words.into_iter().collect(), Body::None);
    }

    /// A keyword that stands for itself.
    pub fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.line(name, []);
        }
    }

    /// A keyword that may say no, where that is not so anyway.
    pub fn switch(&mut self, name: &str, on: bool, usual: bool) {
        if on != usual {
            self.line(name, (!on).then(|| "off".to_owned()));
        }
    }

    /// A value that needs no quotes, where it is not so anyway.
    pub fn value<Value: PartialEq + ToString>(&mut self, name: &str, value: Value, usual: Value) {
        if value != usual {
            self.line(name, [value.to_string()]);
        }
    }

    /// A value that needs no quotes, if there is one.
    pub fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.line(name, [value.to_string()]);
        }
    }

    /// A word, if there is one.
    pub fn word(&mut self, name: &str, word: Option<&str>) {
        if let Some(word) = word {
            self.line(name, [super::words::quoted(word)]);
        }
    }

    /// A block of items, if there are any.
    pub fn items(&mut self, name: &str, items: Vec<Vec<String>>) {
        self.named_items(name, [], items);
    }

    /// The same with a name.
    pub fn named_items(
        &mut self,
        name: &str,
        title: impl IntoIterator<Item = String>,
        items: Vec<Vec<String>>,
    ) {
        if !items.is_empty() {
            self.push(name, title.into_iter().collect(), Body::Items(items));
        }
    }

    /// A block with a title. Without one and without statements it says nothing.
    pub fn block(&mut self, name: &str, title: impl IntoIterator<Item = String>, inner: Self) {
        let title: Vec<String> = title.into_iter().collect();
        if !title.is_empty() || !inner.statements.is_empty() {
            self.push(name, title, Body::Block(inner.in_order()));
        }
    }

    /// A block that means something even if nothing is in it.
    pub fn bare_block(&mut self, name: &str, inner: Self) {
        self.push(name, Vec::new(), Body::Block(inner.in_order()));
    }

    /// Lines in the order of the table, then blocks, whose order means something.
    pub fn in_order(mut self) -> Vec<Statement> {
        let is_block = |statement: &Statement| matches!(statement.body, Body::Block(_));
        self.statements.sort_by_key(|(place, statement)| match is_block(statement) {
            false => (false, *place),
            true => (true, 0),
        });
        self.in_order_of_use()
    }

    /// As they were put in.
    pub fn in_order_of_use(self) -> Vec<Statement> {
        self.statements.into_iter().map(|(_, statement)| statement).collect()
    }
}

/// Words of a line that has a grammar of its own, put into its order.
pub(super) struct Words {
    grammar: &'static Grammar,
    words: Vec<(usize, Vec<String>)>,
}

impl Words {
    /// Nothing yet.
    pub fn of(grammar: &'static Grammar) -> Self {
        Self { grammar, words: Vec::new() }
    }

    /// A word with others behind it.
    pub fn put(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        let place = self.grammar.words.iter().position(|row| row.name == name);
        debug_assert!(place.is_some(), "{name} is no word of {}", self.grammar.line);
        let words = std::iter::once(name.to_owned()).chain(values).collect();
        self.words.push((place.unwrap_or(usize::MAX), words));
    }

    /// A word that stands for itself.
    pub fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.put(name, []);
        }
    }

    /// A word with a value that needs no quotes, where it is not so anyway.
    pub fn value<Value: PartialEq + ToString>(&mut self, name: &str, value: Value, usual: Value) {
        if value != usual {
            self.put(name, [value.to_string()]);
        }
    }

    /// A word with a value that needs no quotes, if there is one.
    pub fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(name, [value.to_string()]);
        }
    }

    /// A word with a name, if there is one.
    pub fn name(&mut self, word: &str, name: Option<&str>) {
        if let Some(name) = name {
            self.put(word, [super::words::quoted(name)]);
        }
    }

    /// All of them behind what the line begins with.
    pub fn behind(mut self, first: impl IntoIterator<Item = String>) -> Vec<String> {
        self.words.sort_by_key(|(place, _)| *place);
        first.into_iter().chain(self.words.into_iter().flat_map(|(_, words)| words)).collect()
    }
}

/// Where a line of the text comes from: of a statement, or of one of its items.
pub(super) type Comment<'a> = &'a dyn Fn(&Statement, Option<usize>) -> Option<String>;

/// The text of statements; `comment` says what stands behind a line.
pub(super) fn text(
    statements: &[Statement],
    comment: impl Fn(&Statement, Option<usize>) -> Option<String>,
) -> String {
    let mut out = String::new();
    write(&mut out, statements, 0, &comment);
    out
}

fn write(out: &mut String, statements: &[Statement], depth: usize, comment: Comment<'_>) {
    let mut before: Option<(&'static Keyword, bool)> = None;
    for statement in statements {
        let block = !matches!(statement.body, Body::None);
        // Blocks of the root stand apart; so do lines that are no blocks, from blocks.
        let apart = before.is_some_and(|(_, was_block)| was_block || block);
        if depth == 0 && apart {
            out.push('\n');
        }
        before = Some((statement.row, block));
        let head = std::iter::once(statement.row.name).chain(statement.words.iter().map(String::as_str));
        let mut head = head.collect::<Vec<_>>().join(" ");
        let said = comment(statement, None);
        match &statement.body {
            Body::None => line(out, depth, &head, said),
            Body::Items(items) => {
                head.push_str(" {");
                line(out, depth, &head, said);
                for (at, item) in items.iter().enumerate() {
                    line(out, depth + 1, &item.join(" "), comment(statement, Some(at)));
                }
                line(out, depth, "}", None);
            }
            Body::Block(inner) => {
                head.push_str(" {");
                line(out, depth, &head, said);
                write(out, inner, depth + 1, comment);
                line(out, depth, "}", None);
            }
        }
    }
}

/// A line that would be too long for whoever reads it goes without its indentation, or without its comment.
fn line(out: &mut String, depth: usize, text: &str, comment: Option<String>) {
    let indent = INDENT * depth;
    let comment = comment.map(|comment| format!("  # {comment}")).unwrap_or_default();
    let fits = |length: usize| length <= LINE_MAX;
    let length = crate::text::encode(text).len();
    let indent = if fits(indent + length) { indent } else { 0 };
    // Behind a quote that looks open no comment begins.
    let may = fits(indent + length + comment.len()) && !source::is_unterminated(text);
    let comment = if may { comment } else { String::new() };
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str(text);
    out.push_str(&comment);
    out.push('\n');
}

/// Blanks for each block around.
const INDENT: usize = 4;
