//! From the command line to a running supervisor (`spec` runtime 1.4).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use keepalived_conf::Pass;
use keepalived_sys::signals::{self, Signal, Signals};
use keepalived_sys::{memfd, process};

use crate::cli::Options;
use crate::compat::process_names::SUPERVISOR_IDENT;
use crate::compat::{defaults, exit_codes};
use crate::handoff::Generation;
use crate::log;

use super::engine::Vrrp;
use super::pidfile::PidFile;
use super::plan::{self, Plan, Reader, Reading};
use super::reload::Reload;
use super::respawn::Respawn;
use super::service::Service;
use super::{Supervisor, TAKEN, farewell, kind, lock_pid_file, own_pid};

/// The life of the supervisor. With daemonising, the first process ends in here. The result is the exit status.
pub fn run(options: Options) -> u8 {
    let service = Service::find();
    log::open(options.log_settings(SUPERVISOR_IDENT));
    hello(&options);
    match prepare(options, service) {
        Ok(supervisor) => supervisor.live(),
        Err(End { status, words: LastWords::Stopped }) => {
            farewell::stopped();
            status
        }
        Err(End { status, words: LastWords::None }) => {
            farewell::flush();
            status
        }
    }
}

/// A start that came to nothing.
struct End {
    status: u8,
    words: LastWords,
}

enum LastWords {
    Stopped,
    None,
}

impl From<u8> for End {
    /// A second start says nothing more, everything else says good-bye.
    fn from(status: u8) -> Self {
        let words = if status == exit_codes::OK { LastWords::None } else { LastWords::Stopped };
        Self { status, words }
    }
}

fn hello(options: &Options) {
    log::info(format_args!("Starting {}", defaults::VERSION_LINE));
    let kernel =
        |what: &str| std::fs::read_to_string(Path::new("/proc/sys/kernel").join(what)).unwrap_or_default();
    log::info(format_args!("Running on Linux {} {}", kernel("osrelease").trim(), kernel("version").trim()));
    let words = std::env::args_os().map(|word| format!(" '{}'", word.to_string_lossy())).collect::<String>();
    log::info(format_args!("Command line:{words}"));
    for word in options.refused_values() {
        log::info(word);
    }
}

fn prepare(options: Options, service: Service) -> Result<Supervisor, End> {
    if options.namespace.is_some() {
        // Addresses in the wrong namespace are worse than no start.
        log::error("Option --namespace is not supported yet - not starting in another namespace");
        return Err(exit_codes::FATAL.into());
    }
    let reader = Reader::new(&options);
    let plan = first_plan(&reader)?;
    let mut pid_file = lock_pid_file(&file_or(options.pid.as_ref(), defaults::SUPERVISOR_PID_FILE))?;
    let vrrp_pid_file = if plan.wants_vrrp(&options) { lock_vrrp_pid_file(&options)? } else { None };
    if !options.stays_in_foreground() {
        farewell::flush();
        process::daemonise().map_err(|error| fatal("Unable to become a daemon", &error))?;
    }
    signals::ignore(&Signal::USELESS);
    // Before there is a second thread: one that blocks nothing would be ended by them, and everything with it.
    let signals = Signals::take(&TAKEN).map_err(|error| fatal("Unable to take signals", &error))?;
    log::run();
    process::umask(options.umask_value().or(plan.global.processes.umask).unwrap_or(defaults::UMASK));
    process::adopt_orphans().map_err(|error| fatal("Unable to adopt orphans", &error))?;
    pid_file.write(own_pid()).map_err(|error| fatal("Unable to write the pid file", &error))?;
    let memory = memfd::create(MEMORY_NAME).map_err(|error| fatal("Unable to share memory", &error))?;
    notices(&options, &plan);
    Ok(Supervisor {
        options,
        service,
        signals,
        reader,
        pid_file,
        plan,
        generation: Generation::FIRST,
        reload: Reload::default(),
        memory,
        vrrp: Vrrp::Gone,
        vrrp_pid_file,
        respawn: Respawn::default(),
        up: false,
        stopping: None,
    })
}

fn first_plan(reader: &Reader) -> Result<Plan, End> {
    let reading = reader.read();
    log_reading(reader, &reading);
    if let Some(status) = reading.refusal() {
        return Err(status.into());
    }
    reading.into_plan().map_err(|error| fatal("Unable to keep the configuration", &error))
}

/// The lines of the supervisor about a configuration it has read.
pub(super) fn log_reading(reader: &Reader, reading: &Reading) {
    if reading.refusal() != Some(exit_codes::NO_CONFIG_FILE) {
        let file = reader.file().display();
        log::detail(format_args!("Opening file '{file}'."));
        log::info(format_args!("Configuration file {file}"));
    }
    // Engines that are not there cannot speak for themselves.
    for pass in [Pass::Parent, Pass::Checker, Pass::Bfd] {
        plan::log_lines(&reading.diagnostics, pass).for_each(log::info);
    }
    let ignored = keepalived_conf::summary(&reading.diagnostics);
    let unacted = keepalived_conf::unacted::summary(&reading.diagnostics);
    ignored.into_iter().chain(unacted).for_each(log::info);
}

/// What somebody who set up the daemon should know about this start.
fn notices(options: &Options, plan: &Plan) {
    if plan.global.processes.max_auto_priority.is_none() {
        log::info(
            "NOTICE: setting config option max_auto_priority should result in better keepalived performance",
        );
    }
    for name in options.without_effect() {
        log::info(format_args!("Option --{name} is not supported yet, ignored"));
    }
}

/// Locks the VRRP engine's pid file, which its parent writes for it.
pub(super) fn lock_vrrp_pid_file(options: &Options) -> Result<Option<PidFile>, u8> {
    lock_pid_file(&file_or(options.vrrp_pid.as_ref(), defaults::VRRP_PID_FILE)).map(Some)
}

fn file_or(given: Option<&PathBuf>, default: &str) -> PathBuf {
    given.cloned().unwrap_or_else(|| OsString::from(default).into())
}

fn fatal(what: &str, error: &std::io::Error) -> End {
    log::error(format_args!("{what} - {}", kind(error)));
    End { status: exit_codes::FATAL, words: LastWords::Stopped }
}

/// How `/proc` shows it.
const MEMORY_NAME: &str = "/keepalived/memory";
