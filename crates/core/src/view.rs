//! A read-only picture for dumps, status and checkers.

use std::net::Ipv4Addr;

use keepalived_model::kernel::{AddressKey, Key};
use keepalived_model::{InstanceId, Vrid};

use crate::engine::Engine;
use crate::instance::Counters;
use crate::report::{Fault, State};

/// Everything that may be looked at from outside.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// In the order of the file.
    pub instances: Vec<InstanceView<'a>>,
}

/// One virtual router.
#[derive(Clone, Debug)]
pub struct InstanceView<'a> {
    /// Its identity within the engine.
    pub id: InstanceId,
    /// Its name.
    pub name: &'a str,
    /// The interface it is configured on.
    pub interface: &'a str,
    /// Its VRID.
    pub vrid: Vrid,
    /// Its state.
    pub state: State,
    /// Priority in effect.
    pub priority: u8,
    /// What keeps it in FAULT.
    pub faults: Vec<Fault>,
    /// Where its adverts come from.
    pub source: Option<Ipv4Addr>,
    /// The master it last heard.
    pub master: Option<Ipv4Addr>,
    /// The addresses it wants now; none unless master.
    pub wanted: Vec<AddressKey>,
    /// Whether all of them are known to be there.
    pub settled: bool,
    /// What it counted.
    pub counters: &'a Counters,
}

impl Engine {
    /// The picture of this moment.
    pub fn view(&self) -> View<'_> {
        let instances = self.order.iter().filter_map(|id| self.instances.get(id));
        let look = instances.map(|instance| {
            let mut faults: Vec<Fault> = instance.own_faults.iter().cloned().collect();
            faults.extend(instance.group_fault.then_some(Fault::Group));
            InstanceView {
                id: instance.id,
                name: &instance.name,
                interface: instance.config.interface_name(),
                vrid: instance.config.vrid,
                state: instance.state,
                priority: instance.priority.number(),
                faults,
                source: instance.source,
                master: instance.heard_master(),
                wanted: instance.placed().collect(),
                settled: instance.placed().all(|key| self.wanted.is_settled(Key::Address(key))),
                counters: &instance.counters,
            }
        });
        View { instances: look.collect() }
    }
}
