//! The launcher's other end: runs for the core, notifications for the outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use keepalived_core::event::{Exit, Kill, Notice};
use keepalived_model::RunId;
use keepalived_model::notify::Command;
use keepalived_sys::errno_text;
use keepalived_sys::process::Ended;
use keepalived_sys::script::Step;
use keepalived_sys::seqpacket::Seqpacket;
use keepalived_sys::signals::Signal;

use super::scheduling::lacking;
use crate::compat::{defaults, notices};
use crate::launcher::protocol::{self, Kind, Reply, Request, RunNumber};
use crate::log;
use crate::mail::News;

/// Messages that wait for a launcher that does not read. More would mean that it never will.
const WAITING_MAX: usize = 4096;

/// Starts, ends and hears of scripts, by way of the launcher.
#[derive(Debug)]
pub struct Scripts {
    /// Also waited on, hence shared.
    launcher: Rc<Seqpacket>,
    umask: u32,
    waiting: VecDeque<Vec<u8>>,
    pids: BTreeMap<RunId, i32>,
    /// What runs, by the launcher's numbers, with its path for the log.
    running: BTreeMap<RunNumber, Vec<u8>>,
    /// What reads pipes.
    readers: BTreeSet<RunNumber>,
    /// Mail on its way.
    posts: BTreeSet<RunNumber>,
    notifications: u64,
    /// Things of which scripts were told.
    notices: u64,
    /// Notifications from this one on belong to the stop.
    stop_from: u64,
    /// Runs that came to nothing before the launcher heard of them.
    stillborn: VecDeque<RunId>,
}

/// A script to be started.
struct Start<'a> {
    kind: Kind,
    command: &'a Command,
    /// Words behind those of the command.
    words: &'a [&'a str],
    environment: Vec<CString>,
}

/// What became of the launcher's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A run of the core's ended.
    Exited(RunId, Exit),
    /// So many letters of a delivery need no further care.
    Posted(RunNumber, u32),
    /// A delivery of mail ended.
    PostEnded(RunNumber),
    /// What reads a pipe ended by itself.
    ReaderEnded(RunNumber),
    /// Nothing more for now.
    Nothing,
    /// The launcher is gone.
    Gone,
}

impl Scripts {
    /// With the launcher's socket and the mask that is configured.
    pub fn new(launcher: Rc<Seqpacket>, umask: Option<u32>) -> Self {
        Self {
            launcher,
            umask: umask.unwrap_or(defaults::UMASK),
            waiting: VecDeque::new(),
            pids: BTreeMap::new(),
            running: BTreeMap::new(),
            readers: BTreeSet::new(),
            posts: BTreeSet::new(),
            notifications: 0,
            notices: 0,
            stop_from: u64::MAX,
            stillborn: VecDeque::new(),
        }
    }

    /// The processes of the core's runs.
    pub fn pids(&self) -> &BTreeMap<RunId, i32> {
        &self.pids
    }

    /// Starts a track script.
    pub fn run(&mut self, run: RunId, command: &Command) {
        let start = Start { kind: Kind::Check, command, words: &[], environment: Vec::new() };
        if self.start(number_of(run), start).is_none() {
            self.stillborn.push_back(run);
        }
    }

    /// Starts what reads a pipe, whose path becomes its last word; none where that cannot be.
    pub fn read_pipe(&mut self, command: &Command, path: &Path) -> Option<RunNumber> {
        let mut command = command.clone();
        command.argv.push(path.as_os_str().as_bytes().to_vec());
        let number = self.fresh();
        let start = Start { kind: Kind::Check, command: &command, words: &[], environment: Vec::new() };
        self.start(number, start)?;
        self.readers.insert(number);
        Some(number)
    }

    /// Hands over mail.
    pub fn post(&mut self, parcel: Vec<u8>) -> Option<RunNumber> {
        let number = self.fresh();
        let request = Request::Post { number, parcel }.encode()?;
        (self.waiting.len() < WAITING_MAX).then_some(())?;
        self.posts.insert(number);
        self.waiting.push_back(request);
        self.flush();
        Some(number)
    }

    /// Ends a delivery of mail.
    pub fn end_post(&mut self, number: RunNumber) {
        self.posts.remove(&number);
        self.ask(&Request::Kill { number, signal: Signal::KILL.0 });
    }

    /// Ends what reads a pipe.
    pub fn end_reader(&mut self, number: RunNumber) {
        self.readers.remove(&number);
        self.ask(&Request::Kill { number, signal: Signal::TERM.0 });
    }

    /// Ends a track script.
    pub fn kill(&mut self, run: RunId, how: Kill) {
        let signal = match how {
            Kill::Term => Signal::TERM,
            Kill::Kill => Signal::KILL,
        };
        self.ask(&Request::Kill { number: number_of(run), signal: signal.0 });
    }

    /// Starts the scripts of a notice, the specific one first (`spec` runtime 5.1).
    pub fn notify(&mut self, notice: &Notice) {
        if notice.specific.is_none() && notice.any.is_none() {
            return;
        }
        self.notices += 1;
        let priority = notice.priority.to_string();
        let words = [notices::subject(notice.subject), &notice.name, notice.occasion.word(), &priority];
        for (command, words) in [(&notice.specific, &[][..]), (&notice.any, &words[..])] {
            if let Some(command) = command {
                let number = self.fresh();
                let environment = notices::environment(notice, self.notices);
                // A notification that cannot be started was said in the log.
                let _started = self.start(number, Start { kind: Kind::Notify, command, words, environment });
            }
        }
    }

    fn fresh(&mut self) -> RunNumber {
        self.notifications += 1;
        RunNumber(self.notifications * 2 + 1)
    }

    /// Notifications from now on are those of the stop.
    pub fn stop(&mut self) {
        self.stop_from = (self.notifications + 1) * 2;
    }

    /// Whether all notifications of the stop ended.
    pub fn is_stopped(&self) -> bool {
        let stops = self.running.range(RunNumber(self.stop_from)..);
        stops.filter(|(number, _)| !number.0.is_multiple_of(2)).count() == 0
    }

    /// The next thing the launcher has to say.
    pub fn hear(&mut self) -> Heard {
        self.flush();
        if let Some(run) = self.stillborn.pop_front() {
            return Heard::Exited(run, Exit::NotRun);
        }
        let mut buffer = [0; protocol::REPLY_MAX];
        loop {
            match self.launcher.receive_into(&mut buffer) {
                Ok(Some(length)) => {
                    let reply = buffer.get(..length).and_then(Reply::decode);
                    if let Some(heard) = reply.and_then(|reply| self.take(reply)) {
                        return heard;
                    }
                }
                Ok(None) => return Heard::Gone,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Nothing,
                Err(_) => return Heard::Gone,
            }
        }
    }

    /// Whether something is left to be heard or sent without the launcher's doing.
    pub fn is_pending(&self) -> bool {
        !self.stillborn.is_empty() || !self.waiting.is_empty()
    }

    fn take(&mut self, reply: Reply) -> Option<Heard> {
        let (number, exit) = match reply {
            Reply::News { number: _, news: News::Line { text, detail } } => {
                if detail {
                    log::detail(text)
                } else {
                    log::info(text)
                }
                return None;
            }
            Reply::News { number, news: News::Done(count) } => return Some(Heard::Posted(number, count)),
            Reply::Started { number, pid } => {
                if let Some(run) = run_of(number) {
                    self.pids.insert(run, pid);
                }
                return None;
            }
            Reply::Ended { number, ended: Ended::Code(code) } => (number, Exit::Code(code)),
            Reply::Ended { number, ended: Ended::Signal(signal) } => (number, Exit::Signal(signal)),
            Reply::Failed { number, pid, step, errno } => {
                self.tell_failure(number, pid, step, errno);
                (number, Exit::NotRun)
            }
        };
        self.running.remove(&number);
        if self.posts.remove(&number) {
            return Some(Heard::PostEnded(number));
        }
        if self.readers.remove(&number) {
            return Some(Heard::ReaderEnded(number));
        }
        let run = run_of(number)?;
        self.pids.remove(&run);
        Some(Heard::Exited(run, exit))
    }

    fn tell_failure(&self, number: RunNumber, pid: i32, step: Step, errno: i32) {
        let path = self.running.get(&number).map(Vec::as_slice).unwrap_or_default();
        let (path, words) = (String::from_utf8_lossy(path), errno_text(errno));
        let pid = u32::try_from(pid).unwrap_or(0);
        match step {
            Step::Exec => {
                log::alert_from(pid, format_args!("Error exec-ing command '{path}', error {errno}: {words}"))
            }
            Step::Identity => log::alert_from(
                pid,
                format_args!(
                    "Couldn't setuid for command '{path}', error {errno}: {words}{}",
                    lacking(&io::Error::from_raw_os_error(errno), "CAP_SETUID or CAP_SETGID")
                ),
            ),
        }
    }

    fn start(&mut self, number: RunNumber, start: Start<'_>) -> Option<()> {
        let Start { kind, command, words, environment } = start;
        let text = |bytes: &[u8]| CString::new(bytes).ok();
        let argv = command.argv.iter().map(Vec::as_slice).chain(words.iter().map(|word| word.as_bytes()));
        let request = text(&command.path).zip(argv.map(text).collect()).and_then(|(path, argv)| {
            let (uid, gid, umask) = (command.user.uid, command.user.gid, self.umask);
            let groups = command.user.groups.clone();
            Request::Run { number, kind, uid, gid, groups, umask, path, argv, environment }.encode()
        });
        let Some(request) = request.filter(|_| self.waiting.len() < WAITING_MAX) else {
            let path = String::from_utf8_lossy(&command.path);
            log::alert(format_args!("Error exec-ing command '{path}', error 7: {}", errno_text(7)));
            return None;
        };
        self.running.insert(number, command.path.clone());
        self.waiting.push_back(request);
        self.flush();
        Some(())
    }

    fn ask(&mut self, request: &Request) {
        self.waiting.extend(request.encode());
        self.flush();
    }

    /// Sends what waits, in order, as far as the launcher reads.
    fn flush(&mut self) {
        while let Some(message) = self.waiting.front() {
            match self.launcher.send(message, None) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A launcher that is gone says so when it is heard.
                Ok(()) | Err(_) => drop(self.waiting.pop_front()),
            }
        }
    }
}

/// Runs have even numbers, notifications odd ones.
fn number_of(run: RunId) -> RunNumber {
    RunNumber(run.0.wrapping_mul(2))
}

fn run_of(number: RunNumber) -> Option<RunId> {
    number.0.is_multiple_of(2).then_some(RunId(number.0 / 2))
}
