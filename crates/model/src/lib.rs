//! The vocabulary of keepalived-rs: identifiers, units, addresses, what the kernel can tell us, and the
//! semantic configuration as plain data.
//!
//! This crate does no I/O and knows no text format. `conf` produces the configuration, `core` decides with
//! it, `netlink` speaks [`kernel`] with the core; none of them knows another.

pub mod bfd;
pub mod check;
pub mod global;
pub mod ids;
pub mod kernel;
pub mod lasting;
pub mod link;
pub mod lvs;
pub mod notify;
pub mod priority;
pub mod route;
pub mod rule;
pub mod time;
pub mod track;
pub mod vrrp;

pub use ids::{InstanceId, LinkId, MacAddr, OutOfRange, RunId, ScriptId, Vrid};
pub use priority::{Priority, Weight};
pub use time::{Instant, Micros};

/// Everything one configuration says, ready for the processes that act on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// What the `global_defs` block and the root keywords say.
    pub global: global::Global,
    /// What the VRRP engine needs.
    pub vrrp: vrrp::Config,
    /// What the checkers need.
    pub lvs: lvs::Config,
    /// What the BFD engine needs.
    pub bfd: bfd::Config,
}
