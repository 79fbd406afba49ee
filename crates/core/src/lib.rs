//! The VRRP engine: a pure function from events to actions.
//!
//! ```text
//! adverts ─┐                      ┌─► adverts, gratuitous ARP
//! kernel  ─┤  handle(now, event)  ├─► wanted table
//! scripts ─┼────► Engine ─────────┼─► runs, kills
//! readings ┤                      │
//! time    ─┤                      ├─► notices
//! config  ─┘                      └─► reports
//! ```
//!
//! No clock, no dice, no I/O, no locks, no async, no global. `now` never goes backwards. [`Engine::handle`]
//! is total: any event in any state is legal.

mod announce;
mod contest;
mod deadlines;
pub mod election;
mod engine;
pub mod event;
mod fixtures;
mod footing;
mod group;
mod instance;
mod links;
pub mod memory;
pub mod notices;
mod readings;
mod reception;
mod refusals;
mod reload;
pub mod report;
mod review;
mod roster;
pub mod routing;
mod track;
pub mod view;
mod wanted;

pub use engine::Engine;
pub use event::{Action, Actions, Event};
pub use instance::Counters;
