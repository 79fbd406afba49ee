//! What we want of the kernel, and who wants it.
//!
//! Owners claim and release; nothing is said to the kernel until [`Wanted::flush`] finds the difference
//! between what is wanted and what was last said. So a VIP that moves from one instance to another within one
//! event changes nothing, and removals go first: a moved address must be free before it is claimed again. Apart
//! from that things are said in the order they were claimed and released in: routes need addresses, and sometimes
//! each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, Key, Refusal, Spec};
use keepalived_model::{InstanceId, LinkId};

use crate::event::{Action, Actions};

/// Who wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claimant {
    /// The configuration itself, for as long as the daemon runs.
    Lasting,
    /// A virtual router, while it is master.
    Instance(InstanceId),
}

impl From<InstanceId> for Claimant {
    fn from(id: InstanceId) -> Self {
        Self::Instance(id)
    }
}

/// The wanted table with its owners.
#[derive(Clone, Debug, Default, Hash)]
pub struct Wanted {
    entries: BTreeMap<Key, Entry>,
    /// Each once.
    changed: Vec<Key>,
    /// Answers that are still to come for all of them.
    unanswered: u64,
}

#[derive(Clone, Debug, Default, Hash)]
struct Entry {
    /// Each once; there is rarely more than one.
    owners: Vec<Claimant>,
    spec: Option<Spec>,
    /// What was last said to the kernel's side; outer `None`: nothing yet, or to be said again.
    told: Option<Option<Spec>>,
    /// Answers that are still to come for what was said.
    unanswered: u32,
    /// The last answer was a success and nothing was said since.
    settled: bool,
    /// It is among [`Wanted::changed`].
    changed: bool,
    /// Why the kernel refused it last.
    refused: Option<i32>,
}

impl Wanted {
    /// An owner wants this to be there.
    pub fn claim(&mut self, owner: impl Into<Claimant>, key: &Key, spec: &Spec) {
        let entry = self.change(key);
        let owner = owner.into();
        if !entry.owners.contains(&owner) {
            entry.owners.push(owner);
        }
        entry.spec = Some(spec.clone());
    }

    /// An owner does not care any more.
    pub fn release(&mut self, owner: impl Into<Claimant>, key: &Key) {
        let owner = owner.into();
        if let Some(entry) = self.entries.get_mut(key)
            && let Some(at) = entry.owners.iter().position(|other| *other == owner)
        {
            entry.owners.remove(at);
            entry.refused = None;
            self.change(key);
        }
    }

    /// Nobody wants this; make sure that it is not there, whoever left it.
    pub fn forbid(&mut self, key: &Key) {
        self.change(key);
    }

    /// The kernel lost it: say again what is wanted.
    pub fn lost(&mut self, key: &Key) {
        if self.entries.contains_key(key) {
            let entry = self.change(key);
            entry.told = None;
            entry.settled = false;
        }
    }

    /// The kernel lost it, and could not have it now: it is said again when something changes, see [`Self::refused`].
    pub fn missing(&mut self, key: &Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.told = None;
            entry.settled = false;
        }
    }

    fn change(&mut self, key: &Key) -> &mut Entry {
        let entry = self.entries.entry(key.clone()).or_default();
        if !std::mem::replace(&mut entry.changed, true) {
            self.changed.push(key.clone());
        }
        entry
    }

    /// The kernel's side answered. Says whether a refusal is news: what is tried again when an interface or address
    /// appears may be refused many times.
    pub fn answered(&mut self, key: &Key, outcome: &Result<(), Refusal>) -> bool {
        let mut is_news = true;
        if let Some(entry) = self.entries.get_mut(key) {
            if let Some(fewer) = entry.unanswered.checked_sub(1) {
                entry.unanswered = fewer;
                self.unanswered -= 1;
            }
            entry.settled = outcome.is_ok() && entry.unanswered == 0;
            let refused = outcome.as_ref().err().map(|refusal| refusal.errno);
            is_news = std::mem::replace(&mut entry.refused, refused) != refused;
            let absence_confirmed = entry.told == Some(None) && entry.unanswered == 0;
            if absence_confirmed && entry.owners.is_empty() && !entry.changed {
                self.entries.remove(key);
            }
        }
        is_news
    }

    /// Whether a claimed thing is known to be there.
    pub fn is_settled(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.settled)
    }

    /// Whether an answer about this is still to come.
    pub fn is_open(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.changed || entry.unanswered > 0)
    }

    /// Whether it is wanted, or was and is not known to be gone.
    pub fn concerns(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    /// An address on a link that was ever wanted, whatever its prefix.
    pub fn address_at(&self, link: LinkId, ip: IpAddr) -> Option<AddressKey> {
        let key = |prefix_len| Key::Address(AddressKey { link, ip, prefix_len });
        let mut found = self.entries.range(key(0)..=key(u8::MAX));
        found.find(|(_, entry)| !entry.owners.is_empty()).and_then(|(key, _)| key.address())
    }

    /// Every virtual router that wants it now.
    pub fn owners(&self, key: &Key) -> Vec<InstanceId> {
        let instance = |owner: &Claimant| match owner {
            Claimant::Instance(id) => Some(*id),
            Claimant::Lasting => None,
        };
        self.entries
            .get(key)
            .map(|entry| entry.owners.iter().filter_map(instance).collect())
            .unwrap_or_default()
    }

    /// Whether anybody wants it now.
    pub fn is_wanted(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| !entry.owners.is_empty())
    }

    /// Whether it is a static thing.
    pub fn is_lasting(&self, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.owners.contains(&Claimant::Lasting))
    }

    /// Whether nothing is left to be said or answered.
    pub fn is_quiet(&self) -> bool {
        self.changed.is_empty() && self.unanswered == 0
    }

    /// How somebody wants it to look now.
    pub fn spec(&self, key: &Key) -> Option<&Spec> {
        self.entries.get(key).filter(|entry| !entry.owners.is_empty())?.spec.as_ref()
    }

    /// Everything wanted now.
    pub fn keys(&self) -> impl Iterator<Item = (&Key, &Spec)> {
        self.entries
            .iter()
            .filter(|(_, entry)| !entry.owners.is_empty())
            .filter_map(|(key, entry)| entry.spec.as_ref().map(|spec| (key, spec)))
    }

    /// What is wanted and was refused, which the kernel may see differently by now.
    pub fn refused(&self) -> impl Iterator<Item = &Key> {
        let waits = |entry: &Entry| !entry.settled && !entry.changed && entry.unanswered == 0;
        self.entries
            .iter()
            .filter(move |(_, entry)| !entry.owners.is_empty() && waits(entry))
            .map(|(key, _)| key)
    }

    /// Says what changed since the last flush, removals first.
    pub fn flush(&mut self, out: &mut Actions) {
        let changed = std::mem::take(&mut self.changed);
        let (put, drop): (Vec<Key>, Vec<Key>) = changed.into_iter().partition(|key| self.is_wanted(key));
        for key in drop.into_iter().chain(put) {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.changed = false;
            let want = if entry.owners.is_empty() { None } else { entry.spec.clone() };
            if entry.told.as_ref() == Some(&want) {
                continue;
            }
            entry.told = Some(want.clone());
            entry.unanswered += 1;
            self.unanswered += 1;
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
                Action::Want { key, spec } => (key.clone(), spec.is_some()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn an_address_that_changes_hands_is_left_alone() {
        let (spec, mut wanted) = (Spec::Address(AddressSpec::default()), Wanted::default());
        wanted.claim(InstanceId(1), &key(1), &spec);
        assert_eq!(flushed(&mut wanted), [(key(1), true)]);
        wanted.release(InstanceId(1), &key(1));
        wanted.claim(InstanceId(2), &key(1), &spec);
        assert_eq!(flushed(&mut wanted), []);
        wanted.release(InstanceId(2), &key(1));
        assert_eq!(flushed(&mut wanted), [(key(1), false)]);
    }

    #[test]
    fn removals_go_first_and_a_lost_address_is_wanted_again() {
        let (spec, mut wanted) = (Spec::Address(AddressSpec::default()), Wanted::default());
        wanted.claim(InstanceId(1), &key(9), &spec);
        flushed(&mut wanted);
        wanted.answered(&key(9), &Ok(()));
        assert!(wanted.is_settled(&key(9)) && wanted.is_quiet());
        wanted.claim(InstanceId(1), &key(1), &spec);
        wanted.release(InstanceId(1), &key(9));
        assert_eq!(flushed(&mut wanted), [(key(9), false), (key(1), true)]);
        wanted.answered(&key(1), &Ok(()));
        wanted.lost(&key(1));
        assert_eq!(flushed(&mut wanted), [(key(1), true)]);
        assert!(!wanted.is_quiet());
    }
}
