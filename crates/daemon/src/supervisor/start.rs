//! From the command line to a running supervisor (`spec` runtime 1.4).

use std::path::Path;

use keepalived_conf::Pass;
use keepalived_sys::signals::{self, Signal, Signals};
use keepalived_sys::{memfd, process};

use crate::cli::Options;
use crate::compat::process_names::{self, SUPERVISOR_IDENT};
use crate::compat::{defaults, exit_codes};
use crate::handoff::Generation;
use crate::log;

use super::appointment::Appointments;
use super::engine::Vrrp;
use super::hook::Hooks;
use super::pidfile::PidFile;
use super::pipes::Pipes;
use super::place::{NoSuchPlace, Place};
use super::plan::{self, Plan, Reader, Reading};
use super::reload::Reload;
use super::respawn::Respawn;
use super::service::Service;
use super::{Supervisor, TAKEN, farewell, kind, lock_pid_file, own_pid, traces};

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
    let reader = Reader::new(&options);
    let (plan, place) = first_plan(&reader)?;
    let own_file = options.pid.clone().unwrap_or_else(|| place.pid_file(defaults::SUPERVISOR_PID));
    let mut pid_file = lock_pid_file(&own_file)?;
    let vrrp_pid_file = if plan.wants_vrrp(&options) { lock_vrrp_pid_file(&options, &place)? } else { None };
    if !options.stays_in_foreground() {
        farewell::flush();
        process::daemonise().map_err(|error| fatal("Unable to become a daemon", &error))?;
    }
    signals::ignore(&Signal::USELESS);
    // Before there is a second thread: one that blocks nothing would be ended by them, and everything with it.
    let signals = Signals::take(&TAKEN).map_err(|error| fatal("Unable to take signals", &error))?;
    log::run();
    process_names::take(plan.global.processes.supervisor_name.as_deref());
    process::umask(umask(&options, &plan));
    if let Some(pattern) = options.core_files() {
        leave_core_files(pattern);
    }
    process::adopt_orphans().map_err(|error| fatal("Unable to adopt orphans", &error))?;
    pid_file.write(own_pid()).map_err(|error| fatal("Unable to write the pid file", &error))?;
    let memory = memfd::create(MEMORY_NAME).map_err(|error| fatal("Unable to share memory", &error))?;
    notices(&options, &plan);
    Ok(Supervisor {
        options,
        service,
        signals,
        reader,
        place,
        pid_file,
        plan,
        generation: Generation::FIRST,
        reload: Reload::default(),
        appointments: Appointments::default(),
        memory,
        vrrp: Vrrp::Gone,
        vrrp_pid_file,
        pipes: Pipes::default(),
        respawn: Respawn::default(),
        hooks: Hooks::default(),
        up: false,
        stopping: None,
    })
}

/// The first configuration, read where it is to be run.
fn first_plan(reader: &Reader) -> Result<(Plan, Place), End> {
    let mut reading = reader.read();
    log_reading(reader, &reading);
    if let Some(status) = reading.refusal() {
        return Err(status.into());
    }
    let place = reading.place();
    let suffix = place.suffix();
    if !suffix.is_empty() {
        log::info(format_args!("Changing syslog ident to {SUPERVISOR_IDENT}{suffix}"));
        log::name_after(&suffix);
    }
    // D10: the original says so, and succeeds.
    place.move_in().map_err(|NoSuchPlace| exit_codes::FATAL)?;
    if place.is_elsewhere() {
        // What was asked about interfaces was answered by those we left behind.
        reading = reader.read();
    }
    log_summaries(&reading);
    traces::unmark(&reading);
    traces::keep(&reading, 0);
    let plan = reading.into_plan().map_err(|error| fatal("Unable to keep the configuration", &error))?;
    Ok((plan, place))
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
    reading.overridden().into_iter().for_each(log::info);
}

/// What it comes to, in a line each.
pub(super) fn log_summaries(reading: &Reading) {
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

/// Lets this process and its children leave core files when they crash.
fn leave_core_files(pattern: &str) {
    if let Err(error) = process::allow_core_files() {
        log::info(format_args!("Unable to allow core files - {}", kind(&error)));
    }
    if let (false, Err(error)) = (pattern.is_empty(), std::fs::write(CORE_PATTERN, pattern)) {
        log::info(format_args!("Unable to write {CORE_PATTERN} - {}", kind(&error)));
    }
}

/// Where the kernel is told what core files are called.
const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";

/// The file mode creation mask: the command line wins.
pub(super) fn umask(options: &Options, plan: &Plan) -> u32 {
    options.umask_value().or(plan.global.processes.umask).unwrap_or(defaults::UMASK)
}

/// Locks the VRRP engine's pid file, which its parent writes for it.
pub(super) fn lock_vrrp_pid_file(options: &Options, place: &Place) -> Result<Option<PidFile>, u8> {
    let file = options.vrrp_pid.clone().unwrap_or_else(|| place.pid_file(defaults::VRRP_PID));
    lock_pid_file(&file).map(Some)
}

fn fatal(what: &str, error: &std::io::Error) -> End {
    log::error(format_args!("{what} - {}", kind(error)));
    End { status: exit_codes::FATAL, words: LastWords::Stopped }
}

/// How `/proc` shows it.
const MEMORY_NAME: &str = "/keepalived/memory";
