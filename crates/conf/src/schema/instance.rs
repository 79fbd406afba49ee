//! Keywords of `vrrp_instance` (`spec` config 3.12).

use super::*;

const COUNT_BAD: &str = "({o}): Invalid down_timer_adverts [1:100] '{v}'";
const DEBUG_BAD: &str = "({o}) Debug value '{v}' not valid; must be between 0-4";
const VRID_BAD: &str = "({o}): VRID '{v}' not valid - must be between 1 & 255";
const PRIORITY_BAD: &str = "({o}) Priority not valid! must be between 1 & 255. Using default 100";
const INTERVAL_BAD: &str = "({o}) Advert interval ({v}) not valid! Must be > 0 - ignoring";
const DELAY_BAD: &str = "({o}) Preempt_delay not valid! must be between 0-1000";

/// Keywords of `vrrp_instance`.
pub static INSTANCE: Table = Table {
    block: "vrrp_instance",
    keywords: &[
        works("state", WORD, "MASTER or BACKUP: how it starts.")
            .args("MASTER | BACKUP")
            .default("MASTER with priority 255, else BACKUP"),
        works("interface", WORD, "Interface the protocol runs on.").args("INTERFACE"),
        works("vrf", WORD, "Routing domain of a unicast instance without interface.").args("INTERFACE"),
        works(
            "virtual_router_id",
            Takes::Integer(strict(1, 255, VRID_BAD)),
            "Number of the virtual router (VRID).",
        ),
        works(
            "priority",
            Takes::Integer(strict(1, 255, PRIORITY_BAD)),
            "Base priority; 255 owns the addresses.",
        )
        .default("100; 255 with state MASTER"),
        works("advert_int", seconds(10_000, 255_000_000, INTERVAL_BAD), "Seconds between adverts.")
            .default("1"),
        works(
            "version",
            Takes::Integer(lenient(2, 3, "({o}): Version must be either 2 or 3").signed()),
            "Protocol version.",
        )
        .default("vrrp_version for IPv4, 3 for IPv6"),
        ignored("native_ipv6", Takes::Nothing, "Obsolete; the family follows the addresses."),
        works("nopreempt", Takes::Nothing, "Never takes over from a living master."),
        works("preempt", Takes::Nothing, "Takes over from a weaker master.").default("on"),
        works(
            "preempt_delay",
            seconds(0, 1_000_000_000, DELAY_BAD),
            "Seconds to wait before taking over from a weaker master.",
        )
        .default("0"),
        works(
            "down_timer_adverts",
            Takes::Integer(lenient(1, 100, COUNT_BAD)),
            "Missed adverts that make a master dead.",
        )
        .default("vrrp_down_timer_adverts"),
        works("timer_expired_backup", WORDS, "Steps back after a timer that was late.")
            .was(&["thread_timer_expired"])
            .args("[PRIORITY]")
            .default("off; without a number 254"),
        ignored("debug", Takes::Integer(lenient(0, 4, DEBUG_BAD)), "Has no effect.").default("0"),
        works("virtual_ipaddress", Takes::Values, "Addresses to carry and advertise."),
        works("virtual_ipaddress_excluded", Takes::Values, "Addresses to carry without advertising them."),
        works("no_virtual_ipaddress", Takes::Nothing, "Allows an instance without addresses."),
        works("promote_secondaries", Takes::Nothing, "Sets the kernel's promote_secondaries."),
        works("virtual_routes", Takes::Values, "Routes that come and go with MASTER."),
        works("virtual_rules", Takes::Values, "Rules that come and go with MASTER."),
        works("mcast_src_ip", WORD, "Source address of adverts.")
            .args("ADDRESS")
            .default("first address of the interface"),
        works("unicast_src_ip", WORD, "Source address of unicast adverts.")
            .args("ADDRESS")
            .default("first address of the interface"),
        works("mcast_dst_ip", WORD, "Multicast group of this instance.")
            .args("GROUP")
            .default("vrrp_mcast_group4, vrrp_mcast_group6"),
        works("track_src_ip", Takes::Nothing, "FAULT while the source address is missing."),
        works("unicast_peer", Takes::Values, "Addresses to send adverts to instead of multicast."),
        works(
            "unicast_ttl",
            Takes::Integer(strict(0, 255, "({o}): TTL '{v}' not valid - must be between 0 & 255")),
            "Time to live of unicast adverts.",
        )
        .default("255"),
        works("unicast_fault_no_peer", Takes::Nothing, "FAULT instead of multicast when there is no peer."),
        works("check_unicast_src", Takes::Nothing, "Hears peers only."),
        works("old_unicast_checksum", WORDS, "Checksum of very old versions.").args("[never]").default("off"),
        works(
            "v3_checksum_as_v2",
            Takes::Bool { bad: "({o}) invalid v3_checksum_as_v2 {v} specified" },
            "Checksum without pseudo header.",
        )
        .default("as in global_defs"),
        works(
            "skip_check_adv_addr",
            Takes::Bool { bad: "({o}) invalid skip_check_adv_addr {v} specified" },
            "Compares address lists once per master.",
        )
        .default("vrrp_skip_check_adv_addr"),
        works(
            "strict_mode",
            Takes::Bool { bad: "({o}) invalid strict_mode {v} specified" },
            "Keeps to the letter of the RFC.",
        )
        .default("vrrp_strict"),
        works("accept", Takes::Nothing, "Packets to the addresses are accepted.")
            .default("on, unless strict and not address owner"),
        works("no_accept", Takes::Nothing, "Packets to the addresses are dropped unless owner."),
        works(
            "kernel_rx_buf_size",
            Takes::Words(Miss::Says("({o}) invalid kernel_rx_buf_size specified")),
            "Receive buffer in bytes.",
        )
        .args("BYTES")
        .default("the kernel's"),
        works(
            "lower_prio_no_advert",
            Takes::Bool { bad: "({o}) invalid lower_prio_no_advert {v} specified" },
            "A master does not answer a weaker router.",
        )
        .default("vrrp_lower_prio_no_advert"),
        works(
            "higher_prio_send_advert",
            Takes::Bool { bad: "({o}) invalid higher_prio_send_advert {v} specified" },
            "A master sends one advert before it yields.",
        )
        .default("vrrp_higher_prio_send_advert"),
        works(
            "owner_ignore_adverts",
            Takes::Bool { bad: "({o}) invalid owner_ignore_adverts {v} specified" },
            "An address owner does not listen.",
        )
        .default("vrrp_owner_ignore_adverts"),
        works("use_vmac", WORDS, "Uses the virtual router's MAC address.")
            .args("[[name] INTERFACE] [MAC] [netlink_notify_msg] [group NAME]")
            .default("off"),
        works("use_vmac_addr", Takes::Nothing, "Virtual MAC addresses for addresses on other interfaces."),
        works("vmac_xmit_base", Takes::Nothing, "Sends adverts from the base interface."),
        works("use_ipvlan", WORDS, "Runs on an ipvlan interface.")
            .args("[[name] INTERFACE] [ADDRESS[/LENGTH]] [bridge | private | vepa] [group NAME]")
            .default("off"),
        works(
            "garp_master_delay",
            Takes::Integer(lenient(0, SECONDS_MAX, "({o}): garp_master_delay '{v}' invalid - ignoring")),
            "Seconds to the second announcement.",
        )
        .default("vrrp_garp_master_delay"),
        works(
            "garp_master_repeat",
            Takes::Integer(lenient(0, U32, "({o}): garp_master_repeat '{v}' invalid - ignoring")),
            "Rounds of an announcement.",
        )
        .default("vrrp_garp_master_repeat"),
        works(
            "garp_master_refresh",
            Takes::Integer(lenient(0, U32, "({o}): Invalid garp_master_refresh '{v}' - ignoring")),
            "Seconds between refreshes.",
        )
        .default("vrrp_garp_master_refresh"),
        works(
            "garp_master_refresh_repeat",
            Takes::Integer(lenient(0, U32, "({o}): garp_master_refresh_repeat '{v}' invalid - ignoring")),
            "Rounds of a refresh.",
        )
        .default("vrrp_garp_master_refresh_repeat"),
        works(
            "garp_lower_prio_delay",
            Takes::Integer(lenient(0, SECONDS_MAX, "({o}): garp_lower_prio_delay '{v}' invalid - ignoring")),
            "The same after a weaker router was heard.",
        )
        .default("vrrp_garp_lower_prio_delay"),
        works(
            "garp_lower_prio_repeat",
            Takes::Integer(lenient(0, I32, "({o}): Invalid garp_lower_prio_repeat '{v}'")),
            "Rounds after a weaker router was heard.",
        )
        .default("vrrp_garp_lower_prio_repeat"),
        works("garp_extra_if", WORDS, "Announces on other interfaces at intervals.")
            .was(&["vmac_garp_intvl"])
            .args("[all] SECONDS")
            .default("vrrp_garp_extra_if"),
        works("track_interface", Takes::Values, "Interfaces that act on the priority."),
        works("track_script", Takes::Values, "Scripts that act on the priority."),
        works("track_file", Takes::Values, "Files that act on the priority."),
        works("track_process", Takes::Values, "Processes that act on the priority."),
        later("track_bfd", Takes::Values, "BFD sessions that act on the priority."),
        works("dont_track_primary", Takes::Nothing, "The state of the own interface does not matter."),
        works("linkbeat_use_polling", Takes::Nothing, "Polls the link of the own interface."),
        works("notify_master", Takes::Command(Miss::Fatal), "Command for MASTER."),
        works("notify_backup", Takes::Command(Miss::Fatal), "Command for BACKUP."),
        works("notify_fault", Takes::Command(Miss::Fatal), "Command for FAULT."),
        works("notify_stop", Takes::Command(Miss::Fatal), "Command for the end of the daemon."),
        works("notify", Takes::Command(Miss::Fatal), "Command for every state."),
        works(
            "notify_master_rx_lower_pri",
            Takes::Command(Miss::Fatal),
            "Command for a weaker router heard by a master.",
        ),
        works("notify_deleted", Takes::Command(Miss::Fine), "Command for the removal by a reload.")
            .args("[COMMAND [USER [[:]GROUP]]]"),
        works(
            "notify_priority_changes",
            Takes::Bool { bad: "({o}) Invalid value '{v}' for notify_priority_changes specified" },
            "Notifies of priorities too.",
        )
        .default("that of the sync group, then vrrp_notify_priority_changes"),
        works(
            "smtp_alert",
            Takes::Bool { bad: "Invalid vrrp_instance smtp_alert parameter {v}" },
            "Mail for every state.",
        )
        .default("smtp_alert_vrrp, then smtp_alert, then no"),
        later("lvs_sync_daemon_interface", WORD, "Old place of lvs_sync_daemon.").args("INTERFACE"),
        works("authentication", Takes::Block(&AUTHENTICATION, Miss::Fine), "Authentication of version 2."),
        works("auth_hmac", Takes::Block(&AUTH_HMAC, Miss::Fine), "Authentication by HMAC."),
    ],
};

/// Keywords of `authentication`.
pub static AUTHENTICATION: Table = Table {
    block: "authentication",
    keywords: &[
        works("auth_type", WORD, "PASS or AH.").args("PASS | AH"),
        works("auth_pass", WORD, "Password; eight bytes count.").args("PASSWORD"),
    ],
};

/// Keywords of `auth_hmac`.
pub static AUTH_HMAC: Table = Table {
    block: "auth_hmac",
    keywords: &[
        works("key", WORDS, "Number and value of a key.")
            .args("NUMBER VALUE | NUMBER hex:DIGITS | NUMBER file:PATH"),
        works(
            "active_key",
            Takes::Integer(strict(1, 255, "({o}) auth_hmac active_key '{v}' must be between 1 and 255")),
            "Number of the key to send with.",
        ),
        works(
            "time_window",
            Takes::Integer(strict(1, 300, "({o}) auth_hmac time_window '{v}' must be between 1 and 300")),
            "Seconds a packet stays valid.",
        )
        .default("three advert intervals, 5 at least"),
        works("anti_replay", WORD, "How old packets are told apart.")
            .args("time | monotonic")
            .default("time"),
        works("mode", WORD, "What happens to packets without it.")
            .args("enforce | permissive | receive-only")
            .default("enforce"),
    ],
};
