//! Starting this very program again with some open files, and finding them on the other side.
//!
//! One environment variable says what the new process is and which numbers its files have. The new process
//! takes the variable away at once: a script that starts a daemon must not hand it on.

use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid, fork, getppid};

/// The variable that names the role and the files of a process started by [`start_self`].
const VARIABLE: &str = "KEEPALIVED_RS_ROLE";

/// The inode that runs, whatever has been installed over its path since.
const SELF: &str = "/proc/self/exe";

/// What a process started by [`start_self`] was given.
#[derive(Debug)]
pub struct Inherited {
    /// What it shall be.
    pub role: String,
    /// Its open files, in the order given; closed on exec again.
    pub files: Vec<OwnedFd>,
}

/// Starts this program again with the same arguments, in `role`, with `files` open.
///
/// The child gets SIGTERM when the calling thread ends, and inherits the signal mask, so that no signal can
/// end it before it is ready for one.
pub fn start_self(role: &str, files: &[BorrowedFd<'_>]) -> io::Result<Pid> {
    let program = CString::new(SELF)?;
    let argv = env::args_os().map(|word| CString::new(word.into_vec())).collect::<Result<Vec<_>, _>>()?;
    let environment = environment_with(role, files)?;
    let parent = nix::unistd::getpid();
    // SAFETY: everything was allocated before; the child calls only async-signal-safe functions (prctl,
    // getppid, fcntl, execve, _exit) on memory it inherited, so other threads of the parent do not matter.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let _ = prctl::set_pdeathsig(Signal::SIGTERM);
            if getppid() == parent && files.iter().all(|file| keep_on_exec(*file)) {
                let _ = nix::unistd::execve(&program, &argv, &environment);
            }
            // SAFETY: _exit takes any number and does not return.
            unsafe { libc::_exit(EXIT_NOT_STARTED) }
        }
    }
}

/// What the child could not become ends like the original's fatal errors.
const EXIT_NOT_STARTED: i32 = 1;

fn keep_on_exec(file: BorrowedFd<'_>) -> bool {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty())).is_ok()
}

fn environment_with(role: &str, files: &[BorrowedFd<'_>]) -> io::Result<Vec<CString>> {
    let mut value = role.to_owned();
    for file in files {
        value.push(':');
        value.push_str(&file.as_raw_fd().to_string());
    }
    let others = env::vars_os().filter(|(name, _)| name != VARIABLE);
    others
        .chain([(OsString::from(VARIABLE), OsString::from(value))])
        .map(|(name, value)| {
            let mut entry = name.into_vec();
            entry.push(b'=');
            entry.extend_from_slice(value.as_bytes());
            Ok(CString::new(entry)?)
        })
        .collect()
}

/// What this process was started as; `None` for one started by anybody else, and from the second call on.
///
/// To be called first of all in `main`, before any thread exists: it changes the environment.
pub fn take_inherited() -> Option<Inherited> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return None;
    }
    let value = env::var(VARIABLE).ok()?;
    // SAFETY: the documented contract is that no other thread exists yet.
    unsafe { env::remove_var(VARIABLE) };
    let mut words = value.split(':');
    let role = words.next()?.to_owned();
    let files = words.map(|word| word.parse().ok().and_then(own)).collect::<Option<Vec<_>>>()?;
    Some(Inherited { role, files })
}

/// A variable of the environment, taken out of it, so that nothing started from here sees it.
///
/// To be called in `main`, before any other thread exists: it changes the environment.
pub fn take_variable(name: &str) -> Option<OsString> {
    let value = env::var_os(name)?;
    // SAFETY: the documented contract is that no other thread exists yet.
    unsafe { env::remove_var(name) };
    Some(value)
}

/// Takes over an open file that nothing in this process knows of yet.
fn own(number: RawFd) -> Option<OwnedFd> {
    /// Standard input, output and error are never handed over; somebody set the variable by hand.
    const FIRST_OWNABLE: RawFd = 3;
    if number < FIRST_OWNABLE {
        return None;
    }
    // SAFETY: borrowed only for the check that it is open; fcntl fails with EBADF otherwise.
    let candidate = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(candidate, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: open, not a standard stream, and by the contract of `take_inherited` (first act of `main`, once)
    // nothing else in this process owns it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}
