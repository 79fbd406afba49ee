//! `keepalived check`: what is wrong with configurations, for people and for machines.
//!
//! Ours, not the original's: `-t` speaks for the original. Exit statuses are stable: see [`status`].

mod json;
mod options;
mod place;
mod print;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use keepalived_conf::check::{self, Report};
use keepalived_conf::render::screen::{self, Paint};
use keepalived_conf::{Severity, Sourced, codes};

use crate::host::Disk;
use crate::supervisor::conditions;
use options::{CheckOptions, Color, Wish};
use place::Seen;

/// Name of the subcommand.
pub const COMMAND: &str = "check";

/// Exit statuses.
mod status {
    /// Nothing found, or notes only.
    pub const CLEAN: u8 = 0;
    /// Warnings or lints, and nothing worse.
    pub const WARNINGS: u8 = 1;
    /// Errors.
    pub const ERRORS: u8 = 2;
    /// Nothing could be checked: a mistake on the command line, or nobody reads the answer.
    pub const UNABLE: u8 = 3;
}

/// One file, checked.
struct Checked {
    name: String,
    sourced: Sourced,
    report: Report,
    /// Why this machine was not asked, although it was to be.
    unseen: Option<String>,
}

/// Does what the words after `check` ask for; the result is the exit status.
pub fn run(words: impl Iterator<Item = std::ffi::OsString>) -> u8 {
    let (text, status) = match CheckOptions::read(words) {
        Wish::Help(text) => (text.into_bytes(), status::CLEAN),
        Wish::Mistake(text) => {
            eprint!("{text}");
            return status::UNABLE;
        }
        Wish::Explain(asked) => match explain(asked.as_deref()) {
            Some(text) => (text.into_bytes(), status::CLEAN),
            None => {
                let asked = asked.unwrap_or_default();
                eprintln!("{asked:?} is no code, name or log line that is known; --explain alone lists all");
                return status::UNABLE;
            }
        },
        Wish::Check(options) if options.print => print::answer(&options),
        Wish::Check(options) => answer(&options),
    };
    match io::stdout().write_all(&text) {
        Ok(()) => status,
        Err(_) => status::UNABLE,
    }
}

/// All codes, or one of them.
fn explain(asked: Option<&str>) -> Option<String> {
    match asked {
        Some(asked) => codes::find(asked).map(screen::explanation),
        None => Some(
            codes::all()
                .map(|code| format!("{code}  {:<8} {:<28} {}\n", code.severity.word(), code.name, code.title))
                .collect(),
        ),
    }
}

/// Checks all files.
fn checked(options: &CheckOptions) -> Vec<Checked> {
    let conditions = conditions(options.id.clone(), false);
    let check = |file: &PathBuf| {
        let sourced = keepalived_conf::read(&Disk, file, &conditions);
        let Seen { found: report, unseen } =
            place::there(&sourced, options, |host| check::check(&sourced, host));
        Checked { name: file.display().to_string(), sourced, report, unseen }
    };
    options.files.iter().map(check).collect()
}

/// Checks all files and puts the findings into words.
fn answer(options: &CheckOptions) -> (Vec<u8>, u8) {
    let mut checked = checked(options);
    if let (true, [first, second]) = (options.pair, checked.as_mut_slice()) {
        check::compare((&first.sourced, &mut first.report), (&second.sourced, &mut second.report));
    }
    let text = if options.json { json::document(&checked) } else { screens(&checked, paint(options.color)) };
    (text.into_bytes(), worst(&checked))
}

/// The exit status of what was found.
fn worst(checked: &[Checked]) -> u8 {
    match checked.iter().filter_map(|one| one.report.worst()).max() {
        None | Some(Severity::Note) => status::CLEAN,
        Some(Severity::Lint | Severity::Warning) => status::WARNINGS,
        Some(Severity::Error) => status::ERRORS,
    }
}

fn screens(checked: &[Checked], paint: Paint) -> String {
    let one = |one: &Checked| {
        let findings = screen::report(&one.report, &one.sourced.origins, paint);
        let unseen = one.unseen.iter().map(|why| format!("{}: {why}\n", one.name));
        findings + &unseen.collect::<String>() + &screen::summary(&one.report, &one.name, paint)
    };
    let texts: Vec<String> = checked.iter().map(one).collect();
    texts.join("\n")
}

fn paint(color: Color) -> Paint {
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: set and not empty.
        Color::Auto => {
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    if wanted { Paint::Colored } else { Paint::Plain }
}
