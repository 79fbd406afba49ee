//! Watches files, processes and the beats of links for the core, each kind on a thread of its own: neither a slow disk
//! nor ten thousand processes nor a busy driver may delay an advert.
//!
//! ```text
//! start ──► first look at everything, here ──► readings for the core's start
//!   │
//!   └─► thread of the files ─────┐ readings
//!   └─► thread of the processes ─┼──────────► loop ─► core
//!   └─► thread of the links ─────┘
//! reload ─► what is to be watched from now on, to the threads; what is new is looked at and told
//! ```

mod beats;
mod crowd;
mod files;
mod init_file;
mod number;
mod processes;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc as orders;
use std::thread;

use keepalived_model::link::Polled;
use keepalived_model::track::{ProcessPattern, Reading, Watch};
use tokio::sync::mpsc;

use crate::log;

use beats::Beats;
use files::Files;
pub use init_file::init_files;
use processes::Processes;

/// Readings that wait for the loop. More make the threads wait, who then look at more at once.
const READINGS_MAX: usize = 64;

/// Everything that is watched.
#[derive(Debug)]
pub struct Lookout {
    to_loop: mpsc::Sender<Reading>,
    files: Option<Post<Vec<u8>>>,
    processes: Option<Post<ProcessPattern>>,
    beats: Option<Post<Polled>>,
}

/// The loop's end of a thread's line.
#[derive(Debug)]
struct Post<Target> {
    orders: orders::Sender<BTreeSet<Target>>,
    bell: UnixStream,
}

/// The thread's end.
struct Desk<Target> {
    orders: orders::Receiver<BTreeSet<Target>>,
    bell: UnixStream,
    to_loop: mpsc::Sender<Reading>,
}

/// What a thread has to do.
enum Order<Target> {
    /// Watch these from now on, and no others.
    Watch(BTreeSet<Target>),
    /// What it did before.
    Nothing,
    /// Nothing any more: the loop is gone.
    End,
}

impl Lookout {
    /// Looks at everything once, before the engine starts, and watches it from then on.
    pub fn start(watches: BTreeSet<Watch>) -> (Self, mpsc::Receiver<Reading>, Vec<Reading>) {
        let (to_loop, readings) = mpsc::channel(READINGS_MAX);
        let mut lookout = Self { to_loop, files: None, processes: None, beats: None };
        let (paths, patterns, polled) = sorted(watches);
        let mut first = Vec::new();
        if !paths.is_empty() {
            let mut files = Files::new();
            first.extend(files.watch(paths));
            lookout.files = lookout.begin("track files", move |desk| files.serve(&desk));
        }
        if !patterns.is_empty() {
            let mut processes = Processes::new();
            first.extend(processes.watch(patterns));
            lookout.processes = lookout.begin("track processes", move |desk| processes.serve(&desk));
        }
        if !polled.is_empty() {
            let mut beats = Beats::default();
            first.extend(beats.watch(polled));
            lookout.beats = lookout.begin("polled links", move |desk| beats.serve(&desk));
        }
        (lookout, readings, first)
    }

    /// From now on these are watched; what is new among them will be told.
    pub fn watch(&mut self, watches: BTreeSet<Watch>) {
        let (paths, patterns, polled) = sorted(watches);
        if self.files.is_none() && !paths.is_empty() {
            self.files = self.begin("track files", |desk| Files::new().serve(&desk));
        }
        if self.processes.is_none() && !patterns.is_empty() {
            self.processes = self.begin("track processes", |desk| Processes::new().serve(&desk));
        }
        if self.beats.is_none() && !polled.is_empty() {
            self.beats = self.begin("polled links", |desk| Beats::default().serve(&desk));
        }
        if let Some(beats) = &self.beats {
            beats.order(polled);
        }
        if let Some(files) = &self.files {
            files.order(paths);
        }
        if let Some(processes) = &self.processes {
            processes.order(patterns);
        }
    }

    /// The kernel says that a link changed: those that are polled need not wait for their time.
    pub fn look_at_links(&self) {
        if let Some(beats) = &self.beats {
            beats.ring();
        }
    }

    fn begin<Target: Send + 'static>(
        &self,
        name: &str,
        serve: impl FnOnce(Desk<Target>) + Send + 'static,
    ) -> Option<Post<Target>> {
        let (give, take) = orders::channel();
        let to_loop = self.to_loop.clone();
        let begun = UnixStream::pair().and_then(|(ours, theirs)| {
            ours.set_nonblocking(true)?;
            theirs.set_nonblocking(true)?;
            let desk = Desk { orders: take, bell: theirs, to_loop };
            thread::Builder::new().name(name.to_owned()).spawn(move || serve(desk))?;
            Ok(ours)
        });
        match begun {
            Ok(bell) => Some(Post { orders: give, bell }),
            Err(error) => {
                log::error(format_args!("Unable to watch {name} - {error}"));
                None
            }
        }
    }
}

impl<Target> Post<Target> {
    fn order(&self, targets: BTreeSet<Target>) {
        // A thread that is gone was said to be; a bell that cannot take more rings already.
        let _gone = self.orders.send(targets);
        self.ring();
    }

    fn ring(&self) {
        let _ringing = (&self.bell).write(&[1]);
    }
}

impl<Target> Desk<Target> {
    /// The latest order.
    fn order(&self) -> Order<Target> {
        let mut rings = [0; 64];
        match (&self.bell).read(&mut rings) {
            Ok(0) => return Order::End,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Order::End,
            Ok(_) | Err(_) => {}
        }
        self.orders.try_iter().last().map_or(Order::Nothing, Order::Watch)
    }

    /// Tells the loop; waits while it is busy. False when it is gone.
    fn tell(&self, readings: Vec<Reading>) -> bool {
        readings.into_iter().all(|reading| self.to_loop.blocking_send(reading).is_ok())
    }

    /// Readable when there is an order.
    fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Everything that is watched, by kind.
type Sorted = (BTreeSet<Vec<u8>>, BTreeSet<ProcessPattern>, BTreeSet<Polled>);

fn sorted(watches: BTreeSet<Watch>) -> Sorted {
    let (mut paths, mut patterns, mut polled) = Sorted::default();
    for watch in watches {
        match watch {
            Watch::File(path) => drop(paths.insert(path)),
            Watch::Processes(pattern) => drop(patterns.insert(pattern)),
            Watch::Link(link) => drop(polled.insert(link)),
        }
    }
    (paths, patterns, polled)
}
