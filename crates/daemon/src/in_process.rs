//! Everything in one process, for tests and debuggers: `--foreground --in-process`.
//!
//! There is no supervisor: no pid files, no restart of an engine that died, and SIGHUP takes up the text that
//! was read at the start. Everything else, the launcher included, is what the daemon runs.

use keepalived_conf::Pass;
use keepalived_sys::memfd;

use crate::cli::Options;
use crate::compat::exit_codes;
use crate::engine::{self, Settings};
use crate::handoff;
use crate::supervisor::plan::{self, Keep, Reader};

/// Reads the configuration and is the VRRP engine until that ends. The result is the exit status.
pub fn run(options: &Options, settings: &Settings) -> u8 {
    let (reading, nowhere) = Reader::new(options).read_in_place(Keep::Lines);
    // The engine says its own lines once it has a log.
    plan::log_lines(&reading.diagnostics, Pass::Parent).for_each(|line| eprintln!("{line}"));
    if let Some(sentence) = nowhere {
        eprintln!("{sentence}");
        return exit_codes::FATAL;
    }
    if let Some(status) = reading.refusal() {
        return status;
    }
    let alone = reading.into_plan().and_then(|plan| handoff::alone(plan.config, memfd::create("memory")?));
    match alone {
        // The other end stays open: its end would tell the engine to stop.
        Ok((handoff, _control)) => engine::run(handoff, settings),
        Err(error) => {
            eprintln!("Unable to share memory - {error}");
            exit_codes::FATAL
        }
    }
}
