//! `@ID` conditions and `$NAME` definitions (`spec` config 2.2 and 2.3).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Conditions, Expander, Text};
use crate::diag::Class;
use crate::source;

/// Most replacements in one line; a definition that names itself would never end.
const SUBSTITUTIONS_MAX: usize = 1000;

/// What remains of a line that starts with a condition, if it holds.
pub(super) fn condition<'a>(line: &'a str, config_id: &str) -> Option<&'a str> {
    let (id, rest) = line.strip_prefix('@')?.split_once([' ', '\t'])?;
    let holds = match id.strip_prefix('^') {
        Some(other) => other != config_id,
        None => id == config_id,
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    (holds && !rest.is_empty()).then_some(rest)
}

/// Name and value if the line is `$NAME=value`.
pub(super) fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    is_name(name).then(|| (name, value.trim_start_matches([' ', '\t'])))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A multi-line definition whose end was not seen yet.
pub(super) struct Collecting {
    name: String,
    lines: Vec<String>,
}

#[derive(Clone)]
enum Value {
    Line(String),
    Block(Vec<String>),
}

/// All definitions made so far, and the built-in ones.
pub(super) struct Definitions {
    made: BTreeMap<String, Value>,
    config_id: String,
    environment: BTreeMap<String, String>,
    /// `${_PWD}`.
    pub directory: String,
    random: u64,
    /// For the log: values that are odd, and taken.
    remarks: Vec<String>,
}

impl Definitions {
    pub fn new(conditions: &Conditions) -> Self {
        Self {
            made: BTreeMap::new(),
            config_id: conditions.config_id.clone(),
            environment: conditions.environment.clone(),
            directory: conditions.directory.to_string_lossy().into_owned(),
            random: conditions.seed,
            remarks: Vec::new(),
        }
    }

    /// Gives a name a one-line value.
    pub fn set(&mut self, name: &str, value: String) {
        self.made.insert(name.to_owned(), Value::Line(value));
    }

    /// `random_seed` (D10: the original reads it too late for it to have any effect).
    pub fn reseed(&mut self, word: &str) {
        if let Ok(seed) = word.parse::<u32>() {
            self.random = u64::from(seed);
        }
    }

    fn find(&mut self, name: &str, parameters: &[&str]) -> Result<Option<Value>, String> {
        if parameters.is_empty()
            && let Some(value) = self.made.get(name)
        {
            return Ok(Some(value.clone()));
        }
        let line = |text: &str| Ok(Some(Value::Line(text.to_owned())));
        match (name, parameters) {
            ("_PWD", []) => line(&self.directory),
            ("_INSTANCE", []) => line(&self.config_id),
            ("_HASH", []) => line("#"),
            ("_BANG", []) => line("!"),
            ("_ENV", [variable]) => line(self.environment.get(*variable).map_or("", String::as_str)),
            ("_ENV", _) => Err("Definition _ENV requires the name of a variable.".into()),
            ("_RANDOM", _) => self.random(parameters),
            _ => Ok(None),
        }
    }

    fn random(&mut self, parameters: &[&str]) -> Result<Option<Value>, String> {
        let number = |word: &&str| word.parse::<u32>().map(u64::from);
        let numbers: Result<Vec<u64>, _> = parameters.iter().map(number).collect();
        let Ok(numbers) = numbers else {
            return Err("Definition _RANDOM requires numeric parameters only.".into());
        };
        let (min, max) = match numbers.as_slice() {
            [] => (0, 32767),
            [min] => (*min, 32767),
            [min, max] => (*min, *max),
            more => {
                let n = more.len();
                return Err(format!(
                    "Definition _RANDOM requires between 0 and 2 parameters, {n} specified."
                ));
            }
        };
        // splitmix64: one addition and two multiplications are chance enough for a configuration.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if min > max {
            self.remarks.push(format!("${{_RANDOM}}: min {min} exceeds max {max}, using {min}"));
        }
        let span = max.saturating_sub(min) + 1;
        Ok(Some(Value::Line((min + (z ^ (z >> 31)) % span).to_string())))
    }

    /// The text with one-line definitions replaced; for the parameters of `~SEQ`.
    pub fn replaced(&mut self, text: &str) -> String {
        match self.substitute(text) {
            Ok(Some(Substituted { lines, .. })) => lines.into_iter().next().unwrap_or_default(),
            _ => text.to_owned(),
        }
    }

    /// What a line becomes; nothing if there is nothing to replace in it.
    fn substitute(&mut self, text: &str) -> Result<Option<Substituted>, String> {
        let mut done = Substituted { lines: vec![text.to_owned()], through: None, too_long: false };
        let mut from = 0;
        let mut count = 0;
        while let Some(line) = done.lines.first().cloned() {
            let Some(found) = reference(&line, from) else { break };
            let value = self.find(found.name, &found.parameters)?;
            let before = line.get(..found.start).unwrap_or("");
            let after = line.get(found.end..).unwrap_or("");
            let (replacement, tail) = match value {
                Some(Value::Line(value)) => (value, Vec::new()),
                Some(Value::Block(lines)) if after.is_empty() => {
                    let mut lines = lines.into_iter();
                    (lines.next().unwrap_or_default(), lines.collect())
                }
                Some(Value::Block(_)) | None => {
                    from = found.end;
                    continue;
                }
            };
            count += 1;
            let joined = format!("{before}{replacement}{after}");
            if joined.len() > source::LINE_MAX + 1 || count > SUBSTITUTIONS_MAX {
                // What fits stays replaced (2.2.7).
                done.too_long = true;
                break;
            }
            from = found.start;
            done.through = Some(Arc::from(found.name));
            done.lines.splice(..1, std::iter::once(joined).chain(tail));
        }
        Ok((done.through.is_some() || done.too_long).then_some(done))
    }
}

struct Substituted {
    lines: Vec<String>,
    through: Option<Arc<str>>,
    /// The next replacement would have made the line too long.
    too_long: bool,
}

/// A use of a definition in a line.
struct Reference<'a> {
    start: usize,
    end: usize,
    name: &'a str,
    parameters: Vec<&'a str>,
}

/// The first use from `from` on: `${NAME …}` anywhere, `$NAME` before a blank, comma, parenthesis or the end.
fn reference(line: &str, from: usize) -> Option<Reference<'_>> {
    let mut from = from;
    loop {
        let start = from + line.get(from..)?.find('$')?;
        let rest = line.get(start + 1..)?;
        if let Some(inner) = rest.strip_prefix('{') {
            if let Some((inner, _)) = inner.split_once('}') {
                let mut words = inner.split_ascii_whitespace();
                let name = words.next().unwrap_or("");
                if inner.starts_with(name) && is_name(name) {
                    return Some(Reference {
                        start,
                        end: start + inner.len() + 3,
                        name,
                        parameters: words.collect(),
                    });
                }
            }
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end)?;
            if is_name(name) && (after.is_empty() || after.starts_with([' ', '\t', ',', ')'])) {
                return Some(Reference { start, end: start + 1 + end, name, parameters: Vec::new() });
            }
        }
        from = start + 1;
    }
}

impl Expander<'_> {
    /// A `$NAME=value` line; a backslash at its end makes it the first of several.
    pub(super) fn define(&mut self, line: &Text<'_>, name: String, value: String) {
        let at = self.place(line, &line.text);
        self.out.origins.definitions.extend(at.map(|at| (name.clone(), at)));
        if source::is_unterminated(&value) {
            self.complain(line, Class::Quote, format!("Unterminated quote '{}'", line.text));
        }
        match value.strip_suffix('\\') {
            Some(first) => {
                let first = first.trim_end();
                let lines = if first.is_empty() { Vec::new() } else { vec![first.to_owned()] };
                self.collecting = Some(Collecting { name, lines });
            }
            None => self.definitions.set(&name, value),
        }
    }

    /// One more line of a definition.
    pub(super) fn collect(&mut self, line: &Text<'_>) {
        let more = line.text.strip_suffix('\\');
        if let Some(collecting) = &mut self.collecting
            && !line.text.is_empty()
        {
            collecting.lines.push(more.unwrap_or(&line.text).trim_end().to_owned());
        }
        if more.is_none() {
            self.finish_definition();
        }
    }

    pub(super) fn finish_definition(&mut self) {
        if let Some(Collecting { name, lines }) = self.collecting.take() {
            self.definitions.made.insert(name, Value::Block(lines));
        }
    }

    /// The lines a line becomes, if there is anything to replace in it.
    pub(super) fn substitute(&mut self, line: &Text<'_>) -> Option<Vec<Text<'static>>> {
        if !line.text.contains('$') {
            return None;
        }
        let done = match self.definitions.substitute(&line.text) {
            Ok(done) => done?,
            Err(complaint) => {
                self.complain(line, Class::General, complaint);
                return None;
            }
        };
        for remark in std::mem::take(&mut self.definitions.remarks) {
            self.log(line, remark);
        }
        if done.too_long {
            let text = "Parameter substitution on line '{}' would exceed maximum line length";
            self.log(line, text.replace("{}", &line.text));
        }
        let became = |text: &String| Text {
            // Characters that came with the substitution may start a comment.
            text: Cow::Owned(source::strip(text).0.into_owned()),
            origin: line.origin,
            column: line.column,
            through: done.through.clone(),
            depth: line.depth + 1,
            unconditional: false,
            finished: done.too_long,
        };
        Some(done.lines.iter().map(became).collect())
    }
}
