//! The processes themselves.

use crate::time::Micros;

/// All processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processes {
    /// `process_name`: the supervisor's name, at most 15 bytes; the program's unless configured.
    pub supervisor_name: Option<String>,
    /// The vrrp engine.
    pub vrrp: Process,
    /// The checkers.
    pub checker: Process,
    /// The bfd engine.
    pub bfd: Process,
    /// `umask`, 0–0777; 0177 unless configured; the command line wins.
    pub umask: Option<u32>,
    /// `child_wait_time`: how long engines may take to stop, 5 s unless configured.
    pub child_wait: Micros,
    /// `max_auto_priority`, −1–99: up to which real-time priority a late process raises itself. Nothing
    /// configured gives a notice at start, −1 only silences it.
    pub max_auto_priority: Option<i32>,
    /// `min_auto_priority_delay`, 1–10,000,000 µs: how late is late; 1 s unless configured.
    pub min_auto_priority_delay: Micros,
}

impl Default for Processes {
    fn default() -> Self {
        Self {
            supervisor_name: None,
            vrrp: Process::default(),
            checker: Process::default(),
            bfd: Process::default(),
            umask: None,
            child_wait: Micros::from_secs(5),
            max_auto_priority: None,
            min_auto_priority_delay: Micros::from_secs(1),
        }
    }
}

/// One kind of engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `vrrp_process_name` and its like, or what `process_names` gives; at most 15 bytes; the program's name
    /// if none.
    pub name: Option<String>,
    /// How the kernel runs it.
    pub scheduling: Scheduling,
    /// `vrrp_cpu_affinity` and its like: processors it may run on, all if empty.
    pub processors: Vec<u32>,
}

/// How the kernel schedules a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `vrrp_priority`: nice value −20–19.
    pub nice: Option<i32>,
    /// `vrrp_rt_priority`: SCHED_RR priority 1–99; `Some(0)` turns our own default off (D14).
    pub realtime: Option<u32>,
    /// `vrrp_no_swap`: lock all memory.
    pub no_swap: bool,
    /// `vrrp_rlimit_rttime` in microseconds; 10000 unless configured.
    pub rlimit_rttime: Option<Micros>,
}
