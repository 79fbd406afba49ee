//! The kernel's links and addresses: what is there, what shall be there, and the way from one to the other.
//!
//! ```text
//!  engine thread                      netlink thread                                kernel
//! ┌──────────────┐  want(key, spec)  ┌────────────────────────────────┐  requests  ┌────────┐
//! │ Handle       │ ────────────────► │ drain events ► decide ► ask ►  │ ─────────► │        │
//! │              │  Change, Settled, │ drain events ► settle          │            │ rtnl   │
//! │ Started.told │ ◄──────────────── │            Mirror              │ ◄───────── │        │
//! └──────────────┘   Resynced        └────────────────────────────────┘   events   └────────┘
//! ```
//!
//! The kernel does its work inside the system call that asks for it, 15 µs to 2 ms an address; so one thread
//! of its own does nothing but ask. Changes, dumps and events have a socket each. A request is acknowledged before
//! the next one goes out: that costs nothing, because the kernel works on the spot, and it gives requests
//! and events one common order. By the time of the acknowledgement the events a request caused are queued, so
//! that reading them before and after each request keeps the [`mirror::Mirror`] exact.
//!
//! Nobody is asked twice and nothing is lost in silence: every want is settled, everything others do is told,
//! and when the kernel had to drop events everything is read again and compared.

pub mod firewall;
pub mod mirror;
pub mod reconcile;

mod actor;
mod decode;
mod encode;
mod made;
mod routing;
mod settings;
mod socket;

use std::io;
use std::thread;

use keepalived_model::kernel::{Change, Key, Refusal, Snapshot, Spec};
use tokio::sync::{mpsc, oneshot};

use crate::actor::{Actor, Asked, Want};
use crate::firewall::{Firewall, Tables};
use crate::mirror::Verb;
use crate::socket::{Reply, Requests};

/// How many facts may wait for the engine. When it does not fetch them the netlink thread waits too; what the
/// kernel then cannot deliver is found by comparison, later ([`Told::Resynced`]).
const TOLD_MAX: usize = 1024;

/// What the netlink thread has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Somebody else changed something, or the kernel itself did.
    Change(Change),
    /// The answer to one [`Handle::want`]. Answers come in the order of the wants.
    Settled {
        /// Which thing.
        key: Key,
        /// It is as wanted, or why not.
        outcome: Result<(), Refusal>,
    },
    /// Everything was read again; the differences were told just before, as changes.
    Resynced {
        /// The kernel had dropped events. Otherwise a regular comparison found differences.
        lost: bool,
    },
}

/// For wanting things. Any number may exist; when the last one is gone and everything is settled, the netlink
/// thread ends.
#[derive(Clone, Debug)]
pub struct Handle {
    asked: mpsc::UnboundedSender<Asked>,
}

impl Handle {
    /// From now on the thing shall be there (`Some`) or shall not be there (`None`). Returns at once; the
    /// outcome comes as [`Told::Settled`]. The queue has no limit of its own: the engine wants each thing a
    /// bounded number of times between two of its own events, and each want is settled in bounded time.
    pub fn want(&self, key: Key, spec: Option<Spec>) {
        // It fails only when the netlink thread has ended, which the closed `told` channel says.
        let _ = self.asked.send(Asked::Want(Want { key, spec }));
    }

    /// A want will follow within a fraction of a millisecond: the thread wakes up and waits for it in a loop, so
    /// that the want does not have to wait for the thread.
    pub fn get_ready(&self) {
        // As above.
        let _ = self.asked.send(Asked::GetReady);
    }
}

/// A running netlink thread.
#[derive(Debug)]
pub struct Started {
    /// What was there at the start; everything told later comes on top of it.
    pub snapshot: Snapshot,
    /// For wanting things.
    pub handle: Handle,
    /// What happens. It closes when the thread ends.
    pub told: mpsc::Receiver<Told>,
}

/// What can be adjusted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of the receive buffer for events.
    pub event_buffer: usize,
    /// How often everything is compared without a reason.
    pub tick: std::time::Duration,
    /// Where addresses are barred.
    pub tables: Tables,
}

impl Default for Options {
    /// 8 MiB hold about twenty thousand events; thirty seconds between comparisons.
    fn default() -> Self {
        Self { event_buffer: 8 << 20, tick: std::time::Duration::from_secs(30), tables: Tables::default() }
    }
}

/// Starts the thread in the caller's network namespace and waits until it has read everything once.
pub fn start() -> io::Result<Started> {
    start_with(Options::default())
}

/// As [`start`], adjusted.
pub fn start_with(options: Options) -> io::Result<Started> {
    let (asked, heard) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::channel(TOLD_MAX);
    let (ready, first) = oneshot::channel();
    thread::Builder::new().name("netlink".to_owned()).spawn(move || {
        let run = async {
            match Actor::open(options, tell).await {
                Ok(actor) => {
                    // Nobody waits any more when the starting thread is gone; then there is nothing to do.
                    if ready.send(Ok(actor.snapshot())).is_ok() {
                        actor.run(heard).await;
                    }
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        };
        if let Ok(runtime) = runtime() {
            runtime.block_on(run);
        }
    })?;
    let snapshot = first.blocking_recv().map_err(|_| io::Error::other("netlink thread did not start"))??;
    Ok(Started { snapshot, handle: Handle { asked }, told })
}

/// Removes these things now, synchronously, and says how many were there. For a supervisor whose engine is
/// dead and will not be back at once. `tables` are those of its packet filter, if it had one. Tries all of them; fails
/// with the last refusal.
pub fn release(keys: &[Key], tables: Option<Tables>) -> io::Result<usize> {
    runtime()?.block_on(async {
        let mut requests = Requests::open()?;
        let there = requests.dump().await?;
        let mut removed = 0;
        let mut failure = None;
        for key in keys {
            let request = match key {
                Key::Address(key) => {
                    there.find(key).map(|entry| encode::request(Verb::Remove, key, &entry.spec))
                }
                Key::Link(name) => {
                    let left = there.named(name.as_str()).map(|it| made::There { ours: true, ..it });
                    match made::decide(left, None) {
                        made::Step::Remove(id) => Some(made::removal(id)),
                        _ => None,
                    }
                }
                // What they were before died with the engine; the packet filter is removed as a whole.
                Key::Setting(..) | Key::OwnReversePaths | Key::Barred(_) => None,
                Key::Route(_) | Key::Rule(_) => encode::routing(Verb::Remove, key, None),
            };
            let Some(request) = request else { continue };
            match requests.ask(request) {
                Reply::Done => removed += 1,
                Reply::Refused(refusal) if reconcile::is_so_already(Verb::Remove, &refusal) => {}
                Reply::Refused(refusal) => failure = Some(io::Error::from_raw_os_error(refusal.errno)),
                Reply::Lost => failure = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        if let Some(Err(refusal)) = tables.map(|tables| Firewall::new(tables).remove()) {
            failure = Some(io::Error::from_raw_os_error(refusal.errno));
        }
        failure.map_or(Ok(removed), Err)
    })
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
