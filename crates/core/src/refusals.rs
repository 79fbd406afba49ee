//! What the kernel refused: it is told to those who wanted it, and asked for again.

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
