//! Files and processes: what their numbers mean for whoever tracks them (`spec` runtime 4.3 and 4.4). Somebody
//! outside watches them and tells numbers; quorums and their delays are decided here.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use keepalived_model::Instant;
use keepalived_model::link::Polled;
use keepalived_model::track::{File, Process, Reading, Watch};
use keepalived_model::vrrp;

use crate::deadlines::Timers;
use crate::engine::{Engine, Owner};
use crate::event::{Action, Actions};
use crate::report::{Name, Report};

/// A change that came with a new process and is still to count.
const FORK: usize = 0;
/// A change that came with the end of a process and is still to count.
const TERMINATE: usize = 1;

/// Whether what was told makes a difference to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Yes,
    No,
}

/// All files and processes of the configuration, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    pub files: Vec<FileTracker>,
    pub processes: Vec<ProcessTracker>,
}

/// A file with its number.
#[derive(Clone, Debug)]
pub(crate) struct FileTracker {
    pub config: Arc<File>,
    /// Nothing before the first reading.
    pub number: Option<i32>,
}

/// Processes with their count.
#[derive(Clone, Debug)]
pub(crate) struct ProcessTracker {
    pub config: Arc<Process>,
    name: Name,
    /// Nothing before the first reading.
    pub count: Option<u32>,
    /// Whether the quorum counts as met.
    pub up: Option<bool>,
    timers: Timers<2>,
}

impl Readings {
    /// See [`crate::Engine::essence`].
    pub fn essence(&self, now: Instant, into: &mut impl Hasher) {
        let Self { files, processes } = self;
        files.iter().for_each(|FileTracker { config: _, number }| number.hash(into));
        for ProcessTracker { config: _, name: _, count, up, timers } in processes {
            (count, up, timers.ahead(now)).hash(into);
        }
    }
}

impl Engine {
    /// Somebody looked at something.
    pub(crate) fn read(&mut self, reading: &Reading, out: &mut Actions) {
        if let Watch::Link(polled) = &reading.watch {
            return self.hear_beat(polled, reading.number, out);
        }
        self.touch(Owner::Readings);
        if self.readings.take(reading, self.now, out) == News::Yes && !self.stopping {
            self.review_all(out);
        }
    }

    /// Somebody asked a link for its beat.
    fn hear_beat(&mut self, asked: &Polled, number: i64, out: &mut Actions) {
        let known = self.links.beat(&asked.name).is_some();
        let before = self.links.hear_beat(asked, number, self.now);
        self.touch(Owner::Links);
        if !known {
            out.extend(self.links.polled_otherwise(&asked.name).map(Action::Report));
        }
        let Some(before) = before else { return };
        if let Some(link) = self.links.get(before.id).cloned() {
            self.report_link(Some(&before), &link, out);
            if before.up != link.up && !self.stopping {
                self.review_all(out);
            }
        }
    }

    /// Delays of processes may be over.
    pub(crate) fn delay_over(&mut self, out: &mut Actions) {
        if self.readings.due(self.now, out) == News::Yes && !self.stopping {
            self.review_all(out);
        }
    }
}

impl Readings {
    /// At the start, with what everything looks like then.
    pub fn first(config: &vrrp::Config, readings: &[Reading], now: Instant, out: &mut Actions) -> Self {
        let mut first = Self::default();
        first.reconfigure(config, out);
        for reading in readings {
            first.take(reading, now, out);
        }
        first
    }

    /// Another configuration: what is still watched keeps its number.
    pub fn reconfigure(&mut self, config: &vrrp::Config, out: &mut Actions) {
        let watches = config.watches();
        let (files, mut processes) = (std::mem::take(&mut self.files), std::mem::take(&mut self.processes));
        self.files.extend(config.files.iter().map(|file| {
            // What nobody tracks nobody looks at, so that its number is old when somebody does again.
            let tracked = watches.contains(&Watch::File(file.path.clone()));
            let old = files.iter().find(|old| old.config.path == file.path).filter(|_| tracked);
            let number = old.and_then(|old| old.number);
            FileTracker { config: Arc::new(file.clone()), number }
        }));
        for process in &config.processes {
            let same = |old: &ProcessTracker| {
                old.config.name == process.name && old.config.command == process.command
            };
            let kept = processes.iter().position(same).map(|at| processes.swap_remove(at));
            let alike = || processes.iter().find(|old| old.config.command == process.command);
            let mut tracker = match kept {
                Some(kept) => kept,
                None => ProcessTracker::new(process, alike().and_then(|old| old.count)),
            };
            tracker.reconfigure(process, out);
            if !watches.contains(&Watch::Processes(process.command.clone())) {
                tracker = ProcessTracker::new(process, None);
            }
            self.processes.push(tracker);
        }
    }

    /// Somebody looked at something; what nobody tracks any more does not matter.
    fn take(&mut self, reading: &Reading, now: Instant, out: &mut Actions) -> News {
        let mut news = News::No;
        match &reading.watch {
            Watch::File(path) => {
                let number = i32::try_from(reading.number).ok();
                if number.is_none() {
                    let path = String::from_utf8_lossy(path).as_ref().into();
                    out.push(Action::Report(Report::NumberIgnored { path, number: reading.number }));
                }
                for file in self.files.iter_mut().filter(|file| file.config.path == *path) {
                    let number = number.or(file.number).unwrap_or(0);
                    if file.number.replace(number) != Some(number) {
                        news = News::Yes;
                    }
                }
            }
            Watch::Processes(pattern) => {
                let count = u32::try_from(reading.number.max(0)).unwrap_or(u32::MAX);
                for process in self.processes.iter_mut().filter(|one| one.config.command == *pattern) {
                    if process.counted(count, now, out) == News::Yes {
                        news = News::Yes;
                    }
                }
            }
            // Those are the business of links.
            Watch::Link(_) => {}
        }
        news
    }

    /// Acts on delays that are over.
    fn due(&mut self, now: Instant, out: &mut Actions) -> News {
        let mut news = News::No;
        for process in &mut self.processes {
            if process.due(now, out) == News::Yes {
                news = News::Yes;
            }
        }
        news
    }

    pub fn file(&self, name: &str) -> Option<&FileTracker> {
        self.files.iter().find(|file| file.config.name == name)
    }

    pub fn process(&self, name: &str) -> Option<&ProcessTracker> {
        self.processes.iter().find(|process| process.config.name == name)
    }

    /// When a delay is over.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.processes.iter().filter_map(|process| process.timers.earliest()).min()
    }
}

impl ProcessTracker {
    fn new(config: &Process, count: Option<u32>) -> Self {
        let up = count.map(|count| config.has_quorum(count));
        let name = Name::from(config.name.as_str());
        Self { config: Arc::new(config.clone()), name, count, up, timers: Timers::default() }
    }

    fn reconfigure(&mut self, config: &Process, out: &mut Actions) {
        if *config == *self.config {
            return;
        }
        self.config = Arc::new(config.clone());
        // Another quorum counts at once; a delay that has begun goes on.
        if self.timers.earliest().is_none() {
            self.settle(out);
        }
    }

    /// So many there are now. A change of the quorum counts when the delay of what brought it is over, and not at
    /// all if it is undone before.
    fn counted(&mut self, count: u32, now: Instant, out: &mut Actions) -> News {
        let before = self.count.replace(count);
        let (Some(before), Some(up)) = (before, self.up) else {
            // The first count decides, and is no news to the log.
            self.up = Some(self.config.has_quorum(count));
            return News::Yes;
        };
        if up == self.config.has_quorum(count) {
            self.timers.clear_all();
            return News::No;
        }
        if self.timers.earliest().is_some() {
            return News::No;
        }
        let (timer, delay) = match count > before {
            true => (FORK, self.config.fork_delay),
            false => (TERMINATE, self.config.terminate_delay),
        };
        if delay.is_zero() {
            return self.settle(out);
        }
        self.timers.set(timer, now + delay);
        News::No
    }

    fn due(&mut self, now: Instant, out: &mut Actions) -> News {
        let (fork, terminate) = (self.timers.take_due(FORK, now), self.timers.take_due(TERMINATE, now));
        if fork || terminate { self.settle(out) } else { News::No }
    }

    fn settle(&mut self, out: &mut Actions) -> News {
        let Some(up) = self.count.map(|count| self.config.has_quorum(count)) else { return News::No };
        if self.up.replace(up) == Some(up) {
            return News::No;
        }
        out.push(Action::Report(Report::Quorum { process: self.name.clone(), gained: up }));
        News::Yes
    }

    /// Whether a change that came with a new process is still to count.
    pub fn fork_delayed(&self) -> bool {
        self.timers.at(FORK).is_some()
    }

    /// The same of the end of a process.
    pub fn terminate_delayed(&self) -> bool {
        self.timers.at(TERMINATE).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::Micros;
    use keepalived_model::Weight;
    use keepalived_model::track::{Arguments, ProcessPattern, Tracked, Trackers};
    use keepalived_model::vrrp::{Config, SyncGroup};

    fn pattern() -> ProcessPattern {
        ProcessPattern { path: b"nginx".to_vec(), full_command: false, arguments: Arguments::Any }
    }

    fn process(quorum: u32, quorum_max: Option<u32>) -> Process {
        Process {
            name: "p".into(),
            command: pattern(),
            weight: Weight::default(),
            quorum,
            quorum_max,
            terminate_delay: Micros::from_millis(500),
            fork_delay: Micros::from_millis(200),
        }
    }

    /// A story of counts at milliseconds; what the log would say of it.
    fn story(process: Process, counts: &[(u64, i64)]) -> String {
        let (mut readings, mut out) = (Readings::default(), Actions::new());
        let line = Tracked { name: process.name.clone(), weight: process.weight };
        let group = SyncGroup {
            track: Trackers { processes: vec![line], ..Trackers::default() },
            ..SyncGroup::default()
        };
        let config = Config { processes: vec![process], groups: vec![group], ..Config::default() };
        readings.reconfigure(&config, &mut out);
        let mut told = String::new();
        let mut tell = |at: u64, out: &mut Actions| {
            for action in out.drain(..) {
                let Action::Report(Report::Quorum { gained, .. }) = action else { panic!("{action:?}") };
                told += &format!("{}{at} ", if gained { '+' } else { '-' });
            }
        };
        for (at, number) in counts {
            while let Some(due) = readings.next_deadline().filter(|due| *due <= Instant(at * 1000)) {
                readings.due(due, &mut out);
                tell(due.0 / 1000, &mut out);
            }
            let reading = Reading { watch: Watch::Processes(pattern()), number: *number };
            readings.take(&reading, Instant(at * 1000), &mut out);
            tell(*at, &mut out);
        }
        told.trim_end().to_owned()
    }

    #[test]
    fn a_quorum_changes_when_the_delay_of_its_cause_is_over() {
        assert_eq!(story(process(1, None), &[(0, 1), (100, 0), (1000, 0)]), "-600");
        assert_eq!(story(process(1, None), &[(0, 0), (100, 1), (1000, 1)]), "+300");
        assert_eq!(
            story(process(1, None), &[(0, 1), (100, 0), (599, 1), (2000, 1)]),
            "",
            "it was undone in time"
        );
        assert_eq!(
            story(process(2, None), &[(0, 2), (100, 1), (500, 0), (2000, 0)]),
            "-600",
            "the first end counts"
        );
        assert_eq!(story(process(1, Some(2)), &[(0, 2), (100, 3), (1000, 2), (2000, 2)]), "-300 +1500");
        assert_eq!(story(process(0, Some(0)), &[(0, 0), (100, 1), (1000, 1)]), "-300");
    }

    #[test]
    fn a_number_too_large_is_said_and_changes_nothing() {
        let (mut readings, mut out) = (Readings::default(), Actions::new());
        let file = File { name: "f".into(), path: b"/f".to_vec(), weight: Weight::default(), init: None };
        let group = SyncGroup {
            track: Trackers {
                files: vec![Tracked { name: "f".into(), weight: file.weight }],
                ..Trackers::default()
            },
            ..SyncGroup::default()
        };
        let config = Config { files: vec![file], groups: vec![group], ..Config::default() };
        readings.reconfigure(&config, &mut out);
        let tell = |readings: &mut Readings, number, out: &mut Actions| {
            readings.take(&Reading { watch: Watch::File(b"/f".to_vec()), number }, Instant(0), out)
        };
        assert_eq!(tell(&mut readings, 5, &mut out), News::Yes);
        assert_eq!(tell(&mut readings, 5, &mut out), News::No);
        assert!(out.is_empty());
        assert_eq!(tell(&mut readings, 1 << 31, &mut out), News::No);
        assert_eq!(readings.file("f").and_then(|file| file.number), Some(5));
        assert!(matches!(out[..], [Action::Report(Report::NumberIgnored { .. })]));
        readings.reconfigure(&config, &mut out);
        assert_eq!(readings.file("f").and_then(|file| file.number), Some(5), "a reload keeps it");
        let untracked = Config { groups: Vec::new(), ..config };
        readings.reconfigure(&untracked, &mut out);
        assert_eq!(readings.file("f").and_then(|file| file.number), None, "nobody looks at it any more");
    }
}
