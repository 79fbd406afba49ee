//! From a packet to the virtual router it is for, and what has to be received at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use keepalived_model::vrrp::{Carrier, Family, Transport};
use keepalived_model::{InstanceId, LinkId, Vrid};
use keepalived_wire::vrrp::{Address, Packet};

use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::instance::Instance;
use crate::report::Report;

/// Who listens to what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners {
    /// By [`place`], in ascending order.
    seats: Vec<(u64, InstanceId)>,
    joined: BTreeSet<(LinkId, IpAddr)>,
    admitted: BTreeMap<Carrier, Vec<Vrid>>,
}

impl Engine {
    /// Something that may be an advert came in.
    pub(crate) fn received(&mut self, link: LinkId, packet: Packet<'_>, out: &mut Actions) {
        let address = match packet.address() {
            Ok(address) => address,
            Err(reason) => return out.push(Action::Report(Report::Unreadable { reason })),
        };
        let Some(id) = self.listener(link, &address) else {
            let interface = self.links.name(link);
            return out.push(Action::Report(Report::UnknownVrid { vrid: address.vrid, interface }));
        };
        let intent = self.with(id, out, |instance, ctx| instance.receive(&packet, address.source, ctx));
        self.carry_out(id, intent.flatten(), out);
    }

    /// Of several instances with one VRID, the one of the packet's family, kind and group or address; on its link
    /// also one that it does not fit, which knows best what is wrong with it.
    fn listener(&self, link: LinkId, address: &Address) -> Option<InstanceId> {
        let seats = |link| self.listeners.at(place(link, address.vrid));
        let of_family = |id: &&InstanceId| {
            let family = Family::of(address.source);
            self.instances.get(id).is_some_and(|instance| instance.config.family == family)
        };
        let here = || seats(Some(link)).filter(of_family);
        let anywhere = seats(None).filter(of_family);
        let fits = |id: &&InstanceId| self.instances.get(id).is_some_and(|it| fits(it, address.destination));
        here().chain(anywhere).find(fits).or_else(|| here().next()).copied()
    }

    /// Which groups have to be received where, which VRIDs are ours, who listens to what.
    pub(crate) fn renew_listeners(&mut self, out: &mut Actions) {
        let (mut seats, mut joined) = (Vec::new(), BTreeSet::new());
        let mut vrids: BTreeMap<Carrier, BTreeSet<Vrid>> = BTreeMap::new();
        for (id, instance) in self.instances.iter() {
            let config = &instance.config;
            vrids.entry(config.carrier()).or_default().insert(config.vrid);
            let link = match (&config.interface, instance.link) {
                (Some(_), None) => continue,
                (Some(_), link) => link,
                // Its packets come in wherever the routes of the others say.
                (None, _) => None,
            };
            seats.push((place(link, config.vrid.number()), *id));
            if let (Transport::Multicast { group, .. }, Some(link)) = (&config.transport, link) {
                joined.insert((link, *group));
            }
        }
        for carrier in Carrier::ALL {
            let vrids: Vec<Vrid> = vrids.remove(&carrier).into_iter().flatten().collect();
            let before = self.listeners.admitted.insert(carrier, vrids.clone());
            if before.unwrap_or_default() != vrids {
                out.push(Action::Admit { carrier, vrids });
            }
        }
        for (link, group) in self.listeners.joined.difference(&joined) {
            out.push(Action::Leave { link: *link, group: *group });
        }
        for (link, group) in joined.difference(&self.listeners.joined) {
            out.push(Action::Join { link: *link, group: *group });
        }
        seats.sort_unstable();
        (self.listeners.seats, self.listeners.joined) = (seats, joined);
    }
}

impl Listeners {
    /// Who sits there, in the order of numbers.
    fn at(&self, place: u64) -> impl Iterator<Item = &InstanceId> {
        let first = self.seats.partition_point(|(other, _)| *other < place);
        let here = self.seats.get(first..).unwrap_or_default().iter();
        here.take_while(move |(other, _)| *other == place).map(|(_, id)| id)
    }
}

/// Where those listen who hear this VRID on that link, or on all links.
fn place(link: Option<LinkId>, vrid: u8) -> u64 {
    let link = link.map_or(0, |link| u64::from(link.0) + 1);
    link << 8 | u64::from(vrid)
}

/// Whether this is where packets for it go to.
fn fits(instance: &Instance, destination: IpAddr) -> bool {
    match &instance.config.transport {
        Transport::Multicast { group, .. } => *group == destination,
        Transport::Unicast { .. } => instance.source == Some(destination),
    }
}
