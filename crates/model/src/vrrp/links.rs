//! Which interfaces instances need, make and announce addresses on.

use super::{Config, Family, Instance, VirtualAddress};
use crate::link::{OwnLink, Polled};
use crate::route;
use crate::time::Micros;

impl Config {
    /// Interfaces that are polled because somebody cares for them. What is made on top of others tells the kernel all
    /// there is to know.
    pub fn beats(&self) -> Vec<Polled> {
        let cares = |name: &str| self.instances.iter().any(|instance| instance.cares_for(name));
        let tracks = |name: &str| {
            let groups = self.groups.iter().flat_map(|group| &group.track.interfaces);
            groups.into_iter().any(|tracked| tracked.name == name)
                || self.lasting.interfaces().any(|(interface, group)| group.is_some() && interface == name)
        };
        let mut beats = self.polled.clone();
        let of_instances = self.instances.iter().filter_map(|instance| instance.interface.as_ref());
        for name in of_instances.filter(|_| self.polls_instances) {
            if beats.iter().all(|polled| polled.name != *name) {
                beats.push(Polled { name: name.clone(), by: None });
            }
        }
        beats.retain(|polled| (cares(&polled.name) || tracks(&polled.name)) && !self.makes(&polled.name));
        beats
    }

    /// Whether an instance makes a link of this name.
    pub fn makes(&self, name: &str) -> bool {
        self.instances.iter().any(|instance| instance.makes(name))
    }
}

impl Instance {
    /// Whether it makes a link of this name.
    pub fn makes(&self, name: &str) -> bool {
        let addresses = self.addresses.iter().chain(&self.excluded);
        let vmacs = addresses.filter_map(|address| Some(address.vmac.as_ref()?.name.as_str()));
        vmacs.chain(self.own_link.as_ref().map(OwnLink::name)).any(|made| made == name)
    }

    /// From one announcement of addresses on further interfaces to the next (`garp_extra_if`); none where it has no such
    /// addresses.
    pub fn extra_garp(&self) -> Option<Micros> {
        let extra = self.garp.extra?;
        let elsewhere = |address: &VirtualAddress| {
            let other = address.interface.is_some() && address.interface != self.interface;
            // Those of the other family stay on the interface below its own link.
            let below = self.own_link.is_some() && Family::of(address.ip) != self.family;
            address.vmac.is_some() || extra.all && (other || below)
        };
        self.addresses.iter().chain(&self.excluded).any(elsewhere).then_some(extra.interval)
    }

    /// Whether the state of the interface of this name may make a difference to it.
    pub fn cares_for(&self, name: &str) -> bool {
        let addresses = self.addresses.iter().chain(&self.excluded);
        let others = addresses.filter_map(|address| address.interface.as_deref());
        let tracked = self.track.interfaces.iter().map(|tracked| tracked.name.as_str());
        let routed = route::interfaces(&self.routes, &self.rules);
        others.chain(tracked).chain(routed).chain(self.link_name()).any(|other| other == name)
    }
}
