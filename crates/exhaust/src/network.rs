//! The states of a case and the ways from one to the next.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use keepalived_core::Event;
use keepalived_model::{Instant, Micros};
use stateright::{Model, Property};

use crate::case::{Case, Limits};
use crate::machine::Machine;
use crate::rules;

/// How much time passes at most until something else may happen.
const STEP: Micros = Micros::from_millis(250);

/// Everything at one moment.
#[derive(Clone, Debug)]
pub struct State {
    /// The same for all machines.
    pub now: Instant,
    /// All machines.
    pub machines: Vec<Arc<Machine>>,
    /// Datagrams on their way: from which machine, to which one.
    pub wire: BTreeMap<(u8, u8), VecDeque<Arc<[u8]>>>,
    /// What may still happen.
    pub left: Limits,
    /// When something last happened that was not the routers' doing.
    pub disturbed: Instant,
    /// Whether anything was ever lost.
    pub has_lost: bool,
    /// What is possible to wait for at most matters no more: see [`rules::settling`].
    pub settling: Micros,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, into: &mut H) {
        for machine in &self.machines {
            machine.essence(self.now, into);
        }
        let calm = self.calm().min(self.settling);
        (&self.wire, &self.left, calm, self.has_lost).hash(into);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let print = |state: &Self| {
            let mut hasher = std::hash::DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        };
        print(self) == print(other)
    }
}

impl State {
    /// For how long nothing happened that was not the routers' doing.
    pub fn calm(&self) -> Micros {
        self.now.since(self.disturbed)
    }

    /// Everything that was said was heard, and everybody did what was due.
    pub fn is_quiet(&self) -> bool {
        self.wire.is_empty() && !self.machines.iter().any(|machine| self.is_due(machine))
    }

    fn is_due(&self, machine: &Machine) -> bool {
        machine.deadline().is_some_and(|at| at <= self.now)
    }

    fn change(&mut self, machine: u8, change: impl FnOnce(&mut Machine, Instant) -> Vec<Vec<u8>>) {
        let Some(target) = self.machines.get_mut(usize::from(machine)) else { return };
        let sent = change(Arc::make_mut(target), self.now);
        let count = u8::try_from(self.machines.len()).unwrap_or(u8::MAX);
        for datagram in sent {
            let datagram: Arc<[u8]> = datagram.into();
            for to in (0..count).filter(|to| *to != machine) {
                self.wire.entry((machine, to)).or_default().push_back(Arc::clone(&datagram));
            }
        }
    }

    /// The next datagram of one way is off the wire.
    fn take(&mut self, from: u8, to: u8) -> Option<Arc<[u8]>> {
        let way = self.wire.get_mut(&(from, to))?;
        let datagram = way.pop_front();
        if way.is_empty() {
            self.wire.remove(&(from, to));
        }
        datagram
    }
}

/// What may happen next.
#[expect(missing_docs, reason = "the variants' sentences name the fields")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// A machine does what is due.
    Due { machine: u8 },
    /// A datagram arrives.
    Hear { from: u8, to: u8 },
    /// A datagram is lost.
    Lose { from: u8, to: u8 },
    /// Time passes until something is due, or a quarter of an interval.
    Wait,
    /// A process starts.
    Start { machine: u8, adopt: bool },
    /// A process dies.
    Crash { machine: u8 },
    /// A process is asked to end.
    Stop { machine: u8 },
    /// Another number is in a tracked file.
    Write { machine: u8, number: i64 },
}

impl Case {
    /// What can happen to a machine from outside.
    fn accidents(&self, state: &State, machine: &Machine, moves: &mut Vec<Move>) {
        let (left, number) = (&state.left, machine.number);
        if machine.engine.is_some() {
            moves.extend((left.crashes > 0).then_some(Move::Crash { machine: number }));
            moves.extend((left.stops > 0).then_some(Move::Stop { machine: number }));
            let write = Move::Write { machine: number, number: 1 - machine.file };
            let config = self.configs.get(usize::from(number));
            let tracks = config.is_some_and(|config| !config.files.is_empty());
            moves.extend((left.writes > 0 && tracks).then_some(write));
        } else if left.starts > 0 && state.wire.is_empty() {
            // With something on its way it would hear what it hears if it starts before that is said.
            moves.push(Move::Start { machine: number, adopt: false });
            moves.extend(left.adopts.then_some(Move::Start { machine: number, adopt: true }));
        }
    }

    fn happen(&self, state: &mut State, it: Move) -> Option<()> {
        let config = |machine: u8| self.configs.get(usize::from(machine));
        match it {
            Move::Due { machine } => state.change(machine, |target, now| target.tell(now, Event::Due)),
            Move::Hear { from, to } => {
                let datagram = state.take(from, to)?;
                state.change(to, |target, now| target.hear(now, &datagram));
            }
            Move::Lose { from, to } => {
                state.take(from, to)?;
                (state.disturbed, state.has_lost) = (state.now, true);
            }
            Move::Wait => {
                let next = state.machines.iter().filter_map(|machine| machine.deadline()).min();
                let step = Instant(state.now.0 - state.now.0 % STEP.0) + STEP;
                state.now = next.map_or(step, |next| next.min(step));
            }
            Move::Start { machine, adopt } => {
                let config = config(machine)?;
                state.left.starts -= 1;
                state.disturbed = state.now;
                state.change(machine, |target, now| target.start(now, config, adopt));
            }
            Move::Crash { machine } => {
                state.left.crashes -= 1;
                state.disturbed = state.now;
                state.change(machine, |target, _| {
                    target.crash();
                    Vec::new()
                });
            }
            Move::Stop { machine } => {
                state.left.stops -= 1;
                state.disturbed = state.now;
                state.change(machine, Machine::stop);
            }
            Move::Write { machine, number } => {
                let config = config(machine)?;
                state.left.writes -= 1;
                state.disturbed = state.now;
                state.change(machine, |target, now| target.write(now, config, number));
            }
        }
        Some(())
    }
}

impl Model for Case {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        let machines = (0..).zip(&self.configs).map(|(number, _)| Arc::new(Machine::new(number))).collect();
        let (now, wire) = (Instant(1_000_000_000), BTreeMap::new());
        let settling = rules::settling(self);
        vec![State { now, machines, wire, left: self.limits, disturbed: now, has_lost: false, settling }]
    }

    fn actions(&self, state: &State, moves: &mut Vec<Move>) {
        for machine in &state.machines {
            if state.is_due(machine) {
                moves.push(Move::Due { machine: machine.number });
            }
            self.accidents(state, machine, moves);
        }
        for (from, to) in state.wire.keys().copied() {
            moves.push(Move::Hear { from, to });
            moves.extend(self.limits.loses.then_some(Move::Lose { from, to }));
        }
        if state.is_quiet() {
            moves.push(Move::Wait);
        }
    }

    fn next_state(&self, last: &State, it: Move) -> Option<State> {
        let mut state = last.clone();
        self.happen(&mut state, it)?;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::all(self)
    }
}
