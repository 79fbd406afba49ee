//! Differences somebody has looked at: a table of what differs, where, and why.
//!
//! A row is `case [status] => difference => reason`, the status being the original's; `*` stands for anything. With
//! `9 x ` in front of the difference it has to be there in that many cases, so that its loss is noticed too. The
//! reason names a decision (`D9`), or says
//! what 2.4.3, whose behavior is ours, does otherwise than the original at hand.

use std::cell::Cell;

/// One row of the table.
#[derive(Debug)]
struct Row {
    case: &'static str,
    difference: &'static str,
    reason: &'static str,
    /// How often it is expected, if that is known.
    expected: Option<u32>,
    used: Cell<u32>,
}

impl Row {
    fn parse(case: &'static str, difference: &'static str, reason: &'static str) -> Self {
        let counted =
            difference.split_once(" x ").and_then(|(count, rest)| Some((count.parse().ok()?, rest)));
        let (expected, difference) = counted.map_or((None, difference), |(count, rest)| (Some(count), rest));
        Self { case, difference, reason, expected, used: Cell::new(0) }
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The row.
    pub row: String,
    /// How much it explained.
    pub used: u32,
    /// How much it should have explained; any number but none where that is not said.
    pub expected: Option<u32>,
}

impl Usage {
    /// Whether there is nothing wrong with the row.
    pub fn is_right(&self) -> bool {
        self.expected.map_or(self.used > 0, |expected| self.used == expected)
    }
}

/// The table.
#[derive(Debug)]
pub struct Known {
    rows: Vec<Row>,
}

impl Known {
    /// Reads a table; empty lines and lines that start with `#` do not count.
    ///
    /// # Errors
    /// A line is not a row.
    pub fn parse(text: &'static str) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let row = |line: &'static str| {
            let mut cells = line.split(" => ").map(str::trim);
            match (cells.next(), cells.next(), cells.next(), cells.next()) {
                (Some(case), Some(difference), Some(reason), None) if !reason.is_empty() => {
                    Ok(Row::parse(case, difference, reason))
                }
                _ => Err(format!("not a row: {line}")),
            }
        };
        Ok(Self { rows: lines.map(row).collect::<Result<_, _>>()? })
    }

    /// The differences that no row explains. Another exit status needs no row of its own where lines differ.
    pub fn unexplained(&self, case: &str, differences: &[String]) -> Vec<String> {
        let explains = |difference: &String| {
            let row =
                self.rows.iter().find(|row| matches(row.case, case) && says(row.difference, difference));
            row.inspect(|row| row.used.set(row.used.get() + 1)).is_some()
        };
        let (status, lines): (Vec<&String>, Vec<&String>) =
            differences.iter().partition(|difference| difference.starts_with("status "));
        let mut open: Vec<String> =
            lines.iter().filter(|line| !explains(line)).map(|line| (*line).clone()).collect();
        if lines.is_empty() || !open.is_empty() {
            open.extend(status.into_iter().filter(|line| !explains(line)).cloned());
        }
        open
    }

    /// All rows, each with how often it explained something.
    pub fn usage(&self) -> impl Iterator<Item = Usage> + '_ {
        self.rows.iter().map(|row| Usage {
            row: format!("{} => {} => {}", row.case, row.difference, row.reason),
            used: row.used.get(),
            expected: row.expected,
        })
    }
}

/// Whether a difference is what a pattern says; `? ` in front stands for either side.
fn says(pattern: &str, difference: &str) -> bool {
    match (pattern.strip_prefix("? "), difference.split_once(' ')) {
        (Some(pattern), Some(("-" | "+", text))) => matches(pattern, text),
        (Some(_), _) => false,
        (None, _) => matches(pattern, difference),
    }
}

/// Whether a text is what a pattern says; `*` stands for any number of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_also_nothing() {
        for (pattern, text, holds) in [
            ("a*", "a", true),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("a", "ab", false),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(matches(pattern, text), holds, "{pattern} {text}");
        }
    }

    #[test]
    fn another_status_follows_from_explained_lines_and_from_nothing_else() {
        let known = Known::parse("x: * => + new => because\n").expect("a table");
        let found = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert!(known.unexplained("x: 1", &found(&["+ new", "status 0 5"])).is_empty());
        assert_eq!(known.unexplained("x: 1", &found(&["status 0 5"])), ["status 0 5"]);
        assert_eq!(known.unexplained("x: 1", &found(&["+ old", "status 0 5"])), ["+ old", "status 0 5"]);
        assert_eq!(known.unexplained("y: 1", &found(&["+ new"])), ["+ new"]);
        assert!(says("? a*", "- ab") && says("? a*", "+ ab") && !says("? a*", "status 0 5"));
        assert_eq!(known.usage().map(|usage| usage.used).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_row_with_a_count_is_wrong_when_it_explains_less_or_more() {
        let known = Known::parse("x: * => 2 x + new => because\n").expect("a table");
        let mut right = Vec::new();
        for _ in 0..3 {
            assert!(known.unexplained("x: 1", &["+ new".to_owned()]).is_empty());
            right.extend(known.usage().map(|usage| usage.is_right()));
        }
        assert_eq!(right, [false, true, false]);
    }
}
