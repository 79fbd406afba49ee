//! The kernel's links and addresses as the core needs them.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use keepalived_model::kernel::{AddressKey, Link, Snapshot};
use keepalived_model::link::{Polled, Polling, UpDownDelay};
use keepalived_model::track::{Reading, Watch};
use keepalived_model::vrrp::{self, Family};
use keepalived_model::{Instant, LinkId, MacAddr, Micros};

use crate::deadlines::ahead;
use crate::report::{Name, Report};

/// A picture of all links, fed from a snapshot and from changes. Whether a link is up is what counts as that: the beat
/// of a link that is polled and not the kernel's word (`linkbeat_interfaces`), and with `interface_up_down_delays`
/// either of them a while later (`spec` config 3.4).
#[derive(Clone, Debug, Default)]
pub struct Links {
    links: BTreeMap<LinkId, Entry>,
    delays: Vec<UpDownDelay>,
    /// What is asked for its beat, and how that was told.
    polled: Vec<Polled>,
    /// By name, as far as somebody could ask.
    beats: BTreeMap<String, Beat>,
}

/// What a link that is polled was last seen to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Beat {
    /// How it was asked.
    pub by: Polling,
    /// Whether it has a beat.
    pub up: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    link: Link,
    /// What the kernel says.
    kernel_up: bool,
    /// What counts is said to be the other way round, which counts from then on.
    turns: Option<Instant>,
    /// In the kernel's order: the first is the primary.
    addresses: Vec<AddressKey>,
}

impl Entry {
    /// Another word about whether it is up.
    fn settle(&mut self, up: bool, patience: Micros, now: Instant) {
        if up == self.link.up {
            self.turns = None;
        } else if patience.is_zero() {
            (self.link.up, self.turns) = (up, None);
        } else {
            self.turns.get_or_insert(now + patience);
        }
    }
}

impl Links {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { links, delays: _, polled: _, beats } = self;
        beats.hash(into);
        for (id, Entry { link, kernel_up, turns, addresses }) in links {
            kernel_up.hash(into);
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

    /// At the start: what is polled, and what it was seen to be.
    pub fn begin(&mut self, config: &vrrp::Config, readings: &[Reading], now: Instant) {
        self.poll(config, now);
        for Reading { watch, number } in readings {
            if let Watch::Link(asked) = watch {
                self.hear_beat(asked, *number, now);
            }
        }
    }

    /// From now on those are polled that a configuration says; of all others the kernel's word counts. Returns what is
    /// to be said of it.
    pub fn poll(&mut self, config: &vrrp::Config, now: Instant) -> Vec<Report> {
        self.polled = config.beats();
        let is_polled = |name: &str, polled: &[Polled]| polled.iter().any(|polled| polled.name == name);
        let gone: Vec<String> =
            self.beats.keys().filter(|name| !is_polled(name, &self.polled)).cloned().collect();
        for name in gone {
            self.beats.remove(&name);
            self.settle(&name, now);
        }
        let mut reports: Vec<Report> =
            self.polled.iter().filter_map(|polled| self.polled_otherwise(&polled.name)).collect();
        for idle in config.polled.iter().filter(|idle| !is_polled(&idle.name, &self.polled)) {
            let (interface, own) = (Name::from(idle.name.as_str()), config.makes(&idle.name));
            reports.push(Report::NotPolled { interface, own });
        }
        reports.extend((!self.polled.is_empty()).then_some(Report::Polling));
        reports
    }

    /// Somebody asked a link for its beat, or could not. Returns what was known of the link before.
    pub fn hear_beat(&mut self, asked: &Polled, number: i64, now: Instant) -> Option<Link> {
        self.told(&asked.name)?;
        match asked.by {
            Some(by) => drop(self.beats.insert(asked.name.clone(), Beat { by, up: number > 0 })),
            None => drop(self.beats.remove(&asked.name)),
        }
        self.settle(&asked.name, now)
    }

    /// A link cannot be asked for its beat in the way that was told.
    pub fn polled_otherwise(&self, name: &str) -> Option<Report> {
        let (told, by) = (self.told(name)?.by?, self.beat(name)?.by);
        (told != by).then(|| Report::PolledOtherwise { interface: name.into(), told, by })
    }

    fn told(&self, name: &str) -> Option<&Polled> {
        self.polled.iter().find(|polled| polled.name == name)
    }

    /// Who says whether a link is up, or what, is another one. Returns what was known of the link before.
    fn settle(&mut self, name: &str, now: Instant) -> Option<Link> {
        let id = self.named(name)?.id;
        let kernel_up = self.links.get(&id)?.kernel_up;
        let up = self.beat(name).map_or(kernel_up, |beat| beat.up);
        let patience = self.patience(name, up);
        let entry = self.links.get_mut(&id)?;
        let before = entry.link.clone();
        entry.settle(up, patience, now);
        Some(before)
    }

    /// The beat of a link that is polled.
    pub fn beat(&self, name: &str) -> Option<Beat> {
        self.beats.get(name).copied()
    }

    /// A link is new or changed. Returns what was known of it.
    pub fn put(&mut self, mut link: Link, now: Instant) -> Option<Link> {
        let kernel_up = link.up;
        let up = self.beat(&link.name).map_or(kernel_up, |beat| beat.up);
        let patience = self.patience(&link.name, up);
        let Some(entry) = self.links.get_mut(&link.id) else {
            link.up = up;
            self.links.insert(link.id, Entry { link, kernel_up, turns: None, addresses: Vec::new() });
            return None;
        };
        let before = entry.link.clone();
        (link.up, entry.kernel_up) = (before.up, kernel_up);
        entry.link = link;
        entry.settle(up, patience, now);
        Some(before)
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

    fn patience(&self, name: &str, up: bool) -> Micros {
        let delay = self.delays.iter().find(|delay| delay.name == name);
        delay.map_or(Micros::ZERO, |delay| if up { delay.up } else { delay.down })
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

    /// Whether a link has this hardware address.
    pub fn has_mac(&self, mac: MacAddr) -> bool {
        self.links.values().any(|entry| entry.link.mac == Some(mac))
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
