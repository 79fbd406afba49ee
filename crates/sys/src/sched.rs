//! How the kernel schedules this process.

use std::io;

use keepalived_model::Micros;

use crate::check;

/// SCHED_RR at this priority (1–99); children and threads start with normal scheduling.
pub fn realtime(priority: u32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: i32::try_from(priority).unwrap_or(i32::MAX) };
    // SAFETY: `parameter` outlives the call; process zero is the calling thread.
    check(unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const parameter)
    })
    .map(drop)
}

/// Back to normal scheduling.
pub fn normal() -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: as above.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameter) }).map(drop)
}

/// Processor time a real-time process may take without once waiting: after `soft` it gets SIGXCPU, after
/// `hard` SIGKILL.
pub fn limit_realtime(soft: Micros, hard: Micros) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft.0, rlim_max: hard.0 };
    // SAFETY: `limit` outlives the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_RTTIME, &raw const limit) }).map(drop)
}

/// The nice value, −20–19.
pub fn nice(value: i32) -> io::Result<()> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) }).map(drop)
}

/// Keeps all memory of this process, present and to come, from being swapped out.
pub fn lock_memory() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realtime_thread_starts_normal_threads() {
        let own = || {
            // SAFETY: no pointer is passed.
            unsafe { libc::sched_getscheduler(0) }
        };
        // In a thread of its own: scheduling belongs to threads.
        let seen = std::thread::spawn(move || {
            if let Err(error) = realtime(1) {
                eprintln!("SKIP: real time is not permitted here: {error}");
                return None;
            }
            let (mine, child) = (own(), std::thread::spawn(own).join().unwrap());
            normal().unwrap();
            Some((mine, child, own()))
        });
        let reset = libc::SCHED_RESET_ON_FORK;
        if let Some(seen) = seen.join().unwrap() {
            assert_eq!(seen, (libc::SCHED_RR | reset, libc::SCHED_OTHER, libc::SCHED_OTHER));
        }
    }
}
