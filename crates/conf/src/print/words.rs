//! Values as words.

use keepalived_model::priority::Weight;
use keepalived_model::time::Micros;

/// A word for the first tokeniser. There is no way to write a quote in it, so none is in it; and a brace alone opens
/// a block wherever a line ends with it, so that nothing printable is called so.
pub(super) fn quoted(word: &str) -> String {
    let special = |c: char| crate::lex::is_blank(c) || matches!(c, '{' | '}' | '#' | '!' | '"');
    // These mean something where a line begins, which the word may do.
    let begins = word.starts_with(['@', '$', '~']) || word.starts_with("include");
    // A backslash hides the quote behind it from those who look for comments, and alone at the end joins words.
    let plain = !word.is_empty() && !begins && !word.contains(special) && word != "\\";
    if plain { word.to_owned() } else { format!("\"{word}\"") }
}

/// Bytes as a word.
pub(super) fn bytes(word: &[u8]) -> String {
    quoted(&crate::text::decode(word))
}

/// A path as a word.
pub(super) fn path(path: &std::path::Path) -> String {
    bytes(path.as_os_str().as_encoded_bytes())
}

/// Seconds with as many decimals as there are.
pub(super) fn seconds(time: Micros) -> String {
    decimal(time.0, 6)
}

/// Milliseconds with as many decimals as there are.
pub(super) fn millis(time: Micros) -> String {
    decimal(time.0, 3)
}

fn decimal(value: u64, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - places).unwrap_or((&digits, ""));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// `N [reverse]`.
pub(super) fn weight(weight: Weight) -> Vec<String> {
    std::iter::once(weight.amount.to_string()).chain(weight.reverse.then(|| "reverse".to_owned())).collect()
}

/// What the second tokeniser makes of the escaped text is this text, inside double quotes. Quotes are escaped by
/// number: whoever looks for braces counts every one.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push_str("\\\\"),
            // The built-in definitions begin like this.
            '$' if matches!(chars.peek(), Some('_' | '{')) => byte_escape(&mut out, c),
            // Typographic quotes are read as plain ones.
            '"' | '“' | '”' | '„' | '‟' | '\u{7f}' => byte_escape(&mut out, c),
            c if c < ' ' => byte_escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

fn byte_escape(out: &mut String, c: char) {
    let mut buffer = [0; 4];
    for byte in c.encode_utf8(&mut buffer).bytes() {
        out.push_str(&format!("\\x{byte:02x}"));
    }
}

/// One argument of a command, inside double quotes.
pub(super) fn argument(word: &[u8]) -> String {
    let text = crate::text::decode(word);
    let plain = !text.is_empty() && !text.contains(crate::lex::is_blank);
    let text = escaped(&text).replace('\'', "\\x27");
    if plain { text } else { format!("'{text}'") }
}

/// Hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::script::{split_command, split_line};

    #[test]
    fn words_come_back_as_they_were() {
        for word in ["a", "", "a b", "a#b!", "{", "x\\", "@id", "$A=1", "~SEQ", "include", "é"] {
            let found = crate::lex::words(&quoted(word)).words.first().map(|word| word.text.to_owned());
            assert_eq!(found.as_deref(), Some(word));
        }
    }

    #[test]
    fn arguments_come_back_as_they_were() {
        let words: [&[u8]; 9] =
            [b"/x", b"a b", b"", b"it's", b"\"q\"", b"\\", b"\n\x01\xff", "“é”".as_bytes(), b"${_PWD}"];
        let command = words.map(argument).join(" ");
        let line = split_line(&format!("script \"{command}\" user")).unwrap();
        let argv = split_command(line.get(1).unwrap()).unwrap();
        assert_eq!(argv.iter().map(|word| crate::text::encode(word)).collect::<Vec<_>>(), words);
        assert_eq!(line.get(2).map(String::as_str), Some("user"));
    }

    #[test]
    fn times_have_no_decimals_too_many() {
        let table = [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (10_000_000, "10")];
        for (micros, text) in table {
            assert_eq!(seconds(Micros(micros)), text);
        }
        assert_eq!(millis(Micros(10_500)), "10.5");
    }
}
