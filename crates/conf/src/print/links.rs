//! Blocks about interfaces.

use keepalived_model::link::UpDownDelay;
use keepalived_model::vrrp::Config;

use super::block::Block;
use super::words::{quoted, seconds};
use crate::schema::GARP_GROUP;

/// Polling, delays and groups of announcements.
pub(super) fn print(root: &mut Block, vrrp: &Config) {
    root.flag("linkbeat_use_polling", vrrp.polls_instances);
    let polled = vrrp.polled.iter().map(|polled| {
        let by = polled.by.map(|by| by.word().to_owned());
        std::iter::once(quoted(&polled.name)).chain(by).collect()
    });
    root.items("linkbeat_interfaces", polled.collect());
    let delays = vrrp.delays.iter().map(|UpDownDelay { name, down, up }| {
        let up = (!up.is_zero()).then(|| seconds(*up));
        [quoted(name), seconds(*down)].into_iter().chain(up).collect()
    });
    root.items("interface_up_down_delays", delays.collect());
    for group in &vrrp.garp_groups {
        let mut out = Block::of(&GARP_GROUP);
        out.maybe("garp_interval", group.garp_interval.map(seconds));
        out.maybe("gna_interval", group.gna_interval.map(seconds));
        out.items("interfaces", group.interfaces.iter().map(|name| vec![quoted(name)]).collect());
        root.block("garp_group", [], out);
    }
}
