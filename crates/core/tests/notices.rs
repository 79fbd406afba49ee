//! Who is told of what, in which order, and why.

mod common;

use std::sync::Arc;

use common::{Router, config, instance, link, nth, peer, scripted, snapshot};
use keepalived_core::event::{Exit, Subject};
use keepalived_core::{Event, notices::Cause, report::Fault};
use keepalived_model::kernel::Change;
use keepalived_model::notify::Deleted;
use keepalived_model::vrrp::{Config, SyncGroup};

fn told(me: &Router) -> Vec<String> {
    let line = |notice: &keepalived_core::event::Notice| {
        format!("{} {} {}", notice.name, notice.occasion.word(), notice.priority)
    };
    me.notices.iter().map(line).collect()
}

fn grouped() -> Config {
    let group =
        SyncGroup { name: "G1".into(), members: vec!["A".into(), "B".into()], ..SyncGroup::default() };
    let mut all = [instance("A", 51, 150), instance("B", 52, 140), instance("C", 53, 130)];
    for (number, one) in (0..).zip(&mut all) {
        one.addresses = vec![common::vip([10, 9, 0, 100 + number].into())];
    }
    Config { groups: vec![group], ..config(all.to_vec()) }
}

#[test]
fn a_group_is_told_first_at_the_start_and_last_later() {
    let mut me = Router::start(grouped());
    assert_eq!(told(&me), ["G1 BACKUP 0", "A BACKUP 150", "B BACKUP 140", "C BACKUP 130"]);
    me.notices.clear();
    me.until(4000);
    assert_eq!(told(&me), ["B MASTER 140", "A MASTER 150", "G1 MASTER 0", "C MASTER 130"]);
    me.notices.clear();
    me.tell(Event::Kernel(Change::Link(link(false))));
    assert_eq!(told(&me), ["A FAULT 150", "B FAULT 140", "G1 FAULT 0", "C FAULT 130"]);
    me.notices.clear();
    me.tell(Event::Kernel(Change::Link(link(true))));
    assert_eq!(told(&me), ["B BACKUP 140", "A BACKUP 150", "G1 BACKUP 0", "C BACKUP 130"]);
    me.notices.clear();
    me.tell(Event::Stop);
    assert_eq!(told(&me), ["A STOP 150", "B STOP 140", "C STOP 130", "G1 STOP 0"]);
}

#[test]
fn a_notice_says_where_from_why_and_because_of_whom() {
    let mut me = Router::start(grouped());
    let causes = |me: &mut Router| -> Vec<_> {
        me.notices.drain(..).map(|notice| (notice.previous.to_string(), notice.why)).collect()
    };
    let of = |previous: &str, cause: Cause| (previous.to_owned(), cause.into());
    assert_eq!(causes(&mut me), vec![of("INIT", Cause::Begin); 4]);
    me.until(3400).hear(0, peer(1)).until(4300);
    let took = causes(&mut me);
    let took: Vec<&Cause> = took.iter().map(|(_, why)| &why.cause).collect();
    // C is in no group and heard no farewell.
    let expected = [&Cause::MasterSilent, &Cause::MasterResigned, &Cause::Group, &Cause::MasterResigned];
    assert_eq!(took, expected);
    me.hear(200, peer(1));
    let yielded = causes(&mut me);
    assert_eq!((&*yielded[0].0, &yielded[0].1.cause), ("MASTER", &Cause::HigherPriority));
    assert_eq!(yielded[0].1.peer, Some(peer(1).into()));
    assert_eq!((&yielded[1].1.cause, &yielded[2].1), (&Cause::Group, &yielded[0].1));
    me.tell(Event::Kernel(Change::Link(link(false))));
    let broken = of("BACKUP", Cause::Fault(Fault::LinkDown("eth0".into())));
    assert_eq!(causes(&mut me)[..2], vec![broken; 2][..]);
    me.tell(Event::Kernel(Change::Link(link(true))));
    assert_eq!(causes(&mut me)[0], of("FAULT", Cause::Recovered));
}

#[test]
fn a_farewell_is_another_cause_than_silence() {
    let mut me = Router::start(config(vec![instance("A", 51, 150)]));
    me.until(1000).hear(200, peer(1)).until(1500).hear(0, peer(1)).until(2000);
    let last = me.notices.last().expect("it took over");
    assert_eq!((&last.why.cause, last.why.peer), (&Cause::MasterResigned, Some(peer(1).into())));
}

#[test]
fn a_changed_priority_is_told_to_fifos_where_that_is_asked_for() {
    for asked in [false, true] {
        let mut config = scripted(150, 20);
        nth(&mut config, 0).notify_priority_changes = asked;
        nth(&mut config, 0).notify.any = Some(Arc::new(config.scripts[0].command.clone()));
        let mut me = Router::start(config);
        me.until(1);
        let run = me.runs.pop().expect("a first run");
        me.tell(Event::Exited { run, exit: Exit::Code(0) });
        let expected = ["VI_1 BACKUP 150", "VI_1 BACKUP_PRIORITY 170"];
        assert_eq!(told(&me), expected[..=usize::from(asked)]);
        assert_eq!(me.notices.last().is_some_and(|notice| notice.any.is_some()), !asked);
    }
}

#[test]
fn a_removed_instance_counts_as_faulty_unless_removals_are_to_be_told() {
    for (deleted, word) in [(None, "FAULT"), (Some(Deleted { command: None }), "DELETED")] {
        let mut before = grouped();
        nth(&mut before, 2).notify.deleted = deleted;
        let mut after = before.clone();
        after.instances.pop();
        let mut me = Router::start_on(before, &snapshot(), &[]);
        me.notices.clear();
        me.tell(Event::Config(Arc::new(after)));
        assert_eq!(told(&me), [format!("C {word} 130")]);
        assert_eq!(me.notices[0].why.cause, Cause::Removed);
        assert_eq!(me.notices[0].subject, Subject::Instance);
    }
}
