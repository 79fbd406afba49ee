//! Elections as RFC 5798 §6.4 and the original hold them.

mod common;

use common::*;
use keepalived_core::Event;
use keepalived_model::Micros;
use keepalived_model::vrrp::{Preempt, Version};
use keepalived_wire::reject::Reject;
use keepalived_wire::vrrp::Packet;

#[test]
fn a_router_alone_waits_a_full_master_down_interval_then_advertises_before_it_adds() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    assert_eq!(me.deeds(0), ["VI_1 BACKUP", "notify VI_1 BACKUP", "join 224.0.0.18", "-10.9.0.100/32"]);
    me.until(3413);
    assert_eq!(me.state(), "BACKUP");
    me.until(3415);
    let garps = ["garp"; 5];
    let expected =
        [&["advert 150", "VI_1 MASTER", "notify VI_1 MASTER", "+10.9.0.100/32"][..], &garps].concat();
    assert_eq!(me.deeds(3414), expected);
}

#[test]
fn the_second_burst_follows_after_the_delay_and_adverts_keep_their_interval() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(20_000);
    assert_eq!(me.times("garp"), [[3414; 5], [8414; 5]].concat());
    assert_eq!(me.advert_gaps(), 1000);
}

#[test]
fn an_address_owner_is_master_at_once() {
    let mut owner = config(vec![instance("VI_1", 51, 255)]);
    nth(&mut owner, 0).wants_master = true;
    let mut me = Router::start(owner);
    me.until(1);
    assert_eq!((me.state().as_str(), me.times("notify VI_1 BACKUP").len()), ("MASTER", 0));
}

#[test]
fn an_address_owner_that_says_backup_waits_like_a_backup() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 255)]));
    assert_eq!((me.state().as_str(), me.times("notify VI_1 BACKUP").len()), ("BACKUP", 1));
    me.until(4000);
    assert_eq!(me.times("VI_1 MASTER"), [3003]);
}

#[test]
fn a_backup_that_may_preempt_ignores_a_weaker_master() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    for second in 1..4 {
        me.until(second * 1000).hear(100, peer(1));
    }
    me.until(3415);
    assert_eq!(me.state(), "MASTER", "the weaker adverts moved nothing");
}

#[test]
fn nopreempt_respects_any_living_master_and_takes_over_from_a_dead_one() {
    let mut config = config(vec![instance("VI_1", 51, 150)]);
    nth(&mut config, 0).preempt = Preempt::Never;
    let mut me = Router::start(config);
    for second in 1..10 {
        me.until(second * 1000).hear(100, peer(1));
    }
    assert_eq!(me.until(12_413).state(), "BACKUP");
    assert_eq!(me.until(12_415).state(), "MASTER");
}

#[test]
fn preempt_delay_counts_from_the_first_worse_advert() {
    let mut config = config(vec![instance("VI_1", 51, 150)]);
    nth(&mut config, 0).preempt = Preempt::After(Micros::from_secs(5));
    let mut me = Router::start(config);
    for second in 1..20 {
        me.until(second * 1000 - 500);
        if me.state() == "MASTER" {
            break;
        }
        me.hear(100, peer(1));
    }
    // The delay runs from 0.5 to 5.5 s; the last advert respected is the one at 4.5 s (or at 5.5 s, which
    // falls together with the end of the delay and is ignored).
    assert_eq!(me.times("VI_1 MASTER"), [4500 + 3414]);
}

#[test]
fn a_resigning_master_is_replaced_after_the_skew_time() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 101)]));
    me.until(1000).hear(200, peer(1));
    me.until(2000).hear(0, peer(1));
    me.until(6000);
    assert_eq!(me.times("VI_1 MASTER"), [2605]);
}

#[test]
fn a_master_that_hears_a_better_one_sends_a_last_advert_and_removes_its_addresses() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(5000).hear(150, peer(1));
    assert_eq!(me.deeds(5000), ["advert 100", "VI_1 BACKUP", "notify VI_1 BACKUP", "-10.9.0.100/32"]);
    assert_eq!(me.until(8608).state(), "BACKUP");
    assert_eq!(me.until(8610).state(), "MASTER", "3 × 1 s + 156/256 s after the better advert");
}

#[test]
fn between_equals_the_higher_address_wins() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    me.until(5000).hear(100, peer(4));
    assert_eq!(me.state(), "MASTER");
    me.until(6000).hear(100, peer(6));
    assert_eq!(me.state(), "BACKUP");
}

#[test]
fn a_master_answers_a_worse_router_at_once_and_announces_twice() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(9500).hear(100, peer(1));
    let told = "notify VI_1 MASTER_RX_LOWER_PRI";
    assert_eq!(me.deeds(9500), ["advert 150", told, "garp", "garp", "garp", "garp", "garp"]);
    me.until(14_500);
    assert_eq!(me.times("garp").len(), 5 + 5 + 5 + 5);
}

#[test]
fn a_flood_of_worse_adverts_is_answered_four_times_an_interval_at_most() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(9000);
    for millis in 9001..10_001 {
        me.until(millis).hear(100, peer(1));
    }
    let answers = me.times("advert 150").iter().filter(|at| **at > 9000).count();
    assert!((4..=5).contains(&answers), "{answers}");
    assert_eq!(me.state(), "MASTER");
}

#[test]
fn its_own_address_heard_is_a_warning_and_nothing_more() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(5000).hear(150, ME);
    assert_eq!((me.state().as_str(), me.deeds(5000).len()), ("MASTER", 0));
    assert_eq!(me.times("EqualOwnAddress"), [5000]);
}

#[test]
fn a_list_that_differs_is_a_live_master_with_one_alarm_a_minute() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    for second in 1..100 {
        me.until(second * 1000).hear_list(200, peer(1), &[peer(77)]);
    }
    assert_eq!(me.state(), "BACKUP");
    assert_eq!(me.times("AddressMissing").len(), 99);
    assert_eq!(me.engine.view().instances[0].counters.list_differs, 99);
}

#[test]
fn refused_packets_never_touch_a_timer() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    let mut junk = vec![0u8; 40];
    junk[..2].copy_from_slice(&[0x45, 0xc0]);
    junk[3] = 40;
    junk[8..10].copy_from_slice(&[255, 112]);
    junk[12..16].copy_from_slice(&peer(1).octets());
    junk[16..20].copy_from_slice(&GROUP.octets());
    junk[20..28].copy_from_slice(&[0x21, 51, 255, 1, 1, 1, 0, 0]);
    for millis in 0..10_000 {
        me.until(millis).tell(Event::Received { link: ETH0, packet: Packet::V4(&junk) });
    }
    assert_eq!(me.times("VI_1 MASTER"), [3609]);
    assert_eq!(me.advert_gaps(), 1000);
    let reject = Reject::AuthTypeMismatch { received: 1, expected: 0 };
    let told = me.times(&format!("reject {} true", reject.kind()));
    assert_eq!(told.len(), 2, "one line as backup, one as master");
}

#[test]
fn a_router_that_was_frozen_reads_its_mail_first_and_announces_again() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(9000).frozen_until(20_000);
    me.hear(100, peer(1)).hear(100, peer(1)).tell(Event::Due);
    assert_eq!((me.state().as_str(), me.times("Late")), ("MASTER", vec![20_000]));
    assert_eq!(
        me.times("garp").iter().filter(|at| **at == 20_000).count(),
        10,
        "for the contest, and for the gap"
    );

    let mut backup = Router::start(config(vec![instance("VI_1", 51, 100)]));
    backup.until(1000).hear(200, peer(1)).frozen_until(20_000).hear(200, peer(1)).tell(Event::Due);
    assert_eq!(backup.state(), "BACKUP");
}

#[test]
fn stopping_says_farewell_once_and_removes_everything() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    me.until(5000).tell(Event::Stop).tell(Event::Stop);
    assert_eq!(me.deeds(5000), ["advert 0", "notify VI_1 STOP", "-10.9.0.100/32"]);
    assert!(me.engine.is_quiet() && me.engine.next_deadline().is_none());
}

#[test]
fn a_version_3_backup_learns_the_masters_interval_unless_it_is_none() {
    let mut config = config(vec![instance("VI_1", 51, 100)]);
    nth(&mut config, 0).version = Version::V3;
    let mut me = Router::start(config);
    me.until(1000).hear_v3(200, peer(1), Micros::from_secs(4));
    assert_eq!(me.times("IntervalAdopted"), [1000]);
    me.until(2000).hear_v3(200, peer(1), Micros::ZERO);
    assert_eq!(me.times("IntervalAdopted"), [1000]);
    // 3 × 4 s and a skew of 156/256 of 4 s after the last advert.
    assert_eq!(me.until(16_437).state(), "BACKUP");
}

#[test]
fn a_backup_knows_the_moment_of_its_takeover_and_a_master_has_none() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    let awaited = |me: &Router| me.engine.next_takeover();
    assert_eq!(awaited(&me), me.engine.next_deadline());
    let first = awaited(&me);
    me.until(1000).hear(200, peer(1));
    assert!(awaited(&me) > first, "every advert of a better master puts it off");
    me.until(9000);
    assert_eq!((me.state().as_str(), awaited(&me)), ("MASTER", None));
}

/// A postponed answer is one as well: it must not use up the announcements that go with it.
#[test]
fn whoever_is_worse_and_goes_on_is_answered_and_announced_against_every_quarter_interval() {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 150)]));
    assert_eq!(me.until(20_000).state(), "MASTER");
    me.diary.clear();
    for at in (20_001..21_001).step_by(10) {
        me.until(at).hear(50, peer(1));
    }
    let adverts = me.diary.iter().filter(|(_, what)| what.starts_with("advert ")).count();
    assert!((4..=5).contains(&adverts), "{adverts} adverts");
    assert_eq!(me.times("garp").len(), 4 * 5);
}
