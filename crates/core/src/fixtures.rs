//! Static addresses, routes and rules: wanted from start to stop, whatever the instances do.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use keepalived_model::kernel::{AddressKey, Key, Spec};
use keepalived_model::lasting::{Fixture, Lasting};

use crate::engine::Engine;
use crate::event::{Action, Actions};
use crate::links::Links;
use crate::report::Report;
use crate::routing::Routing;
use crate::wanted::Claimant;

/// All static things that can be there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixtures {
    placed: Vec<Placed>,
    /// They were there and were lost.
    missing: BTreeSet<Key>,
}

impl Fixtures {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, into: &mut impl Hasher) {
        let Self { placed, missing } = self;
        placed.iter().for_each(|placed| placed.routing.key.hash(into));
        missing.hash(into);
    }

    fn find(&self, key: &Key) -> Option<&Placed> {
        self.placed.iter().find(|placed| placed.routing.key == *key)
    }
}

/// A static thing on the interfaces as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    routing: Routing,
    fixture: Arc<Fixture>,
}

impl Placed {
    fn new(fixture: Fixture, links: &Links) -> Option<Self> {
        let routing = match &fixture {
            Fixture::Address(tied) => {
                let address = &tied.thing;
                let link = links.named(address.interface.as_deref()?)?.id;
                let key = AddressKey { link, ip: address.ip, prefix_len: address.prefix_len };
                let spec = Spec::Address(address.spec.clone());
                Routing { key: Key::Address(key), spec, no_track: address.no_track }
            }
            Fixture::Route(tied) => Routing::route(&tied.thing, links)?,
            Fixture::Rule(tied) => Routing::rule(&tied.thing),
        };
        Some(Self { routing, fixture: Arc::new(fixture) })
    }

    /// What is to be said of its removal; nothing if its interface went away.
    fn no_longer(&self, links: &Links) -> Option<Report> {
        let (key, spec) = (self.routing.key.clone(), self.routing.spec.clone());
        match &key {
            Key::Address(address) => {
                let interface = links.get(address.link)?.name.as_str().into();
                Some(Report::AddressNoLonger { instance: None, interface, key: *address })
            }
            Key::Route(route) => {
                let is_there = route.link.is_none_or(|link| links.get(link).is_some());
                is_there.then_some(Report::RoutingNoLonger { key, spec })
            }
            _ => Some(Report::RoutingNoLonger { key, spec }),
        }
    }

    fn is_possible(&self, links: &Links) -> bool {
        match &self.routing.key {
            Key::Address(key) => links.get(key.link).is_some_and(|link| link.up),
            _ => self.routing.is_possible(links),
        }
    }
}

impl Engine {
    /// Wants every static thing whose interfaces exist, and nothing else.
    pub(crate) fn place_fixtures(&mut self, out: &mut Actions) {
        let lasting: &Lasting = &self.config.lasting;
        let new: Vec<Placed> =
            lasting.fixtures().filter_map(|fixture| Placed::new(fixture, &self.links)).collect();
        if new == self.fixtures.placed {
            return;
        }
        for old in self.fixtures.placed.iter().rev() {
            if !new.iter().any(|new| new.routing.key == old.routing.key) {
                self.wanted.release(Claimant::Lasting, &old.routing.key);
                self.fixtures.missing.remove(&old.routing.key);
                out.extend(old.no_longer(&self.links).map(Action::Report));
            }
        }
        for Placed { routing, .. } in &new {
            let Routing { key, spec, .. } = routing;
            self.wanted.claim(Claimant::Lasting, key, spec);
            if self.fixtures.placed.iter().any(|old| routing.is_tracked_now(&old.routing)) {
                self.wanted.lost(key);
            }
        }
        self.fixtures.placed = new;
    }

    /// The stop: all of them go, the last ones first.
    pub(crate) fn remove_fixtures(&mut self) {
        for placed in std::mem::take(&mut self.fixtures).placed.iter().rev() {
            self.wanted.release(Claimant::Lasting, &placed.routing.key);
        }
    }

    /// The kernel lost something; if it is static it comes back, at once or when that is possible.
    pub(crate) fn fixture_lost(&mut self, key: &Key) {
        let Some(lost) = self.fixtures.find(key) else { return };
        if lost.routing.no_track {
            return;
        }
        if lost.is_possible(&self.links) {
            self.wanted.lost(key);
        } else {
            self.wanted.missing(key);
        }
        self.fixtures.missing.insert(key.clone());
    }

    /// A static thing is there.
    pub(crate) fn fixture_settled(&mut self, key: &Key, out: &mut Actions) {
        if self.fixtures.missing.remove(key)
            && let Some(placed) = self.fixtures.find(key)
        {
            out.push(Action::Report(Report::FixtureRestored { fixture: Arc::clone(&placed.fixture) }));
        }
    }

    /// Whether this is a static thing without the interface it needs.
    pub(crate) fn lacks_footing(&self, key: &Key) -> bool {
        self.fixtures.find(key).is_some_and(|placed| !placed.is_possible(&self.links))
    }

    /// Routes, rules and static addresses that are missing: the kernel may take them now.
    pub(crate) fn retry_missing(&mut self) {
        let missing: Vec<Key> = self.wanted.refused().cloned().collect();
        for key in missing {
            match self.fixtures.find(&key) {
                Some(placed) if placed.routing.no_track || !placed.is_possible(&self.links) => {}
                Some(_) => self.wanted.lost(&key),
                None if matches!(key, Key::Route(_) | Key::Rule(_)) => self.wanted.lost(&key),
                // What else instances want is the business of their states.
                None => {}
            }
        }
    }

    /// What is wanted for a static thing; none while its interface does not exist.
    pub(crate) fn fixture_key(&self, fixture: &Fixture) -> Option<&Key> {
        self.fixtures
            .placed
            .iter()
            .find(|placed| *placed.fixture == *fixture)
            .map(|placed| &placed.routing.key)
    }
}
