//! `~SEQ`, `~SEQx` and `~LST`: a line once per value (`spec` config 2.4).

use super::{BLANK, Expander, Text};
use crate::diag::Class;

/// Most repetitions of a whole configuration, nested ones counted each time.
const REPEATS_MAX: usize = 100_000;
/// Most characters of parameters, as in the original.
const PARAMETERS_MAX: usize = 63;

impl Expander<'_> {
    /// A line that starts with `~`.
    pub(super) fn repeat(&mut self, line: &Text<'_>) {
        if let Err(complaint) = self.try_repeat(line) {
            let what = line.text.get(..4).unwrap_or("~SEQ");
            if let Some(complaint) = complaint {
                self.complain(line, Class::General, format!("{complaint} '{}'", line.text));
            }
            self.complain(line, Class::General, format!("Invalid {what} specification '{}'", line.text));
        }
    }

    /// Fails with what is wrong, where the original says more than that something is.
    fn try_repeat(&mut self, line: &Text<'_>) -> Result<(), Complaint> {
        let text = &line.text;
        let what = text.get(..4).unwrap_or("~SEQ");
        let hex = text.starts_with("~SEQx");
        let inner = text.get(if hex { 5 } else { 4 }..).and_then(|rest| rest.trim_start().strip_prefix('('));
        let Some(inner) = inner else { return Err(None) };
        let split = inner.split_once(')');
        if what == "~LST" {
            let (parameters, body) = split.ok_or(None)?;
            let (names, values) = list(parameters)?;
            return self.repeat_rows(&names, values, &behind(line, body));
        }
        if !split.map_or(inner, |(parameters, _)| parameters).contains(',') {
            return Err(Some("Invalid ~SEQ definition"));
        }
        let (parameters, body) = split.ok_or(Some("~SEQ missing terminating ')'"))?;
        let (name, numbers) = parameters.split_once(',').unwrap_or((parameters, ""));
        if name.trim().is_empty() {
            return Err(Some("Invalid ~SEQ definition"));
        }
        if numbers.len() >= PARAMETERS_MAX {
            return Err(Some("~SEQ parameter strings too long"));
        }
        let numbers = self.definitions.replaced(numbers);
        self.repeat_numbers(name.trim(), Sequence::parse(&numbers, hex)?, &behind(line, body))
    }

    fn repeat_rows(&mut self, names: &[String], values: Rows, body: &Text<'_>) -> Result<(), Complaint> {
        for row in values {
            for (name, value) in names.iter().zip(row.into_iter().chain(std::iter::repeat(String::new()))) {
                self.definitions.set(name, value);
            }
            self.once(body);
        }
        Ok(())
    }

    fn repeat_numbers(&mut self, name: &str, sequence: Sequence, body: &Text<'_>) -> Result<(), Complaint> {
        let Sequence { start, step, end, hex } = sequence;
        let mut value = start;
        while (step > 0 && value <= end) || (step < 0 && value >= end) {
            if self.full {
                break;
            }
            self.definitions.set(name, if hex { format!("{value:x}") } else { value.to_string() });
            self.once(body);
            let Some(next) = value.checked_add(step) else { break };
            value = next;
        }
        Ok(())
    }

    fn once(&mut self, body: &Text<'_>) {
        self.repeats += 1;
        if self.repeats > REPEATS_MAX && !self.full {
            self.full = true;
            self.complain(body, Class::General, "configuration repeats too many lines - ignoring the rest");
        }
        self.process(Text { depth: body.depth + 1, unconditional: false, ..body.clone() });
    }
}

/// What is repeated, which ends the line.
fn behind<'t>(line: &Text<'t>, body: &str) -> Text<'t> {
    line.after(line.text.len() - body.trim_start_matches(BLANK).len())
}

struct Sequence {
    start: i64,
    step: i64,
    end: i64,
    hex: bool,
}

impl Sequence {
    fn parse(numbers: &str, hex: bool) -> Result<Self, Complaint> {
        let values: Option<Vec<i64>> = numbers.split(',').map(|word| number(word.trim())).collect();
        let values = values.ok_or(Some("Invalid ~SEQ definition"))?;
        let (start, step, end) = match *values.as_slice() {
            [end] if end < 0 => (-1, -1, end),
            [end] => (1, if end < 1 { -1 } else { 1 }, end),
            [start, end] => (start, if end < start { -1 } else { 1 }, end),
            [start, step, end] => (start, step, end),
            _ => return Err(Some("Invalid ~SEQ definition")),
        };
        if hex && (start < 0 || end < 0) {
            return Err(Some("~SEQx is only valid for positive numbers"));
        }
        if step == 0 || (step > 0 && end < start) || (step < 0 && end > start) {
            return Err(Some("Invalid ~SEQ values"));
        }
        Ok(Self { start, step, end, hex })
    }
}

/// A number whose base its prefix tells; nothing is zero.
fn number(word: &str) -> Option<i64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let value = if word.is_empty() {
        Ok(0)
    } else if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let value = value.ok().filter(|_| !digits.starts_with(['+', '-']))?;
    Some(if negative { -value } else { value })
}

/// What is wrong beyond that something is; the line is quoted behind it.
type Complaint = Option<&'static str>;
type Names = Vec<String>;
type Rows = Vec<Vec<String>>;

/// Names and value rows of a `~LST`: words or `{…}` with commas between them.
fn list(parameters: &str) -> Result<(Names, Rows), Complaint> {
    let mut fields = Vec::new();
    let mut rest = Some(parameters);
    while let Some(text) = rest {
        let text = text.trim();
        let (words, after) = match text.strip_prefix('{') {
            Some(inner) => {
                let (inner, after) = inner.split_once('}').ok_or(None)?;
                (inner.split(',').map(|word| word.trim().to_owned()).collect(), after.trim_start())
            }
            None => {
                let end = text.find(',').unwrap_or(text.len());
                let (word, after) = text.split_at_checked(end).unwrap_or((text, ""));
                (vec![word.trim().to_owned()], after)
            }
        };
        if words.iter().any(|word: &String| word.contains([' ', '\t', '{', '}'])) {
            return Err(None);
        }
        fields.push(words);
        rest = match after.strip_prefix(',') {
            Some(more) => Some(more),
            None if after.is_empty() => None,
            None => return Err(None),
        };
    }
    let mut fields = fields.into_iter();
    let names = fields.next().unwrap_or_default();
    let values: Rows = fields.collect();
    if values.is_empty() || names.iter().any(String::is_empty) {
        return Err(None);
    }
    if values.iter().any(|row| row.len() > names.len()) {
        return Err(Some("~LST specification has too many values"));
    }
    Ok((names, values))
}
