//! Starts scripts. A small process of its own, forked before the engine has memory, threads or real-time
//! scheduling, so that starting a script costs the engine one message, and whatever a script does it does not
//! do to the engine.
//!
//! ```text
//! engine ── Run, Kill ──► launcher ── fork, exec ──► script (its own process group)
//!        ◄─ Started, Ended, Failed ─┘   SIGCHLD ◄──────┘
//! ```
//!
//! Scripts count processes called `keepalived` and signal them (`killall`, `pidof`, `ps -C`), and find as many
//! as they are used to: the launcher is called otherwise. What reaches it all the same it does not obey; it ends
//! when the engine is gone.

pub mod protocol;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use keepalived_sys::process::{self, Ended, Pid};
use keepalived_sys::script::{self, Script};
use keepalived_sys::seqpacket::Seqpacket;
use keepalived_sys::signals::{self, Signal, Signals};
use keepalived_sys::wait_readable;

use crate::compat::signal_names;
use crate::mail;

use protocol::{Kind, Reply, Request, RunNumber};

/// Variables that scripts do not see (`spec` runtime 4.1).
pub const NOT_FOR_SCRIPTS: [&str; 4] = ["NOTIFY_SOCKET", "IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// What `ps` shows.
const TITLE: &CStr = c"ka-scripts";

/// The same for mail on its way.
const MAIL_TITLE: &CStr = c"ka-mail";

/// What scripts still running get between SIGTERM and SIGKILL when the engine is gone (`spec` runtime 1.5).
const LAST_RESPITE: Duration = Duration::from_secs(1);

/// The launcher's life, from its fork to the end of the engine. The result is its exit status.
pub fn serve(engine: &Seqpacket) -> u8 {
    process::set_title(TITLE);
    signals::ignore(&Signal::USELESS);
    signals::ignore(&[Signal::XCPU, Signal(signal_names::STATS_CLEAR), Signal(signal_names::JSON)]);
    // Blocked and read away, not ignored: what is sent to a script between its fork and its exec must wait
    // for it, and an ignored signal would be lost.
    let taken = [Signal::CHLD, Signal::TERM, Signal::INT, Signal::HUP, Signal::USR1, Signal::USR2];
    let Ok(children) = Signals::take(&taken) else { return 1 };
    let environment = process::environment_without(&NOT_FOR_SCRIPTS);
    Launcher { engine, children, environment, running: BTreeMap::new() }.run()
}

struct Launcher<'a> {
    engine: &'a Seqpacket,
    children: Signals,
    environment: Vec<CString>,
    running: BTreeMap<Pid, Running>,
}

struct Running {
    number: RunNumber,
    kind: Kind,
    /// What tells why it never became what it was to be.
    started: Option<script::Started>,
    /// It was told to end; its group is not to outlive it then.
    ending: bool,
}

impl Launcher<'_> {
    fn run(mut self) -> u8 {
        let mut buffer = vec![0; protocol::MESSAGE_MAX];
        loop {
            if wait_readable(&[self.engine.as_fd(), self.children.as_fd()], None).is_err() {
                break;
            }
            self.reap();
            match self.engine.receive_into(&mut buffer) {
                Ok(Some(length)) => match Request::decode(buffer.get(..length).unwrap_or_default()) {
                    Some(request) => self.obey(request),
                    // Only our own engine writes here; what it cannot mean is not worth more than this.
                    None => continue,
                },
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.end()
    }

    fn obey(&mut self, request: Request) {
        match request {
            Request::Run { number, kind, uid, gid, groups, umask, path, argv, environment } => {
                let environment = merged(&self.environment, environment);
                let script = Script { path, argv, environment, uid, gid, groups, umask };
                match script::start(&script) {
                    Ok(started) => {
                        self.tell(&Reply::Started { number, pid: started.pid.0 });
                        let pid = started.pid;
                        let started = Some(started);
                        self.running.insert(pid, Running { number, kind, started, ending: false });
                    }
                    Err(error) => {
                        let errno = error.raw_os_error().unwrap_or(0);
                        self.tell(&Reply::Failed {
                            number,
                            pid: process::own().0,
                            step: script::Step::Exec,
                            errno,
                        });
                    }
                }
            }
            Request::Post { number, parcel } => self.post(number, &parcel),
            Request::Kill { number, signal } => {
                for (pid, running) in self.running.iter_mut().filter(|(_, running)| running.number == number)
                {
                    running.ending = true;
                    // A group that is gone will be reaped in a moment.
                    let _gone = process::kill_group(*pid, Signal(signal));
                }
            }
        }
    }

    /// Starts a copy of ourselves that delivers mail and says what becomes of it.
    fn post(&mut self, number: RunNumber, parcel: &[u8]) {
        let engine = self.engine;
        let delivery = process::fork_apart(|| {
            process::set_title(MAIL_TITLE);
            let Ok(parcel) = serde_json::from_slice(parcel) else { return 1 };
            let tell = &mut |news| send(engine, &Reply::News { number, news });
            u8::from(mail::deliver(&parcel, tell) != mail::Outcome::Delivered)
        });
        match delivery {
            Ok(pid) => {
                let running = Running { number, kind: Kind::Mail, started: None, ending: false };
                self.running.insert(pid, running);
            }
            Err(_) => self.tell(&Reply::Ended { number, ended: Ended::Code(1) }),
        }
    }

    fn reap(&mut self) {
        while let Ok(Some(_)) = self.children.next() {}
        while let Some((pid, ended)) = process::reap(None) {
            let Some(running) = self.running.remove(&pid) else { continue };
            if running.ending {
                // What it started may have survived the TERM that it obeyed.
                let _all_gone = process::kill_group(pid, Signal::KILL);
            }
            let number = running.number;
            match running.started.and_then(script::Started::failure) {
                Some((step, errno)) => self.tell(&Reply::Failed { number, pid: pid.0, step, errno }),
                None => self.tell(&Reply::Ended { number, ended }),
            }
        }
    }

    fn tell(&self, reply: &Reply) {
        send(self.engine, reply);
    }

    /// The engine is gone: checks end; notifications go on alone, apart from the signal that our death sends.
    fn end(mut self) -> u8 {
        self.running.retain(|_, running| running.kind != Kind::Notify);
        for pid in self.running.keys() {
            let _gone = process::kill_group(*pid, Signal::TERM);
        }
        let limit = Instant::now() + LAST_RESPITE;
        while !self.running.is_empty() && Instant::now() < limit {
            while let Some((pid, _)) = process::reap(None) {
                if self.running.remove(&pid).is_some() {
                    let _all_gone = process::kill_group(pid, Signal::KILL);
                }
            }
            if !self.running.is_empty() {
                let _woken = wait_readable(&[self.children.as_fd()], Some(limit - Instant::now()));
                while let Ok(Some(_)) = self.children.next() {}
            }
        }
        for pid in self.running.keys() {
            let _gone = process::kill_group(*pid, Signal::KILL);
        }
        0
    }
}

/// The engine reads as fast as it can; if it is gone, the end of the socket is what we act on.
fn send(engine: &Seqpacket, reply: &Reply) {
    let sent = engine.send(&reply.encode(), None);
    if sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
        std::thread::sleep(Duration::from_millis(1));
        let _lost = engine.send(&reply.encode(), None);
    }
}

/// What everybody gets, with what this one gets in place of what has the same name.
fn merged(common: &[CString], own: Vec<CString>) -> Vec<CString> {
    let name = |text: &CString| text.as_bytes().split(|byte| *byte == b'=').next().map(<[u8]>::to_vec);
    let names: Vec<_> = own.iter().map(name).collect();
    common.iter().filter(|text| !names.contains(&name(text))).cloned().chain(own).collect()
}

#[cfg(test)]
mod tests;
