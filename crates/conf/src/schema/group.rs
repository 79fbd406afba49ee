//! Keywords of `vrrp_sync_group`, `track_group` and `garp_group` (`spec` config 3.3, 3.4, 3.8).

use super::*;

/// Keywords of `vrrp_sync_group`.
pub static SYNC_GROUP: Table = Table {
    block: "vrrp_sync_group",
    keywords: &[
        works("group", Takes::Values, "Names of the members."),
        works("track_interface", Takes::Values, "Interfaces that act on all members."),
        works("track_script", Takes::Values, "Scripts that act on all members."),
        works("track_file", Takes::Values, "Files that act on all members."),
        works("track_process", Takes::Values, "Processes that act on all members."),
        later("track_bfd", Takes::Values, "BFD sessions that act on all members."),
        works("notify_master", Takes::Command(Miss::Fatal), "Command for MASTER."),
        works("notify_backup", Takes::Command(Miss::Fatal), "Command for BACKUP."),
        works("notify_fault", Takes::Command(Miss::Fatal), "Command for FAULT."),
        works("notify_stop", Takes::Command(Miss::Fatal), "Command for the end of the daemon."),
        works("notify", Takes::Command(Miss::Fatal), "Command for every state."),
        works(
            "notify_master_rx_lower_pri",
            Takes::Command(Miss::Fatal),
            "Command when a master of the group hears a lower priority (ours; unknown to keepalived here).",
        ),
        works(
            "smtp_alert",
            Takes::Bool { bad: "Invalid vrrp_group smtp_alert parameter {v}" },
            "Mail for every state.",
        )
        .default("smtp_alert_vrrp, then smtp_alert, then no"),
        works(
            "notify_priority_changes",
            Takes::Bool { bad: "({o}) Invalid value '{v}' for sync group notify_priority_changes specified" },
            "Notifies of priorities too.",
        )
        .default("vrrp_notify_priority_changes"),
        works("global_tracking", Takes::Nothing, "Old name of sync_group_tracking_weight."),
        works("sync_group_tracking_weight", Takes::Nothing, "Allows weights on members."),
    ],
};

/// Keywords of `track_group`.
pub static TRACK_GROUP: Table =
    Table { block: "track_group", keywords: &[works("group", Takes::Values, "Names of instances.")] };

/// The longest spacing of announcements in microseconds: half of 32 bits.
const GARP_MAX: i64 = I32;

/// Keywords of `garp_group`.
pub static GARP_GROUP: Table = Table {
    block: "garp_group",
    keywords: &[
        works(
            "garp_interval",
            seconds(0, GARP_MAX, "garp_group garp_interval '{v}' invalid"),
            "Seconds between gratuitous ARP frames.",
        ),
        works(
            "gna_interval",
            seconds(0, GARP_MAX, "garp_group gna_interval '{v}' invalid"),
            "Seconds between neighbour advertisements.",
        ),
        works("interface", WORD, "One interface.").args("INTERFACE"),
        works("interfaces", Takes::Values, "Several interfaces."),
    ],
};
