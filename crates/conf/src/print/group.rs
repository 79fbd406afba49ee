//! `vrrp_sync_group` blocks.

use keepalived_model::Config;
use keepalived_model::vrrp::SyncGroup;

use super::block::Block;
use super::notify;
use super::runner::Runner;
use super::track;
use super::words::quoted;
use crate::schema::SYNC_GROUP;

/// One group.
pub(super) fn print(root: &mut Block, group: &SyncGroup, config: &Config, runner: &Runner<'_>) {
    let mut out = Block::of(&SYNC_GROUP);
    out.items("group", group.members.iter().map(|name| vec![quoted(name)]).collect());
    track::blocks(&mut out, &group.track, config);
    notify::print(&mut out, &group.notify, runner);
    if let Some(changes) = group.notify_priority_changes {
        out.switch("notify_priority_changes", changes, !changes);
    }
    out.switch("smtp_alert", group.smtp_alert, config.global.mail.alerts.of_vrrp());
    let mut members = config.vrrp.instances.iter().filter(|instance| group.members.contains(&instance.name));
    out.flag("sync_group_tracking_weight", members.any(|instance| track::is_weighted(&instance.track)));
    root.block("vrrp_sync_group", [quoted(&group.name)], out);
}
