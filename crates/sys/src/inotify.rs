//! Changes of what is in directories.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// Directories that are watched. Never blocks.
#[derive(Debug)]
pub struct Directories(Inotify);

/// A watched directory, however it was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Directory(WatchDescriptor);

/// What became known of directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Something of this name in it was written and closed, made, removed, or moved from or to it.
    Entry(Directory, OsString),
    /// It is not watched any more, or is not where it was.
    Itself(Directory),
    /// The kernel had to leave something out.
    Anything,
}

impl Directories {
    /// None yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?))
    }

    /// Watches a directory; the same one under another name stays the same.
    pub fn watch(&self, directory: &Path) -> io::Result<Directory> {
        let entries = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE;
        let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        Ok(Directory(self.0.add_watch(directory, entries | itself)?))
    }

    /// Forgets a directory; one that is gone is forgotten already.
    pub fn forget(&self, directory: Directory) {
        let _gone = self.0.rm_watch(directory.0);
    }

    /// What changed since the last time; nothing when that is nothing.
    pub fn changes(&self) -> io::Result<Vec<Changed>> {
        let events = match self.0.read_events() {
            Ok(events) => events,
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        };
        let changed = events.into_iter().map(|event| match event.name {
            _ if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) => Changed::Anything,
            Some(name) => Changed::Entry(Directory(event.wd), name),
            None => Changed::Itself(Directory(event.wd)),
        });
        Ok(changed.collect())
    }
}

impl AsFd for Directories {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_renamed_and_removed_is_told_by_name() {
        let place = std::env::temp_dir().join(format!("ka-inotify-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("a directory");
        let directories = Directories::new().expect("inotify");
        let watched = directories.watch(&place).expect("a watch");
        assert_eq!(directories.changes().expect("nothing"), []);
        std::fs::write(place.join("a"), "1").expect("a file");
        std::fs::rename(place.join("a"), place.join("b")).expect("another name");
        std::fs::remove_file(place.join("b")).expect("gone");
        std::fs::remove_dir(&place).expect("gone");
        let names: Vec<String> = directories
            .changes()
            .expect("changes")
            .into_iter()
            .map(|change| match change {
                Changed::Entry(directory, name) if directory == watched => {
                    name.to_string_lossy().into_owned()
                }
                Changed::Itself(directory) if directory == watched => ".".to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names.join(""), "aaabb..", "made, written, moved from, moved to, removed; gone, ignored");
    }
}
