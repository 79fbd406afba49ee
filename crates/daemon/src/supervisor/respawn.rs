//! How soon a dead engine is started again (`spec` runtime 1.6).

use std::time::Duration;

/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// An engine that lived this long died of something new.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// Remembers how often an engine died lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Respawn {
    next: Duration,
}

impl Respawn {
    /// How long to wait after the death of an engine that lived so long: 0, 1, 2, 4 … 60 s.
    pub fn pause(&mut self, lived: Duration) -> Duration {
        let pause = if lived >= FORGIVEN_AFTER { Duration::ZERO } else { self.next };
        self.next = PAUSE_MAX.min((pause * 2).max(Duration::from_secs(1)));
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_a_long_life_forgives() {
        let mut respawn = Respawn::default();
        let short = Duration::from_millis(100);
        let pauses: Vec<u64> = (0..9).map(|_| respawn.pause(short).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(respawn.pause(Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(respawn.pause(short), Duration::from_secs(1));
    }
}
