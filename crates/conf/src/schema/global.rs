//! Keywords of `global_defs` (`spec` config 3.2).

use super::*;

/// Keywords of `global_defs`.
pub static GLOBAL_DEFS: Table = Table {
    block: "global_defs",
    keywords: &[
        works("process_names", Takes::Nothing, "Gives every process a name of its own."),
        works("process_name", WORD, "Name of the supervisor process.").args("NAME").default("keepalived"),
        works("vrrp_process_name", WORD, "Name of the vrrp process.").args("NAME").default("keepalived"),
        ignored("checker_process_name", WORD, "Name of the checker process.")
            .was(&["lvs_process_name"])
            .args("NAME")
            .default("keepalived"),
        ignored("bfd_process_name", WORD, "Name of the bfd process.").args("NAME").default("keepalived"),
        works(
            "use_symlink_paths",
            Takes::Bool { bad: "Invalid value '{v}' for global use_symlink_path specified" },
            "Keeps symbolic links in script paths.",
        ),
        works(
            "set_supplementary_groups",
            Takes::Bool { bad: "Invalid set_supplementary_groups parameter {v}" },
            "Scripts get their user's further groups.",
        ),
        works(
            "router_id",
            Takes::Words(Miss::Says("routerid name missing - ignoring")),
            "Name of this host in mails.",
        )
        .args("NAME")
        .default("the host's name"),
        works("max_auto_priority", WORDS, "Raises the priority when timers are late.")
            .args("[PRIORITY]")
            .default("0 (off); without a number 99"),
        works(
            "min_auto_priority_delay",
            Takes::Integer(
                lenient(1, 10_000_000, "min_auto_priority_delay '{v}' must be in [1, 10000000] - ignoring")
                    .without("min_auto_priority_delay requires delay time")
                    .signed(),
            ),
            "How late is late, in microseconds.",
        )
        .default("1000000"),
        works(
            "vrrp_priority",
            Takes::Words(Miss::Says("No vrrp process priority specified")),
            "Nice value of the vrrp process.",
        )
        .args("NICE")
        .default("0"),
        works("vrrp_no_swap", Takes::Nothing, "Keeps the vrrp process in memory."),
        works(
            "vrrp_rt_priority",
            Takes::Words(Miss::Says("No vrrp process real-time priority specified")),
            "Real-time priority of the vrrp process.",
        )
        .args("PRIORITY")
        .default("the lowest where permitted"),
        works(
            "vrrp_cpu_affinity",
            Takes::Words(Miss::Says("No vrrp cpu_id set specified")),
            "Processors of the vrrp process.",
        )
        .args("CPU ...")
        .default("all"),
        works(
            "vrrp_rlimit_rttime",
            Takes::Integer(lenient(1, U32, "Invalid vrrp real-time limit - {v}")),
            "Microseconds of real time the vrrp process may use at a stretch.",
        )
        .was(&["vrrp_rlimit_rtime"])
        .default("10000"),
        ignored(
            "checker_priority",
            Takes::Words(Miss::Says("No checker process priority specified")),
            "Nice value of the checker process.",
        )
        .args("NICE")
        .default("0"),
        ignored("checker_no_swap", Takes::Nothing, "Keeps the checker process in memory."),
        ignored(
            "checker_rt_priority",
            Takes::Words(Miss::Says("No checker process real-time priority specified")),
            "Real-time priority of the checker process.",
        )
        .args("PRIORITY")
        .default("off"),
        ignored(
            "checker_cpu_affinity",
            Takes::Words(Miss::Says("No checker cpu_id set specified")),
            "Processors of the checker process.",
        )
        .args("CPU ...")
        .default("all"),
        ignored(
            "checker_rlimit_rttime",
            Takes::Integer(lenient(1, U32, "Invalid checker real-time limit - {v}")),
            "Microseconds of real time the checker process may use at a stretch.",
        )
        .was(&["checker_rlimit_rtime"])
        .default("10000"),
        ignored(
            "bfd_priority",
            Takes::Words(Miss::Says("No bfd process priority specified")),
            "Nice value of the bfd process.",
        )
        .args("NICE")
        .default("0"),
        ignored("bfd_no_swap", Takes::Nothing, "Keeps the bfd process in memory."),
        ignored(
            "bfd_rt_priority",
            Takes::Words(Miss::Says("No bfd process real-time priority specified")),
            "Real-time priority of the bfd process.",
        )
        .args("PRIORITY")
        .default("off"),
        ignored(
            "bfd_cpu_affinity",
            Takes::Words(Miss::Says("No bfd cpu_id set specified")),
            "Processors of the bfd process.",
        )
        .args("CPU ...")
        .default("all"),
        ignored(
            "bfd_rlimit_rttime",
            Takes::Integer(lenient(1, U32, "Invalid bfd real-time limit - {v}")),
            "Microseconds of real time the bfd process may use at a stretch.",
        )
        .was(&["bfd_rlimit_rtime"])
        .default("10000"),
        works("umask", WORD, "File creation mask.").args("MASK | BIT[|BIT ...]").default("0177"),
        works(
            "random_seed",
            Takes::Integer(strict(0, U32, "random_seed {v} invalid")),
            "Seed of random definitions.",
        )
        .default("the time"),
        works(
            "data_use_instance",
            Takes::Bool { bad: "Invalid value '{v}' for global date_use_instance specified" },
            "Puts the instance into names of dump files.",
        ),
        works(
            "json_version",
            Takes::Integer(lenient(1, 2, "Invalid JSON version").without("json_version requires version")),
            "Layout of the JSON dump.",
        )
        .default("1"),
        works(
            "state_dump_file",
            Takes::Words(Miss::Says("state_dump_file requires a non-empty path")),
            "Where the state dump goes.",
        )
        .args("PATH"),
        works(
            "stats_dump_file",
            Takes::Words(Miss::Says("stats_dump_file requires a non-empty path")),
            "Where the stats dump goes.",
        )
        .args("PATH"),
        works(
            "json_dump_file",
            Takes::Words(Miss::Says("json_dump_file requires a non-empty path")),
            "Where the json dump goes.",
        )
        .args("PATH"),
        works(
            "iproute_usr_dir",
            Takes::Words(Miss::Says("iproute_usr_dir requires path")),
            "Where names of routing tables are looked up.",
        )
        .args("PATH")
        .default("/usr/share/iproute2"),
        works(
            "iproute_etc_dir",
            Takes::Words(Miss::Says("iproute_etc_dir requires path")),
            "Where names of routing tables are looked up.",
        )
        .args("PATH")
        .default("/etc/iproute2"),
        ignored(
            "tmp_config_directory",
            Takes::Words(Miss::Says("tmp_config_directory missing directory name")),
            "Where the copy of the configuration lives; ours is in memory.",
        )
        .args("PATH"),
        works("config_save_dir", WORD, "Keeps a copy of every configuration.").args("PATH"),
        works("include_check", WORDS, "Which failures of an include are fatal.")
            .args("[[+|-]OPTION ...]")
            .default("none; without options all"),
        works("reload_check_config", WORDS, "Tests a configuration before it is used.")
            .args("[FILE]")
            .default("off"),
        works(
            "reload_time_file",
            Takes::Words(Miss::Says("reload_time_file invalid")),
            "File that names the time of a reload.",
        )
        .args("PATH"),
        works("reload_repeat", Takes::Nothing, "Keeps that file."),
        works("reload_file", WORDS, "File that marks a reload under way.").args("[PATH]").default("off"),
        works("dynamic_interfaces", WORDS, "Interfaces need not exist yet.")
            .args("[allow_if_changes]")
            .default("off"),
        works(
            "default_interface",
            Takes::Words(Miss::Says("default_interface requires interface name")),
            "Interface of static addresses.",
        )
        .args("INTERFACE")
        .default("eth0"),
        works("disable_local_igmp", Takes::Nothing, "Stops reports for link-local groups."),
        works(
            "script_user",
            Takes::Words(Miss::Says("No script username specified")),
            "User and group of scripts that name none.",
        )
        .args("USER [[:]GROUP]")
        .default("keepalived_script, then keepalived's own"),
        works("enable_script_security", Takes::Nothing, "Does not run as root what others could change."),
        works("notification_email", Takes::Values, "Addresses that get mail."),
        works(
            "notification_email_from",
            Takes::Words(Miss::Says("emailfrom missing - ignoring")),
            "Sender of mails.",
        )
        .args("ADDRESS")
        .default("user and host"),
        works("smtp_server", WORD, "Mail server and port.").args("HOST [PORT]").default("port 25"),
        works("smtp_helo_name", WORDS, "Name said to the mail server.")
            .args("NAME")
            .default("the host's name"),
        works(
            "smtp_connect_timeout",
            Takes::Integer(lenient(
                0,
                SECONDS_MAX,
                "smtp_connect_timeout '{v}' must be in [0, 4294] - ignoring",
            )),
            "Seconds to wait for the mail server.",
        )
        .default("30"),
        works(
            "smtp_alert",
            Takes::Bool { bad: "Invalid value '{v}' for global smtp_alert specified" },
            "Default of smtp_alert.",
        ),
        works(
            "smtp_alert_vrrp",
            Takes::Bool { bad: "Invalid value '{v}' for global smtp_alert_vrrp specified" },
            "Default of smtp_alert.",
        ),
        later(
            "smtp_alert_checker",
            Takes::Bool { bad: "Invalid value '{v}' for global smtp_alert_checker specified" },
            "Default of smtp_alert.",
        ),
        works("no_email_faults", Takes::Nothing, "No mail for FAULT."),
        ignored(
            "no_checker_emails",
            Takes::Bool { bad: "Invalid value '{v}' for global no_checker_emails specified" },
            "Concerns the checkers.",
        ),
        ignored(
            "checker_log_all_failures",
            Takes::Bool { bad: "Invalid value for checker_log_all_failures specified" },
            "Concerns the checkers.",
        ),
        ignored(
            "rs_init_notifies",
            Takes::Bool { bad: "Invalid value '{v}' for global rs_init_notifies specified" },
            "Concerns the checkers.",
        ),
        works("startup_script", Takes::Command(Miss::Says("startup script missing")), "Command at startup."),
        works(
            "shutdown_script",
            Takes::Command(Miss::Says("shutdown script missing")),
            "Command at shutdown.",
        ),
        works(
            "startup_script_timeout",
            Takes::Integer(
                lenient(1, 1000, "startup_script_timeout '{v}' must be in [1, 1000] - ignoring")
                    .without("startup_script_timeout requires value"),
            ),
            "Seconds the startup script may take.",
        )
        .default("10"),
        works(
            "shutdown_script_timeout",
            Takes::Integer(
                lenient(1, 1000, "shutdown_script_timeout '{v}' must be in [1, 1000] - ignoring")
                    .without("shutdown_script_timeout requires value"),
            ),
            "Seconds the shutdown script may take.",
        )
        .default("10"),
        fifo("notify_fifo", "No notify_fifo name specified"),
        fifo("vrrp_notify_fifo", "No vrrp_notify_fifo name specified"),
        Keyword { status: Status::NotYet, ..fifo("lvs_notify_fifo", "No lvs_notify_fifo name specified") },
        works(
            "notify_fifo_script",
            Takes::Command(Miss::Says("No notify_fifo_script specified")),
            "Command that reads the FIFO.",
        ),
        works(
            "vrrp_notify_fifo_script",
            Takes::Command(Miss::Says("No vrrp_notify_fifo_script specified")),
            "Command that reads the FIFO.",
        ),
        later(
            "lvs_notify_fifo_script",
            Takes::Command(Miss::Says("No lvs_notify_fifo_script specified")),
            "Command that reads the FIFO.",
        ),
        works(
            "vrrp_notify_priority_changes",
            Takes::Bool { bad: "Invalid value '{v}' for global vrrp_notify_priority_changes specified" },
            "Notifies of priorities too.",
        ),
        works("fifo_write_vrrp_states_on_reload", Takes::Nothing, "Writes all states after a reload."),
        works("vrrp_mcast_group4", WORD, "Multicast group of IPv4.").args("GROUP").default("224.0.0.18"),
        works("vrrp_mcast_group6", WORD, "Multicast group of IPv6.").args("GROUP").default("ff02::12"),
        works(
            "vrrp_version",
            Takes::Integer(lenient(2, 3, "VRRP Error: Version must be either 2 or 3").signed()),
            "Protocol version of IPv4 instances.",
        )
        .default("2"),
        works(
            "vrrp_garp_master_delay",
            Takes::Integer(lenient(0, SECONDS_MAX, "vrrp_garp_master_delay '{v}' invalid - ignoring")),
            "Seconds to the second announcement.",
        )
        .default("5"),
        works(
            "vrrp_garp_master_repeat",
            Takes::Integer(lenient(0, U32, "vrrp_garp_master_repeat '{v}' invalid - ignoring")),
            "Rounds of an announcement.",
        )
        .default("5"),
        works(
            "vrrp_garp_master_refresh",
            Takes::Integer(lenient(0, U32, "Invalid vrrp_garp_master_refresh '{v}' - ignoring")),
            "Seconds between refreshes.",
        )
        .default("0"),
        works(
            "vrrp_garp_master_refresh_repeat",
            Takes::Integer(lenient(0, U32, "vrrp_garp_master_refresh_repeat '{v}' invalid - ignoring")),
            "Rounds of a refresh.",
        )
        .default("1"),
        works(
            "vrrp_garp_lower_prio_delay",
            Takes::Integer(lenient(0, SECONDS_MAX, "vrrp_garp_lower_prio_delay '{v}' invalid - ignoring")),
            "The same after a weaker router was heard.",
        )
        .default("vrrp_garp_master_delay"),
        works(
            "vrrp_garp_lower_prio_repeat",
            Takes::Integer(lenient(0, I32, "Invalid vrrp_garp_lower_prio_repeat '{v}'")),
            "Rounds after a weaker router was heard.",
        )
        .default("vrrp_garp_master_repeat"),
        works(
            "vrrp_garp_interval",
            seconds(1, MICROS_MAX, "vrrp_garp_interval '{v}' is invalid"),
            "Seconds between gratuitous ARP frames of one interface.",
        )
        .default("0"),
        works(
            "vrrp_gna_interval",
            seconds(1, MICROS_MAX, "vrrp_gna_interval '{v}' is invalid"),
            "The same for IPv6.",
        )
        .default("0"),
        works(
            "vrrp_min_garp",
            Takes::Bool { bad: "Invalid value for vrrp_min_garp specified" },
            "Announces once only.",
        ),
        works("vrrp_garp_extra_if", WORDS, "Announces on other interfaces at intervals.")
            .was(&["vrrp_vmac_garp_intvl"])
            .args("[all] SECONDS")
            .default("0 (off)"),
        works(
            "vrrp_down_timer_adverts",
            Takes::Integer(lenient(1, 100, "Invalid vrrp_down_timer_adverts [1:100] '{v}'")),
            "Missed adverts that make a master dead.",
        )
        .default("3"),
        works(
            "vrrp_lower_prio_no_advert",
            Takes::Bool { bad: "Invalid value for vrrp_lower_prio_no_advert specified" },
            "A master does not answer a weaker router.",
        ),
        works(
            "vrrp_higher_prio_send_advert",
            Takes::Bool { bad: "Invalid value for vrrp_higher_prio_send_advert specified" },
            "A master sends one advert before it yields.",
        ),
        works("vrrp_check_unicast_src", Takes::Nothing, "Unicast instances hear peers only."),
        works(
            "vrrp_skip_check_adv_addr",
            Takes::Bool { bad: "Invalid value '{v}' for global vrrp_check_adv_addr specified" },
            "Compares address lists once per master.",
        ),
        works(
            "vrrp_strict",
            Takes::Bool { bad: "Invalid value '{v}' for global vrrp_strict specified" },
            "Keeps to the letter of the RFC.",
        ),
        works("v3_checksum_as_v2", Takes::Nothing, "Checksum without pseudo header."),
        works(
            "vrrp_owner_ignore_adverts",
            Takes::Bool { bad: "Invalid value 'vrrp_owner_ignore_adverts' for global {v} specified" },
            "An address owner does not listen.",
        ),
        works(
            "vrrp_startup_delay",
            seconds(1_000, MICROS_MAX, "vrrp_startup_delay '{v}' is invalid"),
            "Seconds before instances run.",
        )
        .default("0"),
        works(
            "vrrp_delay_after_boot",
            seconds(1_000, MICROS_MAX, "vrrp_delay_after_boot '{v}' is invalid"),
            "The same, counted from the boot.",
        )
        .default("0"),
        works("log_unknown_vrids", Takes::Nothing, "Logs VRIDs that nobody here has."),
        works("vmac_prefix", WORD, "Start of names of virtual MAC interfaces.")
            .args("PREFIX")
            .default("vrrp"),
        works("vmac_addr_prefix", WORD, "The same for those of addresses.")
            .args("PREFIX")
            .default("vmac_prefix"),
        works("nftables", WORDS, "Table for nftables rules.")
            .args("[TABLE]")
            .default("off; without a name keepalived"),
        works(
            "nftables_priority",
            Takes::Integer(strict(-2_147_483_648, I32, "invalid nftables chain priority '{v}'")),
            "Priority of its chains.",
        )
        .default("-1"),
        ignored("nftables_ifindex", Takes::Nothing, "Uses interface numbers in rules."),
        works("nftables_counters", Takes::Nothing, "Adds counters to rules."),
        ignored("nftables_ipvs", WORDS, "Table for virtual servers.")
            .args("[TABLE]")
            .default("off; without a name keepalived_ipvs"),
        ignored(
            "nftables_ipvs_priority",
            Takes::Integer(strict(-2_147_483_648, I32, "invalid ipvs nftables chain priority '{v}'")),
            "Priority of its chains.",
        )
        .default("-1"),
        ignored(
            "nftables_ipvs_start_fwmark",
            Takes::Integer(strict(1, U32, "invalid ipvs nftables start_fwmark priority '{v}'")),
            "First mark of virtual servers.",
        )
        .default("1000"),
        ignored("vrrp_iptables", WORDS, "Chains for iptables rules; nftables are used instead.")
            .args("[INPUT-CHAIN [OUTPUT-CHAIN]]")
            .default("off; without names INPUT and OUTPUT"),
        ignored("vrrp_ipsets", WORDS, "Names of ipsets; nftables have sets of their own.").args("[SET ...]"),
        buffer(
            "vrrp_netlink_cmd_rcv_bufs",
            "vrrp_netlink_cmd_rcv_bufs size missing",
            "vrrp_netlink_cmd_rcv_bufs size ({v}) invalid",
        ),
        buffer(
            "vrrp_netlink_monitor_rcv_bufs",
            "vrrp_netlink_monitor_rcv_bufs size missing",
            "vrrp_netlink_monitor_rcv_bufs size ({v}) invalid",
        ),
        buffer(
            "process_monitor_rcv_bufs",
            "process_monitor_rcv_bufs size missing",
            "process_monitor_rcv_bufs size ({v}) invalid",
        ),
        buffer(
            "lvs_netlink_cmd_rcv_bufs",
            "lvs_netlink_cmd_rcv_bufs size missing",
            "lvs_netlink_cmd_rcv_bufs size ({v}) invalid",
        ),
        buffer(
            "lvs_netlink_monitor_rcv_bufs",
            "lvs_netlink_monitor_rcv_bufs size missing",
            "lvs_netlink_monitor_rcv_bufs size ({v}) invalid",
        ),
        force(
            "vrrp_netlink_cmd_rcv_bufs_force",
            "Invalid value '{v}' for global vrrp_netlink_cmd_rcv_bufs_force specified",
        ),
        force(
            "vrrp_netlink_monitor_rcv_bufs_force",
            "Invalid value '{v}' for global vrrp_netlink_monitor_rcv_bufs_force specified",
        ),
        force(
            "process_monitor_rcv_bufs_force",
            "Invalid value '{v}' for global process_monitor_rcv_bufs_force specified",
        ),
        force(
            "lvs_netlink_cmd_rcv_bufs_force",
            "Invalid value '{v}' for global lvs_netlink_cmd_rcv_bufs_force specified",
        ),
        force(
            "lvs_netlink_monitor_rcv_bufs_force",
            "Invalid value '{v}' for global lvs_netlink_monitor_rcv_bufs_force specified",
        ),
        ignored(
            "vrrp_rx_bufs_policy",
            Takes::Words(Miss::Says("vrrp_rx_bufs_policy missing")),
            "Size of receive buffers for adverts.",
        )
        .args("MTU | ADVERT | BYTES"),
        ignored(
            "vrrp_rx_bufs_multiplier",
            Takes::Integer(
                strict(1, U32, "Invalid vrrp_rx_bufs_multiplier {v}")
                    .without("Invalid vrrp_rx_bufs_multiplier"),
            ),
            "How many adverts fit into them.",
        )
        .args("NUMBER")
        .default("3"),
        ignored("lvs_timeouts", WORDS, "Time-outs of connections.")
            .args("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]")
            .default("the kernel's"),
        ignored("lvs_flush", Takes::Nothing, "Empties the table of virtual servers at start."),
        ignored("lvs_flush_on_stop", WORDS, "Empties it at stop.")
            .was(&["lvs_flush_onstop"])
            .args("[VS]")
            .default("off"),
        later("lvs_sync_daemon", WORDS, "Synchronises connections.")
            .args("INTERFACE [inst] INSTANCE [id ID] [maxlen LENGTH] [port PORT] [ttl TTL] [group GROUP]")
            .default("off"),
        later(
            "snmp_socket",
            Takes::Words(Miss::Says("SNMP error : snmp socket name missing")),
            "Address of the SNMP master agent.",
        )
        .args("ADDRESS"),
        later("enable_traps", Takes::Nothing, "Sends SNMP traps."),
        later("enable_snmp_vrrp", Takes::Nothing, "SNMP for virtual routers.")
            .was(&["enable_snmp_keepalived"]),
        later("enable_snmp_rfc", Takes::Nothing, "SNMP tables."),
        later("enable_snmp_rfcv2", Takes::Nothing, "SNMP tables."),
        later("enable_snmp_rfcv3", Takes::Nothing, "SNMP tables."),
        later("enable_snmp_checker", Takes::Nothing, "SNMP tables."),
        ignored(
            "snmp_vs_stats_update_interval",
            seconds(1_000, 30_000_000, "snmp_vs_stats_update_interval '{v}' is invalid"),
            "Seconds SNMP statistics are kept.",
        )
        .args("SECONDS")
        .default("5"),
        ignored(
            "snmp_rs_stats_update_interval",
            seconds(1_000, 30_000_000, "snmp_rs_stats_update_interval '{v}' is invalid"),
            "Seconds SNMP statistics are kept.",
        )
        .args("SECONDS")
        .default("5"),
        later("enable_dbus", Takes::Nothing, "Offers the D-Bus interface."),
        ignored(
            "dbus_service_name",
            Takes::Words(Miss::Says("dbus_service_name missing - ignoring")),
            "Name on the bus.",
        )
        .args("NAME"),
        ignored(
            "dbus_no_interface_name",
            Takes::Words(Miss::Says("dbus_no_interface_name missing - ignoring")),
            "Path component for instances without interface.",
        )
        .args("NAME"),
    ],
};

const fn buffer(name: &'static str, miss: &'static str, bad: &'static str) -> Keyword {
    let takes = Takes::Integer(strict(0, U32, bad).without(miss));
    ignored(name, takes, "Size of a receive buffer; ours are large.").args("BYTES")
}

const fn force(name: &'static str, bad: &'static str) -> Keyword {
    ignored(name, Takes::Bool { bad }, "Goes beyond the system limit for it.")
}

const fn fifo(name: &'static str, miss: &'static str) -> Keyword {
    let takes = Takes::Words(Miss::Says(miss));
    works(name, takes, "FIFO that gets every state.").args("PATH [USER [GROUP]]")
}
