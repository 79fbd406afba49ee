//! Commands before the first engine and after the last one (`spec` runtime 1.8).
//!
//! Neither can prevent anything: a start goes on and a stop ends whatever becomes of them, in bounded time.

use std::ffi::CString;
use std::time::{Duration, Instant};

use keepalived_model::Micros;
use keepalived_model::notify::{Command, RunAs};
use keepalived_sys::errno_text;
use keepalived_sys::process::{self, Ended, Pid};
use keepalived_sys::script::{self, Script, Started};
use keepalived_sys::signals::Signal;

use super::{Supervisor, start};
use crate::compat::exit_codes;
use crate::launcher;
use crate::log;

/// What it gets between SIGTERM and SIGKILL, and the kernel afterwards.
const RESPITE: Duration = Duration::from_secs(2);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Before there are engines.
    Startup,
    /// After the engines are gone.
    Shutdown,
}

/// A command that runs.
#[derive(Debug)]
pub(super) struct Hook {
    occasion: Occasion,
    path: String,
    started: Started,
    stage: Stage,
    /// The end of this stage.
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Forced,
}

impl Hook {
    /// Starts one; a command that cannot be started was said in the log.
    pub fn start(occasion: Occasion, command: &Command, limit: Micros, umask: u32) -> Option<Self> {
        let path = String::from_utf8_lossy(command.argv.first().unwrap_or(&command.path)).into_owned();
        log::info(format_args!("Running {} {path}", occasion.name()));
        let text = |bytes: &[u8]| CString::new(bytes).ok();
        let script = text(&command.path).zip(command.argv.iter().map(|word| text(word)).collect()).map(
            |(path, argv)| {
                let environment = process::environment_without(&launcher::NOT_FOR_SCRIPTS);
                let RunAs { uid, gid, groups } = command.user.clone();
                Script { path, argv, environment, uid, gid, groups, umask }
            },
        );
        match script.map(|script| script::start(&script)) {
            Some(Ok(started)) => {
                let until = Instant::now() + Duration::from_micros(limit.0);
                Some(Self { occasion, path, started, stage: Stage::Running, until })
            }
            Some(Err(error)) => {
                log::alert(format_args!(
                    "Unable to run {} {path} - {}",
                    occasion.name(),
                    super::kind(&error)
                ));
                None
            }
            None => None,
        }
    }

    pub fn pid(&self) -> Pid {
        self.started.pid
    }

    /// Ends it because the daemon does.
    pub fn dismiss(&mut self) {
        if self.stage == Stage::Running {
            self.signal(Signal::TERM, Stage::Asked);
        }
    }

    /// Acts on time that has run out; none when nobody waits for it any longer.
    pub fn on_time(mut self, now: Instant) -> Option<Self> {
        if now < self.until {
            return Some(self);
        }
        match self.stage {
            Stage::Running => {
                log::info(format_args!("{} timed out", self.occasion.name()));
                self.signal(Signal::TERM, Stage::Asked);
            }
            Stage::Asked => self.signal(Signal::KILL, Stage::Forced),
            Stage::Forced => {
                let (name, pid) = (self.occasion.name(), self.pid());
                log::info(format_args!("{name} (PID {pid}) failed to terminate after kill"));
                return None;
            }
        }
        Some(self)
    }

    fn signal(&mut self, signal: Signal, stage: Stage) {
        // It may just have ended, which is found out elsewhere.
        let _gone = process::kill_group(self.pid(), signal);
        self.stage = stage;
        self.until = Instant::now() + RESPITE;
    }

    /// It has ended.
    pub fn ended(self, ended: Ended) {
        let (name, stage, pid) = (self.occasion.name(), self.stage, self.pid());
        if stage != Stage::Running {
            // What it started may have survived the TERM that it obeyed.
            let _all_gone = process::kill_group(pid, Signal::KILL);
            return;
        }
        if let Some((_, errno)) = self.started.failure() {
            let pid = u32::try_from(pid.0).unwrap_or(0);
            let words = errno_text(errno);
            return log::alert_from(
                pid,
                format_args!("Error exec-ing command '{}', error {errno}: {words}", self.path),
            );
        }
        match ended {
            Ended::Code(0) => log::detail(format_args!("{name} script succeeded")),
            Ended::Code(status) => log::info(format_args!("{name} script failed, status {status}")),
            Ended::Signal(signal) => log::info(format_args!("{name} script failed, signal {signal}")),
        }
    }
}

impl Occasion {
    /// The original's words, which it combines into `startup script script succeeded`.
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup script",
            Self::Shutdown => "shutdown script",
        }
    }
}

/// How far the daemon is with its commands.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    running: Option<Hook>,
    /// Engines may be started: the command before them is over.
    begun: bool,
    /// The command after them was run, or is not to be.
    over: bool,
}

impl Hooks {
    /// The process of the command that runs.
    pub fn pid(&self) -> Option<Pid> {
        self.running.as_ref().map(Hook::pid)
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether engines were started, so that a reload has somebody to talk to.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|hook| hook.until)
    }

    pub fn on_time(&mut self, now: Instant) {
        self.running = self.running.take().and_then(|hook| hook.on_time(now));
    }

    pub fn on_ended(&mut self, ended: Ended) {
        if let Some(hook) = self.running.take() {
            hook.ended(ended);
        }
    }

    /// The daemon ends: a command before engines is not waited for.
    pub fn dismiss(&mut self) {
        self.running.iter_mut().for_each(Hook::dismiss);
    }
}

impl Supervisor {
    /// Runs what is to be run before the first engine.
    pub(super) fn set_out(&mut self) {
        let scripts = &self.plan.global.scripts;
        if let Some(command) = &scripts.startup {
            let umask = start::umask(&self.options, &self.plan);
            self.hooks.running = Hook::start(Occasion::Startup, command, scripts.startup_timeout, umask);
        }
        self.begin_if_ready();
    }

    /// Starts the engines once nothing has to be waited for.
    pub(super) fn begin_if_ready(&mut self) {
        if self.stopping.is_none() && !self.hooks.begun && !self.hooks.is_running() {
            self.hooks.begun = true;
            self.begin();
        }
    }

    /// Whether the end is there: engines gone, and in good order so also what is to be run after them.
    pub(super) fn is_over(&mut self, status: u8) -> bool {
        if !self.vrrp.is_gone() || self.hooks.is_running() {
            return false;
        }
        let scripts = &self.plan.global.scripts;
        if status == exit_codes::OK
            && !std::mem::replace(&mut self.hooks.over, true)
            && let Some(command) = &scripts.shutdown
        {
            let umask = start::umask(&self.options, &self.plan);
            self.hooks.running = Hook::start(Occasion::Shutdown, command, scripts.shutdown_timeout, umask);
        }
        !self.hooks.is_running()
    }
}
