//! Carries out what the core asks for, in its order.

use std::collections::VecDeque;
use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keepalived_core::event::Notice;
use keepalived_core::report::Report;
use keepalived_core::{Action, Actions, Engine, Event};
use keepalived_model::global::Global;
use keepalived_model::kernel::Change;
use keepalived_model::{InstanceId, Instant, Micros};
use keepalived_netlink::{Handle, Told};
use keepalived_sys::receive::{BATCH, ReceiveBuffers, Received, Scrutiny, VrrpReceiver};
use keepalived_sys::send::Route;
use keepalived_sys::{clock, process};
use keepalived_wire::reject::Reject;
use keepalived_wire::vrrp::{Envelope, Packet};

use crate::compat::log_text::{self, Level, Surroundings};
use crate::compat::notices;
use crate::engine::claims::Claims;
use crate::engine::configuration::Loaded;
use crate::engine::fifos::Fifos;
use crate::engine::lookout::Lookout;
use crate::engine::outbox::Outbox;
use crate::engine::rehearsal;
use crate::engine::scripts::{Heard, Scripts};
use crate::engine::siege::Siege;
use crate::engine::sockets::Sockets;
use crate::log;
use crate::memory_store::MemoryStore;
use crate::surface::{Dump, Epoch, Picture, file};

/// When a pipe that was full is tried again.
const RETRY_PIPES: Micros = Micros::from_millis(50);
/// How long a notification waits for the kernel at most.
const NOTICE_PATIENCE: Micros = Micros::from_secs(1);

/// So far the wall clock may be from where the core thinks it is; windows of signatures are whole seconds.
const TIME_TOLERANCE: Micros = Micros::from_millis(10);

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
    /// Files and processes.
    pub lookout: Lookout,
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
    fifos: Fifos,
    lookout: Lookout,
    outbox: Outbox,
    claims: Claims,
    memory: MemoryStore,
    netlink: Handle,
    buffers: ReceiveBuffers,
    unsent: VecDeque<Unsent>,
    /// Notifications that wait for the kernel, and how long at most.
    notices: VecDeque<(Instant, Notice)>,
    process: Global,
    /// How often another configuration took effect.
    reloads: u32,
    siege: Siege,
    /// How far the wall clock was ahead when the core was last told.
    wall_ahead: Option<Micros>,
    /// The configuration in force, as it came.
    pub file: File,
}

/// How long the log may take for a part of a dump before the next one follows.
const LOG_PATIENCE: Duration = Duration::from_millis(25);

/// Room for actions that is kept from event to event.
const ACTIONS_KEPT: usize = 512;
/// So often is told in a row that something is due: enough for sixteen thousand routers.
const DUE_ROUNDS_MAX: usize = 256;

/// An advert that did not get out.
struct Unsent {
    instance: InstanceId,
    destination: IpAddr,
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
        let Started { core, actions, sockets, mut scripts, lookout, memory, netlink, file } = started;
        let mut fifos = Fifos::default();
        fifos.configure(&process.fifos, &mut scripts);
        Self {
            core,
            actions,
            sockets,
            scripts,
            fifos,
            lookout,
            outbox: Outbox::default(),
            claims: Claims::default(),
            memory,
            netlink,
            buffers: ReceiveBuffers::new(),
            unsent: VecDeque::new(),
            notices: VecDeque::new(),
            process,
            reloads: 0,
            siege: Siege::new(),
            wall_ahead: None,
            file,
        }
    }

    /// Tells the core one thing, and does what it says.
    pub fn tell(&mut self, event: Event<'_>) {
        self.tell_time();
        self.core.handle(clock::now(), event, &mut self.actions);
        self.carry_out();
    }

    /// Lets act whoever is due at this moment, a few at a time.
    pub fn tell_due(&mut self, now: Instant) {
        self.tell_time();
        for _ in 0..DUE_ROUNDS_MAX {
            self.core.handle(now, Event::Due, &mut self.actions);
            self.carry_out();
            if self.core.next_deadline().is_none_or(|next| next > now) {
                break;
            }
        }
    }

    /// What the netlink thread says.
    pub fn told(&mut self, told: Told) {
        match told {
            Told::Change(change) => {
                let of_links = matches!(change, Change::Link(_) | Change::LinkGone(_));
                self.tell(Event::Kernel(change));
                if of_links {
                    self.lookout.look_at_links();
                }
            }
            Told::Settled { key: rehearsal::KEY, .. } => {}
            Told::Settled { key, outcome } => {
                if outcome.is_ok() {
                    self.memory.settled(&key);
                }
                self.tell(Event::Settled { key, outcome });
            }
            Told::Resynced { lost: true } => {
                log::info("Netlink: the kernel dropped messages, interfaces and addresses were read again");
            }
            Told::Resynced { lost: false } => {}
        }
    }

    /// Reads packets until there are none or the time is over.
    pub fn drain(&mut self, until: Instant) -> Drained {
        self.tell_time();
        let receivers = self.sockets.receivers.clone();
        loop {
            let mut left = Drained::All;
            for receiver in receivers.iter().filter(|receiver| receiver.is_open()) {
                if self.hear(receiver) == Drained::Part {
                    left = Drained::Part;
                }
                self.carry_out();
            }
            self.scrutinize();
            if left == Drained::All || clock::now() >= until {
                return left;
            }
        }
    }

    /// Lets the kernel look more closely at packets while there is a flood of wrong ones.
    fn scrutinize(&mut self) {
        let now = clock::now();
        if self.siege.begins(now) {
            log::info(
                "A flood of VRRP packets with wrong checksums: for a minute the kernel drops them, uncounted",
            );
            self.sockets.scrutinize(Scrutiny::Siege);
        } else if self.siege.ends(now) {
            self.sockets.scrutinize(Scrutiny::Usual);
        }
    }

    /// What neighbors say of our addresses.
    pub fn hear_claims(&mut self) {
        for (link, ip, by) in self.claims.hear(&self.sockets, clock::now()) {
            self.core.handle(clock::now(), Event::Claimed { link, ip, by }, &mut self.actions);
        }
        self.carry_out();
    }

    /// One batch of packets.
    fn hear(&mut self, receiver: &VrrpReceiver) -> Drained {
        let now = clock::now();
        match receiver.receive(&mut self.buffers) {
            Ok(received) => {
                let count = received.len();
                for one in received {
                    let event = Event::Received { link: one.link, packet: packet(&one) };
                    self.core.handle(now, event, &mut self.actions);
                }
                if count < BATCH { Drained::All } else { Drained::Part }
            }
            Err(error) => {
                log::error(format_args!("Unable to receive VRRP packets - {error}"));
                Drained::All
            }
        }
    }

    /// Tells the core what time it is if that is not what it thinks. A clock that is being slewed is told in steps.
    fn tell_time(&mut self) {
        let ahead = clock::wall_ahead();
        if self.wall_ahead.is_none_or(|told| told.0.abs_diff(ahead.0) > TIME_TOLERANCE.0) {
            self.wall_ahead = Some(ahead);
            self.core.handle(clock::now(), Event::WallClock { ahead }, &mut self.actions);
        }
    }

    /// What the launcher says; false when it is gone.
    pub fn hear_launcher(&mut self) -> bool {
        loop {
            match self.scripts.hear() {
                Heard::Exited(run, exit) => self.tell(Event::Exited { run, exit }),
                Heard::Posted(number, count) => self.outbox.done(number, count),
                Heard::PostEnded(number) => {
                    self.outbox.post_ended(number, clock::now());
                    self.post();
                }
                Heard::ReaderEnded(reader) => self.fifos.reader_ended(reader),
                Heard::Nothing => return true,
                Heard::Gone => return false,
            }
        }
    }

    /// A configuration takes effect.
    pub fn configure(&mut self, Loaded { config, process }: Loaded, file: File) {
        self.reloads = self.reloads.wrapping_add(1);
        let before = self.keepsake("pre");
        self.process = process;
        self.file = file;
        self.fifos.configure(&self.process.fifos, &mut self.scripts);
        let watches = config.watches();
        self.sockets.make_room(&config);
        self.tell(Event::Config(Arc::new(config)));
        self.lookout.watch(watches);
        if self.process.fifos.states_on_reload {
            self.tell_states();
        }
        let after = self.keepsake("post");
        file::write_behind(file::Occasion::Reload, before.into_iter().chain(after).collect());
        process::return_free_memory();
    }

    /// Lets everybody know who listens to pipes how everything stands, groups first as at the start.
    fn tell_states(&mut self) {
        let limit = clock::now() + NOTICE_PATIENCE;
        let view = self.core.view();
        self.notices.extend(view.standings().map(|notice| (limit, notice)));
        self.give_notice();
    }

    /// Writes down how everything stands.
    pub fn dump(&self, dump: Dump) -> file::Tried {
        let file = (file::path(&self.process, dump, ""), self.picture().text(dump));
        file::write_behind(file::Occasion::Asked(dump), vec![file])
    }

    /// How everything stands at a stage of a reload, for `config_save_dir`.
    fn keepsake(&self, stage: &str) -> Option<(PathBuf, String)> {
        let directory = self.process.lookups.saved_configurations.as_ref()?;
        let name = format!("keepalived_vrrp.{}.{}.{stage}", std::process::id(), self.reloads);
        Some((directory.join(name), self.picture().text(Dump::Data)))
    }

    /// The same into the log, a line for each. The log is given time to take them in.
    pub fn log_everything(&self) {
        let text = self.picture().text(Dump::Data);
        let lines: Vec<&str> = text.lines().collect();
        for part in lines.chunks(log::LINES_MAX / 2) {
            part.iter().for_each(log::info);
            log::flush(LOG_PATIENCE);
        }
    }

    fn picture(&self) -> Picture<'_> {
        let (view, global) = (self.core.view(), &self.process);
        Picture { view, global, descriptors: self.sockets.descriptors(), epoch: Epoch::now() }
    }

    /// The stop begins.
    pub fn stop(&mut self) {
        self.fifos.stop(&mut self.scripts);
        self.scripts.stop();
        self.tell(Event::Stop);
        self.memory.forget_standings();
        self.memory.flush();
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
            self.fifos.write(&notices::line(&notice));
            self.outbox.take(&notice, &self.process);
        }
        self.post();
    }

    fn post(&mut self) {
        self.outbox.go_on(&mut self.scripts, &self.process, clock::now());
    }

    /// When what could not be told is to be tried again.
    pub fn next_attempt(&self) -> Option<Instant> {
        let pipes = self.fifos.is_waiting().then(|| clock::now() + RETRY_PIPES);
        [pipes, self.outbox.next(), self.siege.next(), self.claims.deaf_until()].into_iter().flatten().min()
    }

    /// Tries again what could not be told.
    pub fn tell_again(&mut self) {
        self.fifos.flush();
        self.post();
        self.scrutinize();
        if self.claims.listens_again(&self.sockets, clock::now()) {
            self.hear_claims();
        }
    }

    /// Whether everybody who was to be told of the stop was told.
    pub fn is_told(&self) -> bool {
        self.scripts.is_stopped() && !self.outbox.is_busy()
    }

    /// The last act.
    pub fn close(&mut self) {
        self.fifos.close();
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
            let mut adverts = Vec::new();
            for action in actions.extract_if(.., |action| !is_talk(action)) {
                match action {
                    Action::Send { instance, link, source, destination, hop_limit, packet } => {
                        adverts.push((instance, Route { link, source, destination, hop_limit }, packet));
                    }
                    action => {
                        self.send(&mut adverts);
                        self.act(action);
                    }
                }
            }
            self.send(&mut adverts);
            for action in actions.drain(..) {
                self.act(action);
            }
            self.memory.flush();
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

    /// Sends what is due together with as few calls as possible.
    fn send(&mut self, adverts: &mut Vec<(InstanceId, Route, Vec<u8>)>) {
        if adverts.is_empty() {
            return;
        }
        let packets: Vec<(Route, &[u8])> =
            adverts.iter().map(|(_, route, packet)| (*route, packet.as_slice())).collect();
        self.sockets.send(&packets, |at, errno| {
            if let Some((instance, Route { destination, .. }, _)) = adverts.get(at) {
                self.unsent.push_back(Unsent { instance: *instance, destination: *destination, errno });
            }
        });
        adverts.clear();
    }

    fn act(&mut self, action: Action) {
        match action {
            // Those are sent together.
            Action::Send { .. } => {}
            Action::Announce { link, frame } => self.sockets.announce(link, &frame),
            Action::Want { key, spec } => {
                let wanted = spec.is_some();
                self.netlink.want(key.clone(), spec);
                // Afterwards, as somebody waits for the address; were we killed just here, a successor finds it
                // by its mark.
                self.memory.want(&key, wanted);
            }
            Action::Join { link, group } => self.sockets.join(link, group),
            Action::Leave { link, group } => self.sockets.leave(link, group),
            Action::Admit { carrier, vrids } => self.sockets.admit(carrier, &vrids),
            Action::WatchClaims { addresses } => self.claims.watch(addresses, &self.sockets),
            Action::Run { run, command } => self.scripts.run(run, &command),
            Action::Kill { run, how } => self.scripts.kill(run, how),
            Action::Notify(notice) => self.notices.push_back((clock::now() + NOTICE_PATIENCE, notice)),
            Action::Remember(memory) => self.memory.remember(&memory),
            Action::Report(report) => {
                if matches!(&report, Report::Rejected { reason: Reject::Checksum { .. }, .. }) {
                    self.siege.wrong(clock::now());
                }
                self.log(&report);
            }
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

fn packet<'a>(received: &Received<'a>) -> Packet<'a> {
    match received.header {
        None => Packet::V4(received.octets),
        Some(header) => {
            let (source, destination, hop_limit) = (header.source, header.destination, header.hop_limit);
            Packet::V6 { envelope: Envelope { source, destination, hop_limit }, message: received.octets }
        }
    }
}
