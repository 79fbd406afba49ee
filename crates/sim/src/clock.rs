//! A node's own clock: started at another moment, and a little too fast or too slow.

use keepalived_model::{Instant, Micros};

/// What clocks on walls show when the world starts.
const NOON: u64 = 1_795_174_455_000_000;

/// Turns the world's time into a node's and back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the node's clock shows when the world starts, in microseconds.
    pub offset: u64,
    /// Microseconds it gains in a second; negative: loses.
    pub ppm: i64,
}

impl Clock {
    /// What this clock shows at a moment of the world.
    pub fn local(&self, at: Instant) -> Instant {
        let drift = i128::from(at.0) * i128::from(self.ppm) / 1_000_000;
        let shown = i128::from(self.offset) + i128::from(at.0) + drift;
        Instant(u64::try_from(shown).unwrap_or(0))
    }

    /// How far this machine's clock on the wall is ahead of its own. The clocks on walls differ by less than a second.
    pub fn wall_ahead(&self, at: Instant) -> Micros {
        let shown = NOON.saturating_add(at.0).saturating_add_signed(self.ppm * 2_000);
        Micros(shown.saturating_sub(self.local(at).0))
    }

    /// The first moment of the world at which this clock shows at least that.
    pub fn world(&self, local: Instant) -> Instant {
        let length = i128::from(local.0) - i128::from(self.offset);
        let guess = length.max(0) * 1_000_000 / (1_000_000 + i128::from(self.ppm));
        let mut at = Instant(u64::try_from(guess).unwrap_or(u64::MAX).saturating_sub(2));
        while self.local(at) < local {
            at.0 += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_woken_for_too_early_nor_a_microsecond_late() {
        for ppm in [-200, -7, 0, 13, 200] {
            let clock = Clock { offset: 123_456, ppm };
            for at in [123_456, 123_457, 1_000_000, 77_777_777, 3_600_000_000] {
                let woken = clock.world(Instant(at));
                assert!(clock.local(woken) >= Instant(at), "{ppm} {at}");
                assert!(woken.0 == 0 || clock.local(Instant(woken.0 - 1)) < Instant(at), "{ppm} {at}");
            }
        }
    }
}
