//! Keywords outside blocks (`spec` config 3.1, 3.3, 3.4).

use super::*;

/// What may stand outside blocks.
pub static ROOT: Table = Table {
    block: "",
    keywords: &[
        works(
            "global_defs",
            Takes::Block(&GLOBAL_DEFS, Miss::Fine),
            "Settings of the processes; several blocks add up.",
        ),
        works(
            "net_namespace",
            Takes::Words(Miss::Says("net_namespace name missing - ignoring")),
            "Network namespace to run in.",
        )
        .args("NAME")
        .default("the namespace it is started in"),
        later("net_namespace_ipvs", WORDS, "Network namespace of the virtual servers.")
            .args("[NAME]")
            .default("as net_namespace"),
        ignored(
            "namespace_with_ipsets",
            Takes::Nothing,
            "Allows ipsets in a namespace on kernels before 3.13.",
        ),
        works("use_pid_dir", Takes::Nothing, "Puts pid files into a directory of their own."),
        works(
            "instance",
            Takes::Words(Miss::Says("instance name missing - ignoring")),
            "Name of this daemon among several.",
        )
        .args("NAME"),
        works(
            "child_wait_time",
            Takes::Integer(strict(0, U32, "Invalid child_wait_time {v}")),
            "Seconds to wait for the engines at stop.",
        )
        .default("5"),
        works("linkbeat_use_polling", Takes::Nothing, "Polls the links of all instances."),
        works("static_ipaddress", Takes::Values, "Addresses to carry always."),
        works("static_routes", Takes::Values, "Routes to keep always."),
        works("static_rules", Takes::Values, "Rules to keep always."),
        works(
            "track_group",
            Takes::Block(&TRACK_GROUP, Miss::Fine),
            "Instances that static objects are tied to.",
        )
        .args("NAME"),
        works("linkbeat_interfaces", Takes::Values, "Interfaces whose links are polled."),
        works("interface_up_down_delays", Takes::Values, "Debounce times of interfaces."),
        works(
            "garp_group",
            Takes::Block(&GARP_GROUP, Miss::Fine),
            "Spacing of announcements for several interfaces.",
        )
        .args("[NAME]"),
        works("vrrp_script", Takes::Block(&SCRIPT, Miss::Fatal), "A check that is run at intervals.")
            .args("NAME"),
        works(
            "vrrp_track_process",
            Takes::Block(&TRACK_PROCESS, Miss::Fatal),
            "A process whose life is watched.",
        )
        .args("NAME"),
        works("track_file", Takes::Block(&TRACK_FILE, Miss::Fatal), "A file whose number is watched.")
            .was(&["vrrp_track_file"])
            .args("NAME"),
        works(
            "vrrp_sync_group",
            Takes::Block(&SYNC_GROUP, Miss::Fine),
            "Instances that hold MASTER only together.",
        )
        .args("NAME"),
        works("vrrp_instance", Takes::Block(&INSTANCE, Miss::Fine), "A virtual router.").args("NAME"),
        later(
            "bfd_instance",
            Takes::Block(&BFD_INSTANCE, Miss::Says("bfd_instance must have a name - ignoring")),
            "A BFD session.",
        )
        .args("NAME"),
        later("SSL", Takes::Block(&SSL, Miss::Fine), "Certificates of the checkers."),
        later(
            "virtual_server_group",
            Takes::NamedValues,
            "Addresses of virtual servers, one or several a line.",
        )
        .args("NAME"),
        later("virtual_server", Takes::Block(&VIRTUAL_SERVER, Miss::Fatal), "A load balanced service.")
            .args("IP [PORT] | fwmark MARK | group NAME"),
    ],
};
