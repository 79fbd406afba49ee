//! Pid files (`spec` runtime 1.3): found by init scripts, locked while their owner lives.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use keepalived_sys::lock;

/// A locked pid file. The lock belongs to the open file: a copy of this process made by daemonising has it too.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

/// Why there is none.
#[derive(Debug)]
pub enum Unavailable {
    /// Somebody alive has it locked.
    Locked,
    /// It cannot be opened.
    Failed(io::Error),
}

/// Whoever finds the file replaced this often between opening and locking gives up.
const TRIES_MAX: usize = 10;

impl PidFile {
    /// Opens and locks it. A file left behind by somebody dead is taken over silently.
    pub fn lock(path: &Path) -> Result<Self, Unavailable> {
        for _ in 0..TRIES_MAX {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(MODE)
                .open(path)
                .map_err(Unavailable::Failed)?;
            if !lock::try_exclusive(&file).map_err(Unavailable::Failed)? {
                return Err(Unavailable::Locked);
            }
            // The owner before us may have removed the name after we opened it.
            if same(&file, path) {
                return Ok(Self { path: path.to_owned(), file });
            }
        }
        Err(Unavailable::Locked)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes who owns it now.
    pub fn write(&mut self, pid: i32) -> io::Result<()> {
        // Whatever the umask says: others read these files.
        self.file.set_permissions(Permissions::from_mode(MODE))?;
        self.file.set_len(0)?;
        io::Seek::rewind(&mut self.file)?;
        self.file.write_all(format!("{pid}\n").as_bytes())
    }

    /// Removes the name; the lock goes with the last open file.
    pub fn remove(self) {
        // Somebody may have cleaned up before us, or made the directory read-only: nothing to be done.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether the open file still is what the path names.
fn same(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

const MODE: u32 = 0o644;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("keepalived-pid-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_stale_file_is_taken_over_and_a_living_owner_is_respected() {
        let path = path("stale");
        std::fs::write(&path, "4194304999\n").expect("write");
        let mut first = PidFile::lock(&path).expect("nobody has it");
        first.write(77).expect("write");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "77\n");
        assert!(matches!(PidFile::lock(&path), Err(Unavailable::Locked)));
        first.remove();
        assert!(!path.exists());
        let second = PidFile::lock(&path).expect("nobody has it");
        second.remove();
    }

    #[test]
    fn everybody_may_read_it() {
        let path = path("mode");
        let mut file = PidFile::lock(&path).expect("nobody has it");
        file.write(1).expect("write");
        assert_eq!(path.metadata().expect("there").mode() & 0o777, 0o644);
        file.remove();
    }

    #[test]
    fn a_directory_that_is_missing_is_told_apart_from_an_owner() {
        let nowhere = Path::new("/nonexistent/keepalived.pid");
        assert!(matches!(PidFile::lock(nowhere), Err(Unavailable::Failed(_))));
    }
}
