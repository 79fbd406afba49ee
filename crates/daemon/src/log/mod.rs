//! What the daemon says: to syslog as syslog(3) would, and to the console with `-l` (`spec` runtime 2.1).
//!
//! ```text
//! any thread ── info("…") ── tracing ── Spread ──┬─► ring ── thread ── /dev/log
//!                                                └─► ring ── thread ── standard error
//! ```
//!
//! Saying something never waits for anybody: each ring is short, and when its reader stands still the oldest
//! lines go and are counted.

mod civil;
mod ring;
mod sink;
mod spread;

use std::fmt::Display;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

pub use civil::Moment;
pub use ring::LINES_MAX;
use ring::Ring;
use spread::Spread;

/// Where lines go, and which.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The name lines carry in syslog.
    pub ident: &'static str,
    /// The syslog facility, 0 to 23; none for no syslog at all.
    pub facility: Option<u8>,
    /// A copy to standard error.
    pub console: bool,
    /// Details as well.
    pub detail: bool,
}

/// Everything that takes lines.
static OUTLETS: OnceLock<Vec<Outlet>> = OnceLock::new();

/// Names the daemon among others, see [`name_after`].
static SUFFIX: OnceLock<String> = OnceLock::new();

/// How long lines may take that are to go out under the old name.
const RENAMING: Duration = Duration::from_millis(25);

struct Outlet {
    ring: &'static Ring,
    kind: sink::Kind,
}

/// Accepts lines from now on; they wait until [`run`] or [`flush`].
///
/// To be called once per program. A process that forks afterwards inherits what waits.
pub fn open(settings: Settings) {
    civil::prepare();
    let console = settings.console.then_some(sink::Kind::Console);
    let syslog = settings.facility.map(|facility| sink::Kind::Syslog { facility, ident: settings.ident });
    let outlets = OUTLETS.get_or_init(|| {
        let kinds = [console, syslog].into_iter().flatten();
        kinds.map(|kind| Outlet { ring: Box::leak(Box::default()), kind }).collect()
    });
    let level = if settings.detail { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let rings = outlets.iter().map(|outlet| outlet.ring).collect();
    let subscriber = tracing_subscriber::registry().with(level).with(Spread::new(rings));
    // A second call would be our own mistake; the first settings stand then.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// What every ident ends with from now on; lines that wait go out under the old one. Only the first call counts.
pub fn name_after(suffix: &str) {
    if !suffix.is_empty() && SUFFIX.get().is_none() {
        flush(RENAMING);
        let _ = SUFFIX.set(suffix.to_owned());
    }
}

/// What every ident ends with.
fn suffix() -> &'static str {
    SUFFIX.get().map_or("", String::as_str)
}

/// Starts the threads that carry lines away. After daemonising: threads do not survive a fork.
pub fn run() {
    for outlet in OUTLETS.get().into_iter().flatten() {
        let (ring, kind) = (outlet.ring, outlet.kind);
        ring.claimed();
        let spawned = std::thread::Builder::new()
            .name("log".into())
            .stack_size(THREAD_STACK)
            .spawn(move || sink::carry(ring, kind));
        if spawned.is_err() {
            ring.unclaimed();
        }
    }
}

/// Waits until everything said so far is delivered, but not longer than `limit` in all.
pub fn flush(limit: Duration) {
    let end = Instant::now() + limit;
    for outlet in OUTLETS.get().into_iter().flatten() {
        if outlet.ring.is_claimed() {
            outlet.ring.wait_empty(end);
        } else {
            sink::carry_until(outlet.ring, outlet.kind, end);
        }
    }
}

/// One line of normal life; in this daemon, failures and state changes are of this level, too.
pub fn info(text: impl Display) {
    tracing::info!("{text}");
}

/// One line that only `-D` shows, of level info.
pub fn detail(text: impl Display) {
    tracing::debug!("{text}");
}

/// One line of level warning.
pub fn warning(text: impl Display) {
    tracing::warn!("{text}");
}

/// One line of level err.
pub fn error(text: impl Display) {
    tracing::error!("{text}");
}

/// One line of level alert.
pub fn alert(text: impl Display) {
    tracing::error!(target: spread::ALERT, "{text}");
}

/// One line of level alert that another process would have said itself if it could.
pub fn alert_from(pid: u32, text: impl Display) {
    tracing::error!(target: spread::ALERT, pid, "{text}");
}

/// Enough for formatting a line and sending it.
const THREAD_STACK: usize = 64 * 1024;
