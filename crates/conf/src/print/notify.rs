//! Commands that tell of changes.

use keepalived_model::notify::Notifications;

use super::block::Block;
use super::runner::Runner;

/// The commands of an instance or a group; those that groups do not know are not there.
pub(super) fn print(out: &mut Block, notify: &Notifications, runner: &Runner<'_>) {
    let Notifications { master, backup, fault, stop, any, lower_priority, deleted } = notify;
    runner.command(out, "notify_master", master.as_deref());
    runner.command(out, "notify_backup", backup.as_deref());
    runner.command(out, "notify_fault", fault.as_deref());
    runner.command(out, "notify_stop", stop.as_deref());
    runner.command(out, "notify", any.as_deref());
    runner.command(out, "notify_master_rx_lower_pri", lower_priority.as_deref());
    if let Some(deleted) = deleted {
        match &deleted.command {
            Some(command) => runner.command(out, "notify_deleted", Some(command)),
            None => out.line("notify_deleted", []),
        }
    }
}
