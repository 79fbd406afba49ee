//! Track scripts: when they run, what their results mean, and how a run that hangs is ended
//! (`spec` runtime 4.2).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use keepalived_model::notify::Command;
use keepalived_model::track::Script;
use keepalived_model::{Instant, Micros, RunId};

use crate::deadlines::Timers;
use crate::event::{Action, Actions, Exit, Kill};
use crate::memory::{Memory, Verdict};
use crate::report::{Name, Report};

/// From the TERM of a run that took too long to its KILL, and from there to the complaint.
const ENDING_PATIENCE: Micros = Micros::from_secs(2);
/// Between further KILLs of a run that survived the first.
const STUCK_PATIENCE: Micros = Micros::from_secs(10);

const NEXT_RUN: usize = 0;
const TIMEOUT: usize = 1;
const ENDING: usize = 2;

/// A script with its results.
#[derive(Clone, Debug)]
pub struct Tracker {
    name: Name,
    config: Arc<Script>,
    command: Arc<Command>,
    score: Score,
    running: Option<Run>,
    last_status: u8,
    timers: Timers<3>,
}

/// How far a run of a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is none.
    Idle,
    /// It works.
    Running,
    /// It took too long and was asked to end.
    Asked,
    /// It is being killed.
    Forced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    id: RunId,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Ending {
    Not,
    Asked,
    Forced,
}

impl Tracker {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { name: _, config: _, command: _, score, running, last_status, timers } = self;
        (score, running.map(|run| run.ending), last_status, timers.ahead(now)).hash(into);
    }

    /// A script at start: no result yet, first run due at once.
    pub fn new(config: Arc<Script>, now: Instant) -> Self {
        let mut timers = Timers::default();
        timers.set(NEXT_RUN, now);
        Self {
            name: Name::from(config.name.as_str()),
            command: Arc::new(config.command.clone()),
            score: Score::new(&config),
            config,
            running: None,
            last_status: 0,
            timers,
        }
    }

    /// A script whose result is known from before (an adopted engine's).
    pub fn remembered(config: Arc<Script>, up: bool, now: Instant) -> Self {
        let mut tracker = Self::new(config, now);
        tracker.score.settle(up);
        tracker
    }

    /// The same script under a new configuration: results, schedule and a run in progress are kept where
    /// they still mean something.
    pub fn reconfigure(&mut self, config: Arc<Script>, now: Instant, out: &mut Actions) {
        if *config == *self.config {
            return;
        }
        if config.command != self.config.command {
            self.stop(out);
            self.running = None;
            self.timers.clear_all();
            self.command = Arc::new(config.command.clone());
        }
        if let Some(up) = self.up() {
            self.score = Score::new(&config);
            self.score.settle(up);
        }
        let next = self.timers.at(NEXT_RUN).unwrap_or(now).min(now + config.interval);
        self.timers.set(NEXT_RUN, next);
        self.config = config;
    }

    /// Acts on whatever is due. `fresh` hands out run identities.
    pub fn due(&mut self, now: Instant, fresh: &mut impl FnMut() -> RunId, out: &mut Actions) {
        // A run that collides with the end of its predecessor's time is skipped first: the original's order.
        if self.timers.take_due(NEXT_RUN, now) {
            self.timers.set(NEXT_RUN, now + self.config.interval);
            match self.running {
                None => self.start(fresh(), now, out),
                Some(run) => out.push(Action::Report(Report::ScriptOverlap {
                    script: self.name.clone(),
                    ending: run.ending != Ending::Not,
                })),
            }
        }
        if self.timers.take_due(TIMEOUT, now)
            && let Some(run) = &mut self.running
        {
            run.ending = Ending::Asked;
            out.push(Action::Kill { run: run.id, how: Kill::Term });
            self.timers.set(ENDING, now + ENDING_PATIENCE);
        }
        if self.timers.take_due(ENDING, now)
            && let Some(run) = &mut self.running
        {
            let patience = match run.ending {
                Ending::Not | Ending::Asked => ENDING_PATIENCE,
                Ending::Forced => {
                    out.push(Action::Report(Report::ScriptStuck { script: self.name.clone(), run: run.id }));
                    STUCK_PATIENCE
                }
            };
            run.ending = Ending::Forced;
            out.push(Action::Kill { run: run.id, how: Kill::Kill });
            self.timers.set(ENDING, now + patience);
        }
    }

    /// A run ended. Returns the new state if it differs from the old one.
    pub fn exited(&mut self, run: RunId, exit: Exit, out: &mut Actions) -> Option<bool> {
        let ended = self.running.take_if(|known| known.id == run)?;
        self.timers.clear(TIMEOUT);
        self.timers.clear(ENDING);
        let timed_out = ended.ending != Ending::Not && matches!(exit, Exit::Signal(_));
        if timed_out {
            // Whatever the dead leader left behind in its group.
            out.push(Action::Kill { run, how: Kill::Kill });
        }
        let status = match exit {
            Exit::Code(code) => Some(code),
            Exit::NotRun => Some(0),
            Exit::Signal(_) => None,
        };
        if let Some(status) = status
            && status != self.last_status
        {
            self.last_status = status;
            out.push(Action::Report(Report::ScriptNow { script: self.name.clone(), status }));
        }
        let up = self.score.count(status == Some(0))?;
        out.push(Action::Report(match (up, timed_out) {
            (true, _) => Report::ScriptSucceeded { script: self.name.clone() },
            (false, true) => Report::ScriptTimedOut { script: self.name.clone() },
            (false, false) => Report::ScriptFailed { script: self.name.clone(), exit },
        }));
        out.push(Action::Remember(Memory::Verdict(Verdict { script: self.name.clone(), up })));
        Some(up)
    }

    /// Ends a run in progress; nothing is started any more until reconfigured.
    pub fn stop(&mut self, out: &mut Actions) {
        self.timers.clear_all();
        if let Some(run) = self.running {
            out.push(Action::Kill { run: run.id, how: Kill::Term });
        }
    }

    fn start(&mut self, id: RunId, now: Instant, out: &mut Actions) {
        self.running = Some(Run { id, ending: Ending::Not });
        self.timers.set(TIMEOUT, now + self.config.timeout);
        out.push(Action::Run { run: id, command: Arc::clone(&self.command) });
    }

    /// The script's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Up or down; nothing before the first result.
    pub fn up(&self) -> Option<bool> {
        self.score.up
    }

    /// The result counter.
    pub fn result(&self) -> u64 {
        self.score.result
    }

    /// How far a run is.
    pub fn stage(&self) -> Stage {
        match self.running.map(|run| run.ending) {
            None => Stage::Idle,
            Some(Ending::Not) => Stage::Running,
            Some(Ending::Asked) => Stage::Asked,
            Some(Ending::Forced) => Stage::Forced,
        }
    }

    /// When there is something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.earliest()
    }
}

/// The result counter of the original: 0..rise+fall−1, up from `rise` on. It starts one success short of
/// up, so that the first result decides (scenario `the_first_result_decides`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Score {
    result: u64,
    rise: u64,
    fall: u64,
    up: Option<bool>,
}

impl Score {
    fn new(config: &Script) -> Self {
        let (rise, fall) = (u64::from(config.rise.max(1)), u64::from(config.fall.max(1)));
        // `init_fail` has no effect in the original once an instance tracks the script; ours does what its
        // manual promises (`spec` config 7).
        match config.init_fail {
            true => Self { result: 0, rise, fall, up: Some(false) },
            false => Self { result: rise - 1, rise, fall, up: None },
        }
    }

    fn settle(&mut self, up: bool) {
        self.result = if up { self.rise + self.fall - 1 } else { 0 };
        self.up = Some(up);
    }

    /// Counts a result; returns the new state on a change, the first result being one.
    fn count(&mut self, success: bool) -> Option<bool> {
        self.result = match success {
            true if self.result + 1 < self.rise => self.result + 1,
            true => self.rise + self.fall - 1,
            false if self.result > self.rise => self.result - 1,
            false => 0,
        };
        let up = self.result >= self.rise;
        (self.up.replace(up) != Some(up)).then_some(up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::notify::RunAs;

    fn script(rise: u32, fall: u32) -> Arc<Script> {
        Arc::new(Script {
            name: "chk".into(),
            command: Command { path: b"/chk".to_vec(), argv: vec![b"/chk".to_vec()], user: RunAs::default() },
            interval: Micros::from_secs(2),
            timeout: Micros::from_secs(2),
            weight: keepalived_model::Weight::default(),
            rise,
            fall,
            init_fail: false,
        })
    }

    fn results(rise: u32, fall: u32, init_fail: bool, runs: &str) -> String {
        let mut config = (*script(rise, fall)).clone();
        config.init_fail = init_fail;
        let mut score = Score::new(&config);
        runs.chars()
            .map(|run| match score.count(run == '+') {
                Some(true) => 'U',
                Some(false) => 'D',
                None => '.',
            })
            .collect()
    }

    #[test]
    fn rise_and_fall_count_as_the_original_does() {
        assert_eq!(results(1, 1, false, "+-+--"), "UDUD.");
        assert_eq!(results(1, 3, false, "+---+"), "U..DU");
        assert_eq!(results(2, 1, false, "-++-+"), "D.UD.");
        assert_eq!(results(3, 1, false, "+"), "U", "the first success decides whatever rise says");
        assert_eq!(results(1, 3, false, "-"), "D", "the first failure decides whatever fall says");
        assert_eq!(results(2, 2, true, "++"), ".U", "init_fail needs all its successes");
    }

    fn at(tracker: &mut Tracker, millis: u64, next: &mut u64) -> Actions {
        let mut out = Actions::new();
        tracker.due(
            Instant(millis * 1000),
            &mut || {
                *next += 1;
                RunId(*next)
            },
            &mut out,
        );
        out
    }

    #[test]
    fn a_run_that_hangs_is_ended_by_term_then_kill_and_counts_as_failure() {
        let (mut tracker, mut next) = (Tracker::new(script(1, 1), Instant(0)), 0);
        assert!(matches!(at(&mut tracker, 0, &mut next)[..], [Action::Run { run: RunId(1), .. }]));
        let out = at(&mut tracker, 2000, &mut next);
        assert!(
            matches!(
                out[..],
                [
                    Action::Report(Report::ScriptOverlap { ending: false, .. }),
                    Action::Kill { run: RunId(1), how: Kill::Term }
                ]
            ),
            "{out:?}"
        );
        let out = at(&mut tracker, 4000, &mut next);
        assert!(
            matches!(
                out[..],
                [
                    Action::Report(Report::ScriptOverlap { ending: true, .. }),
                    Action::Kill { how: Kill::Kill, .. }
                ]
            ),
            "{out:?}"
        );
        let out = at(&mut tracker, 6000, &mut next);
        assert!(
            matches!(
                out[..],
                [
                    Action::Report(Report::ScriptOverlap { .. }),
                    Action::Report(Report::ScriptStuck { .. }),
                    Action::Kill { how: Kill::Kill, .. }
                ]
            ),
            "{out:?}"
        );
        let mut out = Actions::new();
        assert_eq!(tracker.exited(RunId(1), Exit::Signal(9), &mut out), Some(false));
        assert!(out.contains(&Action::Report(Report::ScriptTimedOut { script: "chk".into() })));
        assert!(matches!(at(&mut tracker, 8000, &mut next)[..], [Action::Run { run: RunId(2), .. }]));
    }

    #[test]
    fn a_run_that_traps_term_and_exits_is_judged_by_its_status() {
        let (mut tracker, mut next) = (Tracker::new(script(1, 1), Instant(0)), 0);
        at(&mut tracker, 0, &mut next);
        at(&mut tracker, 2000, &mut next);
        let mut out = Actions::new();
        assert_eq!(tracker.exited(RunId(1), Exit::Code(0), &mut out), Some(true));
        assert_eq!(tracker.exited(RunId(1), Exit::Code(1), &mut out), None, "a stale exit means nothing");
    }

    #[test]
    fn a_script_that_cannot_be_run_counts_as_up() {
        let (mut tracker, mut next) = (Tracker::new(script(1, 1), Instant(0)), 0);
        at(&mut tracker, 0, &mut next);
        assert_eq!(tracker.exited(RunId(1), Exit::NotRun, &mut Actions::new()), Some(true));
    }
}
