//! What goes wrong and how it is repaired: the operations of a plan, carried out.

use std::rc::Rc;
use std::sync::Arc;

use keepalived_core::Engine;
use keepalived_core::event::{Actions, Event};
use keepalived_core::memory::Memory;
use keepalived_model::kernel::{AddressKey, Change, Key};
use keepalived_model::track::Reading;
use keepalived_model::{LinkId, Micros, vrrp};

use crate::check::{self, Broken};
use crate::kernel::{Port, Temper};
use crate::lan::Weather;
use crate::node::{Mail, Node, Process, Watch};
use crate::ops::Op;
use crate::others;
use crate::rng::Rng;
use crate::scripts::{self, Fate};
use crate::world::{Delivery, World};

impl World {
    pub(super) fn operate(&mut self, op: Op) -> Result<(), Broken> {
        self.say(format_args!("{op:?}"));
        if !matches!(op, Op::Junk { .. } | Op::Fate { .. }) {
            self.disturb(Micros::ZERO);
        }
        if let Op::Crash { node }
        | Op::Stop { node }
        | Op::Freeze { node }
        | Op::Thaw { node }
        | Op::Delete { node, .. }
        | Op::Create { node, .. }
        | Op::Cable { node, .. }
        | Op::Primary { node, .. }
        | Op::Temper { node, .. }
        | Op::Remove { node, .. } = &op
        {
            self.nodes[*node].disturb(self.now);
        }
        self.happen(op)?;
        self.weigh_calm();
        Ok(())
    }

    fn happen(&mut self, op: Op) -> Result<(), Broken> {
        match op {
            Op::Start { node, adopt } => self.start(node, adopt)?,
            Op::Crash { node } => self.nodes[node].end_process(),
            Op::Stop { node } => self.now_or_later(node, Mail::Stop)?,
            Op::Freeze { node } => {
                self.nodes[node].frozen = self.nodes[node].process.is_some();
                self.nodes[node].wake = self.nodes[node].wake.filter(|_| !self.nodes[node].frozen);
            }
            Op::Thaw { node } => self.thaw(node)?,
            Op::Cable { node, port, up } => {
                let link = self.nodes[node].ports[port].link;
                self.nodes[node].kernel.set_up(link, up);
                self.spread_news(node);
            }
            Op::Primary { node, port, there } => {
                let keys = self.nodes[node].ports[port].primaries();
                let kernel = &mut self.nodes[node].kernel;
                for key in keys {
                    if there { kernel.add(key) } else { kernel.remove(key) }
                }
                self.spread_news(node);
            }
            Op::Delete { node, port } => {
                let link = self.nodes[node].ports[port].link;
                self.nodes[node].kernel.delete(link);
                self.spread_news(node);
            }
            Op::Create { node, port } => self.create(node, port),
            Op::Cut { segment, from, to } => _ = self.segments[segment].cut.insert((from, to)),
            Op::Mend { segment, from, to } => _ = self.segments[segment].cut.remove(&(from, to)),
            Op::Weather { segment, weather } => self.segments[segment].weather = weather,
            Op::Temper { node, temper } => {
                self.nodes[node].kernel.temper = temper;
                // What piled up is still to be worked off.
                let busy = self.nodes[node].kernel.busy_until();
                self.nodes[node].disturb(busy);
                self.spread_news(node);
            }
            Op::Remove { node, which } => self.remove(node, which),
            Op::Fate { node, script, fate } => self.set_fate(node, script, fate),
            Op::Number { node, watch, number } => {
                let known = self.nodes[node].numbers.keys().nth(watch).cloned();
                if let Some(watch) = known {
                    self.nodes[node].numbers.insert(watch.clone(), number);
                    if self.nodes[node].process.is_some() {
                        self.now_or_later(node, Mail::Seen(watch))?;
                    }
                }
            }
            Op::Reload { node, mutation } => {
                let target = &self.nodes[node];
                let config = Arc::new(mutation.apply(&target.original, &target.config));
                self.exchange(node, config)?;
            }
            Op::Exchange { node, other } => {
                let config = Arc::clone(self.nodes[node].choice(other));
                self.exchange(node, config)?;
            }
            Op::Junk { segment, kind, vrid } => {
                let seed = self.rng.next();
                let make = |i: &vrrp::Instance, port: &Port| check::junk(i, port, kind, &mut Rng::new(seed));
                self.inject(segment, vrid, make);
            }
            Op::Rogue { segment, vrid, priority, high } => {
                self.inject(segment, vrid, |i, port| check::rogue(i, port, priority, high));
            }
        }
        Ok(())
    }

    fn exchange(&mut self, node: usize, config: Arc<vrrp::Config>) -> Result<(), Broken> {
        if self.nodes[node].process.is_some() {
            return self.now_or_later(node, Mail::Reload(config));
        }
        self.nodes[node].config = config;
        Ok(())
    }

    /// A process reads another configuration.
    pub(super) fn reconfigure(&mut self, n: usize, config: Arc<vrrp::Config>) -> Result<(), Broken> {
        let members = |config: &vrrp::Config| -> Vec<vrrp::Identity> {
            let grouped = config.groups.iter().flat_map(|group| &group.members);
            let of = |name: &String| config.instances.iter().find(|instance| instance.name == *name);
            grouped.filter_map(of).map(|instance| instance.identity()).collect()
        };
        if members(&config) != members(&self.nodes[n].config) {
            self.nodes[n].regrouped_at = self.now;
        }
        let before = std::mem::replace(&mut self.nodes[n].config, Arc::clone(&config));
        check::reconfigured(&mut self.nodes[n], self.now, &before);
        self.nodes[n].disturb(self.now);
        let watches = config.watches();
        self.tell(n, Event::Config(config))?;
        self.weigh_calm();
        // Whoever watches looks at what is new.
        for watch in watches {
            let after = Micros(self.rng.between(100, 20_000));
            self.mail(n, after, Mail::Seen(watch));
        }
        Ok(())
    }

    fn set_fate(&mut self, node: usize, script: usize, fate: Fate) {
        self.nodes[node].scripts.fates.insert(scripts::path(script), fate);
    }

    /// A deleted interface comes back under another index, with its own address.
    fn create(&mut self, n: usize, number: usize) {
        let old = self.nodes[n].ports[number].link;
        if self.nodes[n].kernel.exists(old) {
            return;
        }
        let new = LinkId(old.0 + 10);
        let segment = self.nodes[n].ports[number].segment;
        for port in self.segments[segment].ports.iter_mut().filter(|port| **port == (n, old)) {
            port.1 = new;
        }
        let node = &mut self.nodes[n];
        node.move_port(number, new);
        let port = node.ports[number].clone();
        node.kernel.create(&port);
        port.primaries().into_iter().for_each(|key| node.kernel.add(key));
        self.spread_news(n);
    }

    fn remove(&mut self, node: usize, which: u64) {
        let target = &mut self.nodes[node];
        let there: Vec<_> = target.kernel.virtual_addresses(&target.ports).collect();
        let routing: Vec<_> = target.kernel.routing().iter().cloned().collect();
        let count = u64::try_from(there.len() + routing.len()).unwrap_or(0).max(1);
        let Ok(index) = usize::try_from(which % count) else { return };
        match (there.get(index), index.checked_sub(there.len()).and_then(|index| routing.get(index))) {
            (Some(key), _) => target.kernel.remove(*key),
            (None, Some(key)) => target.kernel.remove_routing(key),
            (None, None) => return,
        }
        self.spread_news(node);
    }

    /// Everything is as it should be, or it is not calm.
    pub(super) fn weigh_calm(&mut self) {
        let network = self.segments.iter().all(|segment| segment.cut.is_empty() && segment.weather.is_fair());
        let node = |node: &Node| {
            let ports = |port: &crate::kernel::Port| {
                let holds = |key: &AddressKey| node.kernel.holds(*key);
                node.kernel.is_up(port.link) && port.primaries().iter().all(holds)
            };
            !node.frozen && node.kernel.temper == Temper::FAIR && node.ports.iter().all(ports)
        };
        let fair_weather = network && self.nodes.iter().all(node);
        let fair = fair_weather && others::agree(&self.nodes);
        self.calm_since = fair.then(|| self.calm_since.unwrap_or(self.now));
    }

    fn start(&mut self, n: usize, adopt: bool) -> Result<(), Broken> {
        if self.nodes[n].process.as_ref().is_some_and(|process| !process.stopping) {
            return Ok(());
        }
        self.nodes[n].end_process();
        let (now, node) = (self.now, &mut self.nodes[n]);
        let memories: Vec<Memory> = if adopt { node.memory.values().cloned().collect() } else { Vec::new() };
        node.memory.clear();
        node.disturbed_at = now;
        let addresses = node.kernel.virtual_addresses(&node.ports).map(Key::Address);
        node.leftovers = addresses.chain(node.kernel.routing().iter().cloned()).collect();
        let snapshot = node.kernel.dump(now);
        let (local, config, mut actions) = (node.clock.local(now), Arc::clone(&node.config), Actions::new());
        let readings: Vec<Reading> = config.watches().iter().map(|watch| node.reading(watch)).collect();
        let mut engine = Engine::start(local, config, &snapshot, &memories, &readings, &mut actions);
        let ahead = node.clock.wall_ahead(now);
        engine.handle(local, Event::WallClock { ahead }, &mut actions);
        node.process = Some(Process {
            engine,
            joined: Default::default(),
            admitted: Default::default(),
            stopping: false,
            standings: Vec::new(),
        });
        for memory in memories {
            node.remember(memory);
        }
        self.conclude(n, &[], actions)
    }

    /// Runs again: everything that came in meanwhile is read before any deadline is acted on.
    fn thaw(&mut self, n: usize) -> Result<(), Broken> {
        if !std::mem::replace(&mut self.nodes[n].frozen, false) {
            return Ok(());
        }
        let now = self.now;
        if self.nodes[n].regrouped_at.0 > 0 {
            self.nodes[n].regrouped_at = now;
        }
        for Watch { last_sent, .. } in self.nodes[n].watches.values_mut() {
            *last_sent = last_sent.map(|_| now);
        }
        while let Some(mail) = self.nodes[n].inbox.pop_front() {
            self.take(n, mail)?;
        }
        self.arm(n);
        Ok(())
    }

    fn now_or_later(&mut self, n: usize, mail: Mail) -> Result<(), Broken> {
        match (&self.nodes[n].process, self.nodes[n].frozen) {
            (None, _) => Ok(()),
            (Some(_), true) => {
                self.nodes[n].keep(mail);
                Ok(())
            }
            (Some(_), false) => self.take(n, mail),
        }
    }

    /// The kernel tells what others changed.
    fn spread_news(&mut self, n: usize) {
        if self.nodes[n].process.is_some() {
            let news: Vec<Change> = self.nodes[n].kernel.news();
            for change in news {
                let way = Micros(200);
                self.mail(n, way, Mail::News(change));
            }
        }
    }

    /// A packet from nowhere for everybody who has this VRID.
    fn inject(&mut self, segment: usize, vrid: u8, make: impl Fn(&vrrp::Instance, &Port) -> Vec<u8>) {
        for (node, link) in self.segments[segment].ports.clone() {
            let Some(instance) = self.nodes[node].instance((link, vrid)) else { continue };
            let Some(port) = self.nodes[node].port(link) else { continue };
            let bytes: Rc<[u8]> = make(instance, port).into();
            if self.hears(node, link, &bytes) {
                let mail = Mail::Packet { link, bytes };
                self.post(self.now + Micros(100), Delivery::Mail { node, epoch: None, mail });
            }
        }
    }

    /// The second phase begins: nothing is wrong any more, and nothing goes wrong from now on.
    pub(super) fn heal(&mut self) -> Result<(), Broken> {
        self.say(format_args!("heal"));
        for segment in &mut self.segments {
            segment.cut.clear();
            segment.weather = Weather::FAIR;
        }
        for n in 0..self.nodes.len() {
            self.nodes[n].kernel.temper = Temper::FAIR;
            let busy = self.nodes[n].kernel.busy_until().max(self.now);
            self.nodes[n].disturb(busy);
            for number in 0..self.nodes[n].ports.len() {
                self.create(n, number);
                let port = self.nodes[n].ports[number].clone();
                self.nodes[n].kernel.set_up(port.link, true);
                port.primaries().into_iter().for_each(|key| self.nodes[n].kernel.add(key));
            }
            for script in 0..scripts::COUNT_MAX {
                let bad = self.plan.stay_bad.contains(&(n, script));
                self.set_fate(n, script, if bad { Fate::Bad } else { Fate::Good });
            }
            self.thaw(n)?;
            self.spread_news(n);
            self.start(n, false)?;
            if !self.nodes[n].original.groups.is_empty() || !self.nodes[n].others.is_empty() {
                let last = Arc::clone(self.nodes[n].choice(self.plan.ends_with));
                self.take(n, Mail::Reload(last))?;
            }
        }
        self.calm_since = Some(self.now);
        self.post(self.now + check::patience(self), Delivery::Judge);
        Ok(())
    }
}
