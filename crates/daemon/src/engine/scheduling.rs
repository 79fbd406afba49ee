//! How the kernel shall treat us (D14: the lowest real-time priority unless told otherwise).

use std::io;

use keepalived_model::Micros;
use keepalived_model::global::Scheduling;
use keepalived_sys::sched;

use crate::log;

/// Unless configured: above everything ordinary, below everything that was given a real-time priority.
const DEFAULT_PRIORITY: u32 = 1;
/// Unless configured: no turn of the loop takes a tenth of this.
const GUARD: Micros = Micros::from_secs(1);
/// Between the signal that we act on and the kernel's own answer to a loop that does not end.
const RESPITE: Micros = Micros::from_secs(2);

/// Applies what is configured and says what did not work.
pub fn apply(scheduling: &Scheduling) {
    if let Some(nice) = scheduling.nice
        && let Err(error) = sched::nice(nice)
    {
        log::warning(format_args!("Unable to set vrrp priority {nice} - {error}"));
    }
    if scheduling.no_swap
        && let Err(error) = sched::lock_memory()
    {
        log::warning(format_args!("Unable to lock vrrp process memory - {error}"));
    }
    let priority = scheduling.realtime.unwrap_or(DEFAULT_PRIORITY);
    if priority == 0 {
        return;
    }
    let guard = scheduling.rlimit_rttime.unwrap_or(GUARD);
    match go_realtime(priority, guard) {
        Ok(()) => log::info(format_args!(
            "VRRP process runs at realtime priority {priority}{}",
            if scheduling.realtime.is_none() { " (vrrp_rt_priority 0 turns this off)" } else { "" }
        )),
        Err(error) => log::warning(format_args!(
            "Unable to set vrrp realtime priority {priority} - {error}; adverts may be late on a busy host"
        )),
    }
}

fn go_realtime(priority: u32, guard: Micros) -> io::Result<()> {
    // The guard first: without it a mistake of ours could stop the host.
    sched::limit_realtime(guard, guard + RESPITE)?;
    sched::realtime(priority)
}

/// The kernel says that we took too much: better late than the end of everything else.
pub fn give_up_realtime() {
    log::warning("VRRP process has used too much CPU time, vrrp_rlimit_rttime may need to be increased");
    if let Err(error) = sched::normal() {
        log::warning(format_args!("Unable to return to normal scheduling - {error}"));
    }
}
