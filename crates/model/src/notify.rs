//! Commands that run outside and who runs them.

use std::sync::Arc;

/// A program with its arguments, ready to be started without a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Absolute path of the file to execute, links resolved.
    pub path: Vec<u8>,
    /// `argv`, the first word as the configuration names it.
    pub argv: Vec<Vec<u8>>,
    /// Who runs it.
    pub user: RunAs,
}

/// User and groups of a script. Filled in by whoever may block on the user database; never looked up by an
/// engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunAs {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric primary group id.
    pub gid: u32,
    /// All groups, if more than the primary one are wanted (`set_supplementary_groups`, `USER :GROUP`).
    pub groups: Vec<u32>,
}

impl RunAs {
    /// With the primary group alone.
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, groups: Vec::new() }
    }
}

/// The scripts of one virtual router or sync group, by occasion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifications {
    /// `notify_master`.
    pub master: Option<Arc<Command>>,
    /// `notify_backup`.
    pub backup: Option<Arc<Command>>,
    /// `notify_fault`.
    pub fault: Option<Arc<Command>>,
    /// `notify_stop`.
    pub stop: Option<Arc<Command>>,
    /// `notify`: every state; gets kind, name, state and priority as further arguments.
    pub any: Option<Arc<Command>>,
    /// `notify_master_rx_lower_pri`: a master heard a lower priority.
    pub lower_priority: Option<Arc<Command>>,
    /// `notify_deleted`: what happens when a reload removes the instance; none: it counts as FAULT.
    pub deleted: Option<Deleted>,
}

/// `notify_deleted`: the removal of an instance is told as DELETED instead of FAULT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// What to call.
    pub command: Option<Arc<Command>>,
}
