//! What reading a configuration needs from outside.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file system as far as configurations need it.
pub trait Files {
    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Existing paths that match `*`, `?` and `[…]`, sorted by name. Braces are expanded before.
    fn glob(&self, pattern: &str) -> Vec<PathBuf>;
    /// What stands at this path.
    fn kind(&self, path: &Path) -> FileKind;
}

/// What stands at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular {
        /// Anybody may execute it; the original takes such a file for a mistake (`spec` config 2.1).
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A device, a socket, a FIFO.
    Other,
    /// Nothing.
    Missing,
    /// It is there but may not be read.
    Unreadable,
}

/// What a configuration may depend on besides its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// For `@ID` lines and `${_INSTANCE}`: `-i`, else the host name up to its first dot.
    pub config_id: String,
    /// For `${_ENV NAME}`.
    pub environment: BTreeMap<String, String>,
    /// Seed of `${_RANDOM}` unless `random_seed` says otherwise.
    pub seed: u64,
    /// Every failing include is fatal (`-e`).
    pub all_files: bool,
    /// For `${_PWD}` and relative names in the first file.
    pub directory: PathBuf,
}
