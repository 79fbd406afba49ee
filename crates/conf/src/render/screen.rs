//! Our own form, for people: what is wrong, where, the lines with marks under the words, what comes of it and
//! what to do.
//!
//! ```text
//! error KA0101: Unknown keyword 'priorty'
//!   --> keepalived.conf:3:5
//!    |
//!  3 |     priorty 150
//!    |     ^^^^^^^ did you mean 'priority'?
//!    = effect: The line is ignored; the default counts: 100.
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::{Finding, Report};
use crate::codes::{Code, Severity};
use crate::diag::{Diagnostic, HELP};
use crate::expand::Origins;
use crate::lines::Span;

/// Whether words are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// With the colors of a terminal (ECMA-48).
    Colored,
}

/// Everything of a report, without its summary.
pub fn report(report: &Report, origins: &Origins, paint: Paint) -> String {
    let mut screen = Screen { out: String::new(), paint, origins, explained: BTreeSet::new() };
    for finding in &report.findings {
        screen.finding(finding);
    }
    screen.out
}

/// One line that sums up a report on the file of this name.
pub fn summary(report: &Report, name: &str, paint: Paint) -> String {
    let name = visible(name);
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Lint, Severity::Note] {
        let count = report.count(severity);
        if count > 0 {
            let words = counted(count, severity.word());
            parts.push(painted(paint, color(severity), &words));
        }
    }
    let verdict = if report.starts { String::new() } else { refusal(report) };
    match parts.is_empty() {
        true => format!("{name}: nothing to complain about\n"),
        false => format!("{name}: {}{verdict}\n", parts.join(", ")),
    }
}

/// That the daemon does not start, and the first lines that are to blame.
fn refusal(report: &Report) -> String {
    let stops = |finding: &&Finding| {
        finding.heard.stops.is_some() || finding.follows.iter().any(|heard| heard.stops.is_some())
    };
    let places = report.findings.iter().filter(stops).filter_map(|finding| finding.heard.at.as_ref());
    let lines: BTreeSet<u32> = places.map(|at| at.line).collect();
    let shown: Vec<String> = lines.iter().take(FOLLOWS_SHOWN).map(u32::to_string).collect();
    let more = if lines.len() > shown.len() { ", ..." } else { "" };
    let see = if shown.is_empty() { String::new() } else { format!(" (line {}{more})", shown.join(", ")) };
    format!(" - the daemon does not start with it{see}")
}

/// What there is to know of a kind of complaint.
pub fn explanation(code: &Code) -> String {
    let mut out = format!("{code} {} ({}): {}\n", code.name, code.severity.word(), code.title);
    for (what, text) in [("Why", code.why), ("What the daemon does", code.does), ("What to do", code.fix)] {
        if !text.is_empty() {
            let _ = write!(out, "\n{what}\n{}", wrapped(text));
        }
    }
    if !code.example.is_empty() {
        let indented: String = code.example.lines().map(|line| format!("    {line}\n")).collect();
        let _ = write!(out, "\nExample\n{indented}");
    }
    if !code.says.is_empty() {
        let said: String =
            code.says.iter().map(|said| format!("    {}\n", said.replace("{}", "…"))).collect();
        let _ = write!(out, "\nLines of the log that mean this\n{said}");
    }
    out
}

/// What the daemon does about a finding.
pub fn effect(finding: &Finding) -> String {
    let heard = &finding.heard;
    let stops = |heard: &Diagnostic| heard.stops.is_some();
    let first = heard.consequence.as_deref().unwrap_or(finding.code.does);
    let refused = "The daemon does not start";
    let more = match (stops(heard), finding.follows.iter().any(stops)) {
        _ if first.starts_with(refused) => "",
        (true, _) => "The daemon does not start; a reload keeps the running configuration.",
        (false, true) => "Because of it the daemon does not start; a reload keeps the running configuration.",
        (false, false) => "",
    };
    [first, more].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What is wrong, in the original's words where they are good enough.
fn headline(finding: &Finding) -> String {
    let Finding { heard, code, .. } = finding;
    match &heard.at {
        Some(at) if code.name == "missing-word" => {
            let word = at.quoted.chars().skip(at.column.saturating_sub(1)).take(at.length);
            format!("'{}' lacks its value", visible(&word.collect::<String>()))
        }
        _ if is_jargon(finding) => code.title.to_owned(),
        _ => visible(&heard.text),
    }
}

/// Whether the original's sentence says less to people than the title of its kind.
fn is_jargon(finding: &Finding) -> bool {
    match finding.code.name {
        "missing-word" | "script-security" => true,
        "block-not-closed" => finding.heard.at.is_none(),
        _ => false,
    }
}

struct Screen<'a> {
    out: String,
    paint: Paint,
    origins: &'a Origins,
    /// Codes whose remedy was told.
    explained: BTreeSet<u16>,
}

/// Something to mark in a line.
struct Mark<'a> {
    at: &'a Span,
    text: String,
    main: bool,
}

impl Screen<'_> {
    fn finding(&mut self, finding: &Finding) {
        let Finding { heard, code, severity, .. } = finding;
        let kind = self.painted(color(*severity), &format!("{} {code}", severity.word()));
        let spoken = headline(finding);
        let text = self.painted(BOLD, &spoken);
        self.line(format_args!("{kind}: {text}"));
        let margin = margin(heard);
        if let Some(at) = &heard.at {
            self.place(at, margin);
            if *severity != Severity::Note {
                self.excerpt(finding, at, margin);
            }
        }
        self.remarks(finding, margin);
        self.out.push('\n');
    }

    fn place(&mut self, at: &Span, margin: usize) {
        let arrow = self.painted(BLUE, "-->");
        self.line(format_args!("{:margin$}{arrow} {}", "", position(at)));
        for line in self.origins.includers(&at.file) {
            self.line(format_args!("{:margin$}    included at {}", "", position(line)));
        }
        if let Some(name) = &at.through {
            let made = self.origins.definition(name);
            let made = made.map_or(String::new(), |line| format!(", defined at {}", position(line)));
            self.line(format_args!("{:margin$}    through ${}{made}", "", visible(name)));
        }
    }

    fn excerpt(&mut self, finding: &Finding, at: &Span, margin: usize) {
        let heard = &finding.heard;
        let mut marks = vec![Mark { at, text: advice(heard), main: true }];
        marks.extend(heard.labels.iter().map(|label| Mark {
            at: &label.at,
            text: visible(&label.text),
            main: false,
        }));
        let (mut here, elsewhere): (Vec<_>, Vec<_>) =
            marks.into_iter().partition(|mark| mark.at.file == at.file);
        here.sort_by_key(|mark| (mark.at.line, !mark.main));
        let bar = self.painted(BLUE, "|");
        self.line(format_args!("{:margin$} {bar}", ""));
        let mut before: Option<u32> = None;
        for mark in here {
            let line = mark.at.line;
            if before.is_some_and(|before| line > before + 1) {
                self.line(format_args!("{:margin$}...", ""));
            }
            self.marked(&mark, margin, before == Some(line), color(finding.severity));
            before = Some(line);
        }
        for mark in elsewhere {
            self.line(format_args!("{:margin$} ::: {}: {}", "", position(mark.at), mark.text));
        }
    }

    /// A line of the file with one mark; the line itself only once.
    fn marked(&mut self, mark: &Mark<'_>, margin: usize, shown: bool, main_color: &str) {
        let window = Window::around(mark.at);
        let bar = self.painted(BLUE, "|");
        if !shown {
            let number = self.painted(BLUE, &format!("{:>margin$}", mark.at.line));
            self.line(format_args!("{number} {bar} {}", window.text));
        }
        let (sign, color) = if mark.main { ("^", main_color) } else { ("-", BLUE) };
        let text = if mark.text.is_empty() { String::new() } else { format!(" {}", mark.text) };
        let signs = self.painted(color, &format!("{}{text}", sign.repeat(window.length)));
        self.line(format_args!("{:margin$} {bar} {}{signs}", "", window.indent));
    }

    fn remarks(&mut self, finding: &Finding, margin: usize) {
        let effect = effect(finding);
        if !effect.is_empty() && finding.severity != Severity::Note {
            self.remark(margin, "effect", &effect);
        }
        let heard = &finding.heard;
        for note in heard.notes.iter().filter(|note| advice(heard) != visible(note)) {
            match note.strip_prefix(HELP) {
                Some(help) => self.remark(margin, "help", &visible(help)),
                None => self.remark(margin, "note", &visible(note)),
            }
        }
        let helped = heard.notes.iter().any(|note| note.starts_with(HELP));
        let general = ["invalid", "warning"].contains(&finding.code.name);
        let first = self.explained.insert(finding.code.number) && !general && !helped;
        if first && heard.suggestion.is_none() && heard.at.as_ref().is_none_or(|_| advice(heard).is_empty()) {
            self.remark(margin, "fix", finding.code.fix);
        }
        if finding.hidden {
            self.remark(margin, "note", "The daemon gets to see this once the mistakes above are repaired.");
        }
        if is_jargon(finding) {
            self.remark(margin, "log", &visible(&heard.text));
        }
        self.follows(finding, margin);
    }

    /// What else the log says because of it, a few lines of it.
    fn follows(&mut self, finding: &Finding, margin: usize) {
        let mut follows: Vec<&Diagnostic> = finding.follows.iter().collect();
        // What keeps the daemon from starting is what people look for.
        follows.sort_by_key(|heard| heard.stops.is_none());
        for heard in follows.iter().take(FOLLOWS_SHOWN) {
            let place = heard.at.as_ref().map_or(String::new(), |at| format!(" (line {})", at.line));
            self.remark(margin, "log", &format!("{}{place}", visible(&heard.text)));
        }
        if follows.len() > FOLLOWS_SHOWN {
            let more = counted(follows.len() - FOLLOWS_SHOWN, "more line");
            self.remark(margin, "log", &format!("and {more} that come of it"));
        }
    }

    fn remark(&mut self, margin: usize, what: &str, text: &str) {
        let sign = self.painted(BLUE, "=");
        let what = self.painted(BOLD, what);
        self.line(format_args!("{:margin$} {sign} {what}: {text}", ""));
    }

    fn painted(&self, color: &str, text: &str) -> String {
        painted(self.paint, color, text)
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{line}");
    }
}

/// Width of the column with line numbers.
fn margin(heard: &Diagnostic) -> usize {
    let lines = heard.labels.iter().map(|label| label.at.line).chain(heard.at.as_ref().map(|at| at.line));
    lines.max().map_or(1, |line| line.to_string().len()) + 1
}

/// What stands beside the main mark.
fn advice(heard: &Diagnostic) -> String {
    if heard.notes.iter().any(|note| note.starts_with("did you mean")) {
        return heard
            .notes
            .iter()
            .find(|note| note.starts_with("did you mean"))
            .map_or(String::new(), |n| visible(n));
    }
    match &heard.suggestion {
        Some(suggestion) if suggestion.with.is_empty() => "remove this".into(),
        Some(suggestion) if suggestion.replace.length == 0 => format!("add '{}'", visible(&suggestion.with)),
        Some(suggestion) => format!("write '{}'", visible(&suggestion.with)),
        None => {
            heard.notes.first().filter(|note| note.len() < ADVICE_MAX).map_or(String::new(), |n| visible(n))
        }
    }
}

/// The part of a line that is shown, and where the mark stands.
struct Window {
    text: String,
    indent: String,
    length: usize,
}

impl Window {
    fn around(at: &Span) -> Self {
        let chars: Vec<char> = visible(&at.quoted).chars().collect();
        let column = at.column.saturating_sub(1).min(chars.len());
        let start = if chars.len() > WIDTH_MAX { column.saturating_sub(WIDTH_MAX / 3) } else { 0 };
        let end = (start + WIDTH_MAX).min(chars.len());
        let part = |from: usize, to: usize| chars.get(from..to).unwrap_or(&[]).iter();
        let mut text: String = part(start, end).collect();
        // Tabs stay tabs under tabs, so that the mark stands where the word does.
        let mut indent: String = part(start, column)
            .map(|c| match c {
                '\t' => "\t",
                c if is_wide(*c) => "  ",
                _ => " ",
            })
            .collect();
        let marked = part(column, (column + at.length).min(end)).map(|c| 1 + usize::from(is_wide(*c)));
        let length = marked.sum::<usize>().max(1);
        if start > 0 {
            text.insert(0, '…');
            indent.insert(0, ' ');
        }
        if end < chars.len() {
            text.push('…');
        }
        Self { text, indent, length }
    }
}

/// Characters that take two columns of a terminal: the East Asian ones that configurations have.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x2_0000..=0x3_fffd)
}

/// For terminals: control characters that a configuration contains must not act.
fn visible(text: &str) -> String {
    let text = crate::text::shown(text);
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn position(at: &Span) -> String {
    format!("{}:{}:{}", visible(&at.file), at.line, at.column)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > TEXT_WIDTH {
            out.push('\n');
            width = 0;
        }
        out.push_str(if width == 0 { "    " } else { " " });
        width += length + usize::from(width > 0);
        out.push_str(word);
    }
    out.push('\n');
    out
}

fn painted(paint: Paint, color: &str, text: &str) -> String {
    match paint {
        Paint::Plain => text.to_owned(),
        Paint::Colored => format!("\u{1b}[{color}m{text}\u{1b}[0m"),
    }
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Lint => "1;35",
        Severity::Note => "1;36",
    }
}

const BOLD: &str = "1";
const BLUE: &str = "1;34";
/// Sentences of the log that are shown with a finding.
const FOLLOWS_SHOWN: usize = 3;
/// Columns of a quoted line that are shown.
const WIDTH_MAX: usize = 120;
/// The longest note that stands beside a mark.
const ADVICE_MAX: usize = 60;
/// Columns of an explanation.
const TEXT_WIDTH: usize = 90;
