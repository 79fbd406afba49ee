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
