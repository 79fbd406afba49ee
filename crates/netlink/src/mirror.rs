//! What is there, as far as the kernel told. Pure.

use std::collections::{BTreeMap, HashMap};

use keepalived_model::LinkId;
use keepalived_model::kernel::{Address, AddressKey, AddressSpec, Change, Link, Snapshot};

/// One thing the kernel told, whoever caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A link exists.
    Link(LinkFact),
    /// A link is gone.
    LinkGone(LinkId),
    /// An address exists.
    Address(Entry),
    /// An address is gone.
    AddressGone(AddressKey),
}

/// A link as a message describes it. Some messages (those of wireless drivers, for one) leave things out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFact {
    /// The link; what the message lacks has a neutral value.
    pub link: Link,
    /// The message named the hardware address or a link without one.
    pub has_mac: bool,
    /// The message named the MTU.
    pub has_mtu: bool,
}

/// An address with everything we care for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its identity.
    pub key: AddressKey,
    /// Its looks, as the kernel describes them.
    pub spec: AddressSpec,
    /// It has our mark, or we added it on a kernel without marks.
    pub ours: bool,
    /// IPv4: another address of the same subnet came first.
    pub secondary: bool,
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The event names our request socket as its cause.
    Us,
    /// It names another one, or none; events about IPv6 addresses never name one.
    Unknown,
}

/// What we ask the kernel to do with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Put it there.
    Add,
    /// Take it away.
    Remove,
}

/// All links and addresses.
///
/// Events of our own requests move the mirror too, at their place in the kernel's order, but are nobody's
/// news. They are recognised by the request socket they name; where the kernel does not name it (IPv6), by
/// the count of requests whose event is still due.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    links: BTreeMap<LinkId, Link>,
    /// The kernel's order, by link.
    order: BTreeMap<LinkId, Vec<AddressKey>>,
    addresses: HashMap<AddressKey, Entry>,
    due: HashMap<(AddressKey, Verb), u32>,
}

impl Mirror {
    /// Takes in one fact; what is news for others comes back.
    pub fn apply(&mut self, fact: Fact, origin: Origin) -> Option<Change> {
        match fact {
            Fact::Link(fact) => self.apply_link(fact),
            Fact::LinkGone(id) => self.drop_link(id).then_some(Change::LinkGone(id)),
            Fact::Address(entry) => {
                let expected = self.is_due(entry.key, Verb::Add, origin);
                let told = Address { key: entry.key, ours: entry.ours };
                let new = self.put(entry);
                (new && !expected).then_some(Change::Address(told))
            }
            Fact::AddressGone(key) => {
                let expected = self.is_due(key, Verb::Remove, origin);
                let old = self.take(&key);
                (old && !expected).then_some(Change::AddressGone(key))
            }
        }
    }

    /// A request of ours is about to be made; its event will be no news.
    pub fn expect(&mut self, key: AddressKey, verb: Verb) {
        *self.due.entry((key, verb)).or_default() += 1;
    }

    /// A request of ours was refused; it causes no event.
    pub fn forget(&mut self, key: AddressKey, verb: Verb) {
        self.due.remove(&(key, verb));
    }

    /// A request of ours succeeded and all events up to it were taken in. If its own was not among them (the
    /// kernel did not have to do anything, sends it later, or lost it) the mirror follows by itself.
    pub fn settle(&mut self, entry: Entry, verb: Verb) {
        let key = entry.key;
        if !self.due.contains_key(&(key, verb)) {
            return;
        }
        match verb {
            Verb::Add => {
                if !self.addresses.contains_key(&key) {
                    self.put(entry);
                }
                // An IPv6 address is announced by another thread of the kernel, after the acknowledgement.
                if key.ip.is_ipv4() {
                    self.forget(key, Verb::Add);
                }
            }
            Verb::Remove => {
                self.take(&key);
                self.forget(key, Verb::Remove);
                self.forget(key, Verb::Add);
            }
        }
    }

    /// Becomes `fresh`, which was read just now, and says what differs: links first, then what is gone, then
    /// what is new.
    pub fn replace(&mut self, fresh: Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in self.links.keys().filter(|id| !fresh.links.contains_key(id)) {
            changes.push(Change::LinkGone(*id));
        }
        for (id, link) in &fresh.links {
            if self.links.get(id) != Some(link) {
                changes.push(Change::Link(link.clone()));
            }
        }
        let orphan = |key: &AddressKey| !fresh.links.contains_key(&key.link);
        for key in self.keys().filter(|key| !fresh.addresses.contains_key(key) && !orphan(key)) {
            changes.push(Change::AddressGone(*key));
        }
        for entry in fresh.entries().filter(|entry| !self.addresses.contains_key(&entry.key)) {
            changes.push(Change::Address(Address { key: entry.key, ours: entry.ours }));
        }
        let known: Vec<AddressKey> =
            self.entries().filter(|entry| entry.ours).map(|entry| entry.key).collect();
        *self = fresh;
        // On a kernel without marks only we know which ones we added.
        for key in known {
            if let Some(entry) = self.addresses.get_mut(&key) {
                entry.ours = true;
            }
        }
        changes
    }

    /// One address. A label that is the link's name, which every IPv4 address without one gets, is left out.
    pub fn find(&self, key: &AddressKey) -> Option<Entry> {
        let mut entry = self.addresses.get(key)?.clone();
        let name = self.links.get(&key.link).map(|link| &link.name);
        entry.spec.label.take_if(|label| Some(&*label) == name);
        Some(entry)
    }

    /// Everything, in the kernel's order.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            links: self.links.values().cloned().collect(),
            addresses: self.entries().map(|entry| Address { key: entry.key, ours: entry.ours }).collect(),
        }
    }

    /// Adds at the end, the way a dump lists things.
    pub fn append(&mut self, entry: Entry) {
        let key = entry.key;
        if self.addresses.insert(key, entry).is_none() {
            self.order.entry(key.link).or_default().push(key);
        }
    }

    fn apply_link(&mut self, fact: LinkFact) -> Option<Change> {
        let LinkFact { mut link, has_mac, has_mtu } = fact;
        let old = self.links.get(&link.id);
        if let Some(old) = old {
            link.mac = if has_mac { link.mac } else { old.mac };
            link.mtu = if has_mtu { link.mtu } else { old.mtu };
        }
        if old == Some(&link) {
            return None;
        }
        self.links.insert(link.id, link.clone());
        Some(Change::Link(link))
    }

    fn drop_link(&mut self, id: LinkId) -> bool {
        for key in self.order.remove(&id).unwrap_or_default() {
            self.addresses.remove(&key);
        }
        self.due.retain(|(key, _), _| key.link != id);
        self.links.remove(&id).is_some()
    }

    /// Whether the event belongs to a request of ours; if so, it is no longer due.
    fn is_due(&mut self, key: AddressKey, verb: Verb, origin: Origin) -> bool {
        if key.ip.is_ipv4() && origin == Origin::Unknown {
            return false;
        }
        let Some(count) = self.due.get_mut(&(key, verb)) else { return false };
        *count -= 1;
        if *count == 0 {
            self.due.remove(&(key, verb));
        }
        true
    }

    /// Inserts or updates; says whether it is new.
    fn put(&mut self, mut entry: Entry) -> bool {
        let key = entry.key;
        let old = self.addresses.get(&key);
        let (known, moves) = old.map_or((false, true), |old| (true, old.secondary && !entry.secondary));
        entry.ours |= old.is_some_and(|old| old.ours);
        if moves {
            let place = self.place(&entry);
            let order = self.order.entry(key.link).or_default();
            order.insert(place.min(order.len()), key);
            if known {
                // A promoted address only ever moves forward, so its old place comes second.
                let old_place = order.iter().rposition(|other| *other == key);
                old_place.map(|at| order.remove(at));
            }
        }
        self.addresses.insert(key, entry);
        !known
    }

    /// Where the kernel puts a new address: an IPv4 secondary at the end, a primary behind the last primary of
    /// its scope or a narrower one; IPv6 sorts wider scopes to the front and prefers the newest of a scope.
    fn place(&self, entry: &Entry) -> usize {
        let Some(order) = self.order.get(&entry.key.link) else { return 0 };
        let of = |key: &AddressKey| {
            self.addresses.get(key).filter(|other| other.key.ip.is_ipv4() == entry.key.ip.is_ipv4())
        };
        if entry.key.ip.is_ipv6() {
            let first =
                order.iter().position(|key| of(key).is_some_and(|it| entry.spec.scope <= it.spec.scope));
            return first.unwrap_or(order.len());
        }
        if entry.secondary {
            return order.len();
        }
        let behind =
            |key: &AddressKey| of(key).is_some_and(|it| !it.secondary && entry.spec.scope <= it.spec.scope);
        order.iter().rposition(behind).map_or(0, |at| at + 1)
    }

    fn take(&mut self, key: &AddressKey) -> bool {
        if let Some(order) = self.order.get_mut(&key.link) {
            order.retain(|other| other != key);
        }
        self.addresses.remove(key).is_some()
    }

    fn keys(&self) -> impl Iterator<Item = &AddressKey> {
        self.order.values().flatten()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys().filter_map(|key| self.addresses.get(key))
    }
}
