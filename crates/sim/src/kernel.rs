//! A kernel and the reconciler in front of it, as far as the engine can tell them apart from real ones.
//!
//! Requests are carried out one after the other, each after a while, and each is answered once. What others change is told as news, unless the news is lost; then a
//! resync finds the difference later.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::kernel::{Address, AddressKey, Change, Key, Link, Refusal, Snapshot, Spec};
use keepalived_model::vrrp::Family;
use keepalived_model::{Instant, LinkId, MacAddr, Micros};

use crate::rng::Rng;

/// How the kernel of a node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temper {
    /// Shortest time for one request, in microseconds.
    pub work_min: u64,
    /// Longest time for one request, in microseconds.
    pub work_max: u64,
    /// Additions refused, parts of a million.
    pub refuse: u32,
    /// News is lost until the next resync.
    pub deaf: bool,
}

impl Temper {
    /// A kernel with nothing else to do.
    pub const FAIR: Self = Self { work_min: 15, work_max: 300, refuse: 0, deaf: false };
}

/// One interface of a node, as planned.
#[derive(Clone, Debug)]
pub struct Port {
    /// The kernel's index.
    pub link: LinkId,
    /// Its name.
    pub name: String,
    /// Which Ethernet it is plugged into.
    pub segment: usize,
    /// Its own address of IPv4; that of IPv6 follows from its last octet.
    pub ip: Ipv4Addr,
    /// Its hardware address.
    pub mac: MacAddr,
}

impl Port {
    /// The interface when it is new.
    fn link(&self) -> Link {
        Link::ethernet(self.link, &*self.name, self.mac)
    }

    /// Its own address of a family, which adverts come from.
    pub fn own(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.ip.into(),
            Family::V6 => [0xfe80, 0, 0, 0, 0, 0, 0, u16::from(self.ip.octets()[3])].into(),
        }
    }

    /// Its own addresses as the kernel's identities.
    pub fn primaries(&self) -> [AddressKey; 2] {
        [(Family::V4, 24), (Family::V6, 64)].map(|(family, prefix_len)| AddressKey {
            link: self.link,
            ip: self.own(family),
            prefix_len,
        })
    }
}

/// The kernel of one node, and what its reconciler believes.
#[derive(Clone, Debug)]
pub struct FakeKernel {
    /// How it behaves.
    pub temper: Temper,
    /// It keeps the mark that says whose an address is.
    pub marks: bool,
    links: BTreeMap<LinkId, Link>,
    addresses: Vec<Address>,
    routing: BTreeSet<Key>,
    told_links: BTreeMap<LinkId, Link>,
    told_addresses: Vec<AddressKey>,
    told_routing: BTreeSet<Key>,
    /// Asked for, refused, and not asked for again with success.
    refused: BTreeSet<Key>,
    free_at: Instant,
    /// Requests without an answer, and news on the way.
    pub pending: usize,
}

impl FakeKernel {
    /// A kernel with these interfaces, all up.
    pub fn new(ports: &[Port], marks: bool) -> Self {
        let primaries = ports.iter().flat_map(Port::primaries);
        let links: BTreeMap<LinkId, Link> = ports.iter().map(|port| (port.link, port.link())).collect();
        Self {
            temper: Temper::FAIR,
            marks,
            told_links: links.clone(),
            links,
            addresses: primaries.map(|key| Address { key, ours: false }).collect(),
            told_addresses: Vec::new(),
            routing: BTreeSet::new(),
            told_routing: BTreeSet::new(),
            refused: BTreeSet::new(),
            free_at: Instant(0),
            pending: 0,
        }
    }

    /// A new process looks: everything it believed before is forgotten.
    pub fn dump(&mut self, now: Instant) -> Snapshot {
        self.pending = 0;
        self.refused.clear();
        self.free_at = now;
        self.told_links = self.links.clone();
        self.told_addresses = self.addresses.iter().map(|address| address.key).collect();
        self.told_routing.clear();
        Snapshot { links: self.links.values().cloned().collect(), addresses: self.addresses.clone() }
    }

    /// Notes a request and says when its turn will be over.
    pub fn want(&mut self, now: Instant, rng: &mut Rng) -> Instant {
        self.pending += 1;
        self.free_at =
            self.free_at.max(now) + Micros(rng.between(self.temper.work_min, self.temper.work_max));
        self.free_at
    }

    /// Carries a request out.
    pub fn apply(&mut self, key: &Key, spec: Option<&Spec>, rng: &mut Rng) -> Result<(), Refusal> {
        let outcome = self.carry_out(key, spec, rng);
        match outcome {
            Ok(()) => self.refused.remove(key),
            Err(_) => self.refused.insert(key.clone()),
        };
        outcome
    }

    fn carry_out(&mut self, key: &Key, spec: Option<&Spec>, rng: &mut Rng) -> Result<(), Refusal> {
        let key = match key {
            Key::Address(key) => *key,
            Key::Route(_) | Key::Rule(_) => return self.apply_routing(key, spec.is_some()),
            // What else there is has no part in the elections that are played here.
            Key::Barred(_) | Key::Link(_) | Key::Setting(..) | Key::OwnReversePaths => return Ok(()),
        };
        self.told_addresses.retain(|told| *told != key);
        if spec.is_none() {
            self.addresses.retain(|address| address.key != key);
            return Ok(());
        }
        if !self.links.contains_key(&key.link) {
            return Err(Refusal { errno: 19, text: "No such device".into() });
        }
        if rng.chance(self.temper.refuse) && !self.holds(key) {
            return Err(Refusal { errno: 105, text: "No buffer space available".into() });
        }
        if !self.holds(key) {
            self.addresses.push(Address { key, ours: self.marks });
        }
        self.told_addresses.push(key);
        Ok(())
    }

    fn apply_routing(&mut self, key: &Key, there: bool) -> Result<(), Refusal> {
        self.told_routing.remove(key);
        if !there {
            self.routing.remove(key);
            return Ok(());
        }
        if let Key::Route(route) = key
            && let Some(link) = route.link
        {
            match self.links.get(&link) {
                None => return Err(Refusal { errno: 19, text: "No such device".into() }),
                Some(link) if !link.up => {
                    return Err(Refusal { errno: 100, text: "Network is down".into() });
                }
                Some(_) => {}
            }
        }
        self.routing.insert(key.clone());
        self.told_routing.insert(key.clone());
        Ok(())
    }

    /// A route takes leave of an interface that cannot carry it.
    fn forget_routes(&mut self, link: LinkId) {
        self.routing.retain(|key| !matches!(key, Key::Route(route) if route.link == Some(link)));
    }

    /// Somebody else removes a route or rule.
    pub fn remove_routing(&mut self, key: &Key) {
        self.routing.remove(key);
    }

    /// Every route and rule that is there.
    pub fn routing(&self) -> &BTreeSet<Key> {
        &self.routing
    }

    /// Somebody else removes an address.
    pub fn remove(&mut self, key: AddressKey) {
        self.addresses.retain(|address| address.key != key);
    }

    /// Somebody else adds an address.
    pub fn add(&mut self, key: AddressKey) {
        if self.links.contains_key(&key.link) && !self.holds(key) {
            self.addresses.push(Address { key, ours: false });
        }
    }

    /// A cable is pulled or plugged.
    pub fn set_up(&mut self, link: LinkId, up: bool) {
        if let Some(found) = self.links.get_mut(&link) {
            found.up = up;
        }
        if !up {
            self.forget_routes(link);
        }
    }

    /// An interface is deleted.
    pub fn delete(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.addresses.retain(|address| address.key.link != link);
        self.forget_routes(link);
    }

    /// An interface is created, without addresses.
    pub fn create(&mut self, port: &Port) {
        self.links.insert(port.link, port.link());
    }

    /// Whether an interface exists.
    pub fn exists(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
    }

    /// Whether an interface carries traffic.
    pub fn is_up(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|link| link.up)
    }

    /// Whether an address is there.
    pub fn holds(&self, key: AddressKey) -> bool {
        self.addresses.iter().any(|address| address.key == key)
    }

    /// Whether the reconciler believes that an address is there.
    pub fn believes(&self, key: AddressKey) -> bool {
        self.told_addresses.contains(&key)
    }

    /// Everything there that is none of the interfaces' own.
    pub fn virtual_addresses<'a>(&'a self, ports: &'a [Port]) -> impl Iterator<Item = AddressKey> + 'a {
        let own = move |key: AddressKey| ports.iter().any(|port| port.primaries().contains(&key));
        self.addresses.iter().map(|address| address.key).filter(move |key| !own(*key))
    }

    /// What changed and was not told yet. Nothing while deaf.
    pub fn news(&mut self) -> Vec<Change> {
        if self.temper.deaf {
            return Vec::new();
        }
        let mut news = Vec::new();
        for link in self.links.values() {
            if self.told_links.get(&link.id) != Some(link) {
                news.push(Change::Link(link.clone()));
            }
        }
        let gone = self.told_links.keys().filter(|link| !self.links.contains_key(link));
        news.extend(gone.map(|link| Change::LinkGone(*link)));
        // The addresses of a deleted interface are not told one by one.
        self.told_addresses.retain(|key| self.links.contains_key(&key.link));
        self.told_links = self.links.clone();
        let there: Vec<AddressKey> = self.addresses.iter().map(|address| address.key).collect();
        news.extend(
            self.told_addresses
                .iter()
                .filter(|key| !there.contains(key))
                .map(|key| Change::AddressGone(*key)),
        );
        let new = self.addresses.iter().filter(|address| !self.told_addresses.contains(&address.key));
        news.extend(new.cloned().map(Change::Address));
        self.told_addresses = there;
        news.extend(self.told_routing.difference(&self.routing).cloned().map(Change::Lost));
        self.told_routing.retain(|key| self.routing.contains(key));
        self.pending += news.len();
        news
    }

    /// When everything asked for so far will have been carried out.
    pub fn busy_until(&self) -> Instant {
        self.free_at
    }

    /// Whether the process knows everything there is to know, and has everything it asked for.
    pub fn is_idle(&self) -> bool {
        self.pending == 0 && self.refused.is_empty() && !self.temper.deaf
    }

    /// Whether an address that was refused is still missing. Routes wait for their interfaces.
    pub fn lacks_address(&self) -> bool {
        self.refused.iter().any(|key| matches!(key, Key::Address(_)))
    }
}
