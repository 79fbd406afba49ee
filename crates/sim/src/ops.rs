//! What goes wrong, and when: drawn from the seed beforehand, so that a run can be repeated with less.

use keepalived_model::{Instant, Micros};

use crate::kernel::Temper;
use crate::lan::Weather;
use crate::mutate::Mutation;
use crate::rng::Rng;
use crate::scripts::Fate;

/// One thing that happens to the world.
#[expect(missing_docs, reason = "the variants' sentences name the fields")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A node's process starts; `adopt`: with what its predecessor remembered.
    Start { node: usize, adopt: bool },
    /// A node's process dies; its addresses stay.
    Crash { node: usize },
    /// A node is asked to stop.
    Stop { node: usize },
    /// A node's process does not run any more.
    Freeze { node: usize },
    /// A frozen process runs again.
    Thaw { node: usize },
    /// A cable is plugged or pulled.
    Cable { node: usize, port: usize, up: bool },
    /// An interface gets or loses its own address.
    Primary { node: usize, port: usize, there: bool },
    /// An interface is deleted, and all its addresses with it.
    Delete { node: usize, port: usize },
    /// It is there again, under another index.
    Create { node: usize, port: usize },
    /// Nothing gets from one node to another.
    Cut { segment: usize, from: usize, to: usize },
    /// The way is open again.
    Mend { segment: usize, from: usize, to: usize },
    /// An Ethernet behaves like this from now on.
    Weather { segment: usize, weather: Weather },
    /// A kernel behaves like this from now on.
    Temper { node: usize, temper: Temper },
    /// Somebody removes one of the virtual addresses that are there.
    Remove { node: usize, which: u64 },
    /// A script behaves like this from its next run on.
    Fate { node: usize, script: usize, fate: Fate },
    /// A tracked file has this number, or so many tracked processes run.
    Number { node: usize, watch: usize, number: i64 },
    /// A node gets another configuration.
    Reload { node: usize, mutation: Mutation },
    /// A node gets another of its configurations, or its first one.
    Exchange { node: usize, other: Option<usize> },
    /// A sound advert of a router that is none of ours, with the highest address or the lowest.
    Rogue { segment: usize, vrid: u8, priority: u8, high: bool },
    /// A packet that nobody may accept.
    Junk { segment: usize, kind: u8, vrid: u8 },
}

/// How much of what a seed may go wrong, as drawn.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Nodes of the world.
    pub nodes: usize,
    /// Ethernets of the world.
    pub segments: usize,
    /// Scripts of each node.
    pub scripts: usize,
    /// Tracked files and processes of each node.
    pub watches: usize,
    /// When the torture begins.
    pub from: Instant,
    /// When it ends.
    pub until: Instant,
}

/// Kinds of trouble; a seed has some of them.
pub const TROUBLES: &[fn(&mut Draw<'_>)] = &[
    crash,
    crash_and_adopt,
    stop,
    freeze,
    cable,
    primary,
    delete,
    cut_one_way,
    cut_off,
    storm,
    temper,
    deaf,
    remove,
    rogue,
    reload,
    junk,
    junk,
    fate,
    fate,
    number,
    number,
];

/// Collects operations.
pub struct Draw<'a> {
    /// Where the numbers come from.
    pub rng: &'a mut Rng,
    /// What there is.
    pub extent: Extent,
    /// VRIDs in use.
    pub vrids: &'a [u8],
    /// What was drawn.
    pub ops: Vec<(Instant, Op)>,
}

impl Draw<'_> {
    fn moment(&mut self) -> Instant {
        Instant(self.rng.between(self.extent.from.0, self.extent.until.0))
    }

    fn node(&mut self) -> usize {
        self.rng.index(self.extent.nodes)
    }

    fn segment(&mut self) -> usize {
        self.rng.index(self.extent.segments)
    }

    /// From a blink to many intervals.
    fn length(&mut self) -> Micros {
        let most = self.rng.pick(&[50_000, 1_000_000, 6_000_000, 15_000_000]);
        Micros(self.rng.between(1_000, most))
    }

    fn put(&mut self, at: Instant, op: Op) {
        if at < self.extent.until {
            self.ops.push((at, op));
        }
    }
}

fn crash(draw: &mut Draw<'_>) {
    let (at, node, length, adopt) = (draw.moment(), draw.node(), draw.length(), draw.rng.one_in(4));
    draw.put(at, Op::Crash { node });
    draw.put(at + length, Op::Start { node, adopt });
}

fn crash_and_adopt(draw: &mut Draw<'_>) {
    let (at, node, length) = (draw.moment(), draw.node(), Micros(draw.rng.between(2_000, 60_000)));
    draw.put(at, Op::Crash { node });
    draw.put(at + length, Op::Start { node, adopt: true });
}

fn stop(draw: &mut Draw<'_>) {
    let (at, node, length) = (draw.moment(), draw.node(), draw.length());
    draw.put(at, Op::Stop { node });
    draw.put(at + length, Op::Start { node, adopt: false });
}

fn freeze(draw: &mut Draw<'_>) {
    let (at, node, length) = (draw.moment(), draw.node(), draw.length());
    draw.put(at, Op::Freeze { node });
    draw.put(at + length, Op::Thaw { node });
}

fn cable(draw: &mut Draw<'_>) {
    let (at, node, port, length) = (draw.moment(), draw.node(), draw.segment(), draw.length());
    draw.put(at, Op::Cable { node, port, up: false });
    draw.put(at + length, Op::Cable { node, port, up: true });
}

fn primary(draw: &mut Draw<'_>) {
    let (at, node, port, length) = (draw.moment(), draw.node(), draw.segment(), draw.length());
    draw.put(at, Op::Primary { node, port, there: false });
    draw.put(at + length, Op::Primary { node, port, there: true });
}

fn delete(draw: &mut Draw<'_>) {
    let (at, node, port, length) = (draw.moment(), draw.node(), draw.segment(), draw.length());
    draw.put(at, Op::Delete { node, port });
    draw.put(at + length, Op::Create { node, port });
}

fn cut_one_way(draw: &mut Draw<'_>) {
    let (at, segment, length) = (draw.moment(), draw.segment(), draw.length());
    let (from, to) = (draw.node(), draw.node());
    draw.put(at, Op::Cut { segment, from, to });
    draw.put(at + length, Op::Mend { segment, from, to });
}

/// Some nodes hear nothing of the others, nor the others of them.
fn cut_off(draw: &mut Draw<'_>) {
    let (at, segment, length) = (draw.moment(), draw.segment(), draw.length());
    let side: Vec<bool> = (0..draw.extent.nodes).map(|_| draw.rng.one_in(2)).collect();
    for (from, here) in side.iter().enumerate() {
        for (to, there) in side.iter().enumerate() {
            if here != there {
                draw.put(at, Op::Cut { segment, from, to });
                draw.put(at + length, Op::Mend { segment, from, to });
            }
        }
    }
}

fn storm(draw: &mut Draw<'_>) {
    let (at, segment, length) = (draw.moment(), draw.segment(), draw.length());
    let rng = &mut *draw.rng;
    let mut some = |most: u64| u32::try_from(rng.pick(&[0, 0, 1, 3]) * rng.below(most)).unwrap_or(0);
    let (loss, duplicate, reorder) = (some(200_000), some(100_000), some(100_000));
    let delay_max = rng.pick(&[500, 5_000, 40_000]);
    let weather = Weather { loss, duplicate, reorder, delay_min: 30, delay_max, late: 60_000 };
    draw.put(at, Op::Weather { segment, weather });
    draw.put(at + length, Op::Weather { segment, weather: Weather::FAIR });
}

fn temper(draw: &mut Draw<'_>) {
    let (at, node, length) = (draw.moment(), draw.node(), draw.length());
    let work_max = draw.rng.pick(&[2_000, 50_000, 400_000]);
    let refuse = draw.rng.pick(&[0, 300_000, 1_000_000]);
    let temper = Temper { work_min: 15, work_max, refuse, deaf: false };
    draw.put(at, Op::Temper { node, temper });
    draw.put(at + length, Op::Temper { node, temper: Temper::FAIR });
}

fn deaf(draw: &mut Draw<'_>) {
    let (at, node, length) = (draw.moment(), draw.node(), draw.length());
    draw.put(at, Op::Temper { node, temper: Temper { deaf: true, ..Temper::FAIR } });
    draw.put(at + length, Op::Temper { node, temper: Temper::FAIR });
    let which = draw.rng.next();
    draw.put(at + Micros(length.0 / 2), Op::Remove { node, which });
}

/// Once, or again and again until the router gives up (D1).
fn remove(draw: &mut Draw<'_>) {
    let (at, node, which) = (draw.moment(), draw.node(), draw.rng.next());
    let times = draw.rng.pick(&[1, 1, 2, 9]);
    for time in 0..times {
        draw.put(at + Micros::from_millis(300).times(time), Op::Remove { node, which });
    }
}

/// Once, for some time like a real router, or a flood.
fn rogue(draw: &mut Draw<'_>) {
    let (at, segment, vrid) = (draw.moment(), draw.segment(), draw.rng.pick(draw.vrids));
    let (priority, high) = (draw.rng.pick(&[0, 1, 100, 200, 255]), draw.rng.one_in(2));
    // A flood of forged farewells makes roles flap; nothing in the protocol can prevent that.
    let flood = if priority == 0 { (2, 5) } else { (200, 5) };
    let (times, every) = draw.rng.pick(&[(1, 1), (5, 1000), flood]);
    for time in 0..times {
        draw.put(at + Micros::from_millis(every).times(time), Op::Rogue { segment, vrid, priority, high });
    }
}

fn reload(draw: &mut Draw<'_>) {
    for _ in 0..draw.rng.between(1, 3) {
        let (at, node) = (draw.moment(), draw.node());
        let mutation = Mutation::draw(draw.rng);
        draw.put(at, Op::Reload { node, mutation });
    }
}

/// One, or a flood of them (D3).
fn junk(draw: &mut Draw<'_>) {
    let (at, segment, kind) = (draw.moment(), draw.segment(), u8::try_from(draw.rng.below(9)).unwrap_or(0));
    let vrid = draw.rng.pick(draw.vrids);
    let times = draw.rng.pick(&[1, 3, 100]);
    for time in 0..times {
        draw.put(at + Micros::from_millis(40).times(time), Op::Junk { segment, kind, vrid });
    }
}

fn fate(draw: &mut Draw<'_>) {
    if draw.extent.scripts == 0 {
        return;
    }
    let (at, node, length) = (draw.moment(), draw.node(), draw.length());
    let script = draw.rng.index(draw.extent.scripts);
    let fate = draw.rng.pick(&[
        Fate::Bad,
        Fate::Bad,
        Fate::Flaky,
        Fate::Slow,
        Fate::Hangs,
        Fate::Stubborn,
        Fate::NotRun,
    ]);
    draw.put(at, Op::Fate { node, script, fate });
    draw.put(at + length, Op::Fate { node, script, fate: Fate::Good });
}

/// Numbers of files and counts of processes move, and stay where they end.
fn number(draw: &mut Draw<'_>) {
    if draw.extent.watches == 0 {
        return;
    }
    let (at, node, watch) = (draw.moment(), draw.node(), draw.rng.index(draw.extent.watches));
    for time in 0..draw.rng.pick(&[1, 2, 20]) {
        let number = draw.rng.pick(&[0, 1, 1, 2, 5, -3, -300, 1000]);
        draw.put(at + Micros::from_millis(70).times(time), Op::Number { node, watch, number });
    }
}
