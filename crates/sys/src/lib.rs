//! Safe wrappers for the system calls keepalived-rs needs. The only crate with `unsafe` code; it decides
//! nothing.

pub mod inherit;
pub mod local_time;
pub mod memfd;
pub mod seqpacket;
