//! Locks on files that belong to the open file, not to the process: they survive a fork and end with the last
//! descriptor (pid files, `spec` runtime 1.3).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::check;

/// Locks the whole file against every other opener; false when another holds it.
pub fn try_exclusive(file: &File) -> io::Result<bool> {
    let lock = whole_file();
    // SAFETY: `lock` outlives the call; a zero length means up to the end.
    match check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) }) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether another opener holds a lock.
pub fn is_held(file: &File) -> io::Result<bool> {
    let mut lock = whole_file();
    // SAFETY: `lock` outlives the call, which writes into it what stands in the way.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) })?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// An exclusive lock on all of a file.
fn whole_file() -> libc::flock {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = i16::try_from(libc::F_WRLCK).unwrap_or(0);
    lock.l_whence = i16::try_from(libc::SEEK_SET).unwrap_or(0);
    lock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_refused_until_the_first_is_gone() {
        let path = std::env::temp_dir().join(format!("keepalived-lock-{}", std::process::id()));
        let open = || File::options().create(true).write(true).truncate(false).open(&path).unwrap();
        let (first, second) = (open(), open());
        assert!(try_exclusive(&first).unwrap());
        assert!(try_exclusive(&first).unwrap());
        assert!(!try_exclusive(&second).unwrap());
        assert_eq!((is_held(&first).unwrap(), is_held(&second).unwrap()), (false, true));
        drop(first);
        assert!(!is_held(&second).unwrap());
        assert!(try_exclusive(&second).unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
