//! A file into physical lines: length limit, NULs, line ends, byte order mark, comments (`spec` config 1.1
//! and 1.2).

use std::borrow::Cow;
use std::sync::Arc;

/// Longest line in bytes, without its line feed.
pub(crate) const LINE_MAX: usize = 1022;

/// What some editors put at the start of a file.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file as text. Every line of it is short enough to be read.
pub(crate) struct Sheet {
    pub text: Arc<str>,
    /// A byte order mark was skipped (D11).
    pub marked: bool,
    /// Which lines, counted from 0, are pieces of one that was too long; the next one is the rest of it.
    cut: Vec<usize>,
}

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    /// Counts from 1; the pieces of an over-long line share one number.
    pub number: u32,
    /// Where it starts in the text.
    pub start: usize,
    /// Without its line end.
    pub text: &'a str,
    pub fault: Option<Fault>,
}

/// Why a line is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooLong,
    Nul,
}

impl Sheet {
    pub fn new(bytes: Vec<u8>) -> Self {
        let marked = bytes.starts_with(BYTE_ORDER_MARK);
        let body = if marked { bytes.get(BYTE_ORDER_MARK.len()..).unwrap_or(&[]) } else { &bytes };
        let mut cut = Vec::new();
        let too_long = |line: &[u8]| line.strip_suffix(b"\n").unwrap_or(line).len() > LINE_MAX;
        let text = if body.split_inclusive(|byte| *byte == b'\n').any(too_long) {
            crate::text::decode(&wrapped(body, &mut cut)).into()
        } else {
            match std::str::from_utf8(body) {
                Ok(text) => text.into(),
                Err(_) => crate::text::decode(body).into(),
            }
        };
        Self { text, marked, cut }
    }

    /// The lines in order.
    pub fn lines(&self) -> impl Iterator<Item = Raw<'_>> {
        let mut cut = self.cut.iter().copied().peekable();
        let (mut number, mut start) = (1, 0);
        self.text.split_inclusive('\n').enumerate().map(move |(index, line)| {
            let text = line.trim_end_matches(['\r', '\n']);
            let too_long = cut.next_if_eq(&index).is_some();
            let nul = || text.contains('\0').then_some(Fault::Nul);
            let fault = if too_long { Some(Fault::TooLong) } else { nul() };
            let raw = Raw { number, start, text, fault };
            number += u32::from(!too_long);
            start += line.len();
            raw
        })
    }
}

/// With line feeds where the original cuts over-long lines: it reads pieces of this size and throws each of them
/// away; the last one is a line again.
fn wrapped(body: &[u8], cut: &mut Vec<usize>) -> Vec<u8> {
    let mut made = Vec::with_capacity(body.len() + body.len() / LINE_MAX);
    let mut count = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let mut rest = line;
        while rest.strip_suffix(b"\n").unwrap_or(rest).len() > LINE_MAX {
            let (head, tail) = rest.split_at_checked(LINE_MAX + 1).unwrap_or((rest, &[]));
            made.extend_from_slice(head);
            made.push(b'\n');
            cut.push(count);
            count += 1;
            rest = tail;
        }
        // What is cut off at the very end of a file is still a line.
        made.extend_from_slice(if rest.is_empty() { b"\n" } else { rest });
        count += 1;
    }
    made
}

/// Where the comment of a line starts, in bytes.
pub(crate) fn comment(line: &str) -> Option<usize> {
    if !line.bytes().any(|byte| matches!(byte, b'#' | b'!')) {
        return None;
    }
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
pub(crate) fn strip(line: &str) -> (Cow<'_, str>, usize) {
    let blank = |c| matches!(c, ' ' | '\t');
    let cut = line.trim_start_matches(blank);
    let before = line.len() - cut.len();
    let body = cut.get(..comment(cut).unwrap_or(cut.len())).unwrap_or(cut);
    if !body.contains('\\') {
        return (Cow::Borrowed(body.trim_end_matches(blank)), before);
    }
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
    (Cow::Owned(kept), before)
}

/// Whether the last quote has no partner for whoever looks for comments: behind a backslash it does not count.
pub(crate) fn is_unterminated(line: &str) -> bool {
    if !line.contains('"') {
        return false;
    }
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
            let sheet = Sheet::new(bytes.to_vec());
            sheet.lines().map(|raw| format!("{}:{:?}:{:?}", raw.number, raw.text, raw.fault)).collect()
        };
        assert_eq!(
            text(b"\xef\xbb\xbfa\r\nb\r\r\n\nc"),
            ["1:\"a\":None", "2:\"b\":None", "3:\"\":None", "4:\"c\":None"]
        );
        assert_eq!(text(b"a\0b\nc"), ["1:\"a\\0b\":Some(Nul)", "2:\"c\":None"]);
        assert!(text(b"").is_empty());
    }

    #[test]
    fn the_rest_of_an_over_long_line_is_a_line() {
        let mut long = vec![b'x'; LINE_MAX + 1];
        long.extend_from_slice(b"router_id A\nrouter_id B");
        let sheet = Sheet::new(long);
        let found: Vec<_> = sheet.lines().map(|raw| (raw.number, raw.fault)).collect();
        assert_eq!(found, [(1, Some(Fault::TooLong)), (1, None), (2, None)]);
        let second = sheet.lines().nth(1).expect("a second line");
        assert_eq!(second.text, "router_id A");
        assert_eq!(sheet.text.get(second.start..).and_then(|rest| rest.lines().next()), Some("router_id A"));
        let longest = Sheet::new([vec![b'x'; LINE_MAX], b"\n".to_vec()].concat());
        assert_eq!(longest.lines().map(|raw| raw.fault).collect::<Vec<_>>(), [None]);
        let cut = Sheet::new(vec![b'x'; LINE_MAX + 1]);
        assert_eq!(cut.lines().map(|raw| raw.text.len()).collect::<Vec<_>>(), [LINE_MAX + 1, 0]);
    }
}
