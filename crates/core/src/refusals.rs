//! What the kernel refused, told to those who wanted it.

use keepalived_model::InstanceId;
use keepalived_model::kernel::{Key, Refusal};

use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::report::{Name, Report};

impl Engine {
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
