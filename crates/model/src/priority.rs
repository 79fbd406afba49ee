//! Priorities and what trackers add to them.

use crate::ids::OutOfRange;

/// The priority of a virtual router as configured or in effect: 1–255. Zero is not a priority but the sign
/// of a router that resigns (RFC 5798 §5.2.4), so it has no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

impl Priority {
    /// The address owner's.
    pub const OWNER: Self = Self(255);
    /// What a router gets that names none.
    pub const DEFAULT: Self = Self(100);

    /// The number as it stands on the wire.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether this is the address owner's priority.
    pub fn is_owner(self) -> bool {
        self == Self::OWNER
    }

    /// Base plus weights, kept within 1–254; an owner's priority never changes
    /// (`../spec/config.md` 4.3, scenario `effective_priority_is_clamped`).
    pub fn weighted(self, sum: i64) -> Self {
        if self.is_owner() {
            return self;
        }
        let total = (i64::from(self.0) + sum).clamp(1, 254);
        Self(u8::try_from(total).unwrap_or(Self::DEFAULT.0))
    }
}

impl TryFrom<u8> for Priority {
    type Error = OutOfRange;

    fn try_from(raw: u8) -> Result<Self, OutOfRange> {
        if raw == 0 { Err(OutOfRange) } else { Ok(Self(raw)) }
    }
}

/// What a tracker does to a priority: −254–254 and whether its effect is turned round. Zero means "down is a
/// fault" (with `reverse`: "up is a fault").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weight {
    /// Added while up (positive) or while down (negative).
    pub amount: i16,
    /// Multiplies the effect by −1, or turns the fault round when the amount is zero.
    pub reverse: bool,
}

impl Weight {
    /// What this weight adds to the priority while the tracker is up or down
    /// (`+w` while up, `w` while down when negative; `reverse` negates).
    pub fn contribution(self, up: bool) -> i64 {
        let amount = i64::from(self.amount);
        let plain = match (amount > 0, up) {
            (true, true) | (false, false) => amount,
            (true, false) | (false, true) => 0,
        };
        if self.reverse { -plain } else { plain }
    }

    /// What this weight makes of a number (`track_file`): what it adds to the priority, or nothing where that is a
    /// fault (`spec` runtime 4.3).
    pub fn scaled(self, number: i32) -> Option<i64> {
        if self.amount == 0 {
            return ((number == 0) != self.reverse).then_some(0);
        }
        let product = i64::from(number) * i64::from(self.amount);
        let product = if self.reverse { -product } else { product };
        (product > SCALED_FAULT).then_some(product.min(SCALED_MAX))
    }

    /// Whether the tracker puts the router into FAULT.
    pub fn is_fault(self, up: bool) -> bool {
        self.amount == 0 && up == self.reverse
    }
}

/// A product of number and weight this small is a fault, whatever the priority.
const SCALED_FAULT: i64 = -254;
/// The largest product that counts.
const SCALED_MAX: i64 = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_never_changes_and_others_stay_between_1_and_254() {
        assert_eq!(Priority::OWNER.weighted(-100), Priority::OWNER);
        assert_eq!(Priority::DEFAULT.weighted(-253).number(), 1);
        assert_eq!(Priority::DEFAULT.weighted(253).number(), 254);
        assert_eq!(Priority::DEFAULT.weighted(2).number(), 102);
    }

    #[test]
    fn a_weight_acts_on_one_side_only() {
        let weight = |amount, reverse| Weight { amount, reverse };
        let table = [
            (weight(2, false), 2, 0),
            (weight(-2, false), 0, -2),
            (weight(2, true), -2, 0),
            (weight(-2, true), 0, 2),
        ];
        for (weight, up, down) in table {
            assert_eq!((weight.contribution(true), weight.contribution(false)), (up, down), "{weight:?}");
            assert!(!weight.is_fault(true) && !weight.is_fault(false));
        }
        assert!(weight(0, false).is_fault(false) && !weight(0, false).is_fault(true));
        assert!(weight(0, true).is_fault(true) && !weight(0, true).is_fault(false));
    }

    #[test]
    fn a_number_counts_by_its_weight_and_is_a_fault_when_it_outweighs_every_priority() {
        let weight = |amount, reverse| Weight { amount, reverse };
        let table = [
            (weight(1, false), 7, Some(7)),
            (weight(1, true), 7, Some(-7)),
            (weight(-3, false), 7, Some(-21)),
            (weight(1, false), -253, Some(-253)),
            (weight(1, false), -254, None),
            (weight(-254, false), 1, None),
            (weight(-254, true), 1, Some(253)),
            (weight(254, false), i32::MAX, Some(253)),
            (weight(254, false), i32::MIN, None),
            (weight(0, false), 0, Some(0)),
            (weight(0, false), -1, None),
            (weight(0, true), 0, None),
            (weight(0, true), 5, Some(0)),
        ];
        for (weight, number, effect) in table {
            assert_eq!(weight.scaled(number), effect, "{weight:?} {number}");
        }
    }
}
