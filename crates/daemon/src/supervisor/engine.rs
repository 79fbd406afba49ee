//! The life of the VRRP engine as its parent arranges it (`spec` runtime 1.6).
//!
//! ```text
//!           dies for the first time
//!         ┌───────────────────────────┐
//!         ▼                           │
//! ──► Running ── dies again ─► Releasing ─► Pausing ─► Running
//!         │
//!         ├── told to by a reload ─► Leaving ─► Gone
//!         └── ends when told, or for good ─► Gone (after Releasing, if it left addresses behind)
//! ```
//!
//! Before any pause, what the dead engine put into the kernel is removed: the peer takes over meanwhile, and two
//! boxes must not answer for one address.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use keepalived_sys::process::{Ended, Pid};
use keepalived_sys::signals::Signal;

use crate::compat::exit_codes;
use crate::compat::process_names::{VRRP, VRRP_IN_FAREWELL};
use crate::handoff::{Start, ToSupervisor};
use crate::log;

use super::child::Child;
use super::{Supervisor, start};

/// How the VRRP engine stands.
#[derive(Debug)]
pub(super) enum Vrrp {
    /// There is none, and none is coming.
    Gone,
    /// It runs, or is about to.
    Running(Child),
    /// It was told to end because nothing is left for it to do.
    Leaving(Child),
    /// It is dead, and its addresses are being removed. To be started again then, if at all.
    Releasing { child: Child, again: Option<Instant> },
    /// It is to be started then.
    Pausing(Instant),
}

/// What a removal of leftovers may take while the daemon stops.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);

impl Vrrp {
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// It runs, or will.
    pub fn is_wanted(&self) -> bool {
        !self.is_gone()
    }

    pub fn pid(&self) -> Option<Pid> {
        self.child().map(|child| child.pid)
    }

    /// What to wait for.
    pub fn control(&self) -> Option<BorrowedFd<'_>> {
        self.child().and_then(Child::control)
    }

    /// When to look at it again if nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Pausing(at) => Some(*at),
            Self::Gone | Self::Running(_) | Self::Leaving(_) | Self::Releasing { .. } => None,
        }
    }

    pub fn listen(&mut self) -> Vec<ToSupervisor> {
        match self {
            Self::Running(child) => child.listen(),
            Self::Leaving(child) | Self::Releasing { child, .. } => {
                // It has nothing to say that matters; this finds out that it hung up.
                child.listen();
                Vec::new()
            }
            Self::Gone | Self::Pausing(_) => Vec::new(),
        }
    }

    fn child(&self) -> Option<&Child> {
        match self {
            Self::Running(child) | Self::Leaving(child) | Self::Releasing { child, .. } => Some(child),
            Self::Gone | Self::Pausing(_) => None,
        }
    }
}

impl Supervisor {
    /// Starts the VRRP engine with the present configuration.
    pub(super) fn start_vrrp(&mut self) {
        match Child::start(Start::Vrrp, &self.plan.config, &self.memory) {
            Ok(child) => {
                log::info(format_args!("Starting {VRRP} child process, pid={}", child.pid));
                self.write_vrrp_pid(child.pid);
                self.vrrp = Vrrp::Running(child);
            }
            Err(error) => {
                log::error(format_args!("Unable to start the {VRRP} process - {}", super::kind(&error)));
                let pause = self.respawn.pause(Duration::ZERO).max(Duration::from_secs(1));
                self.pause_vrrp(pause);
            }
        }
    }

    pub(super) fn on_vrrp_ready(&mut self) {
        self.started();
        // A reload may be why it was started.
        self.on_applied(self.generation);
    }

    /// A child that was ours has ended.
    pub(super) fn on_vrrp_ended(&mut self, pid: Pid, ended: Ended) {
        // Its last words may still lie in the socket.
        self.on_messages();
        match std::mem::replace(&mut self.vrrp, Vrrp::Gone) {
            Vrrp::Running(child) => self.on_engine_ended(&child, pid, ended),
            Vrrp::Leaving(_) => self.on_engine_left(ended),
            Vrrp::Releasing { again: Some(at), .. } if self.stopping.is_none() => {
                self.vrrp = Vrrp::Pausing(at)
            }
            Vrrp::Releasing { .. } | Vrrp::Gone | Vrrp::Pausing(_) => {}
        }
    }

    fn on_engine_ended(&mut self, child: &Child, pid: Pid, ended: Ended) {
        let on_trial = self.fall_back();
        if self.stopping.is_some() {
            if ended != Ended::Code(exit_codes::OK) {
                self.release_vrrp(None);
            }
            return;
        }
        match permanent(ended) {
            // It was the reload that could not be, not the daemon (D2).
            Some(_) if on_trial => {}
            Some((status, name)) => return self.give_up(pid, status, name),
            None => {}
        }
        log_end(pid, ended);
        if self.options.dont_respawn {
            log::alert(format_args!("{VRRP} child process({pid}) died: Exiting"));
            self.stop(exit_codes::OK);
            if ended != Ended::Code(exit_codes::OK) {
                self.release_vrrp(None);
            }
            return;
        }
        log::alert(format_args!("{VRRP} child process({pid}) died: Respawning"));
        let pause = self.respawn.pause(child.born.elapsed());
        log::info(format_args!(
            "Restart of {VRRP} process delayed {} seconds to limit respawn rate",
            pause.as_secs()
        ));
        if pause.is_zero() { self.start_vrrp() } else { self.pause_vrrp(pause) }
    }

    /// It ended because a reload had no more use for it. Another reload may have one again.
    fn on_engine_left(&mut self, ended: Ended) {
        if let Some(file) = self.vrrp_pid_file.take() {
            file.remove();
        }
        if ended != Ended::Code(exit_codes::OK) {
            let wanted = self.stopping.is_none() && self.plan.wants_vrrp(&self.options);
            self.release_vrrp(wanted.then(Instant::now));
        } else if self.stopping.is_none() && self.plan.wants_vrrp(&self.options) {
            self.start_vrrp();
        }
    }

    /// What ended the engine would end the next one as well.
    fn give_up(&mut self, pid: Pid, status: u8, name: &str) {
        log::info(format_args!("pid {pid} exited with permanent error {name}. Terminating"));
        self.service.failing(status);
        self.end_with(status);
        if self.up {
            self.release_vrrp(None);
        }
    }

    /// Removes what the dead engine left, and starts another one later.
    fn pause_vrrp(&mut self, pause: Duration) {
        let at = Instant::now() + pause;
        self.vrrp = Vrrp::Pausing(at);
        self.release_vrrp(Some(at));
    }

    /// Removes what the dead engine left.
    fn release_vrrp(&mut self, again: Option<Instant>) {
        if self.options.dont_release_vrrp {
            return;
        }
        match Child::start(Start::Release, &self.plan.config, &self.memory) {
            Ok(child) => self.vrrp = Vrrp::Releasing { child, again },
            Err(error) => log::error(format_args!("Unable to remove leftovers - {}", super::kind(&error))),
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.limit = Instant::now() + RELEASE_LIMIT;
        }
    }

    pub(super) fn on_vrrp_time(&mut self, now: Instant) {
        if matches!(self.vrrp, Vrrp::Pausing(at) if now >= at) {
            self.start_vrrp();
        }
    }

    /// Passes a signal on.
    pub(super) fn signal_vrrp(&self, signal: Signal) {
        if let Vrrp::Running(child) = &self.vrrp {
            child.signal(signal);
        }
    }

    /// Tells the engine to stop because the daemon does.
    pub(super) fn stop_vrrp(&mut self) {
        match &self.vrrp {
            Vrrp::Running(child) => child.signal(Signal::TERM),
            Vrrp::Pausing(_) => self.vrrp = Vrrp::Gone,
            Vrrp::Leaving(_) | Vrrp::Releasing { .. } | Vrrp::Gone => {}
        }
    }

    /// Tells the engine to stop because a reload has no more use for it.
    pub(super) fn dismiss_vrrp(&mut self) {
        self.stop_vrrp();
        if let Vrrp::Running(child) = std::mem::replace(&mut self.vrrp, Vrrp::Gone) {
            self.vrrp = Vrrp::Leaving(child);
        }
    }

    /// Time is up for whoever still runs.
    pub(super) fn force(&mut self) {
        match &self.vrrp {
            Vrrp::Running(child) | Vrrp::Leaving(child) => {
                log::info(format_args!("{VRRP_IN_FAREWELL} process failed to die - forcing termination"));
                child.signal(Signal::KILL);
            }
            Vrrp::Releasing { child, .. } => child.signal(Signal::KILL),
            Vrrp::Gone | Vrrp::Pausing(_) => {}
        }
        if let Some(stopping) = &mut self.stopping {
            // The kernel takes a moment; it is asked again should it take longer.
            stopping.limit = Instant::now() + Duration::from_secs(1);
        }
    }

    fn write_vrrp_pid(&mut self, Pid(pid): Pid) {
        if self.vrrp_pid_file.is_none() {
            // Not fatal any more: the daemon runs, and the reason is in the log.
            self.vrrp_pid_file = start::lock_vrrp_pid_file(&self.options, &self.place).unwrap_or(None);
        }
        if let Some(Err(error)) = self.vrrp_pid_file.as_mut().map(|file| file.write(pid)) {
            log::error(format_args!("Unable to write the {VRRP} pid file - {}", super::kind(&error)));
        }
    }
}

/// Status and name of an end that a restart would only repeat.
fn permanent(ended: Ended) -> Option<(u8, &'static str)> {
    match ended {
        Ended::Code(status) => Some((status, exit_codes::permanent(status)?)),
        Ended::Signal(_) => None,
    }
}

/// How an engine came to its end, unless it ended in good order.
fn log_end(pid: Pid, ended: Ended) {
    match ended {
        Ended::Code(exit_codes::OK) => {}
        Ended::Code(status) => log::info(format_args!("pid {pid} exited with status {status}")),
        Ended::Signal(number) => {
            let signal = Signal(i32::from(number));
            let hint = if signal == Signal::KILL { " - has rlimit_rttime been exceeded?" } else { "" };
            log::info(format_args!("pid {pid} exited due to signal {number} ({}){hint}", signal.describe()));
        }
    }
}
