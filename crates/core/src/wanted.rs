//! What we want of the kernel, and who wants it.
//!
//! Owners claim and release; nothing is said to the kernel until [`Wanted::flush`] finds the difference
//! between what is wanted and what was last said. So a VIP that moves from one instance to another within one
//! event changes nothing, and removals go first: a moved address must be free before it is claimed again.

use std::collections::{BTreeMap, BTreeSet};

use keepalived_model::InstanceId;
use keepalived_model::kernel::{Key, Spec};

use crate::event::{Action, Actions};

/// The wanted table with its owners.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    entries: BTreeMap<Key, Entry>,
    changed: BTreeSet<Key>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    owners: BTreeSet<InstanceId>,
    spec: Option<Spec>,
    /// What was last said to the kernel's side; outer `None`: nothing yet, or to be said again.
    told: Option<Option<Spec>>,
    /// Answers that are still to come for what was said.
    unanswered: u32,
    /// The last answer was a success and nothing was said since.
    settled: bool,
}

impl Wanted {
    /// An owner wants this to be there.
    pub fn claim(&mut self, owner: InstanceId, key: Key, spec: &Spec) {
        let entry = self.entries.entry(key).or_default();
        entry.owners.insert(owner);
        entry.spec = Some(spec.clone());
        self.changed.insert(key);
    }

    /// An owner does not care any more.
    pub fn release(&mut self, owner: InstanceId, key: Key) {
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.owners.remove(&owner)
        {
            self.changed.insert(key);
        }
    }

    /// Nobody wants this; make sure that it is not there, whoever left it.
    pub fn forbid(&mut self, key: Key) {
        self.entries.entry(key).or_default();
        self.changed.insert(key);
    }

    /// The kernel lost it: say again what is wanted.
    pub fn lost(&mut self, key: Key) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.told = None;
            entry.settled = false;
            self.changed.insert(key);
        }
    }

    /// The kernel's side answered.
    pub fn answered(&mut self, key: Key, success: bool) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.unanswered = entry.unanswered.saturating_sub(1);
            entry.settled = success && entry.unanswered == 0;
            let absence_confirmed = entry.told == Some(None) && entry.unanswered == 0;
            if absence_confirmed && entry.owners.is_empty() && !self.changed.contains(&key) {
                self.entries.remove(&key);
            }
        }
    }

    /// Whether a claimed thing is known to be there.
    pub fn is_settled(&self, key: Key) -> bool {
        self.entries.get(&key).is_some_and(|entry| entry.settled)
    }

    /// Whether an answer about this is still to come.
    pub fn is_open(&self, key: Key) -> bool {
        self.changed.contains(&key) || self.entries.get(&key).is_some_and(|entry| entry.unanswered > 0)
    }

    /// Whether it is wanted, or was and is not known to be gone.
    pub fn concerns(&self, key: Key) -> bool {
        self.entries.contains_key(&key)
    }

    /// Everybody who wants it now.
    pub fn owners(&self, key: Key) -> Vec<InstanceId> {
        self.entries.get(&key).map(|entry| entry.owners.iter().copied().collect()).unwrap_or_default()
    }

    /// Whether nothing is left to be said or answered.
    pub fn is_quiet(&self) -> bool {
        self.changed.is_empty() && self.entries.values().all(|entry| entry.unanswered == 0)
    }

    /// Everything wanted now.
    pub fn keys(&self) -> impl Iterator<Item = (Key, &Spec)> {
        self.entries
            .iter()
            .filter(|(_, entry)| !entry.owners.is_empty())
            .filter_map(|(key, entry)| entry.spec.as_ref().map(|spec| (*key, spec)))
    }

    /// Says what changed since the last flush, removals first.
    pub fn flush(&mut self, out: &mut Actions) {
        let changed = std::mem::take(&mut self.changed);
        let (put, drop): (Vec<Key>, Vec<Key>) =
            changed.into_iter().partition(|key| self.entries.get(key).is_some_and(|e| !e.owners.is_empty()));
        for key in drop.into_iter().chain(put) {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let want = if entry.owners.is_empty() { None } else { entry.spec.clone() };
            if entry.told.as_ref() == Some(&want) {
                continue;
            }
            entry.told = Some(want.clone());
            entry.unanswered += 1;
            entry.settled = false;
            out.push(Action::Want { key, spec: want });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::LinkId;
    use keepalived_model::kernel::{AddressKey, AddressSpec};

    fn key(last: u8) -> Key {
        Key::Address(AddressKey {
            link: LinkId(1),
            ip: std::net::Ipv4Addr::new(10, 0, 0, last).into(),
            prefix_len: 32,
        })
    }

    fn flushed(wanted: &mut Wanted) -> Vec<(Key, bool)> {
        let mut out = Actions::new();
        wanted.flush(&mut out);
        out.iter()
            .map(|action| match action {
                Action::Want { key, spec } => (*key, spec.is_some()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_address_that_changes_hands_is_left_alone() {
        let (spec, mut wanted) = (Spec::Address(AddressSpec::default()), Wanted::default());
        wanted.claim(InstanceId(1), key(1), &spec);
        assert_eq!(flushed(&mut wanted), [(key(1), true)]);
        wanted.release(InstanceId(1), key(1));
        wanted.claim(InstanceId(2), key(1), &spec);
        assert_eq!(flushed(&mut wanted), []);
        wanted.release(InstanceId(2), key(1));
        assert_eq!(flushed(&mut wanted), [(key(1), false)]);
    }

    #[test]
    fn removals_go_first_and_a_lost_address_is_wanted_again() {
        let (spec, mut wanted) = (Spec::Address(AddressSpec::default()), Wanted::default());
        wanted.claim(InstanceId(1), key(9), &spec);
        flushed(&mut wanted);
        wanted.answered(key(9), true);
        assert!(wanted.is_settled(key(9)) && wanted.is_quiet());
        wanted.claim(InstanceId(1), key(1), &spec);
        wanted.release(InstanceId(1), key(9));
        assert_eq!(flushed(&mut wanted), [(key(9), false), (key(1), true)]);
        wanted.answered(key(1), true);
        wanted.lost(key(1));
        assert_eq!(flushed(&mut wanted), [(key(1), true)]);
        assert!(!wanted.is_quiet());
    }
}
