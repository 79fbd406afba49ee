//! Links that take their time, and links of a router's own.

mod common;

use common::*;
use keepalived_core::Event;
use keepalived_model::kernel::{Change, Key, Link, LinkName, Refusal};
use keepalived_model::link::{OwnLink, UpDownDelay, Vmac};
use keepalived_model::vrrp::{Config, Family};
use keepalived_model::{LinkId, MacAddr, Micros};
use std::sync::Arc;

const OWN: &str = "vrrp.51";

fn plain() -> Config {
    config(vec![instance("VI_1", 51, 100)])
}

fn with_own_link() -> Config {
    let mut config = plain();
    for instance in config.instances_mut() {
        let mac = Vmac::router_mac(instance.vrid, Family::V4);
        let vmac = Vmac { name: OWN.into(), mac, transmit_base: false, announce_link: false, group: 0 };
        instance.own_link = Some(OwnLink::Vmac(vmac));
    }
    config
}

fn own(id: u32, up: bool) -> Link {
    let mac = Some(MacAddr([0, 0, 0x5e, 0, 1, 51]));
    Link { id: LinkId(id), name: OWN.into(), mac, ..link(up) }
}

fn made(me: &mut Router, id: u32) {
    me.kernel(Change::Link(own(id, true)));
    me.tell(Event::Settled { key: Key::Link(LinkName::new(OWN).expect("a name")), outcome: Ok(()) });
}

#[test]
fn what_is_down_or_up_for_a_moment_does_not_count() {
    let delay =
        UpDownDelay { name: link(true).name, down: Micros::from_millis(700), up: Micros::from_millis(500) };
    let mut me = Router::start(Config { delays: vec![delay], ..plain() });
    me.until(5000).kernel(Change::Link(link(false)));
    me.until(5600).kernel(Change::Link(link(true)));
    assert_eq!(me.until(8000).state(), "MASTER");
    me.kernel(Change::Link(link(false)));
    me.until(9000);
    assert_eq!((me.times("VI_1 FAULT"), me.times("LinkState")), (vec![8700], vec![8700]));
    me.kernel(Change::Link(link(true)));
    me.until(9600);
    assert_eq!((me.state().as_str(), me.times("LinkState")), ("BACKUP", vec![8700, 9500]));
}

#[test]
fn a_link_of_its_own_that_is_not_there_is_a_fault_until_it_is() {
    let mut me = Router::start(with_own_link());
    assert_eq!((me.state().as_str(), me.times("+Link(\"vrrp.51\")").len()), ("FAULT", 1));
    me.until(100);
    made(&mut me, 77);
    assert_eq!(me.state(), "BACKUP");
    assert_eq!(me.until(4000).state(), "MASTER");
}

#[test]
fn a_link_that_others_remove_is_wanted_again_and_gone_at_the_stop() {
    let mut me = Router::start(with_own_link());
    made(&mut me, 77);
    me.until(4000).obedient = false;
    me.kernel(Change::LinkGone(LinkId(77)));
    assert_eq!(me.times("+Link(\"vrrp.51\")").len(), 2);
    me.until(4010);
    made(&mut me, 78);
    assert_eq!((me.state().as_str(), me.times("VI_1 FAULT").len()), ("MASTER", 0));
    me.until(5000).tell(Event::Stop);
    assert_eq!(me.times("-Link(\"vrrp.51\")"), [5000]);
}

#[test]
fn a_link_is_down_for_a_moment_before_it_is_gone() {
    let mut me = Router::start(with_own_link());
    made(&mut me, 77);
    me.until(4000).obedient = false;
    me.kernel(Change::Link(own(77, false)));
    me.until(4100).kernel(Change::LinkGone(LinkId(77)));
    made(&mut me, 78);
    assert_eq!((me.until(4300).state().as_str(), me.times("VI_1 FAULT").len()), ("MASTER", 0));
    me.kernel(Change::Link(own(78, false)));
    assert_eq!(me.until(4600).state(), "FAULT");
}

#[test]
fn a_link_that_others_remove_again_and_again_is_left_alone_for_a_while() {
    let mut me = Router::start(with_own_link());
    made(&mut me, 77);
    me.until(4000).obedient = false;
    for id in 77..83 {
        me.kernel(Change::LinkGone(LinkId(id)));
        if me.state() == "MASTER" {
            made(&mut me, id + 1);
        }
    }
    let tries = me.times("+Link(\"vrrp.51\")").len();
    assert_eq!((me.state().as_str(), tries), ("FAULT", 6));
    assert_eq!((me.until(33_000).times("+Link(\"vrrp.51\")").len(), me.state().as_str()), (6, "FAULT"));
    me.until(34_500);
    assert_eq!(me.times("+Link(\"vrrp.51\")").len(), 7);
}

#[test]
fn a_link_that_cannot_be_made_is_a_fault() {
    let mut me = Router::start(plain());
    me.until(5000).obedient = false;
    me.tell(Event::Config(Arc::new(with_own_link())));
    assert_eq!(me.state(), "INIT");
    let refusal = Refusal { errno: 17, text: "taken".into() };
    let key = Key::Link(LinkName::new(OWN).expect("a name"));
    me.tell(Event::Settled { key, outcome: Err(refusal) });
    assert_eq!(me.state(), "FAULT");
}

#[test]
fn a_reload_to_an_own_link_is_a_new_start() {
    let mut me = Router::start(plain());
    me.until(5000).tell(Event::Config(Arc::new(with_own_link())));
    made(&mut me, 77);
    assert_eq!((me.state().as_str(), me.times("advert 0")), ("BACKUP", vec![5000]));
}
