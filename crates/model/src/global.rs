//! What concerns the processes rather than one virtual router.

use crate::time::Micros;

/// `global_defs` and the root keywords, as far as a process acts on them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Global {
    /// `router_id`; the host name unless configured (filled in by the daemon).
    pub router_id: Option<String>,
    /// `max_auto_priority` was configured (silences the start-up notice).
    pub max_auto_priority: Option<i32>,
    /// Scheduling of the vrrp engine.
    pub vrrp_process: Scheduling,
    /// `umask`, default 0177; the command line wins.
    pub umask: Option<u32>,
    /// `child_wait_time`; five seconds unless configured.
    pub child_wait: Option<Micros>,
    /// `dynamic_interfaces`: interfaces that do not exist yet are allowed.
    pub dynamic_interfaces: bool,
    /// `enable_script_security`.
    pub script_security: bool,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
}

/// How the kernel schedules a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `vrrp_priority`: nice value −20–19.
    pub nice: Option<i32>,
    /// `vrrp_rt_priority`: SCHED_RR priority; `Some(0)` turns our own default off.
    pub realtime: Option<u32>,
    /// `vrrp_no_swap`: lock all memory.
    pub no_swap: bool,
    /// `vrrp_rlimit_rttime` in microseconds; 10000 unless configured.
    pub rlimit_rttime: Option<Micros>,
}
