//! When checks are made, and where that is written.
//!
//! Two kinds of checks have no such keywords and get their times from the blocks around. What these need is written
//! at the real server, the usual delay at the service; every other check then says what differs.

use keepalived_model::check::{Checker, Kind, Pace};
use keepalived_model::lvs::{RealServer, VirtualServer};
use keepalived_model::time::Micros;

use crate::lower::lvs::DELAY_LOOP_SECS;
use crate::print::block::Block;
use crate::print::words::seconds;

/// What a block hands down to the checks in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    delay_loop: Option<Micros>,
    warmup: Option<Micros>,
    retry: Option<u32>,
    delay_before_retry: Option<Micros>,
}

const USUAL_DELAY: Micros = Micros::from_secs(DELAY_LOOP_SECS);

impl Base {
    /// The delay that all checks have in common, or that a time only the service can give follows from.
    pub fn of_service(service: &VirtualServer) -> Self {
        let checkers = || service.servers.iter().flat_map(|server| &server.checkers);
        let timeouts = checkers().filter_map(|checker| match &checker.kind {
            Kind::Misc(misc) => Some(misc.timeout),
            _ => None,
        });
        let whole = |time: Micros| Micros::from_secs(time.as_secs()) == time && time <= TIMEOUT_MAX;
        let given = timeouts.into_iter().find(|timeout| !whole(*timeout));
        let mut delays = checkers().map(|checker| checker.pace.delay_loop);
        let first = delays.next();
        let common = first.filter(|first| delays.all(|other| other == *first));
        Self { delay_loop: given.or(common).filter(|delay| *delay != USUAL_DELAY), ..Self::default() }
    }

    /// The same for one real server.
    pub fn of_server(&self, server: &RealServer) -> Self {
        let silent = |checker: &&Checker| matches!(checker.kind, Kind::File(_) | Kind::Bfd(_));
        let Some(checker) = server.checkers.iter().find(silent) else { return *self };
        let Pace { delay_loop, warmup, retries, delay_before_retry } = checker.pace;
        let (retry, delay) = usual_retry(&checker.kind, delay_loop);
        Self {
            delay_loop: Some(delay_loop).filter(|delay| *delay != self.delay_loop()).or(self.delay_loop),
            warmup: Some(warmup).filter(|warmup| *warmup != delay_loop),
            retry: Some(retries).filter(|retries| *retries != retry),
            delay_before_retry: Some(delay_before_retry).filter(|time| *time != delay),
        }
    }

    /// Without what the block around says already.
    pub fn below(self, outer: &Self) -> Self {
        Self { delay_loop: self.delay_loop.filter(|delay| *delay != outer.delay_loop()), ..self }
    }

    /// The delay that counts where nothing else is said.
    pub fn delay_loop(&self) -> Micros {
        self.delay_loop.unwrap_or(USUAL_DELAY)
    }

    /// The keywords of the block.
    pub fn print(&self, out: &mut Block) {
        out.maybe("delay_loop", self.delay_loop.map(seconds));
        out.maybe("warmup", self.warmup.map(seconds));
        out.maybe("retry", self.retry);
        out.maybe("delay_before_retry", self.delay_before_retry.map(seconds));
    }

    /// What a check says of itself.
    pub fn differing(&self, checker: &Checker) -> Self {
        let Pace { delay_loop, warmup, retries, delay_before_retry } = checker.pace;
        let (retry, delay) = usual_retry(&checker.kind, delay_loop);
        let (retry, delay) = (self.retry.unwrap_or(retry), self.delay_before_retry.unwrap_or(delay));
        Self {
            delay_loop: Some(delay_loop).filter(|time| *time != self.delay_loop()),
            warmup: Some(warmup).filter(|time| *time != self.warmup.unwrap_or(delay_loop)),
            retry: Some(retries).filter(|count| *count != retry),
            delay_before_retry: Some(delay_before_retry).filter(|time| *time != delay),
        }
    }
}

/// The longest time a MISC_CHECK can give itself.
const TIMEOUT_MAX: Micros = Micros::from_secs(4294);

/// What is forgiven where nothing is said, and for how long.
fn usual_retry(kind: &Kind, delay_loop: Micros) -> (u32, Micros) {
    let second = Micros::from_secs(1);
    match kind {
        Kind::Dns(_) => (3, delay_loop),
        Kind::Misc(_) => (0, second),
        Kind::Http(_) => (1, Micros::from_secs(3)),
        _ => (1, second),
    }
}
