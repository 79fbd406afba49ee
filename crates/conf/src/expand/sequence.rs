//! `~SEQ`, `~SEQx` and `~LST`: a line once per value (`spec` config 2.4).

use super::{Expander, Text};
use crate::diag::Class;

/// Most repetitions of a whole configuration, nested ones counted each time.
const REPEATS_MAX: usize = 100_000;
/// Most characters of parameters, as in the original.
const PARAMETERS_MAX: usize = 63;

impl Expander<'_> {
    /// A line that starts with `~`.
    pub(super) fn repeat(&mut self, line: &Text) {
        if let Err(complaint) = self.try_repeat(line) {
            let what = line.text.get(..4).unwrap_or("~SEQ");
            self.complain(line, Class::General, complaint);
            self.complain(line, Class::General, format!("Invalid {what} specification '{}'", line.text));
        }
    }

    fn try_repeat(&mut self, line: &Text) -> Result<(), String> {
        let text = &line.text;
        let what = text.get(..4).unwrap_or("~SEQ");
        let hex = text.starts_with("~SEQx");
        let inner = text.get(if hex { 5 } else { 4 }..).and_then(|rest| rest.strip_prefix('('));
        let inner = inner.ok_or_else(|| format!("Invalid {what} definition '{text}'"))?;
        let (parameters, body) =
            inner.split_once(')').ok_or_else(|| format!("{what} missing terminating ')' '{text}'"))?;
        let body = line.saying(body.trim_start_matches([' ', '\t']));
        let (names, values) = if what == "~LST" {
            list(parameters, text)?
        } else {
            let (name, numbers) =
                parameters.split_once(',').ok_or_else(|| format!("Invalid ~SEQ definition '{text}'"))?;
            if numbers.len() >= PARAMETERS_MAX {
                return Err(format!("~SEQ parameter strings too long '{text}'"));
            }
            let numbers = self.definitions.replaced(numbers);
            let sequence = Sequence::parse(&numbers, hex, text)?;
            return self.repeat_numbers(name.trim(), sequence, &body);
        };
        for row in values {
            for (name, value) in names.iter().zip(row.into_iter().chain(std::iter::repeat(String::new()))) {
                self.definitions.set(name, value);
            }
            self.once(&body);
        }
        Ok(())
    }

    fn repeat_numbers(&mut self, name: &str, sequence: Sequence, body: &Text) -> Result<(), String> {
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

    fn once(&mut self, body: &Text) {
        self.repeats += 1;
        if self.repeats > REPEATS_MAX && !self.full {
            self.full = true;
            self.complain(body, Class::General, "configuration repeats too many lines - ignoring the rest");
        }
        self.process(Text { depth: body.depth + 1, unconditional: false, ..body.clone() });
    }
}

struct Sequence {
    start: i64,
    step: i64,
    end: i64,
    hex: bool,
}

impl Sequence {
    fn parse(numbers: &str, hex: bool, text: &str) -> Result<Self, String> {
        let values: Option<Vec<i64>> = numbers.split(',').map(|word| number(word.trim())).collect();
        let values = values.ok_or_else(|| format!("Invalid ~SEQ definition '{text}'"))?;
        let (start, step, end) = match *values.as_slice() {
            [end] if end < 0 => (-1, -1, end),
            [end] => (1, if end < 1 { -1 } else { 1 }, end),
            [start, end] => (start, if end < start { -1 } else { 1 }, end),
            [start, step, end] => (start, step, end),
            _ => return Err(format!("Invalid ~SEQ definition '{text}'")),
        };
        if hex && (start < 0 || end < 0) {
            return Err(format!("~SEQx is only valid for positive numbers '{text}'"));
        }
        if step == 0 || (step > 0 && end < start) || (step < 0 && end > start) {
            return Err(format!("Invalid ~SEQ values '{text}'"));
        }
        Ok(Self { start, step, end, hex })
    }
}

/// A number whose base its prefix tells.
fn number(word: &str) -> Option<i64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i32::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i32::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let value = i64::from(value.ok()?);
    Some(if negative { -value } else { value })
}

type Names = Vec<String>;
type Rows = Vec<Vec<String>>;

/// Names and value rows of a `~LST`.
fn list(parameters: &str, text: &str) -> Result<(Names, Rows), String> {
    let mut fields = Vec::new();
    let mut rest = parameters.trim();
    while !rest.is_empty() {
        let (field, after) = if let Some(inner) = rest.strip_prefix('{') {
            let (inner, after) =
                inner.split_once('}').ok_or_else(|| format!("Invalid ~LST definition '{text}'"))?;
            (inner.split(',').map(|word| word.trim().to_owned()).collect(), after)
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (vec![word.trim().to_owned()], after)
        };
        fields.push(field);
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    let mut fields = fields.into_iter();
    let names = fields.next().ok_or_else(|| format!("Invalid ~LST definition '{text}'"))?;
    let values: Rows = fields.collect();
    if values.iter().any(|row| row.len() > names.len()) {
        return Err(format!("~LST specification has too many values '{text}'"));
    }
    Ok((names, values))
}
