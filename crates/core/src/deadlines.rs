//! Timers as data: an array per owner, and an agenda over all owners.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

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

    /// How far ahead each armed timer is.
    pub fn ahead(&self, now: Instant) -> [Option<i64>; COUNT] {
        self.0.map(|at| ahead(at, now))
    }

    /// The earliest armed timer.
    pub fn earliest(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }
}

/// How many microseconds ahead a moment is; negative: ago.
pub fn ahead(at: Option<Instant>, now: Instant) -> Option<i64> {
    at.map(|at| at.0.cast_signed().wrapping_sub(now.0.cast_signed()))
}

/// The earliest deadline of every owner, ordered by time. Costs a logarithm per change, so that thousands of
/// owners do not make every event expensive; and less for deadlines that only move away, as those of a backup do
/// with every advert it hears: they keep their old place in line until it comes up.
#[derive(Clone, Debug)]
pub struct Agenda<Owner> {
    /// No later than the owner's deadline, and the first one just then.
    by_time: BTreeSet<(Instant, Owner)>,
    by_owner: HashMap<Owner, Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at: Instant,
    /// Its place in line.
    place: Instant,
}

impl<Owner> Default for Agenda<Owner> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_owner: HashMap::new() }
    }
}

impl<Owner: Copy + Ord + Hash> Agenda<Owner> {
    /// Notes an owner's earliest deadline, or that it has none.
    pub fn note(&mut self, owner: Owner, at: Option<Instant>) {
        let Some(at) = at else {
            if let Some(Entry { place, .. }) = self.by_owner.remove(&owner) {
                self.by_time.remove(&(place, owner));
                self.advance();
            }
            return;
        };
        match self.by_owner.get_mut(&owner) {
            Some(entry) if entry.place <= at => {
                entry.at = at;
                let place = entry.place;
                if self.by_time.first() == Some(&(place, owner)) {
                    self.advance();
                }
            }
            Some(entry) => {
                let place = std::mem::replace(&mut entry.place, at);
                entry.at = at;
                self.by_time.remove(&(place, owner));
                self.by_time.insert((at, owner));
            }
            None => {
                self.by_owner.insert(owner, Entry { at, place: at });
                self.by_time.insert((at, owner));
            }
        }
    }

    /// Sends whoever is first in line without being due first to where he belongs.
    fn advance(&mut self) {
        while let Some((place, owner)) = self.by_time.first().copied()
            && self.moves(place, owner)
        {}
    }

    /// Lets an owner stand where he belongs; says whether that is another place.
    fn moves(&mut self, place: Instant, owner: Owner) -> bool {
        let Some(entry) = self.by_owner.get_mut(&owner).filter(|entry| entry.at != place) else {
            return false;
        };
        entry.place = entry.at;
        let belongs = (entry.at, owner);
        self.by_time.remove(&(place, owner));
        self.by_time.insert(belongs)
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
    pub fn due(&mut self, now: Instant, most: usize) -> Vec<Owner> {
        let moved = |(place, owner): &&(Instant, Owner)| {
            self.by_owner.get(owner).is_some_and(|entry| entry.at != *place)
        };
        let early = self.by_time.iter().take_while(|(place, _)| *place <= now);
        for (place, owner) in early.filter(moved).copied().collect::<Vec<_>>() {
            self.moves(place, owner);
        }
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

    #[test]
    fn deadlines_that_moved_away_are_neither_next_nor_due() {
        let mut agenda = Agenda::default();
        for (owner, at) in [('a', 1), ('b', 2), ('c', 3), ('b', 7), ('a', 5), ('b', 6)] {
            agenda.note(owner, Some(Instant(at)));
        }
        assert_eq!((agenda.next(), agenda.next_owner()), (Some(Instant(3)), Some('c')));
        agenda.note('a', Some(Instant(9)));
        assert_eq!(agenda.due(Instant(8), 9), vec!['c', 'b']);
        agenda.note('c', None);
        assert_eq!((agenda.next(), agenda.next_owner()), (Some(Instant(6)), Some('b')));
        assert_eq!(agenda.due(Instant(9), 1), vec!['b']);
    }
}
