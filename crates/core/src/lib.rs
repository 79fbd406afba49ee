//! The VRRP engine: a pure function from events to actions.
//!
//! ```text
//! adverts ─┐                      ┌─► adverts, gratuitous ARP
//! kernel  ─┤  handle(now, event)  ├─► wanted table
//! scripts ─┼────► Engine ─────────┼─► runs, kills
//! time    ─┤                      ├─► notices
//! config  ─┘                      └─► reports
//! ```
//!
//! No clock, no dice, no I/O, no locks, no async, no global. `now` never goes backwards. [`Engine::handle`]
//! is total: any event in any state is legal.

pub mod event;
pub mod memory;
pub mod report;
