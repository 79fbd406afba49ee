//! What the kernel answered. What it refused is told to those who wanted it, and asked for again.

use keepalived_model::kernel::{Key, Refusal};
use keepalived_model::{InstanceId, Micros};

use crate::engine::{Engine, Owner};
use crate::event::{Action, Actions};
use crate::report::{Name, Report};

/// How soon after a refusal the kernel is asked again: a master without its addresses helps nobody, and why it
/// refused may pass, such as memory that was short or IPv6 that was switched off on an interface. What came and went
/// between two looks at the interfaces is never told.
const RETRY_EVERY: Micros = Micros::from_secs(1);
/// So many refused addresses make the pause longer by as much again.
const RETRIES_AT_ONCE: u64 = 64;

impl Engine {
    /// The kernel's side did what was wanted, or could not.
    pub(crate) fn settled(&mut self, key: Key, outcome: Result<(), Refusal>, out: &mut Actions) {
        let owners = self.wanted.owners(&key);
        let is_wanted = self.wanted.is_wanted(&key);
        let is_news = self.wanted.answered(&key, &outcome);
        if let Key::Link(name) = key {
            return self.link_settled(name, outcome, out);
        }
        match &outcome {
            Ok(()) if is_wanted && is_news => self.accepted_after_all(&key, &owners, out),
            Err(_) if is_wanted => self.begin_retries(),
            Ok(()) | Err(_) => {}
        }
        match (&key, outcome) {
            (Key::Address(address), Ok(())) if is_wanted => self.links.put_address(*address),
            (Key::Address(address), Ok(())) => self.links.remove_address(*address),
            (_, Err(refusal)) if is_news => self.report_refusal(&key, &owners, &refusal, out),
            (_, Ok(()) | Err(_)) => {}
        }
        if is_wanted && self.wanted.is_settled(&key) {
            self.fixture_settled(&key, out);
        }
        self.unfinished.extend(owners);
    }

    /// Something wanted was refused.
    pub(crate) fn begin_retries(&mut self) {
        if self.retry_at.is_none() {
            self.retry_at = Some(self.now + RETRY_EVERY);
            self.touch(Owner::Refusals);
        }
    }

    /// Asks again for what was refused, where that is not in vain: a static route waits for its interface, and links
    /// of our own are the business of those whose states depend on them.
    pub(crate) fn retry_refused(&mut self) {
        let promising = |key: &&Key| !matches!(key, Key::Link(_)) && !self.lacks_footing(key);
        let refused: Vec<Key> = self.wanted.refused().filter(promising).cloned().collect();
        let pause =
            RETRY_EVERY.times(1 + u64::try_from(refused.len()).unwrap_or(u64::MAX - 1) / RETRIES_AT_ONCE);
        self.retry_at = Some(self.now + pause).filter(|_| !refused.is_empty() && !self.stopping);
        for key in refused {
            self.wanted.lost(&key);
        }
    }

    /// The kernel took what it had refused. The neighbors have not been told of it yet.
    pub(crate) fn accepted_after_all(&mut self, key: &Key, owners: &[InstanceId], out: &mut Actions) {
        let Key::Address(address) = key else { return };
        for id in owners {
            let Some(instance) = self.instances.get_mut(id) else { continue };
            instance.announce_when_settled();
            let (instance, interface) = (Some(instance.name.clone()), self.links.name(address.link));
            out.push(Action::Report(Report::AddressAccepted { instance, interface, key: *address }));
        }
    }

    pub(crate) fn report_refusal(
        &self,
        key: &Key,
        owners: &[InstanceId],
        refusal: &Refusal,
        out: &mut Actions,
    ) {
        let spec = self.wanted.spec(key).cloned();
        let names = owners.iter().filter_map(|id| self.instances.get(id)).map(|it| Some(it.name.clone()));
        let mut names: Vec<Option<Name>> = names.collect();
        if names.is_empty() && spec.is_some() {
            names.push(None);
        }
        for instance in names {
            let refusal = refusal.clone();
            let report = match (key, &spec) {
                (Key::Address(address), _) => {
                    let interface = self.links.name(address.link);
                    Report::AddressRefused { instance, interface, key: *address, refusal }
                }
                (Key::Barred(barred), _) => {
                    let Some(instance) = instance else { continue };
                    Report::BarRefused { instance, ip: barred.ip, refusal }
                }
                (Key::Link(_) | Key::Setting(..) | Key::OwnReversePaths, _) => continue,
                (Key::Route(_) | Key::Rule(_), Some(spec)) => {
                    Report::RoutingRefused { instance, key: key.clone(), spec: spec.clone(), refusal }
                }
                (Key::Route(_) | Key::Rule(_), None) => continue,
            };
            out.push(Action::Report(report));
        }
    }
}
