//! The kernel's links and addresses as the core needs them.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, Link, Snapshot};
use keepalived_model::link::UpDownDelay;
use keepalived_model::vrrp::Family;
use keepalived_model::{Instant, LinkId, Micros};

use crate::deadlines::ahead;
use crate::report::Name;

/// A picture of all links, fed from a snapshot and from changes. Whether a link is up is what counts as that: with
/// `interface_up_down_delays` the kernel is believed a while later (`spec` config 3.4).
#[derive(Clone, Debug, Default)]
pub struct Links {
    links: BTreeMap<LinkId, Entry>,
    delays: Vec<UpDownDelay>,
}

#[derive(Clone, Debug)]
struct Entry {
    link: Link,
    /// The kernel says that it is the other way round, which counts from then on.
    turns: Option<Instant>,
    /// In the kernel's order: the first is the primary.
    addresses: Vec<AddressKey>,
}

impl Links {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { links, delays: _ } = self;
        for (id, Entry { link, turns, addresses }) in links {
            (id, &link.name, link.up, link.mac, ahead(*turns, now), addresses).hash(into);
        }
    }

    /// The picture at start.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut links = Self::default();
        for link in &snapshot.links {
            links.put(link.clone(), Instant(0));
        }
        for address in &snapshot.addresses {
            links.put_address(address.key);
        }
        links
    }

    /// How long links have to be up or down until that counts. What is under way is not affected.
    pub fn set_delays(&mut self, delays: Vec<UpDownDelay>) {
        self.delays = delays;
    }

    /// A link is new or changed. Returns what was known of it.
    pub fn put(&mut self, mut link: Link, now: Instant) -> Option<Link> {
        let patience = self.patience(&link);
        let Some(entry) = self.links.get_mut(&link.id) else {
            self.links.insert(link.id, Entry { link, turns: None, addresses: Vec::new() });
            return None;
        };
        if link.up == entry.link.up {
            entry.turns = None;
        } else if !patience.is_zero() {
            entry.turns.get_or_insert(now + patience);
            link.up = entry.link.up;
        }
        Some(std::mem::replace(&mut entry.link, link))
    }

    /// What counts from now on, as it was and as it is.
    pub fn turn(&mut self, now: Instant) -> Vec<(Link, Link)> {
        let due = self.links.values_mut().filter_map(|entry| {
            entry.turns.take_if(|at| *at <= now)?;
            let before = entry.link.clone();
            entry.link.up = !before.up;
            Some((before, entry.link.clone()))
        });
        due.collect()
    }

    /// When something will count next.
    pub fn next_turn(&self) -> Option<Instant> {
        self.links.values().filter_map(|entry| entry.turns).min()
    }

    fn patience(&self, link: &Link) -> Micros {
        let delay = self.delays.iter().find(|delay| delay.name == link.name);
        delay.map_or(Micros::ZERO, |delay| if link.up { delay.up } else { delay.down })
    }

    /// A link is gone, with its addresses.
    pub fn remove(&mut self, id: LinkId) -> Option<Link> {
        self.links.remove(&id).map(|entry| entry.link)
    }

    /// An address is there.
    pub fn put_address(&mut self, key: AddressKey) {
        if let Some(entry) = self.links.get_mut(&key.link)
            && !entry.addresses.contains(&key)
        {
            entry.addresses.push(key);
        }
    }

    /// An address is gone.
    pub fn remove_address(&mut self, key: AddressKey) {
        if let Some(entry) = self.links.get_mut(&key.link) {
            entry.addresses.retain(|known| *known != key);
        }
    }

    /// All links by index, each with its addresses, primary first.
    pub fn all(&self) -> impl Iterator<Item = (&Link, Vec<AddressKey>)> {
        self.links.values().map(|entry| (&entry.link, entry.addresses.clone()))
    }

    /// A link by index.
    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id).map(|entry| &entry.link)
    }

    /// A link's present name, for a report; empty when it is gone.
    pub fn name(&self, id: LinkId) -> Name {
        self.get(id).map_or("", |link| link.name.as_str()).into()
    }

    /// A link by its present name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.values().map(|entry| &entry.link).find(|link| link.name == name)
    }

    /// Whether the link of this name exists and can carry traffic.
    pub fn is_up(&self, name: &str) -> bool {
        self.named(name).is_some_and(|link| link.up)
    }

    /// All addresses of a link, primary first.
    pub fn addresses(&self, id: LinkId) -> impl Iterator<Item = AddressKey> + '_ {
        self.links.get(&id).into_iter().flat_map(|entry| entry.addresses.iter().copied())
    }

    /// The address adverts come from: the link's first IPv4 address, or its first link-local one of IPv6, that is
    /// none of `excluded` (`spec` config 4.2).
    pub fn source(
        &self,
        id: LinkId,
        family: Family,
        excluded: impl Fn(AddressKey) -> bool,
    ) -> Option<IpAddr> {
        let is_candidate = |ip: &IpAddr| match ip {
            IpAddr::V4(_) => family == Family::V4,
            IpAddr::V6(ip) => family == Family::V6 && ip.is_unicast_link_local(),
        };
        self.addresses(id).filter(|key| !excluded(*key)).map(|key| key.ip).find(is_candidate)
    }

    /// Whether the link, or any link where none is named, has this address.
    pub fn has(&self, id: Option<LinkId>, ip: IpAddr) -> bool {
        let here = |entry: &Entry| entry.addresses.iter().any(|key| key.ip == ip);
        match id {
            Some(id) => self.links.get(&id).is_some_and(here),
            None => self.links.values().any(here),
        }
    }
}
