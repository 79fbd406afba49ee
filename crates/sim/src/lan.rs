//! A shared Ethernet: who hears whom, what gets lost and how long it takes.

use std::collections::BTreeSet;

use keepalived_model::{LinkId, Micros};

use crate::rng::Rng;

/// How badly the network behaves. Shares are parts of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Frames that never arrive.
    pub loss: u32,
    /// Frames that arrive twice.
    pub duplicate: u32,
    /// Frames that take `late` longer, and so may be overtaken.
    pub reorder: u32,
    /// Shortest way, in microseconds.
    pub delay_min: u64,
    /// Longest way, in microseconds.
    pub delay_max: u64,
    /// What a late frame takes longer at most, in microseconds.
    pub late: u64,
}

impl Weather {
    /// A quiet switch.
    pub const FAIR: Self = Self { loss: 0, duplicate: 0, reorder: 0, delay_min: 30, delay_max: 400, late: 0 };

    /// Whether every frame arrives, once, in order of magnitude of a LAN's time.
    pub fn is_fair(&self) -> bool {
        self.loss == 0 && self.duplicate == 0 && self.reorder == 0 && self.delay_max <= 10_000
    }
}

/// One Ethernet.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Node and the link it is attached with.
    pub ports: Vec<(usize, LinkId)>,
    /// Ways that carry nothing: from node, to node.
    pub cut: BTreeSet<(usize, usize)>,
    /// How it behaves.
    pub weather: Weather,
}

impl Segment {
    /// Copies that reach one receiver: each after so long. An empty list is a lost frame.
    pub fn ways(&self, from: usize, to: usize, rng: &mut Rng) -> Vec<Micros> {
        let weather = &self.weather;
        if self.cut.contains(&(from, to)) || rng.chance(weather.loss) {
            return Vec::new();
        }
        let copies = if rng.chance(weather.duplicate) { 2 } else { 1 };
        let way = |_| {
            let late = if rng.chance(weather.reorder) { rng.between(0, weather.late) } else { 0 };
            Micros(rng.between(weather.delay_min, weather.delay_max) + late)
        };
        (0..copies).map(way).collect()
    }
}
