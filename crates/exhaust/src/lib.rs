//! Everything that two or three routers can come to: the engine itself, in a world small enough to be looked at as a
//! whole, by the model checker stateright.
//!
//! ```text
//! Case (configurations, what may go wrong) ─► states ◄─ moves: due, hear, lose, wait, start, crash, stop, number
//!                                               │
//!                                               └─ rules, in every state
//! ```
//!
//! What [`keepalived_sim`](../keepalived_sim/index.html) tries at random with everything there is, is complete here
//! with little: one Ethernet, kernels that obey at once, no clock drift. Frames take no time, but whatever is possible
//! at one moment happens in every order. Things that go wrong do so at any quarter of an advert interval, which is what
//! priorities of 64, 128 and 192 make of all deadlines. Times count relative to now, so that the same situation is the
//! same state whenever it comes.

pub mod case;
pub mod machine;
pub mod network;
pub mod rules;

pub use case::Case;
