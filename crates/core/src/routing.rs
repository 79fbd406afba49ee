//! Routes and rules: from what is configured to what is wanted of the kernel.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use keepalived_model::LinkId;
use keepalived_model::kernel::{Key, RouteKey, RouteSpec, Spec};
use keepalived_model::route::{Prefix, Route, Table};
use keepalived_model::rule::Rule;
use keepalived_model::vrrp;

use crate::links::Links;

/// The metric the kernel gives an IPv6 route that names none (`IP6_RT_PRIO_USER`).
const METRIC_V6: u32 = 1024;

/// A route or rule that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Routing {
    pub key: Key,
    pub spec: Spec,
    /// Its loss is none of our business.
    pub no_track: bool,
}

impl Routing {
    /// The same as before, but its loss counts from now on: it may have been lost meanwhile.
    pub fn is_tracked_now(&self, before: &Self) -> bool {
        self.key == before.key && before.no_track && !self.no_track
    }

    /// A route on the interfaces as they are now; none while one of them, or its VRF, is missing.
    pub fn route(route: &Route, links: &Links) -> Option<Self> {
        let id = |name: &String| links.named(name).map(|link| link.id);
        let link = match &route.interface {
            Some(name) => Some(id(name)?),
            None => None,
        };
        let hops = route.nexthops.iter().map(|hop| match &hop.interface {
            Some(name) => id(name).map(Some),
            None => Some(None),
        });
        let hops = hops.collect::<Option<Vec<Option<LinkId>>>>()?;
        let table = match &route.table {
            Table::Number(0) => Table::MAIN,
            Table::Number(table) => *table,
            Table::Vrf(name) => links.named(name)?.vrf_table?,
        };
        let v6 = route.destination.ip.is_ipv6();
        let key = RouteKey {
            table,
            destination: as_kept(route.destination),
            from: route.from.map(as_kept),
            kind: route.kind,
            tos: if v6 { 0 } else { route.tos },
            metric: match route.metric {
                None | Some(0) if v6 => METRIC_V6,
                metric => metric.unwrap_or(0),
            },
            via: route.via,
            link,
            protocol: route.protocol,
        };
        let spec = RouteSpec { route: route.clone(), hops };
        Some(Self {
            key: Key::Route(Arc::new(key)),
            spec: Spec::Route(Arc::new(spec)),
            no_track: route.no_track,
        })
    }

    /// A rule, which knows interfaces by name.
    pub fn rule(rule: &Rule) -> Self {
        let key = Key::Rule(Arc::new(Rule { no_track: false, ..rule.clone() }));
        Self { key, spec: Spec::Rule, no_track: rule.no_track }
    }

    /// All of them, in the order they are to be put there.
    pub fn all(routes: &[Route], rules: &[Rule], links: &Links) -> Vec<Self> {
        let routes = routes.iter().filter_map(|route| Self::route(route, links));
        routes.chain(rules.iter().map(Self::rule)).collect()
    }

    /// Whether every interface it needs carries traffic: the kernel forgets routes of interfaces that do not.
    pub fn is_possible(&self, links: &Links) -> bool {
        let (Key::Route(key), Spec::Route(spec)) = (&self.key, &self.spec) else { return true };
        let mut needed = key.link.into_iter().chain(spec.hops.iter().flatten().copied());
        needed.all(|id| links.get(id).is_some_and(|link| link.up))
    }
}

/// The kernel clears the bits behind a prefix of IPv6, and refuses IPv4 routes that have any.
fn as_kept(prefix: Prefix) -> Prefix {
    match prefix.ip {
        IpAddr::V6(ip) => {
            let hosts = u128::MAX.checked_shr(prefix.len.into()).unwrap_or(0);
            Prefix { ip: IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !hosts)), len: prefix.len }
        }
        IpAddr::V4(_) => prefix,
    }
}

/// Every route and rule a configuration may have put into the kernel, whatever interfaces they are on: what a dead
/// engine may have left.
pub fn of(config: &vrrp::Config) -> Vec<Key> {
    let lasting = &config.lasting;
    let routes = config.instances.iter().flat_map(|instance| &instance.routes);
    let routes = routes.chain(lasting.routes.iter().map(|tied| &tied.thing)).filter_map(|route| {
        let everywhere = Route { interface: None, nexthops: Vec::new(), ..route.clone() };
        Routing::route(&everywhere, &Links::default())
    });
    let rules = config.instances.iter().flat_map(|instance| &instance.rules);
    let rules = rules.chain(lasting.rules.iter().map(|tied| &tied.thing)).map(Routing::rule);
    // Rules lead to routes, and routes need what is taken away after them.
    rules.chain(routes).map(|routing| routing.key).collect()
}
