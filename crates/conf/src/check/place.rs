//! Places for complaints that the original makes without one.
//!
//! `(VI_1) Warning - nopreempt will not work with initial state MASTER` names an instance and two of its keywords:
//! that is enough to find the lines. What names nothing stays without a place.

use crate::diag::Diagnostic;
use crate::lex;
use crate::lines::{Lines, Piece, Span};
use crate::suggest;

/// A block outside of all others.
struct Block {
    keyword: String,
    name: String,
    header: Option<Span>,
    /// First words inside, with the line they begin.
    lines: Vec<(String, usize)>,
}

/// The named blocks of a configuration.
pub(super) struct Places<'a> {
    lines: &'a Lines,
    blocks: Vec<Block>,
}

impl<'a> Places<'a> {
    pub(super) fn new(lines: &'a Lines) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut depth = 0_usize;
        for (at, line) in lines.iter().enumerate() {
            match line.piece {
                Piece::Open => depth += 1,
                Piece::Close => depth = depth.saturating_sub(1),
                Piece::Text(text) => {
                    let words = lex::words(text).words;
                    let word = |n: usize| words.get(n).map_or(String::new(), |word| word.text.to_owned());
                    if depth == 0 {
                        let first = words.get(1).or(words.first());
                        let header = first.and_then(|word| lines.span(line, word.start, word.text));
                        blocks.push(Block { keyword: word(0), name: word(1), header, lines: Vec::new() });
                    } else if let Some(block) = blocks.last_mut() {
                        block.lines.push((word(0), at));
                    }
                }
            }
        }
        Self { lines, blocks }
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
        let headers = named.iter().filter_map(|block| Some((block.title(), block.header.clone()?)));
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
        self.lines.iter().find_map(|line| {
            let Piece::Text(text) = line.piece else { return None };
            let found =
                lex::words(text).words.into_iter().skip(1).find(|word| {
                    word.text.split_whitespace().next().is_some_and(|first| words.contains(&first))
                });
            found.and_then(|word| self.lines.span(line, word.start, word.text))
        })
    }

    /// The blocks whose names stand in the sentence, in its order.
    fn named(&self, text: &str) -> Vec<&Block> {
        let subject = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
        let of_subject =
            |name: &str| self.blocks.iter().find(|block| block.is_router() && block.name == name);
        if let Some(block) = subject.and_then(of_subject) {
            return vec![block];
        }
        let mut found: Vec<(usize, &Block)> = Vec::new();
        for block in self.blocks.iter().filter(|block| !block.name.is_empty()) {
            let quoted = text.match_indices(block.name.as_str()).map(|(at, _)| at);
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
    fn keywords(&self, block: &Block, text: &str) -> Vec<(String, Span)> {
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
                found.push((position, word.clone(), span));
            }
        }
        found.sort_by_key(|(position, ..)| *position);
        found.into_iter().map(|(_, word, span)| (word, span)).collect()
    }

    fn near_name(&self, heard: &mut Diagnostic) {
        let Some(at) = heard.at.clone() else { return };
        let word: String = at.quoted.chars().skip(at.column.saturating_sub(1)).take(at.length).collect();
        let kind = |block: &&Block| block.keyword == "vrrp_script" || block.keyword.ends_with("track_file");
        let scripts = || self.blocks.iter().filter(kind);
        if let Some(below) = scripts().find(|block| block.name == word) {
            *heard = heard.clone().label(below.header.clone(), "defined here: it has to stand above");
        } else if let Some(near) = suggest::near(&word, scripts().map(|block| block.name.as_str())) {
            let note = format!("did you mean '{near}'?");
            *heard = heard.clone().note(note).suggest(near);
        }
    }
}

impl Block {
    fn title(&self) -> String {
        format!("{} {}", self.keyword, self.name)
    }

    fn is_router(&self) -> bool {
        ["vrrp_instance", "vrrp_sync_group", "bfd_instance", "vrrp_script"].contains(&self.keyword.as_str())
    }

    /// Whether the sentence is about this kind of block: the name could be an ordinary word.
    fn could_be_meant(&self, text: &str) -> bool {
        match self.keyword.as_str() {
            "vrrp_script" => text.contains(&format!("script {}", self.name)),
            "vrrp_sync_group" => text.to_lowercase().contains(&format!("group {}", self.name.to_lowercase())),
            "vrrp_instance" => self.name.len() > 1,
            "virtual_server" => text.contains(&format!("[{}]", self.name)),
            _ => false,
        }
    }
}

/// Whether the word at this place is not just a part of a longer one.
fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let after = text.get(at + length..).and_then(|after| after.chars().next());
    !before.is_some_and(part) && !after.is_some_and(part)
}

/// More places than this help nobody.
const LABELS_MAX: usize = 4;
