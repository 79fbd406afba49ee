//! The VRRP engine's process: the core between sockets, kernel, scripts and supervisor.
//!
//! ```text
//! main ─► run ─► launcher forked ─► netlink thread ─► configuration ─► scheduling ─► core ─► loop
//!                                                                                     │
//!         supervisor ◄── Ready ───────────────────────────────────────────────────────┘
//! ```
//!
//! | module | is |
//! | --- | --- |
//! | `shell` | carries out what the core asks for |
//! | `wake` | waits for whatever may happen |
//! | `turns` | the loop: what woke us becomes events |
//! | `pace` | when the timer has to ring |
//! | `scripts` | the launcher's other end |
//! | `fifos` | pipes that get every change |
//! | `lookout` | watches files and processes |
//! | `outbox` | mail that waits and mail on its way |
//! | `sockets` | adverts and announcements |
//! | `claims` | what neighbors say of our addresses |
//! | `rehearsal` | a takeover that nobody sees |
//! | `configuration` | the supervisor's bytes become a configuration |
//! | `scheduling` | how the kernel shall treat us |
//! | `membership_reports` | what the kernel shall not say of us |

mod claims;
mod configuration;
mod fifos;
mod lookout;
mod membership_reports;
mod outbox;
mod pace;
mod rehearsal;
mod scheduling;
mod scripts;
mod shell;
mod siege;
mod sockets;
mod turns;
mod wake;

use std::fs::File;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepalived_core::{Actions, Engine, routing};
use keepalived_model::Micros;
use keepalived_netlink::Options;
use keepalived_sys::process::{self, Pid};
use keepalived_sys::seqpacket::Seqpacket;
use keepalived_sys::signals::{self, Signal, Signals};
use keepalived_sys::{clock, wait_readable};

use crate::compat::{defaults, exit_codes, process_names, signal_names};
use crate::handoff::{Generation, Handoff, ToSupervisor};
use crate::launcher;
use crate::log;
use crate::memory_store::{Left, MemoryStore};

use configuration::Loaded;
use lookout::Lookout;
use membership_reports::MembershipReports;
use scheduling::Treatment;
use scripts::Scripts;
use shell::{Shell, Started};
use sockets::Sockets;
use wake::{Heard, Sources};

/// What the command line says to an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where lines go.
    pub log: log::Settings,
    /// `--umask`, which beats the configuration's.
    pub umask: Option<u32>,
    /// What to do about addresses and adverts when stopping.
    pub farewell: Farewell,
    /// `--namespace`, which beats the configuration's.
    pub namespace: Option<String>,
    /// `--dump-conf`: the log gets the whole configuration.
    pub dump: bool,
}

/// What an engine does when it is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Resigns and removes its addresses.
    Release,
    /// Leaves everything as it is (`--dont-release-vrrp`).
    Leave,
}

/// How long the last lines may take to get away.
const LOG_PATIENCE: Duration = Duration::from_millis(25);
/// How long the launcher may take to end what still runs; it gives itself less.
const LAUNCHER_PATIENCE: Duration = Duration::from_millis(1500);
/// The first status of ours that means a restart may help: our own mistake, or a lost helper.
const EXIT_SOFTWARE: u8 = 70;

/// The life of the engine's process, from its first act on. The result is its exit status.
///
/// To be called while the process has one thread.
pub fn run(handoff: Handoff, settings: &Settings) -> u8 {
    process::set_name(c"keepalived");
    signals::ignore(&Signal::USELESS);
    let Ok((launcher, to_launcher)) = start_launcher() else { return exit_codes::FATAL };
    log::name_after(&configuration::suffix(&handoff.config));
    log::open(settings.log);
    let status = match Signals::take(&TAKEN) {
        Ok(signals) => {
            log::run();
            let status = live(handoff, settings, signals, to_launcher);
            end_launcher(launcher);
            status
        }
        Err(error) => {
            log::error(format_args!("Unable to take signals - {error}"));
            exit_codes::FATAL
        }
    };
    if status == exit_codes::OK {
        farewell(settings.log.detail);
    }
    log::flush(LOG_PATIENCE);
    status
}

/// Removes what a dead engine had put into the kernel. The result is the exit status.
pub fn release(handoff: &Handoff, settings: &Settings) -> u8 {
    process::set_name(c"keepalived");
    log::name_after(&configuration::suffix(&handoff.config));
    log::open(settings.log);
    let removed =
        handoff.memory.try_clone().and_then(|memory| MemoryStore::read(&File::from(memory))).and_then(
            |left| {
                let meant = configuration::meant(&handoff.config);
                let mut things = left.things;
                let mut tables = None;
                if let Some(Loaded { config, process }) = meant {
                    things.splice(..0, routing::of(&config));
                    let needed = config.instances.iter().any(|instance| instance.needs_packet_filter());
                    tables = needed.then(|| configuration::tables(&process.nftables));
                }
                keepalived_netlink::release(&things, tables)
            },
        );
    let status = match removed {
        Ok(0) => exit_codes::OK,
        Ok(count) => {
            log::info(format_args!(
                "Removed {count} addresses, routes and rules of the VRRP process that died"
            ));
            exit_codes::OK
        }
        Err(error) => {
            log::error(format_args!(
                "Addresses or routes of the VRRP process that died may be left - {error}"
            ));
            exit_codes::FATAL
        }
    };
    log::flush(LOG_PATIENCE);
    status
}

/// Signals that are read in the loop.
const TAKEN: [Signal; 9] = [
    Signal::TERM,
    Signal::HUP,
    Signal::INT,
    Signal::XCPU,
    Signal::CHLD,
    Signal(signal_names::DATA),
    Signal(signal_names::STATS),
    Signal(signal_names::STATS_CLEAR),
    Signal(signal_names::JSON),
];

fn start_launcher() -> io::Result<(Pid, Seqpacket)> {
    let (ours, theirs) = Seqpacket::pair()?;
    let pid = process::fork_alone(&theirs, launcher::serve)?;
    Ok((pid, ours))
}

/// Its socket is closed; waits until it has ended what was left.
fn end_launcher(launcher: Pid) {
    let limit = Instant::now() + LAUNCHER_PATIENCE;
    while process::reap(Some(launcher)).is_none() && Instant::now() < limit {
        // A child's end is a signal nobody reads any more: look again soon.
        let _looked = wait_readable(&[], Some(Duration::from_millis(1)));
    }
}

/// Between the launcher's birth and its end.
fn live(handoff: Handoff, settings: &Settings, signals: Signals, launcher: Seqpacket) -> u8 {
    log::detail("Registering Kernel netlink reflector");
    log::detail("Registering Kernel netlink command channel");
    let Handoff { control, config: file, memory } = handoff;
    let Loaded { mut config, process } = match configuration::load(&file, settings.namespace.as_deref()) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let tables = configuration::tables(&process.nftables);
    let netlink = match keepalived_netlink::start_with(Options { tables, ..Options::default() }) {
        Ok(netlink) => netlink,
        Err(error) => return refuse("Unable to read the kernel's interfaces", &error),
    };
    process_names::take(process.processes.vrrp.name.as_deref());
    let _until_the_end = MembershipReports::stop_if(process.interfaces.no_local_igmp);
    let sockets = match Sockets::open() {
        Ok(sockets) => sockets,
        Err(error) => return refuse("Unable to open sockets for VRRP", &error),
    };
    let (memory, left) = match MemoryStore::open(File::from(memory)) {
        Ok(opened) => opened,
        Err(error) => return refuse("Unable to use the memory for a successor", &error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse("Unable to wait for events", &error),
    };
    // Descriptors are registered with the runtime they are opened in.
    let _inside = runtime.enter();
    let launcher = Rc::new(launcher);
    let (receivers, neighbors) = (sockets.receivers.clone(), sockets.neighbors.clone());
    let umask = settings.umask.or(process.processes.umask);
    if left == Left::default() {
        // A successor finds them as its predecessor did.
        lookout::init_files(&config.files, umask.unwrap_or(defaults::UMASK));
    }
    // Our clock counts from the boot.
    let up_for = Micros(clock::now().0);
    config.startup_delay = config.startup_delay.max(process.vrrp.delay_after_boot - up_for);
    let (lookout, seen, readings) = Lookout::start(config.watches());
    let heard = Heard { told: netlink.told, seen };
    let mut sources = match Sources::open(signals, control, heard, Rc::clone(&launcher), receivers, neighbors)
    {
        Ok(sources) => sources,
        Err(error) => return refuse("Unable to wait for events", &error),
    };
    let scripts = Scripts::new(launcher, umask);
    let mut actions = Actions::new();
    let config = Arc::new(config);
    sockets.make_room(&config);
    let core =
        Engine::start(clock::now(), config, &netlink.snapshot, &left.memories, &readings, &mut actions);
    let started = Started { core, actions, sockets, scripts, lookout, memory, netlink: netlink.handle, file };
    let mut shell = Shell::new(started, process.clone());
    shell.carry_out();
    if settings.dump {
        shell.log_everything();
    }
    sources.say(ToSupervisor::Ready(Generation::FIRST));
    rehearsal::take_over(shell.netlink());
    process::return_free_memory();
    // Not before: a big start takes long enough to look like a runaway.
    let treatment = Treatment::begin(&process.processes);
    let status = runtime.block_on(turns::run(&mut shell, &mut sources, settings, treatment));
    shell.close();
    status
}

fn refuse(what: &str, error: &io::Error) -> u8 {
    log::error(format_args!("{what} - {error}"));
    match error.kind() {
        io::ErrorKind::PermissionDenied => exit_codes::MISSING_PERMISSION,
        _ => EXIT_SOFTWARE,
    }
}

/// The last line (`spec` runtime 1.5).
fn farewell(detail: bool) {
    let (own, children) = (process::usage(), process::usage_of_children());
    if !detail {
        log::info("Stopped");
    } else if children == process::Usage::default() {
        log::info(format_args!("Stopped - used {} user time, {} system time", own.user, own.system));
    } else {
        log::info(format_args!(
            "Stopped - used (self/children) {}/{} user time, {}/{} system time",
            own.user, children.user, own.system, children.system
        ));
    }
}
