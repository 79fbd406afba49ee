//! Deterministic simulation of the VRRP engine on a virtual LAN.
//!
//! ```text
//! seed ─► Plan (routers, network, faults as a list) ─► World ─► Summary | Violation
//!                                                       │ queue of deliveries, one clock
//!                                                       ├─ Node: Engine + FakeKernel + FakeScripts + Clock
//!                                                       └─ Checkers, after every step
//! ```
//!
//! A seed decides everything: the same seed gives the same run, down to the microsecond. A run has two
//! phases: torture, in which whatever the plan says goes wrong, and health, in which everything is repaired
//! and the routers must agree within a bound computed from their configuration and stay that way.
//!
//! The engine sees nothing but what the real shell would give it: datagrams as bytes, the kernel's answers,
//! the ends of scripts, its own clock.

pub mod by_hand;
pub mod check;
pub mod clock;
pub mod expect;
pub mod hearing;
pub mod junk;
pub mod kernel;
pub mod lan;
pub mod mutate;
pub mod node;
pub mod ops;
pub mod others;
pub mod packet;
pub mod plan;
pub mod proofs;
pub mod rng;
pub mod routing;
pub mod scripts;
pub mod shrink;
pub mod verdict;
pub mod watched;
pub mod world;

pub use plan::Plan;
pub use verdict::{Summary, Violation};
pub use world::World;

/// Runs one seed to its end.
pub fn run(seed: u64) -> Result<Summary, Violation> {
    World::new(Plan::draw(seed)).run()
}
