//! Carries out what the core asks for, in its order.

use std::collections::VecDeque;
use std::fs::File;
use std::net::Ipv4Addr;
use std::sync::Arc;

use keepalived_core::event::Notice;
use keepalived_core::report::Report;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::global::Global;
use keepalived_model::{InstanceId, Instant, Micros};
use keepalived_netlink::{Handle, Told};
use keepalived_sys::receive::{BATCH, ReceiveBuffers};
use keepalived_sys::{clock, process};

use crate::compat::log_text::{self, Level, Surroundings};
use crate::engine::configuration::Loaded;
use crate::engine::rehearsal;
use crate::engine::scripts::{Heard, Scripts};
use crate::engine::sockets::Sockets;
use crate::log;
use crate::memory_store::MemoryStore;
use crate::surface::{Dump, Epoch, Picture, file};

/// How long a notification waits for the kernel at most.
const NOTICE_PATIENCE: Micros = Micros::from_secs(1);

/// What a shell is put together from.
pub struct Started {
    /// The core, started.
    pub core: Engine,
    /// What it wants done first.
    pub actions: Actions,
    /// The wire.
    pub sockets: Sockets,
    /// The launcher.
    pub scripts: Scripts,
    /// What a successor shall know.
    pub memory: MemoryStore,
    /// The kernel.
    pub netlink: Handle,
    /// The configuration as it came, for a reload without a new one.
    pub file: File,
}

/// The core and everything it acts through.
pub struct Shell {
    core: Engine,
    actions: Actions,
    sockets: Sockets,
    scripts: Scripts,
    memory: MemoryStore,
    netlink: Handle,
    buffers: ReceiveBuffers,
    unsent: VecDeque<Unsent>,
    /// Notifications that wait for the kernel, and how long at most.
    notices: VecDeque<(Instant, Notice)>,
    process: Global,
    /// The configuration in force, as it came.
    pub file: File,
}

/// Room for actions that is kept from event to event.
const ACTIONS_KEPT: usize = 512;

/// An advert that did not get out.
struct Unsent {
    instance: InstanceId,
    destination: Ipv4Addr,
    errno: i32,
}

/// What is left of the datagrams that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// None.
    All,
    /// Some: there were more than may be looked at in one go.
    Part,
}

impl Shell {
    /// With what the core wants done first still to be carried out.
    pub fn new(started: Started, process: Global) -> Self {
        let Started { core, actions, sockets, scripts, memory, netlink, file } = started;
        let (buffers, unsent, notices) = (ReceiveBuffers::new(), VecDeque::new(), VecDeque::new());
        Self { core, actions, sockets, scripts, memory, netlink, buffers, unsent, notices, process, file }
    }

    /// Tells the core one thing, and does what it says.
    pub fn tell(&mut self, event: Event<'_>) {
        self.core.handle(clock::now(), event, &mut self.actions);
        self.carry_out();
    }

    /// What the netlink thread says.
    pub fn told(&mut self, told: Told) {
        match told {
            Told::Change(change) => self.tell(Event::Kernel(change)),
            Told::Settled { key: rehearsal::KEY, .. } => {}
            Told::Settled { key, outcome } => {
                if outcome.is_ok() {
                    self.memory.settled(key);
                }
                self.tell(Event::Settled { key, outcome });
            }
            Told::Resynced { lost: true } => {
                log::info("Netlink: the kernel dropped messages, interfaces and addresses were read again");
            }
            Told::Resynced { lost: false } => {}
        }
    }

    /// Reads datagrams until there are none or the time is over.
    pub fn drain(&mut self, until: Instant) -> Drained {
        loop {
            let now = clock::now();
            let count = match self.sockets.receiver.receive(&mut self.buffers) {
                Ok(received) => {
                    let count = received.len();
                    for one in received {
                        let event = Event::Received { link: one.link, datagram: one.datagram };
                        self.core.handle(now, event, &mut self.actions);
                    }
                    count
                }
                Err(error) => {
                    log::error(format_args!("Unable to receive VRRP packets - {error}"));
                    return Drained::All;
                }
            };
            self.carry_out();
            if count < BATCH {
                return Drained::All;
            }
            if clock::now() >= until {
                return Drained::Part;
            }
        }
    }

    /// What the launcher says; false when it is gone.
    pub fn hear_launcher(&mut self) -> bool {
        loop {
            match self.scripts.hear() {
                Heard::Exited(run, exit) => self.tell(Event::Exited { run, exit }),
                Heard::Nothing => return true,
                Heard::Gone => return false,
            }
        }
    }

    /// A configuration takes effect.
    pub fn configure(&mut self, Loaded { config, process }: Loaded, file: File) {
        self.process = process;
        self.file = file;
        self.tell(Event::Config(Arc::new(config)));
        process::return_free_memory();
    }

    /// Writes down how everything stands.
    pub fn dump(&self, dump: Dump) {
        let (view, global) = (self.core.view(), &self.process);
        let picture = Picture { view, global, descriptors: self.sockets.descriptors(), epoch: Epoch::now() };
        file::write_behind(file::path(global, dump, ""), picture.text(dump));
    }

    /// The stop begins.
    pub fn stop(&mut self) {
        self.scripts.stop();
        self.tell(Event::Stop);
        self.memory.forget_standings();
    }

    /// Whether everything the core wanted at its stop has happened.
    pub fn is_settled(&self) -> bool {
        self.core.is_quiet()
    }

    /// When the core wants to be told that something is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.core.next_deadline()
    }

    /// The same, if a backup takes over then.
    pub fn next_takeover(&self) -> Option<Instant> {
        self.core.next_takeover()
    }

    /// When a notification has waited long enough for the kernel.
    pub fn next_notice(&self) -> Option<Instant> {
        self.notices.front().map(|(limit, _)| *limit)
    }

    /// Starts the notifications whose addresses are where they belong: a script that looks finds what it was
    /// called for (`spec` runtime 5.1).
    pub fn give_notice(&mut self) {
        let now = clock::now();
        while let Some((_, notice)) =
            self.notices.pop_front_if(|(limit, _)| *limit <= now || self.core.is_answered())
        {
            self.scripts.notify(&notice);
        }
    }

    /// The kernel, to ask.
    pub fn netlink(&self) -> &Handle {
        &self.netlink
    }

    /// The scripts, to ask.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// Does what the core says, and what it says to the failures of that.
    pub fn carry_out(&mut self) {
        loop {
            let mut actions = std::mem::take(&mut self.actions);
            // The neighbours and the kernel wait for the first kind, nobody for the second: a line in the log
            // costs as much as an advert.
            let is_talk = |action: &Action| matches!(action, Action::Report(_) | Action::Remember(_));
            for action in actions.extract_if(.., |action| !is_talk(action)) {
                self.act(action);
            }
            for action in actions.drain(..) {
                self.act(action);
            }
            self.actions = actions;
            let Some(Unsent { instance, destination, errno }) = self.unsent.pop_front() else { break };
            let event = Event::SendFailed { instance, destination, errno };
            self.core.handle(clock::now(), event, &mut self.actions);
        }
        self.sockets.tell_joined();
        self.give_notice();
        // A start or a reload of many instances needs room that daily life does not.
        self.actions.shrink_to(ACTIONS_KEPT);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send { instance, link, source, destination, datagram } => {
                if let Err(errno) = self.sockets.send(link, source, destination, &datagram) {
                    self.unsent.push_back(Unsent { instance, destination, errno });
                }
            }
            Action::Announce { link, frame } => self.sockets.announce(link, &frame),
            Action::Want { key, spec } => {
                let wanted = spec.is_some();
                self.netlink.want(key, spec);
                // Afterwards, as somebody waits for the address; were we killed just here, a successor finds it
                // by its mark.
                self.memory.want(key, wanted);
            }
            Action::Join { link, group } => self.sockets.join(link, group),
            Action::Leave { link, group } => self.sockets.leave(link, group),
            Action::Admit(vrids) => self.sockets.admit(&vrids),
            Action::Run { run, command } => self.scripts.run(run, &command),
            Action::Kill { run, how } => self.scripts.kill(run, how),
            Action::Notify(notice) => self.notices.push_back((clock::now() + NOTICE_PATIENCE, notice)),
            Action::Remember(memory) => self.memory.remember(&memory),
            Action::Report(report) => self.log(&report),
        }
    }

    fn log(&self, report: &Report) {
        let surroundings = Surroundings {
            pids: self.scripts.pids(),
            log_unknown_vrids: self.process.vrrp.log_unknown_vrids,
        };
        if let Some(line) = log_text::line(report, &surroundings) {
            match line.level {
                Level::Info => log::info(line.text),
                Level::Detail => log::detail(line.text),
            }
        }
    }
}
