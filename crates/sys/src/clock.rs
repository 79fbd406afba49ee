//! CLOCK_MONOTONIC as the model's `Instant`.

use keepalived_model::{Instant, Micros};

/// How far the wall clock (since 1970) is ahead of [`now`]; zero where it is behind, which a clock that was set is
/// not.
pub fn wall_ahead() -> Micros {
    let at = read(libc::CLOCK_REALTIME);
    Micros(at.0.saturating_sub(now().0))
}

/// This moment. The same clock in every process of one boot; it stands still while the machine is suspended.
pub fn now() -> Instant {
    read(libc::CLOCK_MONOTONIC)
}

fn read(clock: libc::clockid_t) -> Instant {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `at` is a valid timespec for the call to fill in; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut at) };
    let secs = u64::try_from(at.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(at.tv_nsec).unwrap_or(0);
    Instant(secs.saturating_mul(1_000_000).saturating_add(nanos / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_forward_at_the_right_pace() {
        let before = now();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let length = now().since(before).0;
        assert!((20_000..2_000_000).contains(&length), "20 ms took {length} µs");
    }
}
