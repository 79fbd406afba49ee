//! Safe wrappers for the system calls keepalived-rs needs. Resources are values that own their descriptor;
//! nothing here decides anything, and no other crate contains `unsafe`.
//!
//! | module | is |
//! | --- | --- |
//! | [`clock`], [`timer`] | CLOCK_MONOTONIC and one absolute timer on it |
//! | [`receive`], [`membership`], [`send`], [`packet`], [`neighbors`], [`filter`] | what VRRP needs of the network |
//! | [`inherit`], [`process`], [`script`], [`signals`], [`sched`], [`users`], [`namespace`] | processes, who and where they are |
//! | [`inotify`], [`processes`] | what happens in directories and to other processes |
//! | [`names`] | what this host is called |
//! | [`seqpacket`], [`memfd`], [`lock`] | what processes share |
//! | [`lab`] | what only the test lab needs |

pub mod clock;
pub mod filesystem;
pub mod filter;
pub mod inherit;
pub mod inotify;
pub mod interfaces;
pub mod lab;
pub mod local_time;
pub mod lock;
pub mod membership;
pub mod memfd;
pub mod names;
pub mod namespace;
pub mod neighbors;
pub mod packet;
pub mod process;
pub mod processes;
pub mod receive;
pub mod sched;
pub mod script;
pub mod send;
pub mod seqpacket;
pub mod signals;
pub mod timer;
pub mod users;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Turns the result of a C call that says −1 for "see errno" into a `Result`.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Sets an integer-like socket option.
pub(crate) fn set_option<T>(fd: BorrowedFd<'_>, level: i32, name: i32, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const *value).cast(), length) })
        .map(drop)
}

/// The C library's words for an errno, without the number.
pub fn errno_text(errno: i32) -> String {
    let mut text = [0_u8; 128];
    // SAFETY: the buffer is as long as stated; the XSI variant always writes a terminated string into it.
    let result = unsafe { libc::strerror_r(errno, text.as_mut_ptr().cast(), text.len()) };
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(0);
    match (result, text.get(..end)) {
        (0, Some(words)) => String::from_utf8_lossy(words).into_owned(),
        _ => format!("Unknown error {errno}"),
    }
}

/// Waits until one of the descriptors is readable (or at its end) or the time is over; tells which are.
pub fn wait_readable(fds: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    // Rounded up, so that a limit below a millisecond does not spin.
    let millis =
        limit.map_or(-1, |limit| i32::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(i32::MAX));
    let count = libc::nfds_t::try_from(polled.len()).unwrap_or(0);
    // SAFETY: the pointer and the count describe `polled`, which outlives the call.
    match check(unsafe { libc::poll(polled.as_mut_ptr(), count, millis) }) {
        Ok(_) => Ok(polled.iter().map(|entry| entry.revents != 0).collect()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(vec![false; fds.len()]),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_texts_are_the_c_librarys() {
        assert_eq!(errno_text(libc::ENOENT), "No such file or directory");
        assert_eq!(errno_text(libc::ENOEXEC), "Exec format error");
        assert_eq!(errno_text(99_999), "Unknown error 99999");
    }
}
