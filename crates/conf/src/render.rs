//! Diagnostics as text.

pub mod keepalived;
pub mod screen;
