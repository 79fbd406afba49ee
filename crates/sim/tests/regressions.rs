//! What seeds once showed, as small as it got, made by hand so that it stays what it is when seeds come to
//! mean something else.

use std::net::Ipv4Addr;

use keepalived_core::report::State;
use keepalived_model::lasting::Tied;
use keepalived_model::rule::{Action, Rule};
use keepalived_model::track::{File, Script, Tracked};
use keepalived_model::vrrp::{self, Family, Preempt, Transport, Version, VirtualAddress};
use keepalived_model::{Instant, LinkId, Micros, Weight};
use keepalived_sim::by_hand::{address, at, config, group, lan, router, start};
use keepalived_sim::kernel::Temper;
use keepalived_sim::lan::Weather;
use keepalived_sim::mutate::Mutation;
use keepalived_sim::ops::Op;
use keepalived_sim::scripts::Fate;
use keepalived_sim::{Plan, World};

fn holds(plan: Plan) {
    if let Err(violation) = World::new(plan).run() {
        panic!("{violation}");
    }
}

fn crash(node: usize, millis: u64, down: u64) -> [(Instant, Op); 2] {
    [(at(millis), Op::Crash { node }), (at(millis + down), Op::Start { node, adopt: true })]
}

fn reload(node: usize, millis: u64, mutation: Mutation) -> (Instant, Op) {
    (at(millis), Op::Reload { node, mutation })
}

/// Seeds 1075 and 5533.
#[test]
fn an_adopted_master_is_not_deaf_for_a_startup_delay() {
    let mut slow = config(vec![router(51, 100)]);
    slow.startup_delay = Micros::from_secs(3);
    let mut ops = vec![(at(0), start(0)), (at(10_000), start(1))];
    ops.extend(crash(0, 12_900, 10));
    holds(lan(vec![slow, config(vec![router(51, 200)])], ops));
}

/// Seed 1149: of two members with different intervals only one was remembered well enough.
#[test]
fn a_group_is_adopted_as_a_whole() {
    let mut fast = router(52, 100);
    fast.version = Version::V3;
    fast.advert_interval = Micros::from_millis(100);
    let mut ops = vec![(at(0), start(0))];
    ops.extend(crash(0, 10_000, 500));
    holds(lan(vec![group(vec![router(51, 100), fast])], ops));
}

/// Seed 152.
#[test]
fn an_address_given_up_by_a_reload_is_not_announced_from_the_queue() {
    let mut many = router(51, 100);
    many.addresses = (100..103).map(address).collect();
    let mut spaced = config(vec![many]);
    spaced.garp_interval = Micros::from_millis(100);
    let ops = vec![(at(0), start(0)), reload(0, 3_800, Mutation::RemoveAddress { which: 0 })];
    holds(lan(vec![spaced], ops));
}

/// Seeds 1264 and 1724.
#[test]
fn a_member_added_to_a_group_of_masters_joins_it() {
    let ops = vec![
        (at(0), start(0)),
        reload(0, 10_000, Mutation::RemoveInstance { which: 0 }),
        reload(0, 20_000, Mutation::Original),
    ];
    holds(lan(vec![group(vec![router(51, 100), router(52, 100)])], ops));
}

/// Seed 3740.
#[test]
fn a_member_joins_a_group_of_adopted_masters() {
    let mut ops = vec![
        (at(0), start(0)),
        reload(0, 10_000, Mutation::RemoveInstance { which: 0 }),
        reload(0, 12_000, Mutation::Original),
    ];
    ops.extend(crash(0, 8_000, 10));
    holds(lan(vec![group(vec![router(51, 100), router(52, 100)])], ops));
}

#[test]
fn a_group_of_masters_follows_an_added_member_that_hears_a_living_master() {
    let ops = vec![
        (at(0), start(0)),
        reload(0, 5_000, Mutation::RemoveInstance { which: 0 }),
        (at(6_000), start(1)),
        reload(0, 20_000, Mutation::Original),
    ];
    let plan = lan(vec![group(vec![router(51, 100), router(52, 100)]), config(vec![router(51, 200)])], ops);
    let mut world = World::new(plan);
    let states = |world: &World| -> Vec<State> {
        world.nodes[0].standings().iter().map(|standing| standing.state).collect()
    };
    world.run_until(at(19_999)).expect("no rule is broken");
    assert_eq!(states(&world), [State::Master]);
    world.run_until(at(22_000)).expect("no rule is broken");
    assert_eq!(states(&world), [State::Backup, State::Backup]);
}

/// Seed 6631: an address on another interface than the router's, which does not count as a fault.
#[test]
fn an_address_comes_back_with_its_interface() {
    let mut elsewhere = router(51, 100);
    elsewhere.dont_track_primary = true;
    elsewhere.excluded = vec![VirtualAddress { interface: Some("eth1".into()), ..address(105) }];
    let mut plan = lan(
        vec![config(vec![elsewhere])],
        vec![
            (at(0), start(0)),
            (at(10_000), Op::Delete { node: 0, port: 1 }),
            (at(20_000), Op::Create { node: 0, port: 1 }),
        ],
    );
    let mut second = plan.nodes[0].ports[0].clone();
    (second.link, second.name) = (LinkId(3), "eth1".into());
    second.ip = Ipv4Addr::new(10, 1, 0, 1);
    plan.nodes[0].ports.push(second);
    holds(plan);
}

/// Seed 32042: the interface's own address came back behind the virtual one, which a reload then gave up.
#[test]
fn an_address_on_its_way_out_is_never_the_source() {
    let ops = vec![
        (at(0), start(0)),
        (at(5_000), Op::Primary { node: 0, port: 0, there: false }),
        (at(5_001), Op::Primary { node: 0, port: 0, there: true }),
        reload(0, 10_000, Mutation::RemoveInstance { which: 0 }),
    ];
    let mut stays = router(51, 100);
    let (group, own) = (Ipv4Addr::new(224, 0, 0, 18), Ipv4Addr::new(10, 0, 0, 1));
    stays.transport = Transport::Multicast { group: group.into(), source: Some(own.into()) };
    let mut plan = lan(vec![config(vec![stays, router(52, 100)])], ops);
    plan.heal_at = at(20_000);
    holds(plan);
}

/// Seed 25414: a loser's last advert made the others impatient with a winner that advertises less often.
#[test]
fn a_contest_of_uneven_intervals_comes_to_an_end() {
    let uneven = |priority, seconds, preempt| {
        let mut router = router(51, priority);
        router.version = Version::V3;
        router.advert_interval = Micros::from_secs(seconds);
        router.preempt = preempt;
        router.lower_prio_no_advert = true;
        config(vec![router])
    };
    let configs =
        vec![uneven(254, 4, Preempt::Always), uneven(100, 1, Preempt::Never), uneven(101, 1, Preempt::Never)];
    let mut ops: Vec<_> = (0..3).map(|node| (at(0), start(node))).collect();
    let weather = Weather { delay_min: 100, delay_max: 100, ..Weather::FAIR };
    ops.push((at(1), Op::Weather { segment: 0, weather }));
    for other in [1, 2] {
        for (from, to) in [(0, other), (other, 0)] {
            ops.push((at(20_000), Op::Cut { segment: 0, from, to }));
            ops.push((at(40_000), Op::Mend { segment: 0, from, to }));
        }
    }
    let mut world = World::new(lan(configs, ops));
    for millis in (45_000..60_000).step_by(300) {
        world.run_until(at(millis)).expect("no rule is broken");
        let masters = keepalived_sim::check::masters(&world);
        assert_eq!(masters.into_values().collect::<Vec<_>>(), [[0]], "at {millis} ms");
    }
}

/// Seed 65395: killed as a backup whose addresses were not gone yet, on a kernel without marks.
#[test]
fn an_adopted_backup_leaves_no_address_behind() {
    let temper = Temper { work_min: 300_000, work_max: 300_000, ..Temper::FAIR };
    let mut ops = vec![
        (at(0), start(0)),
        (at(5_000), Op::Temper { node: 0, temper }),
        (at(6_000), Op::Primary { node: 0, port: 0, there: false }),
        (at(6_050), Op::Primary { node: 0, port: 0, there: true }),
    ];
    ops.extend(crash(0, 6_100, 10));
    let mut plan = lan(vec![config(vec![router(51, 100)])], ops);
    plan.marks = false;
    holds(plan);
}

/// Seed 49: taking over at the same moment, they went on in step, and neither ever believed the other.
#[test]
fn masters_with_the_same_numbers_of_headers_part() {
    let numbered = |priority| {
        let auth = keepalived_model::vrrp::Auth::Ah(*b"1111\0\0\0\0");
        config(vec![keepalived_model::vrrp::Instance { auth, ..router(51, priority) }])
    };
    holds(lan(vec![numbered(100), numbered(100)], vec![(at(0), start(0)), (at(0), start(1))]));
}

/// Plans in which the first node is told at twenty seconds to run with another configuration, and goes on with it.
fn exchanged(configs: Vec<vrrp::Config>, other: vrrp::Config, ops: Vec<(Instant, Op)>) -> Plan {
    let starts = (0..configs.len()).map(|node| (at(0), start(node)));
    let exchange = (at(20_000), Op::Exchange { node: 0, other: Some(0) });
    let mut plan = lan(configs, starts.chain(ops).chain([exchange]).collect());
    plan.nodes[0].others = vec![other];
    plan.ends_with = Some(0);
    plan
}

fn tracked(name: &str) -> Tracked {
    Tracked { name: name.into(), weight: Weight::default() }
}

/// Seed 1410: a group was dissolved while one of its members had a cause of FAULT.
#[test]
fn who_leaves_a_group_leaves_its_faults_behind() {
    let path = keepalived_sim::scripts::path(0);
    let command = keepalived_model::notify::Command {
        path: path.clone(),
        argv: vec![path],
        user: keepalived_model::notify::RunAs::default(),
    };
    let script = Script {
        name: "chk0".into(),
        command,
        interval: Micros::from_secs(1),
        timeout: Micros::from_secs(1),
        weight: Weight::default(),
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    let mut faulty = router(52, 100);
    faulty.track.scripts = vec![tracked("chk0")];
    let with_script = |config| vrrp::Config { scripts: vec![script.clone()], ..config };
    let routers = || vec![router(51, 100), faulty.clone()];
    let bad = Op::Fate { node: 0, script: 0, fate: Fate::Bad };
    let (first, other) = (with_script(group(routers())), with_script(config(routers())));
    let mut plan = exchanged(vec![first], other, vec![(at(0), bad)]);
    plan.stay_bad = vec![(0, 0)];
    holds(plan);
}

/// Seed 1606: the interval learned from a living master was forgotten.
#[test]
fn a_backup_with_another_interval_respects_a_slower_master_as_before() {
    let advertises = |priority, millis| {
        let mut router = router(51, priority);
        (router.version, router.advert_interval) = (Version::V3, Micros::from_millis(millis));
        config(vec![router])
    };
    holds(exchanged(vec![advertises(100, 1_000), advertises(200, 4_000)], advertises(100, 500), vec![]));
}

/// Seed 1388: what a file says was not known yet, and so the old priority stayed, that of an owner.
#[test]
fn another_priority_does_not_wait_for_what_is_tracked() {
    let mut tracks = router(51, 100);
    tracks.track.files = vec![tracked("f0")];
    let weight = Weight::default();
    let file = File { name: "f0".into(), path: b"/f0".to_vec(), weight, init: None };
    let other = vrrp::Config { files: vec![file], ..config(vec![tracks]) };
    holds(exchanged(vec![config(vec![router(51, 255)])], other, vec![]));
}

/// Seed 1348: a rule was removed while nobody cared.
#[test]
fn what_is_tracked_from_now_on_is_put_back() {
    let with_rule = |no_track| {
        let rule = Rule { no_track, ..Rule::new(Family::V4, 5, Action::Table(100)) };
        let mut config = config(vec![router(51, 100)]);
        config.lasting.rules = vec![Tied { thing: rule, group: None }];
        config
    };
    let removed = Op::Remove { node: 0, which: 1 };
    holds(exchanged(vec![with_rule(true)], with_rule(false), vec![(at(8_000), removed)]));
}

/// Seed 949: what a predecessor had left was named again by a reload of a backup.
#[test]
fn a_backup_removes_what_a_reload_names() {
    let with = |addresses: &[u8]| {
        let mut router = router(51, 100);
        router.addresses = addresses.iter().copied().map(address).collect();
        config(vec![router])
    };
    let mut ops = vec![
        (at(5_000), Op::Crash { node: 0 }),
        (at(5_001), Op::Exchange { node: 0, other: Some(1) }),
        (at(5_002), start(0)),
        (at(5_003), start(1)),
    ];
    ops.insert(0, (at(0), start(0)));
    ops.push((at(10_000), Op::Exchange { node: 0, other: None }));
    let mut plan = lan(vec![with(&[51, 60]), config(vec![router(51, 200)])], ops);
    plan.nodes[0].others = vec![with(&[51]), with(&[51])];
    (plan.marks, plan.ends_with) = (false, None);
    holds(plan);
}
