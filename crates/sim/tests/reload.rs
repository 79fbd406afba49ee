//! What a reload may and may not do, tried on engines in the middle of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_core::report::State;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::kernel::AddressKey;
use keepalived_model::vrrp::{self, Carrier};
use keepalived_model::{Instant, LinkId};
use keepalived_sim::mutate::Mutation;
use keepalived_sim::node::Node;
use keepalived_sim::rng::Rng;
use keepalived_sim::{Plan, World, packet};

/// An engine at some moment of some run, its clock at that moment, and what it runs with.
fn every_engine(mut look: impl FnMut(&Engine, Instant, &Node, &mut Rng)) {
    let mut looked = 0;
    for seed in 0..150 {
        let mut rng = Rng::new(seed + 5_000);
        let plan = Plan::draw(seed);
        let moment = Instant(rng.between(0, plan.heal_at.0 + 8_000_000));
        let mut world = World::new(plan);
        world.run_until(moment).expect("the seeds are tested elsewhere");
        for node in world.nodes.iter().filter(|node| node.is_serving()) {
            if let Some(process) = &node.process {
                look(&process.engine, node.clock.local(world.now), node, &mut rng);
                looked += 1;
            }
        }
    }
    assert!(looked > 200, "only {looked} engines");
}

/// Name-independent: VRID and interface, state and addresses.
fn picture(engine: &Engine) -> BTreeMap<(String, u8), (State, Vec<AddressKey>)> {
    let view = engine.view();
    let one = |i: &keepalived_core::view::InstanceView<'_>| {
        ((i.interface.to_owned(), i.vrid.number()), (i.state, i.wanted.clone()))
    };
    view.instances.iter().map(one).collect()
}

fn reload(engine: &mut Engine, now: Instant, config: &vrrp::Config) -> Actions {
    let mut out = Actions::new();
    engine.handle(now, Event::Config(Arc::new(config.clone())), &mut out);
    out
}

/// Another configuration: a little different, or another one of the node's altogether.
fn another(node: &Node, rng: &mut Rng) -> (String, vrrp::Config) {
    match rng.index(node.others.len() + 1).checked_sub(1) {
        Some(other) => (format!("other {other}"), (*node.others[other]).clone()),
        None => {
            let mutation = Mutation::draw(rng);
            (format!("{mutation:?}"), mutation.apply(&node.original, &node.config))
        }
    }
}

#[test]
fn a_reload_with_the_same_configuration_does_nothing_at_all() {
    every_engine(|engine, now, node, _| {
        let (mut engine, before) = (engine.clone(), engine.next_deadline());
        assert_eq!(reload(&mut engine, now, &node.config), []);
        assert_eq!(engine.next_deadline(), before, "no timer moved");
    });
}

#[test]
fn there_and_back_again_leaves_every_role_and_address_as_it_was() {
    every_engine(|engine, now, node, rng| {
        let mutation = loop {
            match Mutation::draw(rng) {
                Mutation::RemoveInstance { .. } | Mutation::Same | Mutation::Original => {}
                other => break other,
            }
        };
        let mut engine = engine.clone();
        let before = picture(&engine);
        let there = mutation.apply(&node.original, &node.config);
        let mut actions = reload(&mut engine, now, &there);
        let between = picture(&engine);
        actions.extend(reload(&mut engine, now, &node.config));
        assert_eq!(picture(&engine), before, "{mutation:?}");
        let states =
            |picture: &BTreeMap<_, (State, _)>| picture.values().map(|(state, _)| *state).collect::<Vec<_>>();
        assert_eq!(states(&between), states(&before), "{mutation:?}");
        for action in &actions {
            if let Some(sent) = sent(action) {
                assert!(
                    packet::advert(&sent).is_some_and(|seen| seen.priority != 0),
                    "{mutation:?}: resigned"
                );
            }
        }
    });
}

#[test]
fn the_kernel_is_asked_for_the_difference_only() {
    every_engine(|engine, now, node, rng| {
        let (what, config) = another(node, rng);
        let mut engine = engine.clone();
        let wanted = |engine: &Engine| -> Vec<AddressKey> {
            let mut keys: Vec<_> = picture(engine).into_values().flat_map(|(_, wanted)| wanted).collect();
            keys.sort();
            keys
        };
        let before = wanted(&engine);
        let actions = reload(&mut engine, now, &config);
        let after = wanted(&engine);
        for action in actions {
            let Action::Want { key: keepalived_model::kernel::Key::Address(key), spec } = action else {
                continue;
            };
            match spec {
                Some(_) => assert!(!before.contains(&key), "{what} asks for {key:?} again"),
                None => assert!(!after.contains(&key), "{what} removes {key:?}, which is wanted"),
            }
        }
    });
}

#[test]
fn a_kept_master_goes_on_advertising_in_time() {
    every_engine(|engine, now, node, rng| {
        let (what, config) = another(node, rng);
        let mut engine = engine.clone();
        reload(&mut engine, now, &config);
        let masters =
            |engine: &Engine| picture(engine).values().filter(|(state, _)| *state == State::Master).count();
        let count = masters(&engine);
        let all = node.config.instances.iter().chain(&config.instances);
        let slowest = all.map(|i| i.advert_interval).max().unwrap_or_default();
        let until = now + slowest;
        let mut heard = BTreeSet::new();
        while let Some(at) = engine.next_deadline().filter(|at| *at <= until) {
            let mut out = Actions::new();
            engine.handle(at.max(now), Event::Due, &mut out);
            let adverts = out.iter().filter_map(|action| match action {
                Action::Send { link, .. } => Some((*link, packet::advert(&sent(action)?)?.vrid)),
                _ => None,
            });
            heard.extend(adverts);
        }
        assert!(heard.len() >= count, "{what}: {heard:?} of {count} masters");
    });
}

/// Groups joined, by interface, and VRIDs admitted, by how they travel.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ears {
    joined: BTreeSet<(LinkId, IpAddr)>,
    admitted: BTreeMap<Carrier, BTreeSet<u8>>,
}

impl Ears {
    fn follow(mut self, actions: Actions) -> Self {
        for action in actions {
            match action {
                Action::Join { link, group } => _ = self.joined.insert((link, group)),
                Action::Leave { link, group } => _ = self.joined.remove(&(link, group)),
                Action::Admit { carrier, vrids } => {
                    let vrids = vrids.iter().map(|vrid| vrid.number()).collect();
                    self.admitted.insert(carrier, vrids);
                }
                _ => {}
            }
        }
        self.admitted.retain(|_, vrids| !vrids.is_empty());
        self
    }
}

#[test]
fn a_reload_listens_to_what_a_start_would() {
    every_engine(|engine, now, node, rng| {
        if !node.kernel.is_idle() {
            return;
        }
        let Some(process) = &node.process else { return };
        let (what, config) = another(node, rng);
        let ears = Ears { joined: process.joined.clone(), admitted: process.admitted.clone() };
        let reloaded = ears.follow(reload(&mut engine.clone(), now, &config));
        let readings: Vec<_> = config.watches().iter().map(|watch| node.reading(watch)).collect();
        let (snapshot, mut out) = (node.kernel.clone().dump(now), Actions::new());
        Engine::start(now, Arc::new(config), &snapshot, &[], &readings, &mut out);
        assert_eq!(reloaded, Ears::default().follow(out), "{what}");
    });
}

/// What a router put on the wire.
fn sent(action: &Action) -> Option<Vec<u8>> {
    match action {
        Action::Send { source, destination, hop_limit, packet, .. } => {
            Some(packet::enclose(*source, *destination, *hop_limit, packet))
        }
        _ => None,
    }
}
