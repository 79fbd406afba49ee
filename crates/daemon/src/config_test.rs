//! `-t`: says what is wrong with a configuration, and how bad it is by the exit status (`spec` runtime 1.10,
//! config 0.3, D9, D13).

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use keepalived_conf::{render, test_status};

use crate::cli::Options;
use crate::compat::exit_codes;
use crate::supervisor::{ConfigReader, Keep};

/// Checks and tells, on standard error or at the end of `into`; the result is the exit status.
pub fn run(options: &Options, into: Option<&Path>) -> u8 {
    let (reading, nowhere) = ConfigReader::new(options).read_in_place(Keep::Nothing);
    let diagnostics = reading.diagnostics;
    let refused = options.refused_values();
    let mut status = test_status(&diagnostics);
    if options.has_refused_facility() {
        status = status.max(exit_codes::CONFIG_WITH_MISTAKES);
    }
    if nowhere.is_some() {
        // D10: the original succeeds, having looked at nothing else.
        status = status.max(exit_codes::FATAL);
    }
    let lines = refused.into_iter().chain(render::keepalived::test(&diagnostics)).chain(nowhere);
    match write(lines, into) {
        Ok(()) => status,
        Err(error) => {
            let place = into.map_or_else(|| "standard error".into(), |path| path.display().to_string());
            eprintln!("Unable to write to {place}: {error}");
            status.max(exit_codes::FATAL)
        }
    }
}

fn write(lines: impl Iterator<Item = String>, into: Option<&Path>) -> io::Result<()> {
    let text: String = lines.map(|line| line + "\n").collect();
    match into {
        None => io::stderr().write_all(text.as_bytes()),
        Some(path) => OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes()),
    }
}
