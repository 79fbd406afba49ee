//! The process that init knows: starts engines, restarts them, reloads, stops.
//!
//! ```text
//! run ─► start: read configuration ─► pid files ─► daemonise ─► Supervisor
//!                                                                  │
//!            ┌──────── wait for signals, engines, deadlines ◄──────┤
//!            ▼                                                     │
//!       TERM, INT ─► stop        HUP ─► reload        CHLD ─► engine died: restart, or end
//! ```
//!
//! No packets, no tokio, and the only process that may block (for names and files): engines do not wait for it.

mod acceptance;
mod appointment;
mod child;
mod engine;
mod farewell;
mod hook;
mod outcome;
mod pidfile;
mod pipes;
mod place;
pub mod plan;
mod reload;
mod respawn;
mod service;
mod start;
mod traces;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use keepalived_sys::process::{self, Pid};
use keepalived_sys::signals::{Signal, Signals};
use keepalived_sys::wait_readable;

use crate::cli::Options;
use crate::compat::{exit_codes, signal_names};
use crate::handoff::{Generation, ToSupervisor};
use crate::log;
use crate::surface::{self, Dump};

use appointment::Appointments;
use engine::Vrrp;
use hook::Hooks;
use pidfile::PidFile;
use pipes::Pipes;
use plan::{Plan, Reader};
use reload::Reload;
use respawn::Respawn;
use service::Service;

pub use outcome::Listener;
pub use place::Place;
pub use plan::{Keep, Reader as ConfigReader, conditions};
pub use start::run;

/// Everything the supervisor knows.
#[derive(Debug)]
struct Supervisor {
    options: Options,
    service: Service,
    signals: Signals,
    reader: Reader,
    place: Place,
    pid_file: PidFile,
    /// What engines run, or shall run when they are started.
    plan: Plan,
    /// The number of the last configuration that was tried.
    generation: Generation,
    reload: Reload,
    appointments: Appointments,
    /// Shared with the VRRP engine; survives it.
    memory: OwnedFd,
    vrrp: Vrrp,
    vrrp_pid_file: Option<PidFile>,
    pipes: Pipes,
    respawn: Respawn,
    hooks: Hooks,
    /// `Startup complete` was said.
    up: bool,
    stopping: Option<Stopping>,
}

/// The end has begun.
#[derive(Clone, Copy, Debug)]
struct Stopping {
    /// The exit status of the daemon.
    status: u8,
    /// Nobody gets more time than this.
    limit: Instant,
}

/// Signals that are read in the loop.
const TAKEN: [Signal; 8] = [
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::CHLD,
    Signal(signal_names::DATA),
    Signal(signal_names::STATS),
    Signal(signal_names::STATS_CLEAR),
    Signal(signal_names::JSON),
];

impl Supervisor {
    /// Runs until the end; the result is the exit status.
    fn live(mut self) -> u8 {
        self.set_out();
        loop {
            if let Some(status) = self.finished() {
                self.farewell();
                return status;
            }
            self.wait();
            self.on_signals();
            self.on_messages();
            self.on_time(Instant::now());
            self.begin_if_ready();
            self.queued_reload();
        }
    }

    fn begin(&mut self) {
        self.appointments.follow(&self.plan.global.reload);
        self.pipes.expect(&self.plan.global.fifos);
        if self.plan.wants_vrrp(&self.options) {
            self.start_vrrp();
        } else {
            log::info("Warning - keepalived has no configuration to run");
            self.started();
        }
        process::return_free_memory();
    }

    /// Everything that shall run runs.
    fn started(&mut self) {
        if !self.up {
            self.up = true;
            if self.vrrp.is_wanted() {
                log::info("Startup complete");
            }
            self.service.ready();
        }
    }

    fn finished(&mut self) -> Option<u8> {
        let status = self.stopping?.status;
        self.is_over(status).then_some(status)
    }

    /// Waits for whatever comes first. Signals that are ready are found out by asking, not here.
    fn wait(&self) {
        let mut sources: Vec<BorrowedFd<'_>> = vec![self.signals.as_fd()];
        sources.extend(self.vrrp.control());
        sources.extend(self.appointments.changes());
        let limit = self.next_deadline().map(|at| at.saturating_duration_since(Instant::now()));
        if let Err(error) = wait_readable(&sources, limit) {
            // Out of memory, if anything: not a reason to end, but not one to spin either.
            log::error(format_args!("Unable to wait for events - {error}"));
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let stop = self.stopping.filter(|_| !self.vrrp.is_gone()).map(|stopping| stopping.limit);
        let appointment = self.appointments.remaining().map(|left| Instant::now() + left);
        [stop, self.vrrp.deadline(), appointment, self.hooks.deadline()].into_iter().flatten().min()
    }

    fn on_signals(&mut self) {
        loop {
            match self.signals.next() {
                Ok(Some(delivered)) => self.on_signal(delivered.signal),
                Ok(None) => return,
                Err(error) => return log::error(format_args!("Unable to read signals - {error}")),
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::TERM => self.stop(exit_codes::OK),
            Signal::INT if !self.options.ignore_sigint => self.stop(exit_codes::OK),
            Signal::HUP => self.reload(),
            Signal::CHLD => self.reap(),
            Signal::INT => {}
            other => self.on_dump(other),
        }
    }

    /// One of the signals that ask for dumps: the engine's part is the engine's.
    fn on_dump(&self, signal: Signal) {
        if signal == Signal(signal_names::DATA) {
            log::info(format_args!("Printing parent data for process({}) on signal", own_pid()));
            let global = &self.plan.global;
            let text = surface::parent_text(global, self.plan.delays);
            surface::file::write(&surface::file::path(global, Dump::Data, "_parent"), &text);
        }
        self.signal_vrrp(signal);
    }

    fn reap(&mut self) {
        while let Some((pid, ended)) = process::reap(None) {
            if self.vrrp.pid() == Some(pid) {
                self.on_vrrp_ended(pid, ended);
            } else if self.hooks.pid() == Some(pid) {
                self.hooks.on_ended(ended);
            }
        }
    }

    fn on_messages(&mut self) {
        for message in self.vrrp.listen() {
            match message {
                ToSupervisor::Ready(_) => self.on_vrrp_ready(),
                ToSupervisor::Applied(generation) => self.on_applied(generation),
                ToSupervisor::Refused(generation) => self.on_refused(generation),
            }
        }
    }

    fn on_time(&mut self, now: Instant) {
        self.hooks.on_time(now);
        match self.stopping {
            Some(stopping) if now >= stopping.limit => self.force(),
            Some(_) => {}
            None => {
                self.on_vrrp_time(now);
                self.appointments.look();
                if self.appointments.take_due() {
                    self.reload();
                }
            }
        }
    }

    /// Begins the end on request; once is enough.
    fn stop(&mut self, status: u8) {
        if self.stopping.is_none() {
            log::info("Stopping");
            self.service.stopping();
            self.hooks.dismiss();
            self.end_with(status);
        }
    }

    /// Begins the end.
    fn end_with(&mut self, status: u8) {
        let limit = Instant::now() + self.plan.child_wait();
        self.stopping = Some(Stopping { status, limit });
        self.stop_vrrp();
    }

    fn farewell(self) {
        if let Some(file) = self.vrrp_pid_file {
            file.remove();
        }
        self.pid_file.remove();
        self.pipes.remove();
        self.place.move_out();
        farewell::say();
    }
}

/// This process, as pid files name it.
fn own_pid() -> i32 {
    let Pid(pid) = process::own();
    pid
}

/// Opens and locks a pid file; the failure is already in the log, and comes with the exit status.
fn lock_pid_file(path: &std::path::Path) -> Result<PidFile, u8> {
    PidFile::lock(path).map_err(|unavailable| match unavailable {
        pidfile::Unavailable::Locked => {
            log::info(format_args!("Another process has pid file {} locked", path.display()));
            log::info("daemon is already running");
            exit_codes::OK
        }
        pidfile::Unavailable::Failed(error) => {
            log::info(format_args!(
                "pidfile_write : Cannot open {} pidfile - {}",
                path.display(),
                kind(&error)
            ));
            exit_codes::FATAL
        }
    })
}

/// The C library's words without Rust's number.
fn kind(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), keepalived_sys::errno_text)
}
