//! The world: one queue, one time, and the rule that a step is the earliest delivery or deadline, nothing
//! else.

mod trouble;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use keepalived_core::event::{Action, Actions, Event};
use keepalived_model::kernel::Key;
use keepalived_model::{Instant, LinkId, Micros};

use crate::check::{self, Broken, Since};
use crate::lan::{Segment, Weather};
use crate::node::{Mail, Node, Process};
use crate::ops::Op;
use crate::packet;
use crate::plan::Plan;
use crate::proofs::Proofs;
use crate::rng::Rng;
use crate::routing;
use crate::verdict::{Summary, Violation};

/// How often the rules that need time to be broken are looked at.
const TICK: Micros = Micros::from_millis(50);
/// More turns than this at one moment are a loop.
const TURNS_MAX: u32 = 16;

/// Something that is on its way.
#[derive(Debug)]
enum Delivery {
    /// To the process of this epoch; datagrams reach whatever process there is.
    Mail { node: usize, epoch: Option<u64>, mail: Mail },
    /// The next operation of the plan.
    Op(Op),
    /// Time to look at the rules.
    Tick,
    /// Everything is repaired.
    Heal,
    /// The routers must agree from now on.
    Judge,
    /// That was all.
    End,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    sequence: u64,
    delivery: Delivery,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// A virtual LAN with machines on it.
#[derive(Debug)]
pub struct World {
    /// What is being run.
    pub plan: Plan,
    /// The world's time.
    pub now: Instant,
    /// The machines.
    pub nodes: Vec<Node>,
    /// The Ethernets.
    pub segments: Vec<Segment>,
    /// Since when nothing at all is wrong; nothing while something is.
    pub calm_since: Option<Instant>,
    /// The masters on which everybody agreed, once they must.
    pub agreed: Option<BTreeMap<(usize, u8), usize>>,
    /// Since when rules with a time limit are about to be broken.
    pub since: Since,
    proofs: Proofs,
    queue: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
    rng: Rng,
    summary: Summary,
    trace: bool,
}

impl World {
    /// A world at its beginning.
    pub fn new(plan: Plan) -> Self {
        let nodes: Vec<Node> = plan.nodes.iter().map(|node| Node::new(node, plan.marks)).collect();
        let port = |segment: usize| {
            let attached =
                nodes.iter().enumerate().flat_map(move |(node, n)| n.ports.iter().map(move |p| (node, p)));
            attached
                .filter(|(_, port)| port.segment == segment)
                .map(|(node, port)| (node, port.link))
                .collect()
        };
        let segment = |n| Segment { ports: port(n), cut: Default::default(), weather: Weather::FAIR };
        let segments = (0..plan.segments).map(segment).collect();
        let mut world = Self {
            rng: Rng::new(!plan.seed),
            now: Instant(0),
            nodes,
            segments,
            calm_since: Some(Instant(0)),
            agreed: None,
            since: Since::default(),
            proofs: Proofs::default(),
            queue: BinaryHeap::new(),
            sequence: 0,
            summary: Summary::default(),
            trace: false,
            plan,
        };
        for (at, op) in world.plan.ops.clone() {
            world.post(at, Delivery::Op(op));
        }
        world.post(Instant(TICK.0), Delivery::Tick);
        world.post(world.plan.heal_at, Delivery::Heal);
        world
    }

    /// Prints a line for everything that happens.
    pub fn traced(mut self) -> Self {
        self.trace = true;
        self
    }

    /// Runs to the end or to the first broken rule.
    pub fn run(mut self) -> Result<Summary, Violation> {
        loop {
            match self.step() {
                Ok(true) => self.summary.steps += 1,
                Ok(false) => return Ok(Summary { length: self.now.0, ..self.summary }),
                Err((rule, text)) => {
                    return Err(Violation { seed: self.plan.seed, rule, at: self.now, text });
                }
            }
        }
    }

    /// Runs everything that happens until then.
    pub fn run_until(&mut self, until: Instant) -> Result<(), Violation> {
        while self.next().is_some_and(|(at, _)| at <= until) {
            match self.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err((rule, text)) => {
                    return Err(Violation { seed: self.plan.seed, rule, at: self.now, text });
                }
            }
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// When the next thing happens, and whose deadline it is if it is one. Mail of the same moment comes
    /// first, as with the real shell.
    fn next(&self) -> Option<(Instant, Option<usize>)> {
        let wakes = self.nodes.iter().enumerate().filter_map(|(index, node)| Some((node.wake?, index)));
        let next = self.queue.peek().map(|Reverse(entry)| entry.at);
        match (next, wakes.min()) {
            (None, None) => None,
            (Some(next), None) => Some((next, None)),
            (Some(next), Some((at, _))) if next <= at => Some((next, None)),
            (_, Some((at, node))) => Some((at, Some(node))),
        }
    }

    /// The earliest delivery or deadline. Returns whether there is more to come.
    fn step(&mut self) -> Result<bool, Broken> {
        match self.next() {
            None => Ok(false),
            Some((at, Some(node))) => self.due(at, node),
            Some((at, None)) => {
                self.now = at;
                match self.queue.pop() {
                    Some(Reverse(entry)) => self.deliver(entry.delivery),
                    None => Ok(false),
                }
            }
        }
    }

    fn due(&mut self, at: Instant, node: usize) -> Result<bool, Broken> {
        self.now = at;
        self.nodes[node].wake = None;
        // What one turn does may make something else due at once, and a turn has room for so many owners only.
        for _ in 0..TURNS_MAX {
            self.tell(node, Event::Due)?;
            let local = self.nodes[node].clock.local(self.now);
            let next = self.nodes[node].process.as_ref().and_then(|process| process.engine.next_deadline());
            if next.is_none_or(|next| next > local) {
                return Ok(true);
            }
        }
        Err(("no busy loop", format!("n{node}: still due after {TURNS_MAX} turns")))
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<bool, Broken> {
        match delivery {
            Delivery::Mail { node, epoch, mail } => {
                let Some(target) = self.nodes.get_mut(node) else { return Ok(true) };
                if target.process.is_none() || epoch.is_some_and(|epoch| epoch != target.epoch) {
                    return Ok(true);
                }
                if target.frozen {
                    target.keep(mail);
                } else {
                    self.take(node, mail)?;
                }
            }
            Delivery::Op(op) => {
                self.operate(op)?;
                self.nodes.iter_mut().for_each(|node| node.has_stirred = true);
            }
            Delivery::Tick => {
                check::tick(self)?;
                self.post(self.now + TICK, Delivery::Tick);
            }
            Delivery::Heal => {
                self.heal()?;
                self.nodes.iter_mut().for_each(|node| node.has_stirred = true);
            }
            // Whoever stood aside only after everything was repaired needs its time.
            Delivery::Judge if self.nodes.iter().any(check::stands_aside) => {
                self.post(self.now + check::patience(self), Delivery::Judge);
            }
            Delivery::Judge => {
                let agreed = check::agreement(self)?;
                self.agreed = Some(agreed);
                let hold = check::longest_down(self).times(2) + Micros::from_secs(2);
                self.post(self.now + hold, Delivery::End);
            }
            Delivery::End => return Ok(false),
        }
        Ok(true)
    }

    /// A process reads its mail.
    fn take(&mut self, n: usize, mail: Mail) -> Result<(), Broken> {
        match mail {
            Mail::Packet { link, bytes } => {
                let Some(process) = &self.nodes[n].process else { return Ok(()) };
                let admitted = process.admitted.get(&packet::carrier(&bytes));
                let is_admitted = |vrid| admitted.is_some_and(|admitted| admitted.contains(&vrid));
                if !packet::vrid(&bytes).is_some_and(is_admitted) {
                    return Ok(());
                }
                let local = self.nodes[n].clock.local(self.now);
                let proof = self.proofs.judge(n, &self.nodes[n], (self.now, link), &bytes);
                let contest = check::heard(&mut self.nodes[n], local, link, &bytes, proof);
                self.tell(n, Event::Received { link, packet: packet::opened(&bytes) })?;
                contest.map_or(Ok(()), |contest| check::contested(&self.nodes[n], contest))
            }
            Mail::Apply { key, spec } => {
                self.apply(n, key, spec.as_ref());
                Ok(())
            }
            Mail::Answer { key, outcome } => {
                self.nodes[n].kernel.pending -= 1;
                self.tell(n, Event::Settled { key, outcome })
            }
            Mail::News(change) => {
                self.nodes[n].kernel.pending -= 1;
                self.tell(n, Event::Kernel(change))
            }
            Mail::Exit { run, exit } => {
                if self.nodes[n].scripts.end(run) {
                    self.tell(n, Event::Exited { run, exit })
                } else {
                    Ok(())
                }
            }
            Mail::Seen(watch) => {
                let reading = self.nodes[n].reading(&watch);
                self.tell(n, Event::Reading(&reading))
            }
            Mail::SendFailed { instance, destination, errno } => {
                self.tell(n, Event::SendFailed { instance, destination, errno })
            }
            // Whoever is asked to end does not read another configuration.
            Mail::Reload(_) if self.nodes[n].process.as_ref().is_some_and(|process| process.stopping) => {
                Ok(())
            }
            Mail::Reload(config) => self.reconfigure(n, config),
            Mail::Stop => {
                if let Some(process) = &mut self.nodes[n].process {
                    process.stopping = true;
                }
                self.tell(n, Event::Stop)
            }
        }
    }

    fn apply(&mut self, n: usize, key: Key, spec: Option<&keepalived_model::kernel::Spec>) {
        self.nodes[n].has_stirred = true;
        let outcome = self.nodes[n].kernel.apply(&key, spec, &mut self.rng);
        self.nodes[n].leftovers.remove(&key);
        if outcome.is_err() {
            self.nodes[n].disturb(self.now);
        }
        self.mail(n, Micros(20), Mail::Answer { key, outcome });
    }

    /// Hands an event to an engine, looks at what it did, and does what it asks for.
    fn tell(&mut self, n: usize, event: Event<'_>) -> Result<(), Broken> {
        let mut actions = Actions::new();
        let node = &mut self.nodes[n];
        node.has_stirred = true;
        let local = node.clock.local(self.now);
        let Some(process) = &mut node.process else { return Ok(()) };
        process.engine.handle(local, event, &mut actions);
        let before = std::mem::take(&mut process.standings);
        self.conclude(n, &before, actions)
    }

    fn conclude(
        &mut self,
        n: usize,
        before: &[crate::node::Standing],
        actions: Actions,
    ) -> Result<(), Broken> {
        let after = self.nodes[n].look();
        let now = self.now;
        self.print_changes(n, before, &after);
        self.summary.masters += check::after(&mut self.nodes[n], now, before, &after, &actions)?;
        if let Some(process) = &mut self.nodes[n].process {
            process.standings = after;
        }
        for action in actions {
            self.perform(n, action)?;
        }
        self.finish_stop(n)?;
        self.arm(n);
        Ok(())
    }

    fn finish_stop(&mut self, n: usize) -> Result<(), Broken> {
        let node = &mut self.nodes[n];
        if !node.process.as_ref().is_some_and(|process| process.stopping && process.engine.is_quiet()) {
            return Ok(());
        }
        let (left, routing) = (check::addresses_in_use(node), routing::in_use(node));
        if !left.is_empty() || !routing.is_empty() {
            return Err(("a stopped router leaves nothing behind", format!("n{n}: {left:?} {routing:?}")));
        }
        node.end_process();
        node.memory.clear();
        self.say(format_args!("n{n} ended"));
        Ok(())
    }

    fn arm(&mut self, n: usize) {
        let late = Micros(self.rng.between(20, 300));
        let node = &mut self.nodes[n];
        let deadline = node.process.as_ref().and_then(|process| process.engine.next_deadline());
        let wake = deadline.map(|at| node.clock.world(at).max(self.now) + late);
        node.wake = wake.filter(|_| !node.frozen);
    }

    fn perform(&mut self, n: usize, action: Action) -> Result<(), Broken> {
        match action {
            Action::Send { link: None, .. } => {}
            Action::Send { instance, link: Some(link), source, destination, hop_limit, packet } => {
                self.summary.adverts += 1;
                let bytes = packet::enclose(source, destination, hop_limit, &packet);
                self.proofs.sent(n, self.nodes[n].port(link), &bytes);
                if self.nodes[n].kernel.is_up(link) {
                    self.carry(n, link, &bytes);
                } else {
                    self.mail(n, Micros(5), Mail::SendFailed { instance, destination, errno: 100 });
                }
            }
            Action::Announce { .. } => self.summary.garps += 1,
            // Nobody claims anything by frames there.
            Action::WatchClaims { .. } => {}
            Action::Want { key, spec } => {
                self.summary.wants += 1;
                let (now, rng) = (self.now, &mut self.rng);
                let at = self.nodes[n].kernel.want(now, rng);
                self.mail(n, at.since(now), Mail::Apply { key, spec });
            }
            Action::Join { link, group } => {
                if let Some(process) = &mut self.nodes[n].process {
                    process.joined.insert((link, group));
                }
            }
            Action::Leave { link, group } => {
                if let Some(process) = &mut self.nodes[n].process {
                    process.joined.remove(&(link, group));
                }
            }
            Action::Admit { carrier, vrids } => {
                if let Some(process) = &mut self.nodes[n].process {
                    let vrids = vrids.iter().map(|vrid| vrid.number()).collect();
                    process.admitted.insert(carrier, vrids);
                }
            }
            Action::Run { run, command } => {
                self.summary.runs += 1;
                if let Some((after, exit)) = self.nodes[n].scripts.run(run, &command, &mut self.rng) {
                    self.mail(n, after, Mail::Exit { run, exit });
                }
                let running = self.nodes[n].scripts.running();
                if running > self.nodes[n].config.scripts.len() + 4 {
                    return Err(("scripts do not pile up", format!("n{n}: {running} runs at once")));
                }
            }
            Action::Kill { run, how } => {
                if let Some(exit) = self.nodes[n].scripts.kill(run, how) {
                    self.mail(n, Micros(1_000), Mail::Exit { run, exit });
                }
            }
            Action::Remember(memory) => self.nodes[n].remember(memory),
            Action::Notify(_) => {}
            Action::Report(report) => {
                if self.trace {
                    self.say(format_args!("n{n}   {report:?}"));
                }
            }
        }
        Ok(())
    }

    /// A datagram goes out: to the members of the group, or to the owner of the address.
    fn carry(&mut self, from: usize, link: LinkId, datagram: &[u8]) {
        let Some(port) = self.nodes[from].port(link) else { return };
        let number = port.segment;
        let bytes: Rc<[u8]> = datagram.into();
        let ports = self.segments[number].ports.clone();
        for (to, there) in ports.into_iter().filter(|(to, _)| *to != from) {
            if self.hears(to, there, &bytes) {
                let ways = self.segments[number].ways(from, to, &mut self.rng);
                if ways.is_empty() || ways.iter().any(|way| way.0 > 10_000) {
                    self.disturb(ways.first().copied().unwrap_or(Micros::ZERO));
                }
                for way in ways {
                    let mail = Mail::Packet { link: there, bytes: Rc::clone(&bytes) };
                    self.post(self.now + way, Delivery::Mail { node: to, epoch: None, mail });
                }
            }
        }
    }

    fn hears(&self, node: usize, link: LinkId, datagram: &[u8]) -> bool {
        let node = &self.nodes[node];
        let Some(destination) = packet::destination(datagram) else { return false };
        let joined = |process: &Process| process.joined.contains(&(link, destination));
        node.kernel.is_up(link)
            && match destination.is_multicast() {
                true => node.process.as_ref().is_some_and(joined),
                false => node.port(link).is_some_and(|port| {
                    let mut here = port.primaries().into_iter().filter(|key| key.ip == destination);
                    here.any(|key| node.kernel.holds(key))
                }),
            }
    }

    /// Something went wrong that ends after so long: rules for calm times start anew.
    fn disturb(&mut self, length: Micros) {
        if let Some(since) = &mut self.calm_since {
            *since = (*since).max(self.now + length);
        }
    }

    fn mail(&mut self, node: usize, after: Micros, mail: Mail) {
        let epoch = Some(self.nodes[node].epoch);
        self.post(self.now + after, Delivery::Mail { node, epoch, mail });
    }

    fn post(&mut self, at: Instant, delivery: Delivery) {
        self.sequence += 1;
        self.queue.push(Reverse(Entry { at, sequence: self.sequence, delivery }));
    }

    fn print_changes(&self, n: usize, before: &[crate::node::Standing], after: &[crate::node::Standing]) {
        if !self.trace {
            return;
        }
        for now in after {
            let old = before.iter().find(|old| old.seat == now.seat);
            if old.map(|old| (old.state, old.priority)) != Some((now.state, now.priority)) {
                let was = old.map_or_else(|| "-".into(), |old| old.state.to_string());
                let (name, state, priority) = (&now.name, now.state, now.priority);
                self.say(format_args!(
                    "n{n} {name:<8} {was:<6} -> {state:<6} {priority:>3} {:?}",
                    now.faults
                ));
            }
        }
    }

    fn say(&self, text: std::fmt::Arguments<'_>) {
        if self.trace {
            println!("{:>12} {text}", self.now.since(Instant(0)));
        }
    }
}
