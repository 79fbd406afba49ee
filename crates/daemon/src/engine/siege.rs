//! Notices floods of adverts with wrong checksums, which the kernel can throw away more cheaply than we can read them.

use keepalived_model::{Instant, Micros};

/// So many wrong ones within [`WINDOW`] are a flood. A thousand routers that are configured wrongly say less.
const MANY: u32 = 2_000;
/// See [`MANY`].
const WINDOW: Micros = Micros::from_secs(1);
/// How long the kernel drops them then. Afterwards they are counted again, if only to find that there is still a flood.
const LASTS: Micros = Micros::from_secs(60);

/// Counts wrong adverts.
#[derive(Clone, Debug)]
pub struct Siege {
    window: Instant,
    wrong: u32,
    until: Option<Instant>,
}

impl Siege {
    /// None was seen.
    pub fn new() -> Self {
        Self { window: Instant(0), wrong: 0, until: None }
    }

    /// One more.
    pub fn wrong(&mut self, now: Instant) {
        if now.since(self.window) > WINDOW {
            self.window = now;
            self.wrong = 0;
        }
        self.wrong = self.wrong.saturating_add(1);
    }

    /// Whether a flood has begun; said once.
    pub fn begins(&mut self, now: Instant) -> bool {
        let begins = self.until.is_none() && self.wrong >= MANY;
        if begins {
            self.until = Some(now + LASTS);
        }
        begins
    }

    /// Whether it is time to look again; said once.
    pub fn ends(&mut self, now: Instant) -> bool {
        let ends = self.until.take_if(|until| *until <= now).is_some();
        if ends {
            self.wrong = 0;
        }
        ends
    }

    /// When it will be time.
    pub fn next(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_a_second_are_a_flood_and_few_are_none() {
        let (mut siege, start) = (Siege::new(), Instant(9_000_000));
        for count in 0..u64::from(MANY) * 3 {
            siege.wrong(start + Micros(count * 1_000));
            assert!(!siege.begins(start + Micros(count * 1_000)));
        }
        let start = start + Micros::from_secs(60);
        for _ in 0..MANY {
            siege.wrong(start);
        }
        assert!(siege.begins(start) && !siege.begins(start));
        assert_eq!(siege.next(), Some(start + LASTS));
        assert!(!siege.ends(start) && siege.ends(start + LASTS) && !siege.ends(start + LASTS));
        assert!(!siege.begins(start + LASTS));
    }
}
