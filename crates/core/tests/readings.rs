//! Files and processes as somebody outside sees them.

mod common;

use std::sync::Arc;

use common::{Router, config, instance};
use keepalived_core::Event;
use keepalived_model::Weight;
use keepalived_model::track::{File, Reading, Tracked, Watch};
use keepalived_model::vrrp::Config;

/// One router that tracks the file of this name, and another one that tracks none.
fn tracking(name: &str, amount: i16) -> Config {
    let weight = Weight { amount, reverse: false };
    let mut tracking = instance("VI_1", 51, 100);
    tracking.track.files.push(Tracked { name: name.into(), weight });
    let file = File { name: name.into(), path: name.into(), weight, init: None };
    Config { files: vec![file], ..config(vec![tracking, instance("VI_2", 52, 100)]) }
}

fn see(router: &mut Router, name: &str, number: i64) {
    let reading = Reading { watch: Watch::File(name.into()), number };
    router.tell(Event::Reading(&reading));
}

#[test]
fn a_router_waits_for_the_first_look_at_its_file() {
    let mut router = Router::start(tracking("f", 1));
    assert_eq!(router.state(), "INIT BACKUP");
    router.until(500);
    see(&mut router, "f", 7);
    assert_eq!(router.state(), "BACKUP BACKUP");
    router.until(6000);
    assert_eq!(router.state(), "MASTER MASTER");
    assert_eq!(router.times("priority 107"), [500]);
}

#[test]
fn what_a_reload_brings_moves_nothing_before_it_was_looked_at() {
    let mut router = Router::start(tracking("f", 1));
    see(&mut router, "f", 7);
    router.until(6000);
    router.tell(Event::Config(Arc::new(tracking("g", 0))));
    router.until(9000);
    assert_eq!(router.state(), "MASTER MASTER", "nothing is known of the new file");
    assert_eq!(router.engine.view().instances.iter().map(|one| one.priority).collect::<Vec<_>>(), [107, 100]);
    see(&mut router, "f", 9);
    assert!(router.times("priority 109").is_empty(), "the old file does not matter any more");
    see(&mut router, "g", 0);
    assert_eq!(router.times("priority 100"), [9000]);
    see(&mut router, "g", 1);
    assert_eq!(router.state(), "FAULT MASTER");
    see(&mut router, "g", 0);
    assert_eq!(router.state(), "BACKUP MASTER");
}
