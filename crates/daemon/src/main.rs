//! The daemon `keepalived`.

mod cli;
mod compat;
mod engine;
mod handoff;
mod launcher;
mod log;
mod memory_store;

fn main() {
    let _ = handoff::Role::take();
}
