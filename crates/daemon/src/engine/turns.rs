//! The loop: what woke us becomes events; what is due is told after everything that could be received.

use std::fs::File;

use keepalived_core::Event;
use keepalived_model::{Instant, Micros};
use keepalived_sys::clock;
use keepalived_sys::signals::Signal;

use crate::compat::{exit_codes, process_names, signal_names};
use crate::engine::configuration::{self, Loaded};
use crate::engine::pace::{DATAGRAMS_TOGETHER, DEADLINES_TOGETHER, Pace};
use crate::engine::scheduling::Treatment;
use crate::engine::shell::{Drained, Shell};
use crate::engine::wake::{Said, Sources, Wake};
use crate::engine::{EXIT_SOFTWARE, Farewell, Settings};
use crate::handoff::{ToEngine, ToSupervisor};
use crate::log;
use crate::surface::Dump;
use crate::surface::file::Tried;

/// Time for datagrams before something that is due: a flood makes an advert late by no more than this.
const DRAIN: Micros = Micros::from_millis(2);
/// The same after a pause, when what waits is what we missed: better late than wrong.
const DRAIN_AFTER_PAUSE: Micros = Micros::from_millis(200);
/// Waking so late is a pause.
const PAUSE: Micros = Micros::from_millis(20);
/// Deadlines acted on before anything else is looked at again.
const ROUNDS_MAX: usize = 16;
/// Facts of the netlink thread taken in one go.
const TOLD_MAX: usize = 64;
/// So much earlier than a takeover we are awake: what the kernel needs to wake us, and our netlink thread on
/// another processor, would otherwise come between the deadline and the address (100 to 250 µs on an idle
/// virtual machine). It is spent waiting in a loop, and only when a master really fell silent.
const HEAD_START: Micros = Micros(150);
/// When a launcher that did not read is tried again.
const RETRY: Micros = Micros::from_millis(1);
/// What notifications of the stop get (`spec` runtime 1.5).
const LAST_NOTIFICATIONS: Micros = Micros::from_secs(1);
/// What the kernel gets for the removal of our addresses; the supervisor's patience is longer.
const LAST_REMOVALS: Micros = Micros::from_secs(4);

/// Runs until the engine is told to stop; the result is its exit status.
pub async fn run(shell: &mut Shell, sources: &mut Sources, settings: &Settings, treatment: Treatment) -> u8 {
    let mut turns = Turns {
        pace: Pace::new(DEADLINES_TOGETHER),
        receptions: Pace::new(DATAGRAMS_TOGETHER),
        left: Drained::All,
        stopping: None,
        settings,
        treatment,
    };
    loop {
        if shell.scripts().is_pending() {
            // Runs that came to nothing; and what the launcher did not read yet. Its end is told by its socket.
            shell.hear_launcher();
        }
        turns.due(shell);
        shell.give_notice();
        shell.tell_again();
        if turns.is_over(shell) {
            return exit_codes::OK;
        }
        if let Err(error) = sources.arm(clock::now(), turns.next(shell)) {
            log::error(format_args!("Unable to set the timer - {error}"));
            return EXIT_SOFTWARE;
        }
        let wake = sources.wait(turns.left).await;
        if let Some(status) = turns.take(wake, shell, sources) {
            return status;
        }
    }
}

struct Turns<'a> {
    pace: Pace,
    receptions: Pace,
    left: Drained,
    /// Since when.
    stopping: Option<Instant>,
    settings: &'a Settings,
    treatment: Treatment,
}

impl Turns<'_> {
    /// Tells what is due, after everything that could be received.
    fn due(&mut self, shell: &mut Shell) {
        for _ in 0..ROUNDS_MAX {
            self.await_takeover(shell);
            let now = clock::now();
            let Some(late) = self.lateness(shell, now) else { return };
            self.treatment.late(late);
            let time = if late > PAUSE { DRAIN_AFTER_PAUSE } else { DRAIN };
            self.left = shell.drain(now + time);
            let now = clock::now();
            if self.lateness(shell, now).is_some() {
                self.pace.rang(now);
                shell.tell_due(now);
            }
        }
    }

    /// Lets the last moments before a takeover pass awake, with the netlink thread awake too.
    fn await_takeover(&self, shell: &Shell) {
        let Some(at) = self.takeover(shell) else { return };
        let now = clock::now();
        if now >= at || now + HEAD_START < at {
            return;
        }
        shell.netlink().get_ready();
        while clock::now() < at {
            std::hint::spin_loop();
        }
    }

    /// Lets datagrams that come thick gather for a moment, unless something is due before.
    fn gather(&self, shell: &Shell) {
        let now = clock::now();
        let limit = self.next(shell).unwrap_or(now + DATAGRAMS_TOGETHER);
        let pause = self.receptions.moment(now).min(limit).since(now);
        if !pause.is_zero() {
            std::thread::sleep(std::time::Duration::from_micros(pause.0));
        }
    }

    /// The next deadline, if it is a takeover and worth a head start: in a crowd of them nobody waits for one.
    fn takeover(&self, shell: &Shell) -> Option<Instant> {
        shell.next_takeover().filter(|at| self.pace.moment(*at) == *at)
    }

    /// By how much the next deadline is past the moment it is to be acted on; none when that is to come.
    fn lateness(&self, shell: &Shell, now: Instant) -> Option<Micros> {
        let moment = self.pace.moment(shell.next_deadline()?);
        (moment <= now).then(|| now.since(moment))
    }

    /// When to look again at the latest.
    fn next(&self, shell: &Shell) -> Option<Instant> {
        let early = self.takeover(shell).map(|at| Instant(at.0.saturating_sub(HEAD_START.0)));
        let deadline = early.or(shell.next_deadline().map(|deadline| self.pace.moment(deadline)));
        let limit = self
            .stopping
            .map(|since| if shell.is_settled() { since + LAST_NOTIFICATIONS } else { since + LAST_REMOVALS });
        let retry = shell.scripts().is_pending().then(|| clock::now() + RETRY);
        [deadline, limit, retry, shell.next_attempt(), shell.next_notice()].into_iter().flatten().min()
    }

    fn is_over(&self, shell: &Shell) -> bool {
        let Some(since) = self.stopping else { return false };
        let waited = clock::now().since(since);
        match (shell.is_settled(), shell.is_told()) {
            (true, true) => true,
            (true, false) => waited >= LAST_NOTIFICATIONS,
            (false, _) => waited >= LAST_REMOVALS,
        }
    }

    /// Turns what woke us into events; a status means the end.
    fn take(&mut self, wake: Wake, shell: &mut Shell, sources: &mut Sources) -> Option<u8> {
        match wake {
            // What is due is found by looking.
            Wake::Timer => None,
            Wake::Received => {
                self.gather(shell);
                self.left = shell.drain(clock::now() + DRAIN);
                self.receptions.rang(clock::now());
                None
            }
            Wake::Claims => {
                shell.hear_claims();
                None
            }
            Wake::Told(Some(told)) => {
                shell.told(told);
                for told in std::iter::from_fn(|| sources.told_already()).take(TOLD_MAX) {
                    shell.told(told);
                }
                None
            }
            Wake::Told(None) => {
                log::error("Lost the connection to the kernel's interfaces");
                Some(EXIT_SOFTWARE)
            }
            Wake::Seen(reading) => {
                shell.tell(Event::Reading(&reading));
                None
            }
            Wake::Launcher => {
                if shell.hear_launcher() || self.stopping.is_some() {
                    return None;
                }
                log::error("The process that starts scripts is gone");
                Some(EXIT_SOFTWARE)
            }
            Wake::Control => self.obey(shell, sources),
            Wake::Signals => {
                let mut end = None;
                while let Some(signal) = sources.next_signal() {
                    end = end.or(self.signal(signal, shell));
                }
                end
            }
        }
    }

    fn load(&self, file: &File) -> Result<Loaded, u8> {
        configuration::load(file, self.settings.namespace.as_deref())
    }

    fn configure(&mut self, shell: &mut Shell, loaded: Loaded, file: File) {
        let processes = loaded.process.processes.clone();
        shell.configure(loaded, file);
        process_names::take(processes.vrrp.name.as_deref());
        self.treatment.renew(&processes);
    }

    fn obey(&mut self, shell: &mut Shell, sources: &Sources) -> Option<u8> {
        loop {
            match sources.said() {
                Said::Message(ToEngine::Config { generation, config: file }) => {
                    log::info("Reloading");
                    match self.load(&file) {
                        Ok(loaded) => {
                            self.configure(shell, loaded, file);
                            sources.say(ToSupervisor::Applied(generation));
                        }
                        Err(_) => sources.say(ToSupervisor::Refused(generation)),
                    }
                }
                Said::Nothing => return None,
                // It did not stop us, so it died; the original's engine is told by a signal.
                Said::Gone => return self.stop(shell),
            }
        }
    }

    fn signal(&mut self, signal: Signal, shell: &mut Shell) -> Option<u8> {
        match signal {
            Signal::TERM => return self.stop(shell),
            // Sent to us alone: the text is the one we have (`spec` runtime 1.2).
            Signal::HUP => {
                log::info("Reloading");
                let file = shell.file.try_clone();
                if let Some((loaded, file)) = file.ok().and_then(|file| self.load(&file).ok().zip(Some(file)))
                {
                    self.configure(shell, loaded, file);
                }
            }
            Signal::XCPU => self.treatment.give_up_realtime(),
            // The supervisor reaps whom we leave behind, and only it reacts to Ctrl-C.
            Signal::CHLD | Signal::INT => {}
            Signal(signal_names::DATA) => {
                print(shell, "Printing VRRP data", Dump::Data);
            }
            Signal(signal_names::STATS) => {
                print(shell, "Printing VRRP stats", Dump::Statistics);
            }
            Signal(signal_names::STATS_CLEAR) => print_and_clear(shell),
            Signal(signal_names::JSON) => {
                shell.dump(Dump::Json);
            }
            // Nothing else was asked to be read.
            _ => {}
        }
        None
    }

    fn stop(&mut self, shell: &mut Shell) -> Option<u8> {
        if self.settings.farewell == Farewell::Leave {
            return Some(exit_codes::OK);
        }
        if self.stopping.is_none() {
            self.stopping = Some(clock::now());
            shell.stop();
        }
        None
    }
}

/// What nobody gets to read is not forgotten.
fn print_and_clear(shell: &mut Shell) {
    if print(shell, "Printing and clearing VRRP stats", Dump::Statistics) == Tried::Yes {
        shell.tell(Event::ClearCounters);
    }
}

fn print(shell: &Shell, what: &str, dump: Dump) -> Tried {
    log::info(format_args!("{what} for process({}) on signal", std::process::id()));
    shell.dump(dump)
}
