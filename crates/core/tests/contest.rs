//! Somebody else claims our addresses.

mod common;

use common::*;
use keepalived_core::Event;
use keepalived_model::MacAddr;

const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const MINE: MacAddr = MacAddr([2, 0, 0, 0, 0, 5]);

/// A master whose own announcements are over.
fn master() -> Router {
    let mut me = Router::start(config(vec![instance("VI_1", 51, 100)]));
    assert_eq!(me.until(20_000).state(), "MASTER");
    me.diary.clear();
    me
}

fn claims(me: &mut Router, ip: std::net::Ipv4Addr, by: MacAddr) {
    me.tell(Event::Claimed { link: ETH0, ip: ip.into(), by });
}

/// When it announced its address, each burst once.
fn answers(me: &Router) -> Vec<u64> {
    let mut times = me.times("garp");
    times.dedup();
    times
}

#[test]
fn a_master_answers_all_claims_of_a_second_once_and_tells_who_it_was() {
    let mut me = master();
    for at in [20_000, 20_100, 20_900] {
        me.until(at);
        claims(&mut me, VIP, OTHER);
    }
    me.until(30_000);
    assert_eq!((me.times("garp"), me.times("Contested")), (vec![21_000; 5], vec![20_000]));
    claims(&mut me, VIP, OTHER);
    me.until(60_000);
    assert_eq!(answers(&me), [21_000, 31_000], "the next contest is answered as soon");
    assert_eq!(me.times("Contested").len(), 1, "the log knows already");
}

#[test]
fn what_is_no_claim_of_an_address_of_ours_is_not_answered() {
    let mut me = master();
    claims(&mut me, VIP, MINE);
    claims(&mut me, peer(9), OTHER);
    me.until(25_000);
    assert_eq!((answers(&me).len(), me.times("Contested").len()), (0, 0));
    let mut backup = Router::start(config(vec![instance("VI_1", 51, 100)]));
    backup.hear(200, peer(9));
    claims(&mut backup, VIP, OTHER);
    backup.until(2000);
    assert_eq!((backup.state().as_str(), answers(&backup).len()), ("BACKUP", 0));
}

#[test]
fn who_yields_before_it_answered_does_not_answer() {
    let mut me = master();
    claims(&mut me, VIP, OTHER);
    me.hear(200, peer(9));
    assert_eq!((me.until(23_000).state().as_str(), answers(&me).len()), ("BACKUP", 0));
}

#[test]
fn two_who_both_answer_end_up_a_minute_apart() {
    let mut me = master();
    let mut next = 20_000;
    while next < 1_220_000 {
        me.until(next);
        claims(&mut me, VIP, OTHER);
        // Whoever it is answers a second after each of ours.
        let before = answers(&me).len();
        while answers(&me).len() == before {
            next += 1000;
            me.until(next);
        }
        next += 1000;
    }
    let times = answers(&me);
    assert!(times.len() < 40, "{} answers in twenty minutes", times.len());
    let last = times[times.len() - 1] - times[times.len() - 2];
    assert!((64_000..67_000).contains(&last), "{last} ms apart at the end");
    assert!(times[7] < 40_000, "the first ones come soon");
}
