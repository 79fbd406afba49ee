//! What monitoring reads: the files the original writes on signals (`spec` runtime 7).
//!
//! | signal | file | written from |
//! | --- | --- | --- |
//! | DATA | `keepalived_parent.data` | the supervisor's globals |
//! | DATA | `keepalived.data` | the core's picture ([`keepalived_core::view`]) |
//! | STATS, STATS_CLEAR | `keepalived.stats` | the same |
//! | JSON | `keepalived.json` | the same |
//!
//! Texts are made by the engine, which knows, and put into files by a thread, which may wait ([`mod@file`]).

mod data;
pub mod file;
mod global;
mod json;
mod links;
mod readings;
mod stats;
mod users;
mod words;

use keepalived_core::view::View;
use keepalived_model::global::Global;
use keepalived_model::link::Spacing;
use keepalived_model::vrrp::{self, Carrier};
use keepalived_model::{Instant, Micros};
use std::time::{Duration, SystemTime};

use global::Teller;
use keepalived_sys::clock;

/// What a dump is made of.
pub struct Picture<'a> {
    /// How everything stands.
    pub view: View<'a>,
    /// What concerns the processes.
    pub global: &'a Global,
    /// The descriptors adverts come in through and go out through.
    pub descriptors: Descriptors,
    /// The clock of the wall at the zero of the monotonic one.
    pub epoch: Epoch,
}

/// What adverts come in through and go out through, for whoever looks into `/proc`.
#[derive(Clone, Debug)]
pub struct Descriptors(pub Vec<(Carrier, i32, i32)>);

impl Descriptors {
    /// Those for a carrier; none on a host without it.
    pub fn of(&self, carrier: Carrier) -> Option<(i32, i32)> {
        self.0.iter().find(|(other, ..)| *other == carrier).map(|(_, inward, outward)| (*inward, *outward))
    }
}

/// Turns moments into dates. Dates of the past shift when somebody sets the clock; moments do not.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(SystemTime);

impl Epoch {
    /// As the clocks stand now.
    pub fn now() -> Self {
        let up = Duration::from_micros(clock::now().0);
        Self(SystemTime::now().checked_sub(up).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    /// The date of a moment.
    fn date(self, at: Instant) -> SystemTime {
        let Self(zero) = self;
        zero.checked_add(Duration::from_micros(at.0)).unwrap_or(zero)
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dump {
    /// Configuration and state.
    Data,
    /// Counters.
    Statistics,
    /// Both for machines.
    Json,
}

impl Picture<'_> {
    /// The text of a dump.
    pub fn text(&self, dump: Dump) -> String {
        match dump {
            Dump::Data => data::text(self),
            Dump::Statistics => stats::text(&self.view),
            Dump::Json => json::text(self),
        }
    }
}

/// What `global_defs` say and the model keeps with the instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    spacing: Spacing,
    start: Micros,
}

impl Delays {
    /// Those of a configuration.
    pub fn of(config: &vrrp::Config) -> Self {
        Self { spacing: config.spacing(), start: config.startup_delay }
    }
}

/// The supervisor's part of [`Dump::Data`].
pub fn parent_text(global: &Global, delays: Delays) -> String {
    global::text(global, Teller::Supervisor, delays)
}
