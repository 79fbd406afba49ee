//! Waits for whatever may happen.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use keepalived_model::Instant;
use keepalived_model::track::Reading;
use keepalived_netlink::Told;
use keepalived_sys::neighbors::NeighborReceiver;
use keepalived_sys::receive::VrrpReceiver;
use keepalived_sys::seqpacket::Seqpacket;
use keepalived_sys::signals::{Signal, Signals};
use keepalived_sys::timer::Timer;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::engine::shell::Drained;
use crate::handoff::{EngineControl, ToEngine, ToSupervisor};

/// Everything that can wake the engine.
pub struct Sources {
    signals: AsyncFd<Signals>,
    timer: AsyncFd<Timer>,
    heard: Heard,
    launcher: AsyncFd<Rc<Seqpacket>>,
    control: AsyncFd<EngineControl>,
    receivers: Vec<AsyncFd<Rc<VrrpReceiver>>>,
    neighbors: Vec<AsyncFd<Rc<NeighborReceiver>>>,
    armed: Option<Instant>,
}

/// What our other threads say.
pub struct Heard {
    /// The netlink thread.
    pub told: mpsc::Receiver<Told>,
    /// Whoever watches files and processes.
    pub seen: mpsc::Receiver<Reading>,
}

/// What woke it.
#[derive(Debug)]
pub enum Wake {
    /// Signals came.
    Signals,
    /// The timer rang.
    Timer,
    /// The netlink thread said something, or ended.
    Told(Option<Told>),
    /// A file or processes were looked at.
    Seen(Reading),
    /// The launcher said something, or ended.
    Launcher,
    /// The supervisor said something, or ended.
    Control,
    /// Datagrams wait.
    Received,
    /// Neighbors said something of our addresses.
    Claims,
}

/// What the supervisor said.
#[derive(Debug)]
pub enum Said {
    /// This.
    Message(ToEngine),
    /// Nothing more for now, or nothing that can be understood.
    Nothing,
    /// It is gone.
    Gone,
}

/// Slept between two goes at more datagrams than can be looked at, so that real-time scheduling leaves
/// something for others, and the kernel does not take us for a runaway.
const BREATH: Duration = Duration::from_micros(1);

impl Sources {
    /// Inside a runtime.
    pub fn open(
        signals: Signals,
        control: EngineControl,
        heard: Heard,
        launcher: Rc<Seqpacket>,
        receivers: Vec<Rc<VrrpReceiver>>,
        neighbors: Vec<Rc<NeighborReceiver>>,
    ) -> io::Result<Self> {
        Ok(Self {
            signals: readable(signals)?,
            timer: readable(Timer::monotonic()?)?,
            heard,
            launcher: readable(launcher)?,
            control: readable(control)?,
            receivers: receivers.into_iter().map(readable).collect::<io::Result<_>>()?,
            neighbors: neighbors.into_iter().map(readable).collect::<io::Result<_>>()?,
            armed: None,
        })
    }

    /// Lets the timer ring at this moment. Deadlines of a backup move away with every advert; that is worth a call
    /// once the timer would ring in less than half the time.
    pub fn arm(&mut self, now: Instant, at: Option<Instant>) -> io::Result<()> {
        let is_early_enough =
            |armed: Instant, at: Instant| armed <= at && armed.since(now).times(2) >= at.since(now);
        let stays = match (self.armed, at) {
            (Some(armed), Some(at)) => armed == at || armed > now && is_early_enough(armed, at),
            (armed, at) => armed == at,
        };
        if !stays {
            self.timer.get_ref().arm(at)?;
            self.armed = at;
        }
        Ok(())
    }

    /// Waits; `left` says whether datagrams are known to be there. What can come in floods comes last.
    pub async fn wait(&mut self, left: Drained) -> Wake {
        let more = left == Drained::Part;
        if more {
            std::thread::sleep(BREATH);
        }
        let wake = tokio::select! {
            biased;
            () = ready(&self.signals) => Wake::Signals,
            () = ready(&self.timer) => Wake::Timer,
            told = self.heard.told.recv() => Wake::Told(told),
            Some(reading) = self.heard.seen.recv() => Wake::Seen(reading),
            () = ready(&self.launcher) => Wake::Launcher,
            () = ready(&self.control) => Wake::Control,
            () = any_ready(&self.receivers) => Wake::Received,
            () = any_ready(&self.neighbors) => Wake::Claims,
            () = tokio::task::yield_now(), if more => Wake::Received,
        };
        if matches!(wake, Wake::Timer) {
            self.armed = None;
        }
        wake
    }

    /// The next thing the netlink thread said, if it is there already.
    pub fn told_already(&mut self) -> Option<Told> {
        self.heard.told.try_recv().ok()
    }

    /// The next signal, if it is there already.
    pub fn next_signal(&self) -> Option<Signal> {
        // A descriptor of ours that cannot be read would be our own mistake; the supervisor's KILL remains.
        self.signals.get_ref().next().ok().flatten().map(|delivered| delivered.signal)
    }

    /// The next thing the supervisor said, if it is there already.
    pub fn said(&self) -> Said {
        match self.control.get_ref().receive() {
            Ok(Some(message)) => Said::Message(message),
            Ok(None) => Said::Gone,
            Err(_) => Said::Nothing,
        }
    }

    /// Says something to the supervisor; if it is gone, its death says more than this error.
    pub fn say(&self, message: ToSupervisor) {
        let _gone = self.control.get_ref().send(message);
    }
}

/// Every source owns its descriptor for as long as it lives, which is what the deprecation worries about; the
/// successor is an unsafe function, and those are for `sys` alone.
#[expect(deprecated, reason = "see above")]
fn readable<T: AsRawFd>(source: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(source, tokio::io::Interest::READABLE)
}

/// Ready once for everything that is there now; what comes later makes it ready again.
async fn ready<T: AsRawFd>(source: &AsyncFd<T>) {
    match source.readable().await {
        Ok(mut guard) => guard.clear_ready(),
        // The runtime is going away, and this future with it.
        Err(_) => std::future::pending().await,
    }
}

/// The same for several sources.
async fn any_ready<T: AsRawFd>(sources: &[AsyncFd<T>]) {
    let poll = |context: &mut Context<'_>| {
        let mut found = Poll::Pending;
        for source in sources {
            if let Poll::Ready(Ok(mut guard)) = source.poll_read_ready(context) {
                guard.clear_ready();
                found = Poll::Ready(());
            }
        }
        found
    };
    std::future::poll_fn(poll).await;
}
