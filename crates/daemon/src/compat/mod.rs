//! What scripts and habits around the original expect: names, numbers, wordings.

pub mod defaults;
pub mod exit_codes;
pub mod log_text;
pub mod notices;
pub mod process_names;
mod refused;
pub mod routing_text;
pub mod signal_names;
