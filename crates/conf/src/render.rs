//! Diagnostics as text.

pub mod caret;
pub mod keepalived;
