//! A file into physical lines: length limit, NULs, line ends, byte order mark, comments (`spec` config 1.1
//! and 1.2).

/// Longest line in bytes, without its line feed.
pub(crate) const LINE_MAX: usize = 1022;

/// A line of a file, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    /// Counts from 1; the pieces of an over-long line share one number.
    pub number: u32,
    pub what: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text(String),
    TooLong(String),
    Nul(String),
}

/// What some editors put at the start of a file.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Splits a file into lines. A byte order mark is skipped (D11).
pub(crate) fn lines(bytes: &[u8]) -> Vec<Raw> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
        // The original reads pieces of this size and throws each of them away; the last one is a line again.
        while rest.len() > LINE_MAX {
            let (head, tail) = rest.split_at_checked(LINE_MAX + 1).unwrap_or((rest, &[]));
            found.push(Raw { number, what: Content::TooLong(crate::text::decode(head)) });
            rest = tail;
        }
        let end = rest.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        let rest = rest.get(..end).unwrap_or(rest);
        let text = crate::text::decode(rest);
        let what = if rest.contains(&0) { Content::Nul(text) } else { Content::Text(text) };
        found.push(Raw { number, what });
    }
    found
}

/// Where the comment of a line starts, in bytes.
pub(crate) fn comment(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    let starts = |c| {
        let escaped_now = std::mem::take(&mut escaped);
        match c {
            _ if escaped_now => {}
            '"' => quoted = !quoted,
            '\\' => escaped = true,
            '#' | '!' => return !quoted,
            _ => {}
        }
        false
    };
    line.find(starts)
}

/// The line without comment and surrounding blanks, and how many bytes were cut off in front.
pub(crate) fn strip(line: &str) -> (String, usize) {
    let blank = |c| matches!(c, ' ' | '\t');
    let cut = line.trim_start_matches(blank);
    let body = cut.get(..comment(cut).unwrap_or(cut.len())).unwrap_or(cut);
    let mut kept = String::with_capacity(body.len());
    let mut quoted = false;
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                kept.push(c);
            }
            // Behind a backslash nothing means anything, inside quotes too; outside it goes with the mark.
            '\\' => match chars.next() {
                Some(mark @ ('#' | '!')) if !quoted => kept.push(mark),
                Some(other) => kept.extend([c, other]),
                None => kept.push(c),
            },
            _ => kept.push(c),
        }
    }
    kept.truncate(kept.trim_end_matches(blank).len());
    // A backslash at the end joins the last word (`spec` config 1.5).
    if let Some(before) = kept.strip_suffix('\\') {
        kept.replace_range(before.trim_end_matches(blank).len().., "\\");
    }
    (kept, line.len() - cut.len())
}

/// Whether the last quote has no partner for whoever looks for comments: behind a backslash it does not count.
pub(crate) fn is_unterminated(line: &str) -> bool {
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_end_a_line_outside_double_quotes_only() {
        let table = [
            ("auth_pass ab!cd", "auth_pass ab"),
            ("  a  # b }", "a"),
            (r#"script "x # y" ! z"#, r#"script "x # y""#),
            (r"auth_pass a\#b\!c", "auth_pass a#b!c"),
            ("'A#B'", "'A"),
            (r#"a \" # b"#, r#"a \""#),
            (r#"a "b\"c" # d"#, r#"a "b\"c""#),
            (r#"a "b\"c # d"#, r#"a "b\"c # d"#),
            (r#"a "b\#c""#, r#"a "b\#c""#),
            ("! all", ""),
            (r"router_id \", r"router_id\"),
        ];
        for (line, kept) in table {
            assert_eq!(strip(line).0, kept, "{line}");
        }
    }

    #[test]
    fn line_ends_and_the_byte_order_mark_leave_no_trace() {
        let text = |bytes: &[u8]| -> Vec<String> {
            lines(bytes).into_iter().map(|raw| format!("{}:{:?}", raw.number, raw.what)).collect()
        };
        assert_eq!(
            text(b"\xef\xbb\xbfa\r\nb\r\r\n\nc"),
            ["1:Text(\"a\")", "2:Text(\"b\")", "3:Text(\"\")", "4:Text(\"c\")"]
        );
        assert_eq!(text(b"a\0b\nc"), ["1:Nul(\"a\\0b\")", "2:Text(\"c\")"]);
        assert!(text(b"").is_empty());
    }

    #[test]
    fn the_rest_of_an_over_long_line_is_a_line() {
        let mut long = vec![b'x'; LINE_MAX + 1];
        long.extend_from_slice(b"router_id A\n");
        let found = lines(&long);
        assert!(matches!(found.first().map(|raw| &raw.what), Some(Content::TooLong(_))));
        assert_eq!(found.get(1), Some(&Raw { number: 1, what: Content::Text("router_id A".into()) }));
        let longest = lines(&[vec![b'x'; LINE_MAX], b"\n".to_vec()].concat());
        assert!(matches!(longest.as_slice(), [Raw { what: Content::Text(_), .. }]));
    }
}
