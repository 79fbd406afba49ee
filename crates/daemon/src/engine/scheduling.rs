//! How the kernel shall treat us (D14: the lowest real-time priority unless told otherwise).
//!
//! Applied when an engine runs, and after a reload as far as something changed. A loop that finds itself late
//! raises its real-time priority step by step, as far as `max_auto_priority` allows.

use std::io;

use keepalived_model::Micros;
use keepalived_model::global::{Process, Processes, Scheduling};
use keepalived_sys::sched;

use crate::log;

/// Unless configured: above everything ordinary, below everything that was given a real-time priority.
const DEFAULT_PRIORITY: u32 = 1;
/// Unless configured: no turn of the loop takes a tenth of this.
const GUARD: Micros = Micros::from_secs(1);
/// Between the signal that we act on and the kernel's own answer to a loop that does not end.
const RESPITE: Micros = Micros::from_secs(2);

/// How this process is treated.
#[derive(Debug, Default)]
pub struct Treatment {
    /// What was asked for last.
    asked: Process,
    /// The real-time priority in force, 0 for none.
    realtime: u32,
    /// Up to which it may be raised, and how late is late enough.
    automatic: Option<(u32, Micros)>,
}

impl Treatment {
    /// Applies what is configured, for the first time, and says what did not work.
    pub fn begin(processes: &Processes) -> Self {
        let mut treatment = Self::default();
        treatment.change(processes);
        treatment.prioritise(&processes.vrrp.scheduling);
        treatment
    }

    /// Applies what is configured otherwise than before.
    pub fn renew(&mut self, processes: &Processes) {
        let (old, new) = (self.asked.scheduling, processes.vrrp.scheduling);
        self.change(processes);
        if (old.realtime, old.rlimit_rttime) != (new.realtime, new.rlimit_rttime) {
            self.prioritise(&new);
        }
    }

    /// A timer rang that late.
    pub fn late(&mut self, by: Micros) {
        let Some((limit, delay)) = self.automatic else { return };
        if by < delay || self.realtime >= limit {
            return;
        }
        log::info(format_args!("A thread timer expired {by} seconds ago"));
        let priority = self.realtime + 1;
        match go_realtime(priority, self.guard()) {
            Ok(()) => {
                self.realtime = priority;
                log::info(format_args!("Set realtime priority {priority}"));
            }
            Err(error) => {
                // Asked once: it will not be permitted the next time either.
                self.automatic = None;
                log::warning(format_args!(
                    "Unable to set realtime priority {priority} - {error}{}",
                    lacking(&error, "CAP_SYS_NICE")
                ));
            }
        }
    }

    /// The kernel says that we took too much: better late than the end of everything else.
    pub fn give_up_realtime(&mut self) {
        log::warning("VRRP process has used too much CPU time, vrrp_rlimit_rttime may need to be increased");
        self.go_normal();
        self.automatic = None;
    }

    /// Everything but the real-time priority.
    fn change(&mut self, processes: &Processes) {
        let new = processes.vrrp.clone();
        let old = std::mem::replace(&mut self.asked, new);
        let new = &self.asked;
        if old.scheduling.nice != new.scheduling.nice {
            let nice = new.scheduling.nice.unwrap_or(0);
            warn(sched::nice(nice), "CAP_SYS_NICE", format_args!("Unable to set vrrp priority {nice}"));
        }
        if old.scheduling.no_swap != new.scheduling.no_swap {
            let no_swap = new.scheduling.no_swap;
            let done = if no_swap { sched::lock_memory() } else { sched::unlock_memory() };
            warn(
                done,
                "CAP_IPC_LOCK",
                format_args!("Unable to {}lock vrrp process memory", if no_swap { "" } else { "un" }),
            );
        }
        if old.processors != new.processors {
            warn(
                sched::run_on(&new.processors),
                "CAP_SYS_NICE",
                format_args!("Unable to set vrrp cpu affinity"),
            );
        }
        let limit = processes.max_auto_priority.and_then(|limit| u32::try_from(limit).ok());
        self.automatic = limit.filter(|limit| *limit > 0).zip(Some(processes.min_auto_priority_delay));
    }

    fn prioritise(&mut self, scheduling: &Scheduling) {
        let priority = scheduling.realtime.unwrap_or(DEFAULT_PRIORITY);
        if priority == 0 {
            if self.realtime > 0 {
                self.go_normal();
            }
            return;
        }
        match go_realtime(priority, self.guard()) {
            Ok(()) => {
                self.realtime = priority;
                log::info(format_args!(
                    "VRRP process runs at realtime priority {priority}{}",
                    if scheduling.realtime.is_none() { " (vrrp_rt_priority 0 turns this off)" } else { "" }
                ));
            }
            Err(error) => log::warning(format_args!(
                "Unable to set vrrp realtime priority {priority} - {error}{}; adverts may be late on a busy host",
                lacking(&error, "CAP_SYS_NICE")
            )),
        }
    }

    fn guard(&self) -> Micros {
        self.asked.scheduling.rlimit_rttime.filter(|limit| limit.0 > 0).unwrap_or(GUARD)
    }

    fn go_normal(&mut self) {
        self.realtime = 0;
        warn(sched::normal(), "CAP_SYS_NICE", format_args!("Unable to return to normal scheduling"));
    }
}

fn go_realtime(priority: u32, guard: Micros) -> io::Result<()> {
    // The guard first: without it a mistake of ours could stop the host.
    sched::limit_realtime(guard, guard + RESPITE)?;
    sched::realtime(priority)
}

fn warn(done: io::Result<()>, capability: &str, what: std::fmt::Arguments<'_>) {
    if let Err(error) = done {
        log::warning(format_args!("{what} - {error}{}", lacking(&error, capability)));
    }
}

/// What would permit what was not: containers give capabilities one by one.
pub(super) fn lacking(error: &io::Error, capability: &str) -> String {
    let refused = error.kind() == io::ErrorKind::PermissionDenied;
    if refused { format!(" ({capability} is missing)") } else { String::new() }
}
