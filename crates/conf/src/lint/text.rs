//! What copying, editors and keyboards do to a file.

use super::{Facts, Findings, Judge, Rule};
use crate::codes::{Code, Severity};
use crate::lines::{Line, Span};
use crate::schema::Takes;
use crate::source;
use crate::tree::Statement;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            number: 1001,
            name: "comment-glued",
            severity: Severity::Lint,
            title: "a `#` or `!` inside a value starts a comment",
            says: &[],
            why: "Outside double quotes both signs start a comment wherever they stand, also in the middle of a word. \
              What follows is dropped without a word: the password `Test123!` is `Test123`.",
            does: "",
            fix: "Put the value in double quotes, or a blank before a comment that is one.",
            example: "",
        },
        judge: Judge::One(comment_glued),
    },
    Rule {
        code: Code {
            number: 1002,
            name: "curly-quotes",
            severity: Severity::Lint,
            title: "quotes from a word processor",
            says: &[],
            why: "Curly quotes quote nothing for keepalived: they become part of the value, and a script in them is a \
              file that does not exist. Around scripts we read them as plain ones.",
            does: "",
            fix: "Write plain quotes: \"…\".",
            example: "",
        },
        judge: Judge::One(typographic_quotes),
    },
    Rule {
        code: Code {
            number: 1003,
            name: "typographic-dash",
            severity: Severity::Lint,
            title: "a dash from a word processor",
            says: &[],
            why: "Word processors turn a hyphen into a longer dash. A number with one is no number, and an option \
              with one is no option.",
            does: "",
            fix: "Write a plain hyphen: `-`.",
            example: "",
        },
        judge: Judge::One(typographic_dash),
    },
    Rule {
        code: Code {
            number: 1004,
            name: "invisible-character",
            severity: Severity::Lint,
            title: "an invisible character that is no blank",
            says: &[],
            why: "No-break spaces and their relatives look like blanks and come along with text copied from web pages. \
              keepalived takes them for letters, so that the word they touch is another word.",
            does: "",
            fix: "Delete the character and type a blank.",
            example: "",
        },
        judge: Judge::One(invisible_character),
    },
    Rule {
        code: Code {
            number: 1005,
            name: "full-width-sign",
            severity: Severity::Lint,
            title: "a full-width sign where the plain one is meant",
            says: &[],
            why: "Input methods for Chinese and Japanese type their own comma, colon, brackets and number sign. \
              keepalived knows the plain ones only.",
            does: "",
            fix: "Switch the input method and type the sign again.",
            example: "",
        },
        judge: Judge::One(full_width_sign),
    },
    Rule {
        code: Code {
            number: 1006,
            name: "byte-order-mark",
            severity: Severity::Lint,
            title: "the file starts with a byte order mark",
            says: &[],
            why: "We skip the mark. The original takes it for a part of the first word and does not know that word, \
              so that its whole block is lost.",
            does: "",
            fix: "Save the file as UTF-8 without a byte order mark.",
            example: "",
        },
        judge: Judge::One(byte_order_mark),
    },
    Rule {
        code: Code {
            number: 1007,
            name: "conflict-marker",
            severity: Severity::Lint,
            title: "a merge was left half done",
            says: &[],
            why: "Between the markers stand two versions of the same lines. keepalived skips the markers and reads \
              both versions, one after the other.",
            does: "",
            fix: "Keep one of the two versions and delete the markers.",
            example: "",
        },
        judge: Judge::One(conflict_marker),
    },
    Rule {
        code: Code {
            number: 1008,
            name: "statements-on-one-line",
            severity: Severity::Lint,
            title: "several statements on one line",
            says: &[],
            why: "A line is one statement, also between braces: everything behind the first value is dropped, most of \
              it without a word. `authentication { auth_type PASS auth_pass x }` sets no password.",
            does: "",
            fix: "Put each statement on a line of its own.",
            example: "",
        },
        judge: Judge::One(statements_on_one_line),
    },
    Rule {
        code: Code {
            number: 1009,
            name: "dropped-words",
            severity: Severity::Lint,
            title: "words behind a statement that takes no more",
            says: &[],
            why: "keepalived reads as many words as a keyword takes and drops the rest without a word. A switch such \
              as `nopreempt` is on as soon as it is written, also in `nopreempt no`.",
            does: "",
            fix: "Delete the words, or the whole line where the switch is to be off.",
            example: "",
        },
        judge: Judge::One(dropped_words),
    },
    Rule {
        code: Code {
            number: 1010,
            name: "trailing-semicolon",
            severity: Severity::Lint,
            title: "a semicolon at the end of a value",
            says: &[],
            why: "Statements end with their line. A semicolon becomes a part of the value: `PASS;` is no type of \
              authentication.",
            does: "",
            fix: "Delete the semicolon.",
            example: "",
        },
        judge: Judge::One(trailing_semicolon),
    },
    Rule {
        code: Code {
            number: 1011,
            name: "sample-value",
            severity: Severity::Lint,
            title: "a value of the sample file was left in",
            says: &[],
            why: "The sample that everybody copies names people, hosts and services of others. Mails about this \
              router would go to strangers, or every attempt to send one ends in a timeout.",
            does: "",
            fix: "Put in your own value, or delete the line.",
            example: "",
        },
        judge: Judge::One(sample_value),
    },
];

/// The part of a line that is no comment.
fn code(line: &str) -> &str {
    source::comment(line).and_then(|at| line.get(..at)).unwrap_or(line)
}

fn comment_glued(cx: &Facts<'_>, out: &mut Findings) {
    for statement in cx.statements() {
        // A number in front of a comment is complete.
        if matches!(statement.row.takes, Takes::Integer(_) | Takes::Decimal { .. } | Takes::Nothing) {
            continue;
        }
        let line = (statement.words.len() > 1).then_some(statement.line);
        for line in line.into_iter().chain(statement.items().iter().map(|item| item.line)) {
            glued(cx, out, statement, line);
        }
    }
}

fn glued(cx: &Facts<'_>, out: &mut Findings, statement: &Statement<'_>, line: Line<'_>) {
    let Some(physical) = cx.lines.physical(line.origin) else { return };
    let Some(start) = source::comment(physical.text) else { return };
    let (before, comment) = physical.text.split_at_checked(start).unwrap_or((physical.text, ""));
    let word = before.rsplit([' ', '\t']).next().unwrap_or("");
    let ends = |c: char| matches!(c, '{' | '}' | '"' | '\'' | ',' | ';');
    if word.is_empty() || word.ends_with(ends) || !line.text().ends_with(word) || line.through.is_some() {
        return;
    }
    let rest = comment.split([' ', '\t']).next().unwrap_or(comment);
    let sign = comment.chars().next().unwrap_or('#');
    let at = cx.spot(line.origin, start - word.len(), &format!("{word}{rest}"));
    let what = statement.row.name;
    out.say(at, format!("'{sign}' starts a comment here: the value of {what} is '{word}'"))
        .help(format_args!("write \"{word}{rest}\" in double quotes, or put a blank before a comment"));
}

/// Says something of the first character of each line's code that looks like this.
fn characters(
    cx: &Facts<'_>,
    out: &mut Findings,
    odd: impl Fn(&str, usize, char) -> bool,
    say: impl Fn(&mut Findings, Option<Span>, char),
) {
    for (index, line) in cx.physical() {
        let code = code(line.text);
        let Some((at, found)) = code.char_indices().find(|(at, c)| odd(code, *at, *c)) else { continue };
        say(out, cx.spot(index, at, &found.to_string()), found);
    }
}

fn typographic_quotes(cx: &Facts<'_>, out: &mut Findings) {
    let quote =
        |_: &str, _: usize, c: char| matches!(c, '“' | '”' | '„' | '‟' | '‘' | '’' | '«' | '»' | '＂');
    characters(cx, out, quote, |out, at, c| {
        out.say(at, format!("'{c}' is not a quote for keepalived but a part of the word"))
            .help("write plain quotes: \"…\"")
            .explains_line();
    });
}

fn typographic_dash(cx: &Facts<'_>, out: &mut Findings) {
    // Inside of a word a long dash may be meant, in front of one it is a sign or an option.
    let dash = |code: &str, at: usize, c: char| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        matches!(c, '–' | '—' | '−' | '‐' | '‑' | '－')
            && before.is_none_or(|c| c.is_whitespace() || c == '"')
            && code
                .get(at + c.len_utf8()..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    characters(cx, out, dash, |out, at, c| {
        out.say(at, format!("'{c}' is a typographic dash, not a minus sign"))
            .help("write a plain hyphen: -")
            .explains_line();
    });
}

fn invisible_character(cx: &Facts<'_>, out: &mut Findings) {
    let invisible = |_: &str, _: usize, c: char| name_of_invisible(c).is_some();
    characters(cx, out, invisible, |out, at, c| {
        let name = name_of_invisible(c).unwrap_or_default();
        out.say(at, format!("{name} (U+{:04X}) is no blank but a part of the word", u32::from(c)))
            .help("delete it and type a blank")
            .explains_line();
    });
}

fn name_of_invisible(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' => "a no-break space",
        '\u{3000}' => "an ideographic space",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "a zero-width joiner",
        '\u{202f}' => "a narrow no-break space",
        '\u{2000}'..='\u{200a}' => "a typographic space",
        '\u{2028}' | '\u{2029}' => "a line separator",
        '\u{feff}' => "a byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => "a mark of writing direction",
        '\u{ad}' => "a soft hyphen",
        _ => return None,
    })
}

fn full_width_sign(cx: &Facts<'_>, out: &mut Findings) {
    // A line of Chinese text is a comment without its sign, which is another mistake.
    let sign = |code: &str, _: usize, c: char| {
        code.trim_start().starts_with(|c: char| c.is_ascii_alphanumeric()) && plain(c).is_some()
    };
    characters(cx, out, sign, |out, at, c| {
        let plain = plain(c).unwrap_or(c);
        out.say(at, format!("'{c}' is a full-width sign and a part of the word"))
            .help(format_args!("write '{plain}', with a blank before a comment"))
            .explains_line();
    });
}

fn plain(c: char) -> Option<char> {
    match c {
        '，' => Some(','),
        '＃' => Some('#'),
        '！' => Some('!'),
        '｛' => Some('{'),
        '｝' => Some('}'),
        '；' => Some(';'),
        '：' => Some(':'),
        '／' => Some('/'),
        '．' => Some('.'),
        _ => None,
    }
}

fn byte_order_mark(cx: &Facts<'_>, out: &mut Findings) {
    for (index, line) in cx.physical() {
        if line.number == 1 && cx.lines.files().get(line.file).is_some_and(|file| file.marked) {
            let word = line.text.split_whitespace().next().unwrap_or("");
            out.say(cx.spot(index, 0, word), "the file starts with a byte order mark (U+FEFF)")
                .so("We skip it; the original does not know the first word because of it, and loses its block.")
                .help("save the file as UTF-8 without a byte order mark");
        }
    }
}

fn conflict_marker(cx: &Facts<'_>, out: &mut Findings) {
    let mut merging = None;
    for (index, line) in cx.physical() {
        let marker = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].into_iter().find(|marker| {
            line.text.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        let Some(marker) = marker else { continue };
        if marker == "<<<<<<<" {
            merging = Some(line.file);
        } else if merging != Some(line.file) {
            continue;
        }
        let what = match marker {
            "<<<<<<<" => "a merge left both versions in: the one above '=======' …",
            ">>>>>>>" => "… and the one below it; both are read",
            _ => "two versions of the same lines meet here, and both are read",
        };
        out.say(cx.spot(index, 0, marker), what)
            .help("keep one version and delete the lines with the markers")
            .explains_line();
        if marker == ">>>>>>>" {
            merging = None;
        }
    }
}

/// Where the next statement of the same line starts, if another one does.
pub(super) fn next_statement(cx: &Facts<'_>, statement: &Statement<'_>) -> Option<usize> {
    let quoted = |at: usize| {
        let before = statement.words.get(at).and_then(|word| statement.line.text().get(..word.start));
        before.is_some_and(|before| before.ends_with('"'))
    };
    let first = match statement.row.takes {
        // The arguments of a command without quotes may be called like keywords.
        Takes::Command(_) if !quoted(1) => return None,
        Takes::Block(..) | Takes::Values | Takes::NamedValues => return None,
        Takes::Nothing => 1,
        _ => 2,
    };
    let table = cx.table_of(statement)?;
    (first..statement.words.len())
        .find(|at| statement.word(*at).is_some_and(|word| table.find(word).is_some()))
}

fn statements_on_one_line(cx: &Facts<'_>, out: &mut Findings) {
    for (root, statement) in cx.owned_statements() {
        let owner = root.word(1).unwrap_or("");
        let Some(at) = next_statement(cx, statement) else { continue };
        let Some(word) = statement.word(at) else { continue };
        let told = out
            .say(
                cx.word(statement, at),
                format!("{word} stands on the line of {} and is dropped", statement.row.name),
            )
            .help(format_args!("put {word} on a line of its own"));
        if word == "auth_pass" {
            told.echoes(format!("({owner}) Authentication specified but no password given. Ignoring"));
        }
    }
}

fn dropped_words(cx: &Facts<'_>, out: &mut Findings) {
    for statement in cx.statements() {
        let takes = match statement.row.takes {
            Takes::Nothing => 0,
            Takes::Bool { .. } | Takes::Integer(_) | Takes::Decimal { .. } => 1,
            _ => continue,
        };
        let name = statement.row.name;
        let Some(word) = statement.word(takes + 1) else { continue };
        if next_statement(cx, statement).is_some() {
            continue;
        }
        let off = takes == 0 && matches!(word, "no" | "off" | "false" | "0");
        let at = cx.word(statement, takes + 1);
        if off {
            out.say(at, format!("{name} takes no value: '{name} {word}' switches it on"))
                .help(format_args!("delete the line to have {name} off"))
                .yields();
        } else {
            out.say(at, format!("{name} takes no further word: '{word}' is dropped"))
                .help("delete it, or put a '#' before it if it is a comment")
                .yields();
        }
    }
}

fn trailing_semicolon(cx: &Facts<'_>, out: &mut Findings) {
    for statement in cx.statements() {
        if matches!(statement.row.takes, Takes::Command(_)) {
            continue;
        }
        let line = statement.words.last().map(|word| (word, statement.line));
        let items = statement.items().iter().filter_map(|item| Some((item.words.last()?, item.line)));
        for (word, line) in line.into_iter().chain(items) {
            let Some(value) = word.text.strip_suffix(';') else { continue };
            out.say(
                cx.lines.span(line, word.start, word.text),
                format!("the semicolon is a part of the value: '{}'", word.text),
            )
            .help(if value.is_empty() { "delete it".into() } else { format!("write {value}") })
            .explains_line();
        }
    }
}

/// Words of the sample file, the keywords they stand behind, and what they do there.
const SAMPLES: &[(&str, &[&str], &str)] = &[
    ("notification_email", &["@firewall.loc", "sns-lvs@gmail.com"], "Mails go to somebody else's address."),
    (
        "notification_email_from",
        &["@firewall.loc", "sns-lvs@gmail.com"],
        "Mails come from somebody else's address.",
    ),
    ("smtp_server", &["192.168.200.1"], "No mail can be sent through a server that is not there."),
    ("router_id", &["LVS_DEVEL"], "Mails do not say which router they are about."),
];

fn sample_value(cx: &Facts<'_>, out: &mut Findings) {
    for statement in cx.statements() {
        let Some((_, values, effect)) = SAMPLES.iter().find(|(name, ..)| *name == statement.row.name) else {
            continue;
        };
        let items =
            statement.items().iter().flat_map(|item| item.words.iter().map(move |word| (word, item.line)));
        let words = statement.words.iter().skip(1).take(1).map(|word| (word, statement.line));
        for (word, line) in words.chain(items) {
            let text = word.text.to_ascii_lowercase();
            let known = |value: &&str| {
                let value = value.to_ascii_lowercase();
                text == value || value.starts_with('@') && text.ends_with(&value)
            };
            if values.iter().any(known) {
                out.say(
                    cx.lines.span(line, word.start, word.text),
                    format!("'{}' is a value of the sample file", word.text),
                )
                .so(*effect)
                .help("put in your own value, or delete the line");
            }
        }
    }
    sample_addresses(cx, out);
    sample_services(cx, out);
}

fn sample_services(cx: &Facts<'_>, out: &mut Findings) {
    const SERVICES: [(&str, &str); 3] =
        [("192.168.200.100", "443"), ("10.10.10.2", "1358"), ("10.10.10.3", "1358")];
    for block in cx.roots("virtual_server") {
        let (Some(ip), Some(port)) = (block.word(1), block.word(2)) else { continue };
        if SERVICES.contains(&(ip, port)) {
            out.say(cx.word(block, 1), format!("{ip} port {port} is a service of the sample file"))
                .help("delete the block");
        }
    }
}

/// The sample's addresses, unless this machine is in their subnet.
fn sample_addresses(cx: &Facts<'_>, out: &mut Findings) {
    const ADDRESSES: [&str; 4] = ["192.168.200.11", "192.168.200.16", "192.168.200.17", "192.168.200.18"];
    for router in cx.routers() {
        for item in router.items("virtual_ipaddress") {
            let Some(word) = item.words.first().map(|word| word.text) else { continue };
            let ip = word.split('/').next().unwrap_or(word);
            if !ADDRESSES.contains(&ip) || ip.parse().is_ok_and(|ip| cx.is_connected(ip)) {
                continue;
            }
            out.say(cx.item(item, 0), format!("'{ip}' is an address of the sample file"))
                .so("Nobody uses it unless your network is 192.168.200.0/24 as well.")
                .help("put in the address your clients connect to");
        }
    }
}
