//! `include` and its stricter forms (`spec` config 2.1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_model::global::files::IncludeCheck;

use super::{Expander, FILES_MAX, INCLUDE_DEPTH_MAX, Text};
use crate::diag::{Class, Diagnostic, Pass};
use crate::files::{FileKind, Files};

/// What the letter after `include` asks for.
fn asked(suffix: &str) -> Option<IncludeCheck> {
    let read = IncludeCheck { read: true, ..IncludeCheck::default() };
    match suffix {
        "r" => Some(read),
        "m" => Some(IncludeCheck { matched: true, ..read }),
        "w" => Some(IncludeCheck { matched: true, wildcard: true, ..read }),
        "b" => Some(IncludeCheck { brace: true, ..read }),
        "a" => Some(IncludeCheck::ALL),
        _ => None,
    }
}

/// Whether a name has to be matched rather than opened.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('{') || is_wildcard(name)
}

/// The same for a name whose braces are expanded. A backslash takes their meaning from the others.
fn is_wildcard(name: &str) -> bool {
    name.contains(['*', '?', '[', '\\'])
}

/// Why a file that exists is not read.
pub(super) fn refusal(files: &dyn Files, path: &Path, name: &str) -> Option<String> {
    match files.kind(path) {
        FileKind::Regular { executable: false } => None,
        FileKind::Directory => Some(format!("Configuration file '{name}' is a directory - skipping")),
        FileKind::Regular { executable: true } | FileKind::Other => {
            Some(format!("Configuration file '{name}' is not a regular non-executable file - skipping"))
        }
        FileKind::Unreadable => {
            Some(format!("Configuration file '{name}' open problem (Permission denied) - skipping"))
        }
        FileKind::Missing => {
            Some(format!("Configuration file '{name}' open problem (No such file or directory) - skipping"))
        }
    }
}

/// Most names one set of braces may stand for.
const ALTERNATIVES_MAX: usize = 1000;

/// `a{b,c}d` as `abd` and `acd`, nested ones too; a brace without a partner stands for itself.
pub(super) fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        match split_braces(&next) {
            Some(inner) if done.len() + open.len() < ALTERNATIVES_MAX => open.extend(inner.into_iter().rev()),
            _ => done.push(next),
        }
    }
    done
}

fn split_braces(pattern: &str) -> Option<Vec<String>> {
    let start = pattern.find('{')?;
    let before = pattern.get(..start)?;
    let mut depth = 0_usize;
    let mut parts = vec![String::new()];
    for (at, c) in pattern.get(start..)?.char_indices() {
        match (c, depth) {
            ('{', 0) => depth = 1,
            ('}', 1) => {
                let after = pattern.get(start + at + 1..)?;
                return Some(parts.iter().map(|part| format!("{before}{part}{after}")).collect());
            }
            (',', 1) => parts.push(String::new()),
            _ => {
                depth = match c {
                    '{' => depth + 1,
                    '}' => depth - 1,
                    _ => depth,
                };
                parts.last_mut()?.push(c);
            }
        }
    }
    None
}

impl Expander<'_> {
    /// Reads what the line includes; false if it is no include.
    pub(super) fn include(&mut self, line: &Text<'_>) -> bool {
        let Some(rest) = line.text.strip_prefix("include") else { return false };
        let Some((suffix, pattern)) = rest.split_once([' ', '\t']) else { return false };
        let check = match suffix {
            "" => self.check,
            other => match asked(other) {
                Some(check) => check,
                None => return false,
            },
        };
        let pattern = pattern.trim();
        if self.open.len() >= INCLUDE_DEPTH_MAX {
            self.complain(
                line,
                Class::General,
                format!("include of '{pattern}' is nested too deeply - ignoring"),
            );
            return true;
        }
        for (path, name) in self.included(line, pattern, check) {
            if self.open.contains(&path) {
                // Twice in one file, it would be read once more for every way through itself.
                let text = format!("Configuration file '{name}' includes itself - skipping");
                self.file_problem(line, check.read, text);
                continue;
            }
            if self.out.lines.files().len() >= FILES_MAX {
                if !std::mem::replace(&mut self.full, true) {
                    self.complain(line, Class::General, "too many files are included - ignoring the rest");
                }
                break;
            }
            match refusal(self.files, &path, &name) {
                None => {
                    let at = self.place(line, &line.text);
                    self.out.origins.includes.extend(at.map(|at| (Arc::from(name.as_str()), at)));
                    self.file(&path, &name, true);
                }
                Some(text) => self.file_problem(line, check.read, text),
            }
        }
        true
    }

    /// What is there of what a pattern names, each with its name as the include would write it.
    fn included(&mut self, line: &Text<'_>, pattern: &str, check: IncludeCheck) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut missing = false;
        let alternatives = alternatives(pattern);
        for one in &alternatives {
            let matches = self.matches(one);
            // A wildcard among braces may match nothing (2.2.7).
            missing |= matches.is_empty() && !is_wildcard(one);
            found.extend(matches);
        }
        let braces = alternatives.len() > 1;
        let matchable = is_wildcard(pattern) && !alternatives.iter().any(|one| self.is_nowhere(one));
        match (found.is_empty(), matchable) {
            (true, false) => {
                let fatal = if braces { check.brace } else { check.matched };
                self.file_problem(line, fatal, format!("Config files missing '{pattern}'."));
            }
            (true, true) if check.wildcard => {
                self.file_problem(line, true, format!("No config files matched '{pattern}'."));
            }
            _ if missing && braces => {
                let text = format!("Some config files missing: \"{pattern}\".");
                self.file_problem(line, check.brace, text);
                if check.brace {
                    found.clear();
                }
            }
            _ => {}
        }
        found
    }

    /// Whether a pattern is about a directory that is not there: that is a missing file, not a pattern without a match
    /// (2.2.7: `include /no/such/*`).
    fn is_nowhere(&self, pattern: &str) -> bool {
        let literal = pattern.find(['*', '?', '[']).and_then(|at| pattern.get(..at)?.rfind('/'));
        literal
            .and_then(|at| pattern.get(..=at))
            .is_some_and(|directory| self.files.kind(&self.directory.join(directory)) == FileKind::Missing)
    }

    /// Existing files of that name, relative to the file being read. Directories end in a slash.
    fn matches(&self, pattern: &str) -> Vec<(PathBuf, String)> {
        let path = self.directory.join(pattern);
        let found = if is_wildcard(pattern) {
            self.files.glob(&path.to_string_lossy())
        } else {
            let there = self.files.kind(&path) != FileKind::Missing;
            if there { vec![path] } else { Vec::new() }
        };
        let above = self.directory.to_string_lossy();
        let named = |path: PathBuf| {
            let written = path.to_string_lossy();
            let relative = written.strip_prefix(&*above).map(|rest| rest.trim_start_matches('/'));
            let name = relative.filter(|_| !pattern.starts_with('/')).unwrap_or(&written);
            let mark = if self.files.kind(&path) == FileKind::Directory { "/" } else { "" };
            (path.clone(), format!("{name}{mark}"))
        };
        found.into_iter().map(named).collect()
    }

    fn file_problem(&mut self, line: &Text<'_>, fatal: bool, text: String) {
        let at = self.place(line, &line.text);
        let class = if fatal { Class::Include } else { Class::FileNotFound };
        let heard = Diagnostic::new(class, Pass::Parent, at, text);
        self.say(if fatal { heard.stops(6) } else { heard });
    }

    /// `include_check`: the level of later plain includes.
    pub(super) fn include_check(&mut self, line: &Text<'_>, text: &str) {
        let found = crate::lex::words(text);
        let options = found.words.iter().skip(1).map(|word| word.text);
        let mut complaints = Vec::new();
        self.check = checks(self.check, options, |text| complaints.push(text));
        for text in complaints {
            self.complain(line, Class::General, text);
        }
    }
}

/// What the words behind `include_check` make of what was said before.
pub(crate) fn checks<'a>(
    standing: IncludeCheck,
    options: impl ExactSizeIterator<Item = &'a str>,
    mut complain: impl FnMut(String),
) -> IncludeCheck {
    if options.len() == 0 {
        return IncludeCheck::ALL;
    }
    let mut result = standing;
    for (position, option) in options.enumerate() {
        let (name, on, absolute) = match (option.strip_prefix('+'), option.strip_prefix('-')) {
            (Some(name), _) => (name, true, false),
            (_, Some(name)) => (name, false, false),
            (None, None) => (option, true, true),
        };
        if absolute && position > 0 {
            complain(format!("Duplicate include_check '{option}' specified - ignoring"));
            continue;
        }
        let mut check = if absolute { IncludeCheck::default() } else { result };
        match name {
            "read" => check.read = on,
            "match" => check.matched = on,
            "wildcard_match" => check.wildcard = on,
            "brace_match" => check.brace = on,
            _ => {
                complain(format!("Unknown include_check type '{name}' - ignoring"));
                continue;
            }
        }
        check.read |= on;
        result = check;
    }
    result
}
