//! The arithmetic and the comparisons of an election: free functions over values, no state.

use std::net::IpAddr;

use keepalived_model::vrrp::Version;
use keepalived_model::{Micros, Priority};

/// How much later than a priority of 256 would a backup takes over.
///
/// Version 2: `(256 − priority) / 256` seconds (RFC 3768 §5.3.3 fixes the unit to one second). Version 3:
/// the same share of the master's interval, computed from whole centiseconds as the original does
/// (`spec` runtime 3.7).
pub fn skew(version: Version, priority: Priority, master_interval: Micros) -> Micros {
    let steps = 256 - u64::from(priority.number());
    match version {
        Version::V2 => Micros(steps * 1_000_000 / 256),
        Version::V3 => Micros(steps * (master_interval.0 / 10_000) * 625 / 16),
    }
}

/// How long a backup waits without an advert before it takes over (RFC 5798 §6.1, with the number of adverts
/// configurable).
pub fn master_down(version: Version, priority: Priority, master_interval: Micros, adverts: u32) -> Micros {
    master_interval.times(u64::from(adverts)) + skew(version, priority, master_interval)
}

/// How an advert compares with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Priority 0: its sender leaves.
    Resigns,
    /// It wins the election against us.
    Better,
    /// Same priority and same address: ourselves, or somebody who thinks so.
    Same,
    /// We win.
    Worse,
}

/// Compares an advert with a master (RFC 5798 §6.4.3: a higher address decides between equals).
pub fn rank(heard: (u8, IpAddr), ours: (Priority, IpAddr)) -> Rank {
    let ((priority, from), (own, source)) = (heard, ours);
    match (priority.cmp(&own.number()), from.cmp(&source)) {
        _ if priority == 0 => Rank::Resigns,
        (std::cmp::Ordering::Greater, _) | (std::cmp::Ordering::Equal, std::cmp::Ordering::Greater) => {
            Rank::Better
        }
        (std::cmp::Ordering::Equal, std::cmp::Ordering::Equal) => Rank::Same,
        (std::cmp::Ordering::Equal, std::cmp::Ordering::Less) | (std::cmp::Ordering::Less, _) => Rank::Worse,
    }
}

/// How far a preempt delay has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PreemptDelay {
    /// No worse master was heard yet, or the delay was called off.
    #[default]
    Idle,
    /// A worse master was heard and is still to be respected.
    Running,
    /// The time is over: worse masters are ignored now.
    Over,
}

/// What keeps a backup from taking over from a worse master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Patience {
    /// Nothing.
    None,
    /// `nopreempt`.
    Forever,
    /// `preempt_delay`.
    Delay(PreemptDelay),
}

/// What a backup does with an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackupVerdict {
    /// The master leaves: take over after the skew time.
    SoonTakeOver,
    /// A master to respect: start waiting anew.
    HoldOff,
    /// A worse master, respected until the preempt delay that starts now is over.
    HoldOffAndStartDelay,
    /// A master at least as good: start waiting anew, call the preempt delay off.
    HoldOffAndStopDelay,
    /// A worse master that we shall replace: keep the timer running.
    Discard,
}

/// The decision table of a backup (RFC 5798 §6.4.2, `spec` runtime 3.8).
pub fn backup(priority: u8, ours: Priority, patience: Patience) -> BackupVerdict {
    if priority == 0 {
        return BackupVerdict::SoonTakeOver;
    }
    match (priority >= ours.number(), patience) {
        (true, Patience::Delay(PreemptDelay::Running | PreemptDelay::Over)) => {
            BackupVerdict::HoldOffAndStopDelay
        }
        (true, Patience::None | Patience::Forever | Patience::Delay(PreemptDelay::Idle)) => {
            BackupVerdict::HoldOff
        }
        (false, Patience::None | Patience::Delay(PreemptDelay::Over)) => BackupVerdict::Discard,
        (false, Patience::Forever | Patience::Delay(PreemptDelay::Running)) => BackupVerdict::HoldOff,
        (false, Patience::Delay(PreemptDelay::Idle)) => BackupVerdict::HoldOffAndStartDelay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(number: u8) -> Priority {
        Priority::try_from(number).expect("tests name priorities")
    }

    #[test]
    fn the_measured_master_down_intervals_of_the_original() {
        let second = Micros::from_secs(1);
        assert_eq!(master_down(Version::V2, priority(102), second, 3), Micros(3_601_562));
        assert_eq!(master_down(Version::V2, priority(150), second, 3), Micros(3_414_062));
        assert_eq!(master_down(Version::V3, priority(150), Micros::from_millis(250), 3), Micros(853_515));
        assert_eq!(skew(Version::V2, priority(101), second), Micros(605_468));
    }

    #[test]
    fn a_better_priority_never_waits_longer() {
        for version in [Version::V2, Version::V3] {
            for number in 1..255 {
                let (low, high) = (priority(number), priority(number + 1));
                assert!(skew(version, high, Micros::from_secs(1)) < skew(version, low, Micros::from_secs(1)));
            }
        }
    }

    #[test]
    fn of_two_different_routers_exactly_one_is_better() {
        let addresses = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        for a in 1..=255 {
            for b in 1..=255 {
                let seen_by_b = rank((a, addresses[0]), (priority(b), addresses[1]));
                let seen_by_a = rank((b, addresses[1]), (priority(a), addresses[0]));
                assert!(
                    matches!(
                        (seen_by_a, seen_by_b),
                        (Rank::Better, Rank::Worse) | (Rank::Worse, Rank::Better)
                    ),
                    "{a} and {b}: {seen_by_a:?} {seen_by_b:?}"
                );
            }
        }
    }

    #[test]
    fn the_backup_table_is_what_the_rfc_and_the_original_say() {
        use BackupVerdict::*;
        use PreemptDelay::*;
        let ours = priority(100);
        let rows = [
            (Patience::None, Discard, HoldOff),
            (Patience::Forever, HoldOff, HoldOff),
            (Patience::Delay(Idle), HoldOffAndStartDelay, HoldOff),
            (Patience::Delay(Running), HoldOff, HoldOffAndStopDelay),
            (Patience::Delay(Over), Discard, HoldOffAndStopDelay),
        ];
        for (patience, worse, at_least) in rows {
            assert_eq!(backup(0, ours, patience), SoonTakeOver);
            assert_eq!(backup(99, ours, patience), worse, "{patience:?}");
            assert_eq!(backup(100, ours, patience), at_least, "{patience:?}");
            assert_eq!(backup(101, ours, patience), at_least, "{patience:?}");
        }
    }
}
