//! `umask`: a number by its prefix, or names of bits joined by `|`.

use crate::diag::Class;
use crate::lower::context::Context;
use crate::tree::Statement;

/// The mask, if it is one. 2.2.7 refuses the short names (`IRWXU`); 2.4.3 knows them.
pub(super) fn read(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<u32> {
    let first = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    let mask = if first.starts_with(|c: char| c.is_ascii_digit()) {
        match statement.word(2) {
            Some(_) => Err("Extra parameter(s) to umask option".into()),
            None => number(first).ok_or_else(|| format!("invalid umask value {first}")),
        }
    } else {
        names(statement.words.iter().skip(1).map(|word| word.text))
    };
    mask.map_err(|text| cx.say(&place, Class::General, text)).ok()
}

/// Octal, decimal or hexadecimal.
fn number(word: &str) -> Option<u32> {
    let value = match (word.strip_prefix("0x").or(word.strip_prefix("0X")), word.strip_prefix('0')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16),
        (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8),
        _ => word.parse(),
    };
    value.ok().filter(|mask| *mask <= 0o777)
}

/// The bar may stand at the end of a word, at the begin of the next, or alone between two.
fn names<'a>(words: impl Iterator<Item = &'a str>) -> Result<u32, String> {
    let mut mask = 0;
    let mut wanted = true;
    for word in words {
        let mut rest = word;
        if !wanted {
            rest = word.strip_prefix('|').ok_or_else(|| format!("Invalid umask syntax {word}"))?;
            wanted = true;
        }
        while !rest.is_empty() {
            let (bit, length) = name(rest).ok_or_else(|| format!("Unknown umask bit {rest}"))?;
            mask |= bit;
            let after = rest.get(length..).unwrap_or("");
            wanted = after.starts_with('|');
            if !wanted && !after.is_empty() {
                return Err(format!("Invalid umask syntax {rest}"));
            }
            rest = after.strip_prefix('|').unwrap_or(after);
        }
    }
    if wanted { Err("umask missing bit value".into()) } else { Ok(mask) }
}

/// The bit a text begins with, and how many bytes name it.
fn name(text: &str) -> Option<(u32, usize)> {
    let short = [("IRWXU", 0o700), ("IRWXG", 0o070), ("IRWXO", 0o007)];
    let whose = [("USR", 6), ("GRP", 3), ("OTH", 0)];
    let what = [("IR", 4), ("IW", 2), ("IX", 1)];
    let long = what.iter().flat_map(|(what, bit)| {
        whose.iter().map(move |(whose, shift)| (format!("{what}{whose}"), bit << shift))
    });
    let mut all = short.iter().map(|(name, bits)| ((*name).to_owned(), *bits)).chain(long);
    all.find(|(name, _)| text.starts_with(name.as_str())).map(|(name, bits)| (bits, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 2.2.7 says, but for the short names.
    #[test]
    fn names_are_joined_by_bars_wherever_they_stand() {
        let bits = |text: &str| names(text.split(' '));
        for text in ["IRUSR|IWGRP", "IRUSR | IWGRP", "IRUSR |IWGRP", "IRUSR| IWGRP"] {
            assert_eq!(bits(text), Ok(0o420), "{text}");
        }
        assert_eq!(bits("IRWXU|IRWXG|IRWXO"), Ok(0o777));
        let wrong = [
            ("IWGRP foo", "Invalid umask syntax foo"),
            ("IWGRPx", "Invalid umask syntax IWGRPx"),
            ("IRUSR|IFOO|IWOTH", "Unknown umask bit IFOO|IWOTH"),
            ("IWGRP ||IROTH", "Unknown umask bit |IROTH"),
            ("| IRUSR", "Unknown umask bit |"),
            ("IRUSR | | IWGRP", "Unknown umask bit |"),
            ("IRUSR |", "umask missing bit value"),
            ("IRUSR|", "umask missing bit value"),
        ];
        for (text, complaint) in wrong {
            assert_eq!(bits(text), Err(complaint.to_owned()), "{text}");
        }
    }
}
