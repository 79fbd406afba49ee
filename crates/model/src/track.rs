//! What is tracked.

use crate::notify::Command;
use crate::priority::Weight;
use crate::time::Micros;

/// A `vrrp_script` that at least one instance or group tracks and that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name its users call it by.
    pub name: String,
    /// What to run.
    pub command: Command,
    /// From one start to the next; 1 ms–4294 s.
    pub interval: Micros,
    /// When a run is ended by force; the interval unless configured.
    pub timeout: Micros,
    /// Weight for users that name none of their own.
    pub weight: Weight,
    /// Successes in a row that turn down into up; at least 1.
    pub rise: u32,
    /// Failures in a row that turn up into down; at least 1.
    pub fall: u32,
    /// Starts as down and needs `rise` successes, instead of letting the first result decide.
    pub init_fail: bool,
}

/// One line of a `track_script` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedScript {
    /// Name of a [`Script`] of the same configuration.
    pub name: String,
    /// The script's weight or the line's own.
    pub weight: Weight,
}

/// One line of a `track_interface` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedInterface {
    /// Interface name.
    pub name: String,
    /// Zero: down is a fault.
    pub weight: Weight,
}
