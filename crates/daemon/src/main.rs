//! The daemon `keepalived`.

mod handoff;

fn main() {
    let _ = handoff::Role::take();
}
