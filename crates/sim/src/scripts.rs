//! Track scripts that behave as the plan says.

use std::collections::BTreeMap;

use keepalived_core::event::{Exit, Kill};
use keepalived_model::notify::Command;
use keepalived_model::{Micros, RunId};

use crate::rng::Rng;

/// What a script does when it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Exits 0 soon.
    Good,
    /// Exits 1 soon.
    Bad,
    /// Good or bad, each time anew.
    Flaky,
    /// Exits 0, but takes up to two seconds.
    Slow,
    /// Never ends by itself; dies of SIGTERM.
    Hangs,
    /// Never ends by itself; dies of SIGKILL only.
    Stubborn,
    /// Cannot be started.
    NotRun,
}

/// Most scripts a configuration has.
pub const COUNT_MAX: usize = 3;

/// The path of the script of this number.
pub fn path(number: usize) -> Vec<u8> {
    format!("/check/{number}").into_bytes()
}

/// All scripts of one node.
#[derive(Clone, Debug, Default)]
pub struct FakeScripts {
    /// By path.
    pub fates: BTreeMap<Vec<u8>, Fate>,
    /// Runs that have not ended: what they do.
    running: BTreeMap<RunId, Fate>,
}

impl FakeScripts {
    /// Starts a run. Says when and how it will end, if it will end by itself.
    pub fn run(&mut self, run: RunId, command: &Command, rng: &mut Rng) -> Option<(Micros, Exit)> {
        let fate = self.fates.get(&command.path).copied().unwrap_or(Fate::Good);
        self.running.insert(run, fate);
        let soon = Micros(rng.between(300, 20_000));
        match fate {
            Fate::Good => Some((soon, Exit::Code(0))),
            Fate::Bad => Some((soon, Exit::Code(1))),
            Fate::Flaky => Some((soon, Exit::Code(if rng.one_in(2) { 0 } else { 1 }))),
            Fate::Slow => Some((Micros(rng.between(300, 2_000_000)), Exit::Code(0))),
            Fate::NotRun => Some((Micros(100), Exit::NotRun)),
            Fate::Hangs | Fate::Stubborn => None,
        }
    }

    /// Sends a signal. Says how the run ends of it, if it does.
    pub fn kill(&mut self, run: RunId, how: Kill) -> Option<Exit> {
        let fate = self.running.get(&run)?;
        match (fate, how) {
            (Fate::Stubborn, Kill::Term) => None,
            (_, Kill::Term) => Some(Exit::Signal(15)),
            (_, Kill::Kill) => Some(Exit::Signal(9)),
        }
    }

    /// Whether this end is news; a run ends only once.
    pub fn end(&mut self, run: RunId) -> bool {
        self.running.remove(&run).is_some()
    }

    /// The node's process died, and its scripts with it.
    pub fn clear(&mut self) {
        self.running.clear();
    }

    /// How many runs have not ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }
}
