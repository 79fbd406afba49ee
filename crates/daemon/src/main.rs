//! The daemon `keepalived`.

mod cli;
mod compat;
mod handoff;
mod log;

fn main() {
    let _ = handoff::Role::take();
}
