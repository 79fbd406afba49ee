//! Keywords of `virtual_server` (`spec` lvs 1.2).

use super::*;

/// Keywords of `virtual_server`.
pub static VIRTUAL_SERVER: Table = Table {
    block: "virtual_server",
    keywords: &[
        later("lvs_sched", WORD, "How connections are spread over the real servers.")
            .was(&["lb_algo"])
            .args("rr|wrr|lc|wlc|lblc|lblcr|dh|sh|mh|sed|nq|fo|ovf|twos")
            .default("wlc"),
        later("lvs_method", WORD, "How packets get to the real servers: NAT, DR or TUN.")
            .was(&["lb_kind"])
            .args("NAT|DR|TUN [TUNNEL]")
            .default("NAT"),
        later("protocol", WORD, "TCP, UDP or SCTP.").args("TCP|UDP|SCTP").default("UDP"),
        later("ip_family", WORD, "Family of a service made of marks: inet or inet6.")
            .args("inet|inet6")
            .default("the family of the real servers"),
        later(
            "persistence_timeout",
            Takes::Integer(Number {
                miss: Miss::Fine,
                ..strict(1, 2_678_400, "persistence_timeout invalid")
            }),
            "Seconds for which a client comes back to the same real server; 360 without a value.",
        )
        .args("[SECONDS]")
        .default("off"),
        later("persistence_granularity", WORD, "Mask that makes several clients one.")
            .args("MASK|LENGTH")
            .default("every client for itself"),
        later("persistence_engine", WORD, "Engine that finds out who is the same client, such as sip.")
            .args("NAME")
            .default("none"),
        later("ops", Takes::Nothing, "Schedules every packet anew; UDP only."),
        later("flag-1", Takes::Nothing, "First switch of the scheduler."),
        later("flag-2", Takes::Nothing, "Second switch of the scheduler."),
        later("flag-3", Takes::Nothing, "Third switch of the scheduler."),
        later("sh-port", Takes::Nothing, "Scheduler sh looks at ports as well."),
        later("sh-fallback", Takes::Nothing, "Scheduler sh passes over servers that are down."),
        later("mh-port", Takes::Nothing, "Scheduler mh looks at ports as well."),
        later("mh-fallback", Takes::Nothing, "Scheduler mh passes over servers that are down."),
        later("hashed", Takes::Nothing, "Has no effect any more."),
        later("ha_suspend", Takes::Nothing, "Checkers rest while the address is not on this machine."),
        later("alpha", Takes::Nothing, "Real servers are down until their checkers have succeeded."),
        later("omega", Takes::Nothing, "Stopping is told to scripts like a failure."),
        later(
            "quorum",
            Takes::Integer(lenient(1, U32, "Quorum {v} must be in [1, 4294967295]. Setting to 1.")),
            "Total weight that has to be alive.",
        )
        .default("1"),
        later(
            "hysteresis",
            Takes::Integer(lenient(0, U32, "Hysteresis {v} must be in [0, 4294967295] - ignoring")),
            "How far above the quorum it is gained and below it is lost.",
        )
        .default("0"),
        later("quorum_up", Takes::Command(Miss::Fatal), "Script for a gained quorum.")
            .args("COMMAND [USER [GROUP]]")
            .default("none"),
        later("quorum_down", Takes::Command(Miss::Fatal), "Script for a lost quorum.")
            .args("COMMAND [USER [GROUP]]")
            .default("none"),
        later(
            "weight",
            Takes::Integer(lenient(1, I32, "Virtual server weight {v} is outside range 1-2147483647")),
            "Weight of real servers that name none.",
        )
        .default("1"),
        later(
            "delay_loop",
            any_seconds(1, "virtual server delay loop '{v}' invalid - ignoring"),
            "Seconds between checks.",
        )
        .default("60"),
        later(
            "connect_timeout",
            seconds(1, MICROS_MAX, "virtual server connect_timeout {v} invalid - ignoring"),
            "Seconds a check waits for an answer.",
        )
        .default("5"),
        later(
            "retry",
            Takes::Integer(strict(1, U32, "retry value invalid - {v}")),
            "Failures that are forgiven.",
        )
        .default("the checker's own"),
        later(
            "delay_before_retry",
            any_seconds(0, "virtual server delay before retry '{v}' invalid - ignoring"),
            "Seconds before the next attempt.",
        )
        .default("the checker's own"),
        later(
            "warmup",
            any_seconds(0, "virtual server warmup '{v}' invalid - ignoring"),
            "Most seconds before the first check.",
        )
        .default("delay_loop"),
        later(
            "inhibit_on_failure",
            Takes::Nothing,
            "Real servers that are down get weight zero instead of leaving.",
        ),
        later(
            "smtp_alert",
            Takes::Bool { bad: "Invalid virtual_server smtp_alert parameter {v}" },
            "Mail about the quorum.",
        )
        .default("smtp_alert_checker, then smtp_alert, then off"),
        later(
            "virtualhost",
            Takes::Words(Miss::Says("virtual server virtualhost missing")),
            "Host header of HTTP checks.",
        )
        .args("NAME")
        .default("none"),
        later(
            "snmp_name",
            Takes::Words(Miss::Says("virtual server snmp_name missing or extra parameters")),
            "Name of the service for SNMP.",
        )
        .args("NAME")
        .default("none"),
        later("real_server", Takes::Block(&REAL_SERVER, Miss::Fatal), "Somebody who does the work.")
            .args("IP [PORT]"),
        later("sorry_server", WORD, "Address and port of the server of last resort.")
            .args("IP [PORT]")
            .default("none"),
        later(
            "sorry_server_inhibit",
            Takes::Nothing,
            "Keeps the sorry server in the kernel with weight zero.",
        ),
        later("sorry_server_lvs_method", WORDS, "How packets get to the sorry server.")
            .args("NAT|DR|TUN [TUNNEL]")
            .default("lvs_method"),
    ],
};
