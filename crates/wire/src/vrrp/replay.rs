//! What keeps a signed advert from being used twice: the moment it was signed (`spec` runtime 3.3, 2.4.3).

use std::net::IpAddr;

use keepalived_model::Micros;
use keepalived_model::vrrp::{AntiReplay, Hmac};

use crate::reject::Reject;

/// Signers of one group whose last stamp is remembered, as many as the original has places.
pub const MULTICAST_SIGNERS: usize = 4;

/// When an advert was signed: seconds since 1970, 65536ths of a second, and a counter for what was signed within
/// one of those. Later means greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    seconds: u32,
    fraction: u16,
    counter: u16,
}

impl Stamp {
    /// Octets on the wire.
    pub const LENGTH: usize = 8;

    /// That of the clock, which counts from 1970.
    pub fn at(clock: Micros) -> Self {
        let Micros(micros) = clock;
        let fraction = (micros % Micros::from_secs(1).0) << 16;
        Self {
            seconds: u32::try_from(clock.as_secs()).unwrap_or(u32::MAX),
            fraction: u16::try_from(fraction / Micros::from_secs(1).0).unwrap_or(u16::MAX),
            counter: 0,
        }
    }

    /// The next one to sign with: the clock's, or one more than the last where the clock did not get ahead of
    /// that. A clock set back by more than the window is believed, for until it caught up no receiver would find
    /// us fresh; where only the order counts it is never believed.
    #[must_use]
    pub fn next(last: Option<Self>, clock: Micros, freshness: Freshness) -> Self {
        let now = Self::at(clock);
        let Some(last) = last.filter(|last| now <= *last) else { return now };
        match freshness {
            Freshness::Window { seconds } if last.seconds - now.seconds > seconds => now,
            Freshness::Window { .. } | Freshness::Order => last.successor(),
        }
    }

    /// From the wire.
    pub fn read(octets: [u8; Self::LENGTH]) -> Self {
        let [s0, s1, s2, s3, f0, f1, c0, c1] = octets;
        Self {
            seconds: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction: u16::from_be_bytes([f0, f1]),
            counter: u16::from_be_bytes([c0, c1]),
        }
    }

    /// To the wire.
    pub fn octets(self) -> [u8; Self::LENGTH] {
        let ([s0, s1, s2, s3], [f0, f1]) = (self.seconds.to_be_bytes(), self.fraction.to_be_bytes());
        let [c0, c1] = self.counter.to_be_bytes();
        [s0, s1, s2, s3, f0, f1, c0, c1]
    }

    /// Whole seconds this is ahead of the clock; negative when behind.
    pub fn skew(self, clock: Micros) -> i64 {
        i64::from(self.seconds) - i64::try_from(clock.as_secs()).unwrap_or(i64::MAX)
    }

    fn successor(self) -> Self {
        Self::read(u64::from_be_bytes(self.octets()).saturating_add(1).to_be_bytes())
    }
}

/// What makes a stamp a good one (`anti_replay`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// It is later than the signer's last, and near our own clock (`time`, `time_window`).
    Window {
        /// How many seconds it may be away from our clock, 1–300.
        seconds: u32,
    },
    /// It is later than the signer's last; clocks need not agree (`monotonic`).
    Order,
}

impl From<&Hmac> for Freshness {
    fn from(hmac: &Hmac) -> Self {
        match hmac.anti_replay {
            AntiReplay::Time => {
                Self::Window { seconds: u32::try_from(hmac.window.as_secs()).unwrap_or(u32::MAX) }
            }
            AntiReplay::Monotonic => Self::Order,
        }
    }
}

impl Freshness {
    /// Whether an accepted skew is worth a warning: more than half of what is allowed.
    pub fn is_nearly_stale(self, skew: i64) -> bool {
        match self {
            Self::Window { seconds } => skew.unsigned_abs() > u64::from(seconds / 2),
            Self::Order => false,
        }
    }

    /// Stale, then replayed: the original's order.
    pub fn check(self, stamp: Stamp, last: Option<Stamp>, clock: Micros) -> Result<(), Reject> {
        let is_beyond = |skew: i64| match self {
            Self::Window { seconds } => skew.unsigned_abs() > u64::from(seconds),
            Self::Order => false,
        };
        let skew = stamp.skew(clock);
        if let (Self::Window { seconds }, true) = (self, is_beyond(skew)) {
            return Err(Reject::StampStale { skew, window: seconds });
        }
        // A last stamp from beyond the window is from before our own clock was set back. It would refuse its
        // signer until the clock is there again.
        let last = last.filter(|last| last.skew(clock) <= 0 || !is_beyond(last.skew(clock)));
        if last.is_some_and(|last| stamp <= last) { Err(Reject::StampReplayed) } else { Ok(()) }
    }
}

/// The last good stamp of every signer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signers {
    room: usize,
    last: Vec<(IpAddr, Stamp)>,
}

impl Signers {
    /// Room for so many: [`MULTICAST_SIGNERS`], or the number of peers.
    pub fn with_room(room: usize) -> Self {
        Self { room: room.max(1), last: Vec::new() }
    }

    /// From now on there is room for so many; those with the earliest stamps are forgotten first.
    pub fn set_room(&mut self, room: usize) {
        self.room = room.max(1);
        self.last.sort_by_key(|(_, stamp)| std::cmp::Reverse(*stamp));
        self.last.truncate(self.room);
    }

    /// The last good stamp of a signer.
    pub fn last(&self, source: IpAddr) -> Option<Stamp> {
        self.last.iter().find(|(signer, _)| *signer == source).map(|(_, stamp)| *stamp)
    }

    /// A good stamp was heard. Where there is no room for a new signer, the one with the earliest stamp is
    /// forgotten.
    pub fn heard(&mut self, source: IpAddr, stamp: Stamp) {
        if let Some((_, last)) = self.last.iter_mut().find(|(signer, _)| *signer == source) {
            *last = stamp;
        } else if self.last.len() < self.room {
            self.last.push((source, stamp));
        } else if let Some(earliest) = self.last.iter_mut().min_by_key(|(_, stamp)| *stamp) {
            *earliest = (source, stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const NOON: Micros = Micros(1_795_174_455 * SECOND);
    const WINDOW: Freshness = Freshness::Window { seconds: 5 };

    fn stamp(micros: i64) -> Stamp {
        Stamp::at(later(micros))
    }

    fn later(micros: i64) -> Micros {
        Micros(NOON.0.saturating_add_signed(micros))
    }

    fn seconds(seconds: i64) -> i64 {
        seconds * 1_000_000
    }

    #[test]
    fn a_stamp_is_the_clock_in_65536ths_of_a_second() {
        // Captured at .595660 s (samples/hmac.hex.txt).
        let octets = [0x6b, 0x00, 0x30, 0x37, 0x98, 0x7b, 0, 0];
        assert_eq!(stamp(595_630).octets(), octets);
        assert_eq!(Stamp::read(octets), stamp(595_630));
        assert_eq!(stamp(999_999).octets()[4..6], [0xff, 0xff]);
    }

    #[test]
    fn the_next_stamp_is_always_later() {
        let first = Stamp::next(None, NOON, WINDOW);
        let same_moment = Stamp::next(Some(first), NOON, WINDOW);
        let set_back_a_little = Stamp::next(Some(same_moment), later(seconds(-3)), WINDOW);
        assert!(first < same_moment && same_moment < set_back_a_little);
        assert_eq!(set_back_a_little.octets()[6..], [0, 2]);
        assert_eq!(Stamp::next(Some(set_back_a_little), later(20), WINDOW), stamp(20));
    }

    #[test]
    fn a_clock_set_back_by_more_than_the_window_is_believed_unless_only_the_order_counts() {
        let back = later(seconds(-6));
        assert_eq!(Stamp::next(Some(stamp(0)), back, WINDOW), stamp(seconds(-6)));
        assert!(Stamp::next(Some(stamp(0)), back, Freshness::Order) > stamp(0));
    }

    #[test]
    fn a_full_counter_carries_over() {
        let full = Stamp::read([0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(Stamp::next(Some(full), Micros::from_secs(7), WINDOW).octets(), [0, 0, 0, 8, 0, 0, 0, 0]);
        let end = Stamp::read([0xff; 8]);
        assert_eq!(Stamp::next(Some(end), Micros::from_secs(7), Freshness::Order), end);
    }

    #[test]
    fn a_stamp_away_from_the_clock_is_stale() {
        for (skew, is_good) in [(-6, false), (-5, true), (0, true), (5, true), (6, false)] {
            let stale = Err(Reject::StampStale { skew, window: 5 });
            let found = WINDOW.check(stamp(seconds(skew)), None, NOON);
            assert_eq!(found, if is_good { Ok(()) } else { stale }, "{skew} s");
            assert_eq!(Freshness::Order.check(stamp(seconds(skew)), None, NOON), Ok(()));
        }
        assert!(!WINDOW.is_nearly_stale(-2) && WINDOW.is_nearly_stale(-3) && WINDOW.is_nearly_stale(3));
        assert!(!Freshness::Order.is_nearly_stale(3000));
    }

    #[test]
    fn a_stamp_is_good_once() {
        for freshness in [WINDOW, Freshness::Order] {
            let last = Some(stamp(20));
            assert_eq!(freshness.check(stamp(40), last, NOON), Ok(()));
            assert_eq!(freshness.check(stamp(20), last, NOON), Err(Reject::StampReplayed));
            assert_eq!(freshness.check(stamp(0), last, NOON), Err(Reject::StampReplayed));
        }
    }

    #[test]
    fn after_our_clock_was_set_back_signers_are_heard_again() {
        let last = Some(stamp(seconds(3600)));
        assert_eq!(WINDOW.check(stamp(0), last, NOON), Ok(()));
        assert_eq!(Freshness::Order.check(stamp(0), last, NOON), Err(Reject::StampReplayed));
        assert_eq!(WINDOW.check(stamp(0), Some(stamp(seconds(4))), NOON), Err(Reject::StampReplayed));
    }

    #[test]
    fn the_signer_heard_longest_ago_makes_room() {
        let signer = |last: u8| IpAddr::from([10, 9, 0, last]);
        let mut signers = Signers::with_room(MULTICAST_SIGNERS);
        for (last, at) in [(1, 10), (2, 20), (3, 30), (4, 40), (1, 50), (5, 60)] {
            signers.heard(signer(last), stamp(seconds(at)));
        }
        let known: Vec<bool> = (1..=5).map(|last| signers.last(signer(last)).is_some()).collect();
        assert_eq!(known, [true, false, true, true, true]);
        assert_eq!(signers.last(signer(1)), Some(stamp(seconds(50))));
    }
}
