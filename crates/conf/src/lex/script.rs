//! The second tokeniser: command lines. Level one splits the line, level two splits a command into its
//! arguments and decodes escapes (`spec` config 1.3).

/// A quote without a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unterminated(pub char);

/// Curly double quotes are plain ones to us (D8).
pub fn plain_quotes(line: &str) -> String {
    line.replace(['“', '”', '„', '‟'], "\"")
}

/// Level one: both quotes quote, pieces that touch join, a backslash keeps itself and the next character.
pub fn split_line(line: &str) -> Result<Vec<String>, Unterminated> {
    split(line, |out, chars| {
        out.push('\\');
        out.extend(chars.next());
    })
}

/// Level two: as level one, with escapes decoded.
pub fn split_command(command: &str) -> Result<Vec<String>, Unterminated> {
    split(command, |out, chars| out.extend(escape(chars)))
}

/// The escapes of level two in a word that is not split any further.
pub fn unescape(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' { text.extend(escape(&mut chars)) } else { text.push(c) }
    }
    text
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn split(
    line: &str,
    mut escaped: impl FnMut(&mut String, &mut Chars<'_>),
) -> Result<Vec<String>, Unterminated> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (_, '\\') => escaped(word.get_or_insert_default(), &mut chars),
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, c) if super::is_blank(c) => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.map_or(Ok(words), |open| Err(Unterminated(open)))
}

/// The character a backslash and what follows stand for; a lone backslash at the end stands for nothing.
fn escape(chars: &mut Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'c' => byte(u32::from(chars.next()?) & 0x1f),
        'x' => match digits(chars, 0, 2, 16) {
            Some(value) => byte(value),
            None => 'x',
        },
        digit @ '0'..='7' => byte(digits(chars, digit.to_digit(8)?, 2, 8).or_else(|| digit.to_digit(8))?),
        other => other,
    })
}

/// Up to `most` further digits after `value`; none when there is not one.
fn digits(chars: &mut Chars<'_>, value: u32, most: usize, radix: u32) -> Option<u32> {
    let mut found = None;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
        chars.next();
        found = Some(found.unwrap_or(value) * radix + digit);
    }
    found
}

/// A decoded byte; those above 127 are not text and keep their value by way of [`crate::text`].
fn byte(value: u32) -> char {
    let byte = u8::try_from(value & 0xff).unwrap_or(0);
    crate::text::decode(&[byte]).chars().next().unwrap_or('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_splits_at_blanks_outside_both_quotes() {
        let check = |line: &str, words: &[&str]| assert_eq!(split_line(line).unwrap(), words, "{line}");
        check("script /x/y a b", &["script", "/x/y", "a", "b"]);
        check("script \"/x/y 'a b'\" c", &["script", "/x/y 'a b'", "c"]);
        check("script /x\"y z\"'w'", &["script", "/xy zw"]);
        check(r#"script "x a\ b \"q\"""#, &["script", r#"x a\ b \"q\""#]);
    }

    #[test]
    fn a_command_decodes_its_escapes() {
        let check = |line: &str, words: &[&str]| assert_eq!(split_command(line).unwrap(), words, "{line}");
        check(r#"x a\ b \"q\""#, &["x", "a b", "\"q\""]);
        check(r"x \x41\101\tz\cA\x", &["x", "AA\tz\x01x"]);
        check("/x '' \"a b\"", &["/x", "", "a b"]);
        check("x || exit 1", &["x", "||", "exit", "1"]);
    }

    #[test]
    fn a_quote_without_a_partner_is_named() {
        assert_eq!(split_line("script \"/x"), Err(Unterminated('"')));
        assert_eq!(split_command("x 'y"), Err(Unterminated('\'')));
    }
}
