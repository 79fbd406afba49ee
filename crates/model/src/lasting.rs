//! What is there for as long as the daemon is: static addresses, routes and rules (`spec` config 3.3).

use crate::route::Route;
use crate::rule::Rule;
use crate::vrrp::VirtualAddress;

/// Everything static of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    /// `static_ipaddress`; every one names its interface.
    pub addresses: Vec<Tied<VirtualAddress>>,
    /// `static_routes`.
    pub routes: Vec<Tied<Route>>,
    /// `static_rules`.
    pub rules: Vec<Tied<Rule>>,
    /// `track_group`, only those with members.
    pub groups: Vec<TrackGroup>,
}

/// Any one static thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fixture {
    /// Of [`Lasting::addresses`].
    Address(Tied<VirtualAddress>),
    /// Of [`Lasting::routes`].
    Route(Tied<Route>),
    /// Of [`Lasting::rules`].
    Rule(Tied<Rule>),
}

impl Lasting {
    /// The interfaces things live on, each with the track group the thing is tied to.
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let addresses = self.addresses.iter().map(|tied| (&tied.thing.interface, &tied.group));
        let routes = self.routes.iter().map(|tied| (&tied.thing.interface, &tied.group));
        let rules = self.rules.iter().map(|tied| (&tied.thing.incoming, &tied.group));
        let all = addresses.chain(routes).chain(rules);
        all.filter_map(|(interface, group)| Some((interface.as_deref()?, group.as_deref())))
    }

    /// Everything, in the order it is put into the kernel.
    pub fn fixtures(&self) -> impl Iterator<Item = Fixture> + '_ {
        let addresses = self.addresses.iter().cloned().map(Fixture::Address);
        let routes = self.routes.iter().cloned().map(Fixture::Route);
        addresses.chain(routes).chain(self.rules.iter().cloned().map(Fixture::Rule))
    }
}

/// A static thing, and whose fate its loss decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tied<Thing> {
    /// The thing itself.
    pub thing: Thing,
    /// Name of a [`TrackGroup`] of the same configuration.
    pub group: Option<String>,
}

/// Instances that go to FAULT when a static thing they are tied to is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackGroup {
    /// The name lines call it by.
    pub name: String,
    /// Names of instances of the same configuration; never empty.
    pub members: Vec<String>,
}
