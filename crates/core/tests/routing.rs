//! Routes, rules and static things of a router on the bench.

mod common;

use common::*;
use keepalived_core::Event;
use keepalived_model::kernel::{Change, Key, Refusal};
use keepalived_model::lasting::{Lasting, Tied, TrackGroup};
use keepalived_model::route::{Prefix, Route, Table};
use keepalived_model::rule::{Action as Deed, Rule};
use keepalived_model::vrrp::{Config, Family};

fn route(last: u8) -> Route {
    Route {
        interface: Some("eth0".to_owned()),
        table: Table::Number(0),
        ..Route::to(Prefix { ip: [10, 20, last, 0].into(), len: 24 })
    }
}

fn rule() -> Rule {
    Rule::new(Family::V4, 500, Deed::Table(88))
}

fn with_routing() -> Config {
    let mut router = instance("VI_1", 51, 100);
    router.routes = vec![route(1), route(0)];
    router.rules = vec![rule()];
    config(vec![router])
}

/// What was asked of the kernel at a moment, shortened to kind and sign.
fn asked(me: &Router, millis: u64) -> Vec<String> {
    let short = |deed: &&str| {
        let sign = deed.chars().next().filter(|sign| ['+', '-'].contains(sign))?;
        let kind = match deed.get(1..)? {
            route if route.starts_with("Route") => {
                let number = if route.contains("10.20.1.0") { "1" } else { "0" };
                format!("route {number}")
            }
            rule if rule.starts_with("Rule") => "rule".to_owned(),
            _ => "address".to_owned(),
        };
        Some(format!("{sign}{kind}"))
    };
    me.deeds(millis).iter().filter_map(short).collect()
}

fn keys(me: &Router) -> Vec<Key> {
    me.engine.view().instances.first().map(|instance| instance.routing.clone()).unwrap_or_default()
}

#[test]
fn routes_follow_addresses_in_the_order_of_the_file_and_go_before_them() {
    let mut me = Router::start(with_routing());
    assert_eq!(asked(&me, 0), ["-rule", "-route 0", "-route 1", "-address"]);
    me.until(4000);
    assert_eq!(asked(&me, 3609), ["+address", "+route 1", "+route 0", "+rule"]);
    me.until(5000).tell(Event::Stop);
    assert_eq!(asked(&me, 5000), ["-rule", "-route 0", "-route 1", "-address"]);
}

#[test]
fn what_others_remove_comes_back_until_it_is_too_often() {
    let mut me = Router::start(with_routing());
    me.until(4000);
    for round in 0..5 {
        me.until(4001 + round);
        // All of them at once is once.
        for key in keys(&me) {
            me.kernel(Change::Lost(key));
        }
        assert_eq!((asked(&me, 4001 + round).len(), me.state().as_str()), (3, "MASTER"));
    }
    let key = keys(&me).remove(0);
    me.until(4100).kernel(Change::Lost(key));
    assert_eq!(me.state(), "FAULT");
}

#[test]
fn what_is_not_tracked_and_what_cannot_be_is_not_asked_for() {
    let mut config = with_routing();
    for instance in config.instances_mut() {
        instance.dont_track_primary = true;
        for route in &mut instance.routes {
            route.no_track = true;
        }
    }
    let mut me = Router::start(config);
    me.until(4000);
    let untracked = keys(&me).remove(0);
    me.kernel(Change::Lost(untracked));
    assert_eq!(asked(&me, 4000), Vec::<String>::new());
}

#[test]
fn static_things_wait_for_their_interface_and_come_back_with_it() {
    let lasting = Lasting {
        routes: vec![Tied { thing: route(0), group: Some("G".to_owned()) }],
        groups: vec![TrackGroup { name: "G".to_owned(), members: vec!["VI_1".to_owned()] }],
        ..Lasting::default()
    };
    let mut me = Router::start(Config { lasting, ..config(vec![instance("VI_1", 51, 100)]) });
    assert_eq!(asked(&me, 0), ["-address", "+route 0"]);
    me.until(10);
    let key = me.engine.view().fixtures.remove(0).key.expect("its interface is there");
    me.kernel(Change::Link(link(false)));
    me.kernel(Change::Lost(key.clone()));
    assert_eq!((me.state().as_str(), asked(&me, 10)), ("FAULT", vec![]));
    me.until(20).kernel(Change::Link(link(true)));
    assert_eq!((me.state().as_str(), asked(&me, 20)), ("BACKUP", vec!["+route 0".to_owned()]));
    assert_eq!(me.times("FixtureRestored"), [20]);
    me.until(30).kernel(Change::Lost(key));
    assert_eq!((me.state().as_str(), asked(&me, 30)), ("BACKUP", vec!["+route 0".to_owned()]));
    me.until(40).tell(Event::Stop);
    assert_eq!(asked(&me, 40), ["-route 0"]);
}

#[test]
fn a_refusal_is_told_once_and_tried_again_when_something_appears() {
    let mut me = Router::start(with_routing());
    me.obedient = false;
    me.until(4000);
    let refusal = Refusal { errno: 101, text: "Network is unreachable".into() };
    for key in keys(&me) {
        me.tell(Event::Settled { key, outcome: Err(refusal.clone()) });
    }
    assert_eq!(me.times("RoutingRefused").len(), 3);
    let address = keepalived_model::kernel::Address { key: key([10, 9, 0, 77].into(), 24), ours: false };
    me.until(4010).kernel(Change::Address(address));
    assert_eq!(asked(&me, 4010), ["+route 0", "+route 1", "+rule"]);
    for key in keys(&me) {
        me.tell(Event::Settled { key, outcome: Err(refusal.clone()) });
    }
    assert_eq!(me.times("RoutingRefused").len(), 3);
}
