//! Timers as data: an array per owner, and an agenda over all owners.

use std::collections::{BTreeMap, BTreeSet};

use keepalived_model::{Instant, Micros};

/// The timers of one owner, indexed by an enum with `COUNT` variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers<const COUNT: usize>([Option<Instant>; COUNT]);

impl<const COUNT: usize> Default for Timers<COUNT> {
    fn default() -> Self {
        Self([None; COUNT])
    }
}

impl<const COUNT: usize> Timers<COUNT> {
    /// Arms the timer, whatever it was before.
    pub fn set(&mut self, timer: usize, at: Instant) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = Some(at);
        }
    }

    /// Disarms the timer.
    pub fn clear(&mut self, timer: usize) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = None;
        }
    }

    /// Disarms all timers.
    pub fn clear_all(&mut self) {
        self.0 = [None; COUNT];
    }

    /// When the timer is due, if it is armed.
    pub fn at(&self, timer: usize) -> Option<Instant> {
        self.0.get(timer).copied().flatten()
    }

    /// Moves an armed timer by the difference of two lengths, never into the past of `now`.
    pub fn shift(&mut self, timer: usize, now: Instant, from: Micros, to: Micros) {
        if let Some(at) = self.at(timer) {
            let moved = Instant((at.0 + to.0).saturating_sub(from.0));
            self.set(timer, moved.max(now));
        }
    }

    /// Whether the timer is due; if so it is disarmed.
    pub fn take_due(&mut self, timer: usize, now: Instant) -> bool {
        self.0.get_mut(timer).and_then(|slot| slot.take_if(|at| *at <= now)).is_some()
    }

    /// The earliest armed timer.
    pub fn earliest(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }
}

/// The earliest deadline of every owner, ordered by time. Costs a logarithm per change, so that thousands of
/// owners do not make every event expensive.
#[derive(Clone, Debug)]
pub struct Agenda<Owner> {
    by_time: BTreeSet<(Instant, Owner)>,
    by_owner: BTreeMap<Owner, Instant>,
}

impl<Owner> Default for Agenda<Owner> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_owner: BTreeMap::new() }
    }
}

impl<Owner: Copy + Ord> Agenda<Owner> {
    /// Notes an owner's earliest deadline, or that it has none.
    pub fn note(&mut self, owner: Owner, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_owner.insert(owner, at),
            None => self.by_owner.remove(&owner),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, owner));
        }
        if let Some(at) = at {
            self.by_time.insert((at, owner));
        }
    }

    /// The earliest deadline of all.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Whose it is.
    pub fn next_owner(&self) -> Option<Owner> {
        self.by_time.first().map(|(_, owner)| *owner)
    }

    /// Owners with a deadline not after `now`, earliest first, and no more than so many.
    pub fn due(&self, now: Instant, most: usize) -> Vec<Owner> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now);
        due.take(most).map(|(_, owner)| *owner).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_a_due_timer_disarms_it() {
        let mut timers = Timers::<2>::default();
        timers.set(1, Instant(5));
        assert!(
            !timers.take_due(1, Instant(4))
                && timers.take_due(1, Instant(5))
                && !timers.take_due(1, Instant(6))
        );
        assert_eq!(timers.earliest(), None);
    }

    #[test]
    fn a_shifted_timer_keeps_its_distance_but_never_falls_into_the_past() {
        let mut timers = Timers::<1>::default();
        timers.set(0, Instant(1_000));
        timers.shift(0, Instant(10), Micros(300), Micros(100));
        assert_eq!(timers.at(0), Some(Instant(800)));
        timers.shift(0, Instant(700), Micros(500), Micros(0));
        assert_eq!(timers.at(0), Some(Instant(700)));
    }

    #[test]
    fn the_agenda_knows_one_deadline_per_owner() {
        let mut agenda = Agenda::default();
        agenda.note('a', Some(Instant(3)));
        agenda.note('b', Some(Instant(2)));
        agenda.note('a', Some(Instant(1)));
        assert_eq!((agenda.next(), agenda.due(Instant(2), 9)), (Some(Instant(1)), vec!['a', 'b']));
        agenda.note('a', None);
        assert_eq!(agenda.due(Instant(9), 9), vec!['b']);
    }
}
