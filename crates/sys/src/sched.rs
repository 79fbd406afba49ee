//! How the kernel schedules this process.

use std::io;

use keepalived_model::Micros;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

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

/// The nice value, −20–19, of all threads.
pub fn nice(value: i32) -> io::Result<()> {
    for_threads(|thread| {
        let thread = libc::id_t::try_from(thread).map_err(io::Error::other)?;
        // SAFETY: no pointer is passed.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, thread, value) }).map(drop)
    })
}

/// Lets all threads run on these processors only; on all there are if none is named.
pub fn run_on(processors: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    let mut add = |processor: usize| set.set(processor).map_err(io::Error::from);
    if processors.is_empty() {
        (0..CpuSet::count()).try_for_each(add)?;
    } else {
        let mut numbers = processors.iter().filter_map(|processor| usize::try_from(*processor).ok());
        numbers.try_for_each(&mut add)?;
    }
    for_threads(|thread| Ok(sched_setaffinity(Pid::from_raw(thread), &set)?))
}

/// Acts on every thread of this process; the kernel keeps what it is told for each of them.
fn for_threads(mut act: impl FnMut(i32) -> io::Result<()>) -> io::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task")?.flatten();
    let numbers = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    for thread in numbers {
        match act(thread) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Keeps all memory of this process, present and to come, from being swapped out.
pub fn lock_memory() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) }).map(drop)
}

/// Lets it be swapped out again.
pub fn unlock_memory() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::munlockall() }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_keep_to_the_processors_and_are_let_go_again() {
        let allowed = || -> Vec<String> {
            let mut lists = Vec::new();
            for_threads(|thread| {
                let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status"))?;
                let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t"));
                lists.extend(list.map(str::to_owned));
                Ok(())
            })
            .unwrap();
            lists
        };
        let before = allowed();
        run_on(&[0]).unwrap();
        assert!(allowed().iter().all(|list| list == "0"));
        run_on(&[]).unwrap();
        assert_eq!(allowed().first(), before.first());
    }

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
