//! Scripts, links, addresses, predecessors and reloads.

mod common;

use common::*;
use keepalived_core::Event;
use keepalived_core::event::Exit;
use keepalived_core::memory::Memory;
use keepalived_model::Micros;
use keepalived_model::kernel::{Address, Change, Key};
use keepalived_model::vrrp::{Config, SyncGroup};
use std::sync::Arc;

#[test]
fn a_weighted_script_moves_the_priority_and_the_waiting_time() {
    let mut me = Router::start(scripted(100, 2));
    me.until(10).script_ends(Exit::Code(0));
    me.until(4000);
    assert_eq!((me.times("priority 102"), me.times("VI_1 MASTER")), (vec![10], vec![3601]));
    me.script_ends(Exit::Code(0));
    me.until(6500).script_ends(Exit::Code(1));
    assert_eq!(me.deeds(6500), ["priority 100", "advert 100"], "D15: said at once");
}

#[test]
fn a_script_of_weight_zero_holds_the_instance_back_until_it_has_spoken() {
    let mut me = Router::start(scripted(100, 0));
    assert_eq!(me.until(1000).state(), "INIT");
    me.script_ends(Exit::Code(0));
    assert_eq!(me.state(), "BACKUP");
    me.until(4700);
    assert_eq!(me.times("VI_1 MASTER"), [4609]);
    me.script_ends(Exit::Code(0));
    me.until(6001).script_ends(Exit::Code(1));
    assert_eq!(me.deeds(6001), ["VI_1 FAULT", "advert 0", "advert 0", "notify VI_1 FAULT", "-10.9.0.100/32"]);
    me.until(8001).script_ends(Exit::Code(0));
    assert_eq!(me.state(), "BACKUP");
}

#[test]
fn a_first_failure_of_weight_zero_means_fault_without_the_usual_line() {
    let mut me = Router::start(scripted(100, 0));
    me.until(5).script_ends(Exit::Code(1));
    assert_eq!((me.state().as_str(), me.times("VI_1 FAULT").len()), ("FAULT", 0));
    assert_eq!((me.times("StartsInFault"), me.times("notify VI_1 FAULT")), (vec![], vec![5]));
}

#[test]
fn a_hanging_script_costs_no_advert() {
    let mut me = Router::start(scripted(100, 0));
    me.until(5).script_ends(Exit::Code(0));
    me.until(60_000);
    assert_eq!((me.state().as_str(), me.advert_gaps()), ("MASTER", 1000));
    assert!(me.times("Kill").len() > 3);
}

#[test]
fn a_script_that_our_stop_ends_is_no_failure() {
    let mut me = Router::start(scripted(100, 2));
    me.until(5).tell(Event::Stop).script_ends(Exit::Signal(15));
    assert_eq!((me.times("Term"), me.times("ScriptFailed")), (vec![5], vec![]));
}

#[test]
fn a_link_that_goes_down_and_comes_back() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(5000).kernel(Change::Link(link(false)));
    assert_eq!(me.deeds(5000), ["VI_1 FAULT", "advert 0", "advert 0", "notify VI_1 FAULT", "-10.9.0.100/32"]);
    me.kernel(Change::Link(link(false)));
    me.until(6000).kernel(Change::Link(link(true)));
    me.until(9700);
    assert_eq!(me.times("VI_1 MASTER"), [3609, 9609]);
}

#[test]
fn a_link_that_is_deleted_and_made_again_under_another_index() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(5000).kernel(Change::LinkGone(ETH0));
    assert!(me.state() == "FAULT" && me.times("leave 224.0.0.18") == [5000]);
    let (mut again, mut address) = (link(true), key(ME, 24));
    again.id = keepalived_model::LinkId(9);
    address.link = again.id;
    me.until(6000).kernel(Change::Link(again));
    assert_eq!(me.state(), "FAULT", "no address to send from yet");
    me.until(7000).kernel(Change::Address(Address { key: address, ours: false }));
    assert_eq!((me.state().as_str(), me.times("join 224.0.0.18")), ("BACKUP", vec![0, 6000]));
}

#[test]
fn the_source_address_lost_is_a_fault_and_regained_is_none() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(5000).kernel(Change::AddressGone(key(ME, 24)));
    assert_eq!((me.state().as_str(), me.times("AddressDeassigned")), ("FAULT", vec![5000]));
    me.until(6000).kernel(Change::Address(Address { key: key(ME, 24), ours: false }));
    assert_eq!((me.state().as_str(), me.times("AddressAssigned")), ("BACKUP", vec![0, 6000]));
}

#[test]
fn a_vip_removed_by_hand_is_put_back_and_announced() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(9000).kernel(Change::AddressGone(key(VIP, 32)));
    assert_eq!(me.deeds(9000), ["+10.9.0.100/32", "garp", "garp", "garp", "garp", "garp"]);
    assert_eq!(me.state(), "MASTER");
}

#[test]
fn a_vip_removed_too_often_makes_room_for_the_peer() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(9000);
    for _ in 0..5 {
        me.kernel(Change::AddressGone(key(VIP, 32)));
    }
    assert_eq!(me.state(), "MASTER");
    me.kernel(Change::AddressGone(key(VIP, 32)));
    assert_eq!(me.state(), "FAULT");
    assert_eq!(me.until(39_001).state(), "BACKUP", "and tries again half a minute later");
}

#[test]
fn leftovers_of_a_crash_are_removed_before_the_first_advert() {
    let mut kernel = snapshot();
    kernel.addresses.push(Address { key: key(VIP, 24), ours: true });
    let mut me = Router::start_on(config(vec![instance("VI_1", 51, 100)]), &kernel, &[]);
    assert_eq!(me.deeds(0)[3..], ["-10.9.0.100/32", "-10.9.0.100/24"], "also under another prefix length");
    assert!(me.until(4000).times("advert 100") == [3609]);
}

fn latest(router: &Router) -> Vec<Memory> {
    router.memories.last().cloned().into_iter().collect()
}

#[test]
fn a_killed_engine_is_adopted() {
    let mut old = Router::start(config(vec![instance("VI_1", 51, 100)]));
    old.until(5100);
    let mut kernel = snapshot();
    kernel.addresses.push(Address { key: key(VIP, 32), ours: true });
    let mut me = Router::start_at(5200, config(vec![instance("VI_1", 51, 100)]), &kernel, &latest(&old));
    assert_eq!((me.state().as_str(), me.deeds(0)), ("MASTER", vec!["join 224.0.0.18", "+10.9.0.100/32"]));
    me.until(6300);
    assert_eq!(me.times("advert 100"), [5200, 6200], "at once, for whoever took over meanwhile");

    let mut late = Router::start_at(9000, config(vec![instance("VI_1", 51, 100)]), &kernel, &latest(&old));
    assert_eq!((late.state().as_str(), late.times("-10.9.0.100/32")), ("BACKUP", vec![9000]), "too late");
    late.tell(Event::Stop);
    let after_stop = Router::start_at(9001, config(vec![instance("VI_1", 51, 100)]), &kernel, &latest(&late));
    assert_eq!(after_stop.state(), "BACKUP", "who said farewell has no successor");
}

#[test]
fn a_reload_without_a_change_does_nothing() {
    let mut me = Router::start(scripted(100, 2));
    me.until(5000);
    let before = me.diary.len();
    me.tell(Event::Config(Arc::new(scripted(100, 2))));
    assert_eq!(me.diary.len(), before);
}

#[test]
fn a_reload_keeps_a_renamed_master_and_moves_only_what_differs() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(9200);
    let mut changed = config(vec![instance("RENAMED", 51, 120)]);
    nth(&mut changed, 0).addresses.push(vip(peer(101)));
    me.tell(Event::Config(Arc::new(changed)));
    let garps = ["garp"; 10];
    assert_eq!(me.deeds(9200), [&["priority 120", "advert 120", "+10.9.0.101/32"][..], &garps].concat());
    me.tell(Event::Config(Arc::new(config(vec![instance("VI_1", 51, 120)]))));
    assert_eq!(me.times("-10.9.0.101/32"), [9200]);
    assert!(me.until(15_000).advert_gaps() <= 1000);
}

#[test]
fn a_vip_that_moves_between_instances_at_a_reload_is_left_alone() {
    let (mut one, mut two) = (instance("VI_1", 51, 100), instance("VI_2", 52, 100));
    two.addresses = vec![vip(peer(102))];
    let mut me = Router::start(config(vec![one.clone(), two.clone()]));
    me.until(9000);
    std::mem::swap(&mut one.addresses, &mut two.addresses);
    me.tell(Event::Config(Arc::new(config(vec![one, two]))));
    assert_eq!(me.times("-10.9.0.100/32"), [0], "only at the start");
}

#[test]
fn an_instance_dropped_by_a_reload_resigns() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100), instance("VI_2", 52, 100)]));
    me.until(9200).tell(Event::Config(Arc::new(config(vec![instance("VI_2", 52, 100)]))));
    assert_eq!(me.deeds(9200)[..2], ["advert 0", "notify VI_1 FAULT"]);
    assert_eq!(me.times("-10.9.0.100/32"), [0], "the other one still wants it");
}

fn grouped() -> Config {
    let (mut one, two) = (instance("VI_1", 51, 100), instance("VI_2", 52, 100));
    one.addresses = vec![vip(peer(101))];
    let group =
        SyncGroup { name: "G1".into(), members: vec!["VI_1".into(), "VI_2".into()], ..SyncGroup::default() };
    Config { groups: vec![group], ..config(vec![one, two]) }
}

#[test]
fn a_sync_group_moves_as_one() {
    let mut me = Router::start(grouped());
    // The first member is held back by a better master, so neither takes over.
    for second in 1..8 {
        me.until(second * 1000).hear(200, peer(1));
    }
    assert_eq!(me.state(), "BACKUP BACKUP");
    me.until(20_000);
    assert_eq!(me.state(), "MASTER MASTER");
    assert_eq!(me.times("VI_1 MASTER"), me.times("VI_2 MASTER"));
    assert_eq!(me.times("notify G1 MASTER").len(), 1);
    me.hear(200, peer(1));
    assert_eq!(me.state(), "BACKUP BACKUP");
    assert_eq!(me.times("notify G1 BACKUP"), [0, 20_000]);
}

#[test]
fn many_addresses_are_refreshed_each_once_a_period_and_some_at_a_time() {
    let mut many = instance("VI_1", 51, 150);
    many.excluded = (1..40).map(|last| vip([10, 9, 7, last].into())).collect();
    many.garp.refresh = Micros::from_secs(3);
    let mut me = Router::start(config(vec![many]));
    // Master after 3414 ms, announced again 5000 ms later; then three parts a period.
    me.until(12_000);
    let refreshed: Vec<u64> = me.times("garp").into_iter().filter(|at| *at > 8414).collect();
    assert_eq!(refreshed, [[9414; 14].as_slice(), &[10_414; 14], &[11_414; 12]].concat());
}

#[test]
fn a_kernel_that_refuses_is_told_and_does_not_stop_the_adverts() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(3000).obedient = false;
    me.until(4000);
    let outcome = Err(keepalived_model::kernel::Refusal { errno: 1, text: "no".into() });
    me.tell(Event::Settled { key: Key::Address(key(VIP, 32)), outcome });
    assert_eq!((me.times("AddressRefused"), me.times("garp").len()), (vec![4000], 0), "nothing to announce");
    assert!(me.until(4999).advert_gaps() == 1000);
    assert!(!me.engine.view().instances[0].settled);
    // Once a second it is asked again, and told only what is news.
    let wants = |me: &Router| me.diary.iter().filter(|(_, what)| what.starts_with("+")).count();
    let before = wants(&me);
    me.until(5500);
    assert_eq!(wants(&me), before + 1, "{:?}", me.diary);
    me.obedient = true;
    me.tell(Event::Settled { key: Key::Address(key(VIP, 32)), outcome: Ok(()) });
    assert_eq!((me.times("AddressRefused"), me.times("AddressAccepted")), (vec![4000], vec![5500]));
    assert_eq!((me.times("garp").len(), me.engine.view().instances[0].settled), (5, true));
    assert_eq!(wants(me.until(9000)), before + 1, "nothing is left to be asked");
}
