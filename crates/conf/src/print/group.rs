//! `vrrp_sync_group` blocks.

use keepalived_model::Config;
use keepalived_model::vrrp::SyncGroup;

use super::block::Block;
use super::instance;
use super::notify;
use super::runner::Runner;
use super::track::Lists;
use super::words::quoted;
use crate::schema::SYNC_GROUP;

/// One group.
pub(super) fn print(root: &mut Block, group: &SyncGroup, config: &Config, runner: &Runner<'_>) {
    let mut out = Block::of(&SYNC_GROUP);
    out.items("group", group.members.iter().map(|name| vec![quoted(name)]).collect());
    let lists = Lists {
        interfaces: &group.track_interfaces,
        scripts: &group.track_scripts,
        files: &group.track_files,
        processes: &group.track_processes,
        bfds: &group.track_bfds,
    };
    lists.print(&mut out, config);
    notify::print(&mut out, &group.notify, runner);
    if let Some(changes) = group.notify_priority_changes {
        out.switch("notify_priority_changes", changes, !changes);
    }
    out.switch("smtp_alert", group.smtp_alert, config.global.mail.alerts.of_vrrp());
    let members = config.vrrp.instances.iter().filter(|instance| group.members.contains(&instance.name));
    out.flag(
        "sync_group_tracking_weight",
        members.into_iter().any(|instance| instance::lists(instance).weighted()),
    );
    root.block("vrrp_sync_group", [quoted(&group.name)], out);
}
