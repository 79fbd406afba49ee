//! `bfd_instance` blocks.

use keepalived_model::bfd::{Config, Receivers, Session};
use keepalived_model::priority::Weight;

use super::block::Block;
use super::track::own_weight;
use super::words::{millis, quoted};
use crate::schema::BFD_INSTANCE;

/// All sessions.
pub(super) fn print(root: &mut Block, bfd: &Config) {
    for session in &bfd.sessions {
        root.block("bfd_instance", [quoted(&session.name)], block(session));
    }
}

fn block(session: &Session) -> Block {
    let mut out = Block::of(&BFD_INSTANCE);
    out.line("neighbor_ip", [session.neighbor.to_string()]);
    out.maybe("source_ip", session.source);
    let times = [
        ("min_rx", session.min_rx, "10"),
        ("min_tx", session.min_tx, "10"),
        ("idle_tx", session.idle_tx, "1000"),
    ];
    for (name, time, usual) in times {
        out.value(name, millis(time), usual.to_owned());
    }
    out.value("multiplier", session.multiplier, 5);
    out.flag("passive", session.passive);
    out.value("ttl", session.ttl, if session.neighbor.is_ipv4() { 255 } else { 64 });
    out.value("max_hops", session.hops_max, 0);
    out.switch("multihop", session.multihop, false);
    own_weight(&mut out, session.weight, Weight::default());
    out.flag("vrrp", session.receivers == Receivers::Vrrp);
    out.flag("checker", session.receivers == Receivers::Checkers);
    out
}
