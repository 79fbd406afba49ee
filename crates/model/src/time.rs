//! Time as integers: microseconds of the monotonic clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A length of time in microseconds. Every protocol time inside the product has this unit; centiseconds and
/// seconds exist only on the wire and in the configuration text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// So many centiseconds, the unit of VRRPv3 (RFC 5798 §5.2.7).
    pub const fn from_centis(centis: u64) -> Self {
        Self(centis * 10_000)
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Times a small factor, saturating.
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Micros {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Micros {
    type Output = Self;

    /// Never below zero.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Micros {
    /// Seconds with six decimals, the way the original prints times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A moment: microseconds of CLOCK_MONOTONIC, so that it means the same in every process of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// How long `earlier` lies back; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Micros> for Instant {
    type Output = Self;

    fn add(self, length: Micros) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl AddAssign<Micros> for Instant {
    fn add_assign(&mut self, length: Micros) {
        *self = *self + length;
    }
}
