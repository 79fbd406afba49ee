//! Commands of the supervisor, and pipes for whoever wants to know.

use std::path::PathBuf;

use crate::notify::{Command, RunAs};
use crate::time::Micros;

/// What is run besides checks and notifications, and under which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripts {
    /// `enable_script_security`.
    pub security: bool,
    /// `script_user`: who runs a command that names nobody.
    pub user: Option<RunAs>,
    /// `set_supplementary_groups`: scripts get all groups of their user.
    pub supplementary_groups: bool,
    /// `use_symlink_paths`: scripts are started by the path as written, links not resolved.
    pub keep_symlinks: bool,
    /// `startup_script`: run by the supervisor before there are engines.
    pub startup: Option<Command>,
    /// `startup_script_timeout`, 1–1000 s; 10 s unless configured.
    pub startup_timeout: Micros,
    /// `shutdown_script`: run by the supervisor after the engines are gone.
    pub shutdown: Option<Command>,
    /// `shutdown_script_timeout`, 1–1000 s; 10 s unless configured.
    pub shutdown_timeout: Micros,
}

impl Default for Scripts {
    fn default() -> Self {
        let ten_seconds = Micros::from_secs(10);
        Self {
            security: false,
            user: None,
            supplementary_groups: false,
            keep_symlinks: false,
            startup: None,
            startup_timeout: ten_seconds,
            shutdown: None,
            shutdown_timeout: ten_seconds,
        }
    }
}

/// Pipes that get a line for every change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fifos {
    /// `notify_fifo`: everything.
    pub all: Option<Fifo>,
    /// `vrrp_notify_fifo`: instances and groups. None if it is the same file as the first.
    pub vrrp: Option<Fifo>,
    /// `lvs_notify_fifo`: virtual and real servers. None if it is the same file as the first.
    pub lvs: Option<Fifo>,
    /// `fifo_write_vrrp_states_on_reload`.
    pub states_on_reload: bool,
}

/// A named pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    /// Where it is.
    pub path: PathBuf,
    /// Who owns it.
    pub owner: RunAs,
    /// `notify_fifo_script` and its like: reads it, gets its path as last argument.
    pub script: Option<Command>,
}
