//! `keepalived reload`: asks the running daemon to read its configuration again, and says by its exit status what
//! became of it (D2). Ours, not the original's; it takes the options the daemon was started with.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use keepalived_conf::render;
use keepalived_sys::process::{self, Pid};
use keepalived_sys::signals::Signal;
use keepalived_sys::{errno_text, lock};

use crate::cli::{Options, Wish};
use crate::compat::{defaults, exit_codes};
use crate::supervisor::{ConfigReader, Keep, Listener};

/// Name of the subcommand.
pub const COMMAND: &str = "reload";

/// Longer than any reload takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does it; the result is the exit status.
pub fn run(words: impl Iterator<Item = OsString>) -> u8 {
    let reading = Options::read(words);
    reading.mistakes.iter().for_each(|sentence| eprintln!("{sentence}"));
    let Wish::Go(options) = reading.wish else { return exit_codes::FATAL };
    match ask(&options) {
        Ok(()) => exit_codes::OK,
        Err((status, reason)) => {
            eprintln!("Not reloaded: {reason}");
            status
        }
    }
}

fn ask(options: &Options) -> Result<(), (u8, String)> {
    let fatal = |reason: String| (exit_codes::FATAL, reason);
    let (reading, nowhere) = ConfigReader::new(options).read_in_place(Keep::Nothing);
    nowhere.map_or(Ok(()), |sentence| Err(fatal(sentence)))?;
    if let Some(status) = reading.any_refusal() {
        render::keepalived::test(&reading.diagnostics).for_each(|line| eprintln!("{line}"));
        return Err((status, "the configuration cannot be used, the running one stays in force".to_owned()));
    }
    let own_place = || reading.place().pid_file_outside(defaults::SUPERVISOR_PID);
    let pid_file = options.pid.clone().unwrap_or_else(own_place);
    let pid = running(&pid_file).ok_or_else(|| fatal("keepalived does not run".to_owned()))?;
    // Before the signal: the answer may come at once.
    let listener = Listener::open(&pid_file).map_err(|error| {
        let place = pid_file.display();
        fatal(format!("unable to listen beside {place} - {error}; is another reload going on?"))
    })?;
    process::kill(pid, Signal::HUP).map_err(|error| fatal(words(&error)))?;
    match listener.wait(PATIENCE) {
        Ok(outcome) => outcome.map_err(|reason| fatal(format!("{reason}, the running one stays in force"))),
        Err(_) => Err(fatal(format!("no answer within {} s, see the log", PATIENCE.as_secs()))),
    }
}

/// The process that has the pid file locked.
fn running(pid_file: &Path) -> Option<Pid> {
    let file = File::options().read(true).write(true).open(pid_file).ok()?;
    if !lock::is_held(&file).ok()? {
        return None;
    }
    fs::read_to_string(pid_file).ok()?.trim().parse().ok().map(Pid)
}

fn words(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), errno_text)
}
