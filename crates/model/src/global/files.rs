//! Files and directories that are not part of the configuration.

use std::path::PathBuf;

/// What is written on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumps {
    /// `state_dump_file`: a file, or a directory if it ends in a slash; below the temporary directory unless
    /// configured.
    pub state: Option<PathBuf>,
    /// `stats_dump_file`.
    pub statistics: Option<PathBuf>,
    /// `json_dump_file`.
    pub json: Option<PathBuf>,
    /// `json_version`, 1–2: layout of the JSON dump.
    pub json_version: u8,
    /// `data_use_instance`: names of dumps contain the instance and the namespace.
    pub named_by_instance: bool,
}

impl Default for Dumps {
    fn default() -> Self {
        Self { state: None, statistics: None, json: None, json_version: 1, named_by_instance: false }
    }
}

/// Where names are looked up and copies kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// `iproute_usr_dir`: names of routing tables and their like as the distribution has them.
    pub iproute_usr: Option<PathBuf>,
    /// `iproute_etc_dir`: the same as the operator has them; these win.
    pub iproute_etc: Option<PathBuf>,
    /// `config_save_dir`: gets a copy of every configuration that is read.
    pub saved_configurations: Option<PathBuf>,
    /// `tmp_config_directory`: where the original keeps the copy for its engines; ours is in memory.
    pub temporary: Option<PathBuf>,
    /// `random_seed`: where `${_RANDOM}` began while the lines were read.
    pub random_seed: Option<u32>,
    /// `include_check`, if it was written.
    pub include_check: Option<IncludeCheck>,
}

/// Which failures of an include are fatal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncludeCheck {
    /// A file that cannot be read.
    pub read: bool,
    /// No file at all.
    pub matched: bool,
    /// A pattern without a match.
    pub wildcard: bool,
    /// An alternative in braces without a match.
    pub brace: bool,
}

impl IncludeCheck {
    /// Everything is (`includea`, `-e`, `include_check` alone).
    pub const ALL: Self = Self { read: true, matched: true, wildcard: true, brace: true };
}

/// How configurations are read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// `reload_check_config`: a changed configuration is tested first, and this file gets what is said of it.
    pub check_log: Option<PathBuf>,
    /// `reload_time_file`: names the time of the next reload.
    pub time_file: Option<PathBuf>,
    /// `reload_repeat`: that file stays after the reload.
    pub keep_time_file: bool,
    /// `reload_file`.
    pub marker: Marker,
}

/// A file that is there while a configuration is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// There is none.
    #[default]
    None,
    /// `keepalived.reload` beside the pid file.
    BesidePidFile,
    /// This one.
    At(PathBuf),
}
