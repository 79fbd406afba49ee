//! What is there, as far as the kernel told. Pure.

use std::collections::{BTreeMap, HashMap};

use keepalived_model::LinkId;
use keepalived_model::kernel::{Address, AddressKey, AddressSpec, Change, Link, Snapshot};

use crate::made::{Made, There};
use crate::routing::Trace;

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
    /// Something happened to a route or rule.
    Routing(Trace),
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
    /// The message said whether the link forwards IPv6.
    pub has_forwarding: bool,
    /// What it is on top of what, if that is of a kind we make and the message says so.
    pub made: Option<Made>,
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
    /// How far the kernel is with its search for duplicates.
    pub detection: Detection,
}

/// What duplicate address detection says of an address (RFC 4862 §5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// Nobody else has it, or nobody was asked.
    #[default]
    Passed,
    /// The neighbors are being asked.
    Running,
    /// Somebody else has it; the kernel does not use it.
    Failed,
}

impl Entry {
    /// Whether it can be used, if not this very moment.
    pub fn is_there(&self) -> bool {
        self.detection != Detection::Failed
    }
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
    made: BTreeMap<LinkId, Made>,
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
                let there = entry.is_there();
                let was_there = self.has(&told.key);
                self.put(entry);
                match (was_there, there) {
                    (false, true) => (!expected).then_some(Change::Address(told)),
                    (true, false) => Some(Change::AddressGone(told.key)),
                    (false, false) | (true, true) => None,
                }
            }
            Fact::AddressGone(key) => {
                let expected = self.is_due(key, Verb::Remove, origin);
                let was_there = self.has(&key);
                self.take(&key);
                (was_there && !expected).then_some(Change::AddressGone(key))
            }
            // Not kept here.
            Fact::Routing(_) => None,
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
        for key in self.keys().filter(|key| self.has(key) && !fresh.has(key) && !orphan(key)) {
            changes.push(Change::AddressGone(*key));
        }
        for entry in fresh.entries().filter(|entry| entry.is_there() && !self.has(&entry.key)) {
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

    /// A link by its name. Whose it is has to be known from elsewhere.
    pub fn named(&self, name: &str) -> Option<There<'_>> {
        let link = self.links.values().find(|link| link.name == name)?;
        Some(There { link, made: self.made.get(&link.id).copied(), ours: false })
    }

    /// The present name of a link.
    pub fn name(&self, id: LinkId) -> Option<&str> {
        self.links.get(&id).map(|link| link.name.as_str())
    }

    /// Everything, in the kernel's order.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            links: self.links.values().cloned().collect(),
            addresses: self
                .entries()
                // What an earlier run left has to go in any case.
                .filter(|entry| entry.is_there() || entry.ours)
                .map(|entry| Address { key: entry.key, ours: entry.ours })
                .collect(),
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
        let LinkFact { mut link, has_mac, has_mtu, has_forwarding, made } = fact;
        let old = self.links.get(&link.id);
        if let Some(old) = old {
            link.mac = if has_mac { link.mac } else { old.mac };
            link.mtu = if has_mtu { link.mtu } else { old.mtu };
            link.forwards_ipv6 = if has_forwarding { link.forwards_ipv6 } else { old.forwards_ipv6 };
        }
        if let Some(made) = made {
            self.made.insert(link.id, made);
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
        self.made.remove(&id);
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

    /// Whether an address is there and can be used.
    fn has(&self, key: &AddressKey) -> bool {
        self.addresses.get(key).is_some_and(Entry::is_there)
    }

    fn keys(&self) -> impl Iterator<Item = &AddressKey> {
        self.order.values().flatten()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys().filter_map(|key| self.addresses.get(key))
    }
}

#[cfg(test)]
mod tests {
    use keepalived_model::MacAddr;

    use super::*;

    const D0: LinkId = LinkId(2);

    fn key(address: &str) -> AddressKey {
        let (ip, prefix) = address.split_once('/').expect("address/prefix");
        AddressKey {
            link: D0,
            ip: ip.parse().expect("an address"),
            prefix_len: prefix.parse().expect("a number"),
        }
    }

    fn entry(address: &str) -> Entry {
        let (spec, detection) = (AddressSpec::default(), Detection::Passed);
        Entry { key: key(address), spec, ours: false, secondary: false, detection }
    }

    fn came(address: &str) -> Fact {
        Fact::Address(entry(address))
    }

    fn went(address: &str) -> Fact {
        Fact::AddressGone(key(address))
    }

    fn news(address: &str) -> Option<Change> {
        Some(Change::Address(Address { key: key(address), ours: false }))
    }

    fn gone(address: &str) -> Option<Change> {
        Some(Change::AddressGone(key(address)))
    }

    fn link(name: &str) -> Link {
        Link::ethernet(D0, name, MacAddr([2, 0, 0, 0, 0, 1]))
    }

    fn whole(link: Link) -> Fact {
        Fact::Link(LinkFact { link, has_mac: true, has_mtu: true, has_forwarding: true, made: None })
    }

    fn with_link() -> Mirror {
        let mut mirror = Mirror::default();
        assert_eq!(mirror.apply(whole(link("d0")), Origin::Unknown), Some(Change::Link(link("d0"))));
        mirror
    }

    fn order(mirror: &Mirror) -> Vec<String> {
        let addresses = mirror.snapshot().addresses;
        addresses.iter().map(|it| format!("{}/{}", it.key.ip, it.key.prefix_len)).collect()
    }

    const V4: &str = "10.9.0.101/32";
    const V6: &str = "fd00:9::110/128";

    #[test]
    fn what_others_do_is_news_once() {
        for address in [V4, V6] {
            let mut mirror = with_link();
            assert_eq!(mirror.apply(came(address), Origin::Unknown), news(address));
            assert_eq!(mirror.apply(came(address), Origin::Unknown), None);
            assert_eq!(mirror.apply(went(address), Origin::Unknown), gone(address));
            assert_eq!(mirror.apply(went(address), Origin::Unknown), None);
        }
    }

    #[test]
    fn what_we_do_is_no_news() {
        for (address, origin) in [(V4, Origin::Us), (V6, Origin::Unknown)] {
            let mut mirror = with_link();
            for _ in 0..3 {
                mirror.expect(key(address), Verb::Add);
                assert_eq!(mirror.apply(came(address), origin), None);
                mirror.settle(entry(address), Verb::Add);
                assert!(mirror.find(&key(address)).is_some());
                mirror.expect(key(address), Verb::Remove);
                assert_eq!(mirror.apply(went(address), origin), None);
                mirror.settle(entry(address), Verb::Remove);
                assert!(mirror.find(&key(address)).is_none());
            }
            assert_eq!(mirror.apply(came(address), Origin::Unknown), news(address));
        }
    }

    #[test]
    fn an_ipv6_address_announced_after_its_settlement_is_no_news() {
        let mut mirror = with_link();
        mirror.expect(key(V6), Verb::Add);
        mirror.settle(entry(V6), Verb::Add);
        assert!(mirror.find(&key(V6)).is_some());
        assert_eq!(mirror.apply(came(V6), Origin::Unknown), None);
        assert_eq!(mirror.apply(went(V6), Origin::Unknown), gone(V6));
    }

    #[test]
    fn somebody_who_removes_what_we_just_added_is_noticed() {
        let mut mirror = with_link();
        mirror.expect(key(V4), Verb::Add);
        assert_eq!(mirror.apply(came(V4), Origin::Us), None);
        assert_eq!(mirror.apply(went(V4), Origin::Unknown), gone(V4));
        mirror.settle(entry(V4), Verb::Add);
        assert!(mirror.find(&key(V4)).is_none());
    }

    #[test]
    fn somebody_who_adds_what_we_just_removed_is_noticed() {
        let mut mirror = with_link();
        mirror.append(entry(V4));
        mirror.expect(key(V4), Verb::Remove);
        assert_eq!(mirror.apply(went(V4), Origin::Us), None);
        assert_eq!(mirror.apply(came(V4), Origin::Unknown), news(V4));
        mirror.settle(entry(V4), Verb::Remove);
        assert!(mirror.find(&key(V4)).is_some());
    }

    #[test]
    fn a_success_without_an_event_moves_the_mirror_too() {
        let mut mirror = with_link();
        mirror.expect(key(V4), Verb::Add);
        mirror.settle(Entry { ours: true, ..entry(V4) }, Verb::Add);
        assert_eq!(mirror.find(&key(V4)).map(|it| it.ours), Some(true));
        mirror.expect(key(V4), Verb::Remove);
        mirror.settle(entry(V4), Verb::Remove);
        assert!(mirror.find(&key(V4)).is_none());
        assert_eq!(mirror.apply(came(V4), Origin::Us), news(V4), "nothing is due any more");
    }

    #[test]
    fn a_refused_request_leaves_nothing_due() {
        let mut mirror = with_link();
        mirror.expect(key(V6), Verb::Add);
        mirror.forget(key(V6), Verb::Add);
        assert_eq!(mirror.apply(came(V6), Origin::Unknown), news(V6));
    }

    #[test]
    fn what_goes_with_our_removal_is_news() {
        let mut mirror = with_link();
        mirror.append(entry("10.9.0.1/24"));
        mirror.append(Entry { secondary: true, ..entry("10.9.0.2/24") });
        mirror.expect(key("10.9.0.1/24"), Verb::Remove);
        assert_eq!(mirror.apply(went("10.9.0.2/24"), Origin::Us), gone("10.9.0.2/24"));
        assert_eq!(mirror.apply(went("10.9.0.1/24"), Origin::Us), None);
    }

    /// Lists as `ip -o addr` of Linux 6.18 showed them after the same steps.
    #[test]
    fn the_order_is_the_kernels() {
        let mut mirror = with_link();
        let steps = [
            ("10.1.0.1/24", 0, false),
            ("10.1.0.2/24", 0, true),
            ("10.2.0.1/24", 253, false),
            ("10.3.0.1/24", 0, false),
            ("10.1.0.3/24", 0, true),
        ];
        for (address, scope, secondary) in steps {
            let spec = AddressSpec { scope, ..AddressSpec::default() };
            mirror.apply(Fact::Address(Entry { spec, secondary, ..entry(address) }), Origin::Unknown);
        }
        assert_eq!(
            order(&mirror),
            ["10.2.0.1/24", "10.1.0.1/24", "10.3.0.1/24", "10.1.0.2/24", "10.1.0.3/24"]
        );

        // The kernel promotes the next one of the subnet.
        mirror.apply(went("10.1.0.1/24"), Origin::Unknown);
        assert_eq!(mirror.apply(came("10.1.0.2/24"), Origin::Unknown), None);
        assert_eq!(order(&mirror), ["10.2.0.1/24", "10.3.0.1/24", "10.1.0.2/24", "10.1.0.3/24"]);

        let mut mirror = with_link();
        for (address, scope) in
            [("fe80::1/64", 253), ("fd00::1/64", 0), ("fd00::2/64", 0), ("fd00::3/128", 0)]
        {
            let spec = AddressSpec { scope, ..AddressSpec::default() };
            mirror.apply(Fact::Address(Entry { spec, ..entry(address) }), Origin::Unknown);
        }
        assert_eq!(order(&mirror), ["fd00::3/128", "fd00::2/64", "fd00::1/64", "fe80::1/64"]);
    }

    #[test]
    fn a_message_that_leaves_things_out_does_not_change_them() {
        let mut mirror = with_link();
        let bare = Link { mac: None, mtu: 0, ..link("d0") };
        let partial = |link| {
            Fact::Link(LinkFact { link, has_mac: false, has_mtu: false, has_forwarding: false, made: None })
        };
        assert_eq!(mirror.apply(partial(bare.clone()), Origin::Unknown), None);
        let down = Link { up: false, ..link("d0") };
        let told = mirror.apply(partial(Link { up: false, ..bare }), Origin::Unknown);
        assert_eq!(told, Some(Change::Link(down)));
    }

    #[test]
    fn a_link_takes_its_addresses_with_it() {
        let mut mirror = with_link();
        mirror.append(entry(V4));
        mirror.expect(key(V4), Verb::Remove);
        assert_eq!(mirror.apply(Fact::LinkGone(D0), Origin::Unknown), Some(Change::LinkGone(D0)));
        assert_eq!(mirror.apply(Fact::LinkGone(D0), Origin::Unknown), None);
        assert_eq!(mirror.snapshot(), Snapshot::default());
        assert_eq!(mirror.apply(went(V4), Origin::Us), None);
    }

    #[test]
    fn the_label_every_address_gets_is_none() {
        let mut mirror = with_link();
        let labelled = |label: &str| AddressSpec { label: Some(label.to_owned()), ..AddressSpec::default() };
        mirror.append(Entry { spec: labelled("d0"), ..entry(V4) });
        mirror.append(Entry { spec: labelled("d0:1"), ..entry("10.9.0.102/32") });
        let label = |address| mirror.find(&key(address)).and_then(|it| it.spec.label);
        assert_eq!((label(V4), label("10.9.0.102/32").as_deref()), (None, Some("d0:1")));
    }

    #[test]
    fn a_comparison_tells_every_difference_and_nothing_else() {
        let mut mirror = with_link();
        for address in [V4, "10.9.0.1/24"] {
            mirror.append(entry(address));
        }
        assert_eq!(mirror.replace(mirror.clone()), []);

        let mut fresh = Mirror::default();
        fresh.apply(whole(link("e0")), Origin::Unknown);
        fresh.append(entry(V4));
        fresh.append(entry(V6));
        let expected = [Some(Change::Link(link("e0"))), gone("10.9.0.1/24"), news(V6)];
        assert_eq!(mirror.replace(fresh), expected.into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(order(&mirror), [V4, V6]);

        assert_eq!(mirror.replace(Mirror::default()), [Change::LinkGone(D0)]);
    }
    #[test]
    fn an_address_that_somebody_else_has_is_gone() {
        let mut mirror = with_link();
        let of = |detection| Fact::Address(Entry { detection, ..entry("fe80::5/64") });
        assert_eq!(mirror.apply(of(Detection::Running), Origin::Unknown), news("fe80::5/64"));
        assert_eq!(mirror.apply(of(Detection::Passed), Origin::Unknown), None);
        assert_eq!(mirror.apply(of(Detection::Failed), Origin::Unknown), gone("fe80::5/64"));
        assert!(mirror.snapshot().addresses.is_empty());
        assert_eq!(mirror.apply(went("fe80::5/64"), Origin::Unknown), None);
    }
}
