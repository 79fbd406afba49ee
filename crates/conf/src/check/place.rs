//! Places for complaints that the original makes without one.
//!
//! `(VI_1) Warning - nopreempt will not work with initial state MASTER` names an instance and two of its keywords:
//! that is enough to find the lines. What names nothing stays without a place.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diagnostic;
use crate::lex::{self, Word};
use crate::lines::{Lines, Piece, Span};
use crate::suggest;

/// A block outside of all others.
struct Block<'a> {
    keyword: &'a str,
    name: &'a str,
    /// Number of its first line, and the word of it to point at.
    header: (usize, Word<'a>),
    /// First words inside, with the line they begin.
    lines: Vec<(&'a str, usize)>,
}

/// The named blocks of a configuration.
pub(super) struct Places<'a> {
    lines: &'a Lines,
    blocks: Vec<Block<'a>>,
    /// Blocks by their names, as far as those are whole words of a sentence.
    by_name: BTreeMap<&'a str, Vec<usize>>,
    /// The others.
    oddly_named: Vec<usize>,
    /// The first place of every word that is no keyword; made when it is needed.
    words: OnceCell<BTreeMap<&'a str, (usize, Word<'a>)>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(lines: &'a Lines) -> Self {
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let mut depth = 0_usize;
        for (at, line) in lines.iter().enumerate() {
            match line.piece {
                Piece::Open => depth += 1,
                Piece::Close => depth = depth.saturating_sub(1),
                Piece::Text(text) => {
                    let words = lex::words(text).words;
                    let word = |n: usize| words.get(n).map_or("", |word| word.text);
                    if depth == 0 {
                        let Some(first) = words.get(1).or(words.first()) else { continue };
                        let header = (at, first.clone());
                        blocks.push(Block { keyword: word(0), name: word(1), header, lines: Vec::new() });
                    } else if let Some(block) = blocks.last_mut() {
                        block.lines.push((word(0), at));
                    }
                }
            }
        }
        let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut oddly_named = Vec::new();
        for (number, block) in blocks.iter().enumerate().filter(|(_, block)| !block.name.is_empty()) {
            match block.name.chars().all(is_part) {
                true => by_name.entry(block.name).or_default().push(number),
                false => oddly_named.push(number),
            }
        }
        Self { lines, blocks, by_name, oddly_named, words: OnceCell::new() }
    }

    /// Gives a complaint a place, and names that are near an unknown one. Says whether the place is our guess.
    pub(super) fn improve(&self, heard: &mut Diagnostic) -> bool {
        let unplaced = heard.at.is_none();
        if unplaced {
            self.locate(heard);
        }
        if crate::codes::of(heard).name == "script-not-found" && heard.suggestion.is_none() {
            self.near_name(heard);
        }
        unplaced && heard.at.is_some()
    }

    fn locate(&self, heard: &mut Diagnostic) {
        let named = self.named(&heard.text);
        let mut spans = Vec::new();
        if let Some(block) = named.first().filter(|block| block.keyword == "vrrp_instance") {
            spans = self.keywords(block, &heard.text);
        } else if named.is_empty() {
            spans.extend(self.quoted(&heard.text).map(|span| (String::new(), span)));
        }
        let headers = named.iter().filter_map(|block| Some((block.title(), self.header(block)?)));
        if spans.is_empty() {
            spans.extend(headers);
        } else {
            spans.extend(headers.skip(1));
        }
        let mut spans = spans.into_iter();
        heard.at = spans.next().map(|(_, span)| span);
        for (title, span) in spans.take(LABELS_MAX) {
            let text = if title.contains(' ') { "and here" } else { "together with this" };
            *heard = heard.clone().label(Some(span), text);
        }
    }

    /// The line with a word that the sentence quotes, or a path that it names.
    fn quoted(&self, text: &str) -> Option<Span> {
        let paths = text.split_whitespace().filter(|word| word.len() > 1 && word.starts_with('/'));
        let quotes = ['`', '\'', '"'].into_iter().flat_map(|mark| text.split(mark).skip(1).step_by(2));
        let words: Vec<&str> = paths.chain(quotes).filter(|word| !word.is_empty()).collect();
        let known = self.words.get_or_init(|| self.first_places());
        let first =
            words.iter().filter_map(|word| known.get(word)).min_by_key(|(at, word)| (*at, word.start));
        first.and_then(|(at, word)| self.span(*at, word))
    }

    fn first_places(&self) -> BTreeMap<&'a str, (usize, Word<'a>)> {
        let mut known = BTreeMap::new();
        for (at, line) in self.lines.iter().enumerate() {
            let Piece::Text(text) = line.piece else { continue };
            for word in lex::words(text).words.into_iter().skip(1) {
                if let Some(first) = word.text.split_whitespace().next() {
                    known.entry(first).or_insert((at, word));
                }
            }
        }
        known
    }

    fn header(&self, block: &Block<'_>) -> Option<Span> {
        let (at, word) = &block.header;
        self.span(*at, word)
    }

    fn span(&self, at: usize, word: &Word<'_>) -> Option<Span> {
        self.lines.span(self.lines.line(at)?, word.start, word.text)
    }

    /// The blocks whose names stand in the sentence, in its order.
    fn named(&self, text: &str) -> Vec<&Block<'a>> {
        let subject = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
        let of_subject = |name: &str| {
            let numbers = self.by_name.get(name).unwrap_or(&self.oddly_named);
            let mut blocks = numbers.iter().filter_map(|number| self.blocks.get(*number));
            blocks.find(|block| block.is_router() && block.name == name)
        };
        if let Some(block) = subject.and_then(of_subject) {
            return vec![block];
        }
        let spoken = text.split(|c| !is_part(c)).collect::<BTreeSet<_>>();
        let plain = spoken.iter().filter_map(|word| self.by_name.get(word)).flatten();
        let numbers: BTreeSet<usize> = plain.chain(&self.oddly_named).copied().collect();
        let mut found: Vec<(usize, &Block<'_>)> = Vec::new();
        for block in numbers.iter().filter_map(|number| self.blocks.get(*number)) {
            let quoted = text.match_indices(block.name).map(|(at, _)| at);
            let whole = |at: &usize| is_whole(text, *at, block.name.len());
            if let Some(at) = quoted.into_iter().find(whole)
                && block.could_be_meant(text)
                && found.iter().all(|(_, other)| other.name != block.name)
            {
                found.push((at, block));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, block)| block).collect()
    }

    /// Lines of the block whose keywords the sentence mentions, in its order.
    fn keywords(&self, block: &Block<'_>, text: &str) -> Vec<(String, Span)> {
        let spoken = text.to_lowercase().replace('_', " ");
        let mut found: Vec<(usize, String, Span)> = Vec::new();
        for (word, at) in &block.lines {
            let said = word.to_lowercase().replace('_', " ");
            let mentioned = spoken.match_indices(said.as_str()).map(|(at, _)| at);
            let position = mentioned.into_iter().find(|at| is_whole(&spoken, *at, said.len()));
            let line = self.lines.line(*at);
            let span = line.and_then(|line| self.lines.span(line, 0, line.text()));
            if let (Some(position), Some(span)) = (position.filter(|_| said.len() > 3), span)
                && found.iter().all(|(other, ..)| *other != position)
            {
                found.push((position, (*word).to_owned(), span));
            }
        }
        found.sort_by_key(|(position, ..)| *position);
        found.into_iter().map(|(_, word, span)| (word, span)).collect()
    }

    fn near_name(&self, heard: &mut Diagnostic) {
        let Some(at) = heard.at.clone() else { return };
        let word: String = at.quoted.chars().skip(at.column.saturating_sub(1)).take(at.length).collect();
        let kind =
            |block: &&Block<'_>| block.keyword == "vrrp_script" || block.keyword.ends_with("track_file");
        let scripts = || self.blocks.iter().filter(kind);
        if let Some(below) = scripts().find(|block| block.name == word) {
            *heard = heard.clone().label(self.header(below), "defined here: it has to stand above");
        } else if let Some(near) = suggest::near(&word, scripts().map(|block| block.name)) {
            let note = format!("did you mean '{near}'?");
            *heard = heard.clone().note(note).suggest(near);
        }
    }
}

impl Block<'_> {
    fn title(&self) -> String {
        format!("{} {}", self.keyword, self.name)
    }

    fn is_router(&self) -> bool {
        ["vrrp_instance", "vrrp_sync_group", "bfd_instance", "vrrp_script"].contains(&self.keyword)
    }

    /// Whether the sentence is about this kind of block: the name could be an ordinary word.
    fn could_be_meant(&self, text: &str) -> bool {
        match self.keyword {
            "vrrp_script" => text.contains(&format!("script {}", self.name)),
            "vrrp_sync_group" => text.to_lowercase().contains(&format!("group {}", self.name.to_lowercase())),
            "vrrp_instance" => self.name.len() > 1,
            "virtual_server" => text.contains(&format!("[{}]", self.name)),
            _ => false,
        }
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Whether the word at this place is not just a part of a longer one.
fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let after = text.get(at + length..).and_then(|after| after.chars().next());
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

/// More places than this help nobody.
const LABELS_MAX: usize = 4;
