//! How many processes there are of each kind. The kernel tells of every process that begins or ends, but only in the
//! first network and process namespace of the machine; elsewhere all are looked at again and again, and those that
//! count are held by a descriptor that tells their end at once. Which way it is, the log says.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use keepalived_model::track::{ProcessPattern, Reading, Watch};
use keepalived_sys::process::Pid;
use keepalived_sys::processes::{Happened, LifeLine, ProcessEvents};
use keepalived_sys::{errno_text, wait_readable};

use super::crowd::{Crowd, Looks};
use super::{Desk, Order};
use crate::log;

/// How often all processes are looked at where the kernel does not tell.
const EVERY: Duration = Duration::from_millis(500);
/// Soon after an end: whoever restarts a service does so at once.
const SOON: Duration = Duration::from_millis(20);
/// Looking takes at most this part of the time, however many processes there are.
const SHARE: u32 = 20;
/// How often they are looked at where the kernel tells: what it told wrongly or we misunderstood ends here.
const SLOW_TICK: Duration = Duration::from_secs(60);
/// How long the kernel may take to say that it will tell. Outside of the first process namespace it says nothing.
const CONFIRMATION: Duration = Duration::from_secs(1);
/// Life lines held; of more processes the ends are noticed when all are looked at.
const LINES_MAX: usize = 512;
/// Events taken before the loop is told.
const EVENTS_MAX: usize = 4096;

/// All processes that are counted.
#[derive(Debug)]
pub struct Processes {
    crowd: Crowd,
    told: Vec<i64>,
    source: Source,
    lines: BTreeMap<i32, LifeLine>,
    next_look: Instant,
}

/// How we learn of beginnings and ends.
#[derive(Debug)]
enum Source {
    /// The kernel was asked to tell and did not answer yet, until then.
    Asked(ProcessEvents, Instant),
    /// It tells.
    Events(ProcessEvents),
    /// It does not.
    Looking,
}

impl Processes {
    /// Nothing counted yet; the kernel is asked to tell.
    pub fn new() -> Self {
        let source = match ProcessEvents::open() {
            Ok(events) => Source::Asked(events, Instant::now() + CONFIRMATION),
            Err(error) => {
                say_refused(error.raw_os_error().unwrap_or(0));
                Source::Looking
            }
        };
        let (crowd, told, lines) = (Crowd::default(), Vec::new(), BTreeMap::new());
        Self { crowd, told, source, lines, next_look: Instant::now() }
    }

    /// From now on these; the counts of those that are new.
    pub fn watch(&mut self, patterns: BTreeSet<ProcessPattern>) -> Vec<Reading> {
        let known: BTreeMap<ProcessPattern, i64> =
            self.crowd.patterns().iter().cloned().zip(std::mem::take(&mut self.told)).collect();
        self.crowd = Crowd::new(patterns.into_iter().collect());
        self.lines.clear();
        // A count nobody was told of differs from every count.
        let told = |pattern: &ProcessPattern| known.get(pattern).copied().unwrap_or(-1);
        self.told = self.crowd.patterns().iter().map(told).collect();
        self.look();
        self.news()
    }

    /// The life of the thread.
    pub fn serve(mut self, desk: &Desk<ProcessPattern>) {
        loop {
            let now = Instant::now();
            let limit = match self.source {
                Source::Asked(_, until) => until.min(self.next_look),
                Source::Events(_) | Source::Looking => self.next_look,
            };
            let ended = self.wait(desk, limit.saturating_duration_since(now));
            let mut news = match desk.order() {
                Order::Watch(patterns) => self.watch(patterns),
                Order::Nothing => Vec::new(),
                Order::End => return,
            };
            self.take_events();
            for pid in ended {
                self.crowd.ended(pid);
                self.lines.remove(&pid);
                self.next_look = self.next_look.min(Instant::now() + SOON);
            }
            let now = Instant::now();
            if let Source::Asked(_, until) = self.source
                && now >= until
            {
                say_refused(0);
                self.source = Source::Looking;
            }
            if now >= self.next_look && !self.crowd.patterns().is_empty() {
                self.look();
            }
            news.extend(self.news());
            if !desk.tell(news) {
                return;
            }
        }
    }

    /// Waits until there is something to do; those whose life lines say that they ended.
    fn wait(&self, desk: &Desk<ProcessPattern>, limit: Duration) -> Vec<i32> {
        let mut fds = vec![desk.bell()];
        match &self.source {
            Source::Asked(events, _) | Source::Events(events) => fds.push(events.as_fd()),
            Source::Looking => {}
        }
        let others = fds.len();
        fds.extend(self.lines.values().map(AsFd::as_fd));
        let idle = self.crowd.patterns().is_empty() && matches!(self.source, Source::Looking);
        let ready = wait_readable(&fds, (!idle).then_some(limit)).unwrap_or_default();
        let lines = self.lines.keys().zip(ready.iter().skip(others));
        lines.filter(|(_, ended)| **ended).map(|(pid, _)| *pid).collect()
    }

    /// What the kernel tells.
    fn take_events(&mut self) {
        let mut lost = None;
        for _ in 0..EVENTS_MAX {
            let (Source::Asked(events, _) | Source::Events(events)) = &self.source else { return };
            match events.next() {
                Ok(Some(happened)) => self.take(happened),
                Ok(None) => break,
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => lost = Some(error),
                Err(error) => {
                    say_refused(error.raw_os_error().unwrap_or(0));
                    self.source = Source::Looking;
                    self.next_look = Instant::now();
                }
            }
        }
        if lost.is_some() {
            // Said once for everything that was lost up to now.
            log::info("Some process events were lost, all processes are looked at again");
            self.next_look = Instant::now();
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Confirmed { errno: 0 } => {
                if let Source::Asked(events, _) = std::mem::replace(&mut self.source, Source::Looking) {
                    log::info("proc_events has confirmed it is configured");
                    self.source = Source::Events(events);
                    self.lines.clear();
                }
            }
            Happened::Confirmed { errno } => {
                say_refused(errno);
                self.source = Source::Looking;
            }
            Happened::Forked { parent, child } => self.crowd.forked(parent.0, child.0),
            Happened::Executed(pid) | Happened::Renamed(pid) => self.look_at(pid.0),
            Happened::Ended(pid) => self.crowd.ended(pid.0),
        }
    }

    /// Looks at all processes.
    fn look(&mut self) {
        let begin = Instant::now();
        // The kernel's events of the time before are old then, and those that come meanwhile are taken afterwards.
        let here: BTreeSet<i32> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        self.crowd.retain(|pid| here.contains(&pid));
        for pid in here {
            self.look_at(pid);
        }
        if !matches!(self.source, Source::Events(_)) {
            self.hold();
        }
        let usual = if matches!(self.source, Source::Events(_)) { SLOW_TICK } else { EVERY };
        self.next_look = Instant::now() + usual.max(begin.elapsed() * SHARE);
    }

    /// Looks at one process.
    fn look_at(&mut self, pid: i32) {
        let kinds =
            looks(pid, self.crowd.interest()).map(|looks| self.crowd.kinds(&looks)).unwrap_or_default();
        let lives = kinds.is_empty() || lives(pid);
        self.crowd.put(pid, if lives { kinds } else { Vec::new() });
    }

    /// Holds those that count by their life lines.
    fn hold(&mut self) {
        let members: BTreeSet<i32> = self.crowd.members().take(LINES_MAX).collect();
        self.lines.retain(|pid, _| members.contains(pid));
        for pid in members {
            let Entry::Vacant(room) = self.lines.entry(pid) else { continue };
            match LifeLine::of(Pid(pid)) {
                Ok(line) => drop(room.insert(line)),
                Err(error) if error.raw_os_error() == Some(ESRCH) => self.crowd.ended(pid),
                // Without a line its end is noticed when all are looked at.
                Err(_) => {}
            }
        }
    }

    /// Counts that differ from what was told.
    fn news(&mut self) -> Vec<Reading> {
        let counts = self.crowd.counts();
        let told = std::mem::replace(&mut self.told, counts.clone());
        let all = self.crowd.patterns().iter().zip(counts.into_iter().zip(told));
        all.filter(|(_, (count, told))| count != told)
            .map(|(pattern, (number, _))| Reading { watch: Watch::Processes(pattern.clone()), number })
            .collect()
    }
}

const ESRCH: i32 = 3;
const ENOBUFS: i32 = 105;

/// That the kernel does not tell, in the original's words, and what is done about it.
fn say_refused(errno: i32) {
    if errno == 0 {
        log::info(
            "Failed to set process event listen - the kernel does not answer outside of its first namespaces",
        );
    } else {
        let words = errno_text(errno);
        log::info(format_args!("Failed to set process event listen - errno {errno} - {words}"));
    }
    log::info(format_args!("Tracked processes are looked for every {} ms instead", EVERY.as_millis()));
}

/// What a process looks like, as far as it matters; nothing if it is gone.
fn looks(pid: i32, interest: super::crowd::Interest) -> io::Result<Looks> {
    let mut looks = Looks::default();
    if interest.names {
        looks.name = fs::read(format!("/proc/{pid}/comm"))?;
        looks.name.truncate(looks.name.trim_ascii_end().len());
    }
    if interest.words {
        let line = fs::read(format!("/proc/{pid}/cmdline"))?;
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        if !line.is_empty() {
            looks.words = line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        }
    }
    Ok(looks)
}

/// Whether it runs: who has ended and was not reaped does not.
fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepalived_model::track::Arguments;
    use std::process::{Child, Command};

    fn sleeper(word: &str) -> Child {
        Command::new("/bin/sleep").arg(word).spawn().expect("a process")
    }

    #[test]
    fn processes_are_counted_from_their_beginning_to_their_end() {
        // Words nobody else's process has.
        let words = format!("{}.5", 100_000 + std::process::id());
        let pattern = ProcessPattern {
            path: b"/bin/sleep".to_vec(),
            full_command: true,
            arguments: Arguments::Exact(vec![words.clone().into_bytes()]),
        };
        let mut processes = Processes::new();
        let numbers = |news: Vec<Reading>| news.iter().map(|reading| reading.number).collect::<Vec<_>>();
        assert_eq!(numbers(processes.watch(BTreeSet::from([pattern]))), [0], "the first count is told");
        let mut look = || {
            processes.look();
            numbers(processes.news())
        };
        // Neither beginning nor end is seen at once on a busy machine.
        let mut told = |number: i64| {
            let limit = Instant::now() + Duration::from_secs(5);
            let mut news = look();
            while news.last() != Some(&number) && Instant::now() < limit {
                news = look();
            }
            assert_eq!(news.last(), Some(&number));
            assert!(look().is_empty(), "told already");
        };
        let (mut first, mut second) = (sleeper(&words), sleeper(&words));
        told(2);
        first.kill().expect("ended");
        // Not reaped, and gone all the same.
        told(1);
        second.kill().expect("ended");
        for child in [&mut first, &mut second] {
            child.wait().expect("reaped");
        }
        told(0);
    }

    /// Where the kernel tells: in the first namespaces of a machine, for root. Elsewhere there is nothing to see.
    #[test]
    fn the_kernel_tells_of_processes_where_it_does() {
        let words = format!("{}.25", 100_000 + std::process::id());
        let pattern = ProcessPattern {
            path: b"/bin/sleep".to_vec(),
            full_command: true,
            arguments: Arguments::Initial(vec![words.clone().into_bytes()]),
        };
        let mut processes = Processes::new();
        processes.watch(BTreeSet::from([pattern]));
        let mut news_within = |limit: Duration, wanted: &dyn Fn(&Processes) -> bool| {
            let limit = Instant::now() + limit;
            while !wanted(&processes) && Instant::now() < limit {
                if let Source::Asked(events, _) | Source::Events(events) = &processes.source {
                    let _ready = wait_readable(&[events.as_fd()], Some(Duration::from_millis(10)));
                }
                processes.take_events();
            }
            (matches!(processes.source, Source::Events(_)), processes.crowd.counts())
        };
        let (told, _) = news_within(CONFIRMATION, &|it| !matches!(it.source, Source::Asked(..)));
        if !told {
            return;
        }
        let patience = Duration::from_secs(20);
        let mut child = sleeper(&words);
        assert_eq!(news_within(patience, &|it| it.crowd.counts() == [1]), (true, vec![1]));
        child.kill().expect("ended");
        assert_eq!(news_within(patience, &|it| it.crowd.counts() == [0]), (true, vec![0]));
        child.wait().expect("reaped");
    }
}
