//! One line into words. Recovery over lines is the tree's job, so nothing here ever fails: what cannot be
//! read comes back as a remark next to what can.

pub mod number;
pub mod script;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while};
use nom::combinator::rest;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// A word and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Without its quotes.
    pub text: &'a str,
    /// Offset of the text (not of the quote) in the line.
    pub start: usize,
}

/// Everything a line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words<'a> {
    /// Complete words in order.
    pub words: Vec<Word<'a>>,
    /// The last quote has no partner; what followed it is dropped.
    pub unterminated: bool,
}

/// The characters that separate words (`spec` config 1.1).
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c' | '\n' | '\r' | '\x0b')
}

/// What a piece of a line turned out to be.
enum Token<'a> {
    Plain(&'a str),
    Quoted(&'a str),
    Unterminated,
}

/// A quote ends the current word and starts a new one; there are no escapes (`spec` config 1.3).
fn token(input: &str) -> IResult<&str, Token<'_>> {
    let quoted = preceded(tag("\""), terminated(take_till(|c| c == '"'), tag("\""))).map(Token::Quoted);
    let unterminated = preceded(tag("\""), rest).map(|_| Token::Unterminated);
    let plain = take_till1(|c| is_blank(c) || c == '"').map(Token::Plain);
    preceded(take_while(is_blank), alt((quoted, unterminated, plain))).parse(input)
}

/// Splits a line the way all but the script keywords do.
pub fn words(line: &str) -> Words<'_> {
    let mut found = Words::default();
    let mut input = line;
    while let Ok((after, token)) = token(input) {
        let end = line.len() - after.len();
        match token {
            Token::Plain(text) => found.words.push(Word { text, start: end - text.len() }),
            Token::Quoted(text) => found.words.push(Word { text, start: end - 1 - text.len() }),
            Token::Unterminated => found.unterminated = true,
        }
        input = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        let found = words(line);
        assert_eq!(found.words.iter().map(|w| w.text).collect::<Vec<_>>(), expected, "{line}");
        for word in &found.words {
            assert_eq!(line.get(word.start..word.start + word.text.len()), Some(word.text));
        }
    }

    #[test]
    fn words_are_separated_by_blanks_and_quotes_alone() {
        check("a\x0bb\tc", &["a", "b", "c"]);
        check("a\"b c\"d", &["a", "b c", "d"]);
        check("router_id A;", &["router_id", "A;"]);
        check("router_id 'a b'", &["router_id", "'a", "b'"]);
        check("\"router_id\" \"\" x", &["router_id", "", "x"]);
        check("   ", &[]);
    }

    #[test]
    fn an_unfinished_word_is_dropped_and_the_words_before_it_are_kept() {
        check("a b \"c d", &["a", "b"]);
        assert!(words("a b \"c d").unterminated);
        assert!(!words("a \"b\"").unterminated);
    }
}
