//! Signals as a readable descriptor.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::check;

/// A signal by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub i32);

impl Signal {
    /// Reload.
    pub const HUP: Self = Self(libc::SIGHUP);
    /// Stop, from a terminal.
    pub const INT: Self = Self(libc::SIGINT);
    /// Stop.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// End at once; cannot be handled.
    pub const KILL: Self = Self(libc::SIGKILL);
    /// Dump.
    pub const USR1: Self = Self(libc::SIGUSR1);
    /// Dump statistics.
    pub const USR2: Self = Self(libc::SIGUSR2);
    /// A child ended.
    pub const CHLD: Self = Self(libc::SIGCHLD);
    /// Too much real-time processor time without a pause.
    pub const XCPU: Self = Self(libc::SIGXCPU);
    /// What a daemon has no use for: terminals, alarms, pipes without a reader.
    pub const USELESS: [Self; 12] = [
        Self(libc::SIGPIPE),
        Self(libc::SIGALRM),
        Self(libc::SIGVTALRM),
        Self(libc::SIGPROF),
        Self(libc::SIGQUIT),
        Self(libc::SIGTSTP),
        Self(libc::SIGTTIN),
        Self(libc::SIGTTOU),
        Self(libc::SIGWINCH),
        Self(libc::SIGIO),
        Self(libc::SIGPWR),
        Self(libc::SIGSTKFLT),
    ];

    /// The so-many-th real-time signal from the lowest on.
    pub fn realtime_min_plus(offset: i32) -> Self {
        Self(libc::SIGRTMIN() + offset)
    }

    /// The so-many-th real-time signal from the highest down.
    pub fn realtime_max_minus(offset: i32) -> Self {
        Self(libc::SIGRTMAX() - offset)
    }

    /// What the C library calls it, as in a shell's message.
    pub fn describe(self) -> String {
        // SAFETY: returns a terminated string that stays valid until the next call of the same thread.
        let words = unsafe { libc::strsignal(self.0) };
        if words.is_null() {
            return self.to_string();
        }
        // SAFETY: not null, see above.
        unsafe { std::ffi::CStr::from_ptr(words) }.to_string_lossy().into_owned()
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A delivered signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Which.
    pub signal: Signal,
    /// The process that sent it; zero when the kernel did.
    pub sender: u32,
}

/// Signals that are blocked and read from a descriptor instead.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks these signals in the calling thread (and all it starts from now on) and reads them. To be called
    /// before any thread is started.
    pub fn take(signals: &[Signal]) -> io::Result<Self> {
        let set = set(signals);
        // SAFETY: `set` outlives the call; the old set is not asked for.
        check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) })?;
        // SAFETY: `set` outlives the call.
        let fd =
            check(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next one, if any; does not wait.
    pub fn next(&self) -> io::Result<Option<Delivered>> {
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut read: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let length = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is as long as stated.
        let got = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut read).cast(), length) };
        if got > 0 {
            let signal = Signal(i32::try_from(read.ssi_signo).unwrap_or(0));
            return Ok(Some(Delivered { signal, sender: read.ssi_pid }));
        }
        match io::Error::last_os_error() {
            error if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(None)
            }
            error => Err(error),
        }
    }
}

/// From now on these signals do nothing to this process.
pub fn ignore(signals: &[Signal]) {
    for signal in signals {
        // SAFETY: no handler of ours is installed; an impossible signal number is an error that changes nothing.
        unsafe { libc::signal(signal.0, libc::SIG_IGN) };
    }
}

/// Blocks no signal, and handles each as a fresh process does. Async-signal-safe.
pub(crate) fn reset_all() {
    let none = set(&[]);
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: see `ignore`.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `none` outlives the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

fn set(signals: &[Signal]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    for signal in signals {
        // SAFETY: `set` is initialised; an impossible signal number is an error that changes nothing.
        unsafe { libc::sigaddset(&raw mut set, signal.0) };
    }
    set
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_signal_is_read_instead_of_ending_the_process() {
        // In a thread of its own, and sent to that thread: the test process keeps its mask.
        let read = std::thread::spawn(|| {
            let taken = Signals::take(&[Signal::USR1, Signal::realtime_min_plus(2)]).unwrap();
            assert_eq!(taken.next().unwrap(), None);
            for signal in [Signal::USR1, Signal::realtime_min_plus(2)] {
                // SAFETY: no pointer is passed; the thread exists, for it is this one.
                unsafe { libc::pthread_kill(libc::pthread_self(), signal.0) };
            }
            let mut seen = Vec::new();
            while let Some(delivered) = taken.next().unwrap() {
                assert_eq!(delivered.sender, std::process::id());
                seen.push(delivered.signal);
            }
            seen
        });
        assert_eq!(read.join().unwrap(), [Signal::USR1, Signal(36)]);
        assert_eq!(Signal::KILL.describe(), "Killed");
        assert_eq!(Signal::realtime_max_minus(1), Signal(63));
    }
}
