//! Keywords of `real_server` (`spec` lvs 1.3).

use super::*;

/// Keywords of `real_server`.
pub static REAL_SERVER: Table = Table {
    block: "real_server",
    keywords: &[
        later(
            "weight",
            Takes::Integer(lenient(0, I32, "Real server weight {v} is outside range 0-2147483647")),
            "Its share of the work.",
        )
        .default("the virtual server's"),
        later("lvs_method", WORD, "How packets get there: NAT, DR or TUN.")
            .args("NAT|DR|TUN [TUNNEL]")
            .default("the virtual server's"),
        later(
            "uthreshold",
            Takes::Integer(lenient(0, U32, "Invalid real_server uthreshold '{v}' - ignoring")),
            "Connections above which it gets no new ones.",
        )
        .default("no limit"),
        later(
            "lthreshold",
            Takes::Integer(lenient(0, U32, "Invalid real_server lthreshold '{v}' - ignoring")),
            "Connections below which it gets new ones again.",
        )
        .default("the kernel's choice"),
        later(
            "inhibit_on_failure",
            Takes::Bool { bad: "Invalid inhibit_on_failure parameter {v}" },
            "Gets weight zero instead of leaving while it is down.",
        )
        .default("the virtual server's"),
        later(
            "alpha",
            Takes::Bool { bad: "Invalid alpha parameter {v}" },
            "Is down until its checkers have succeeded.",
        )
        .default("the virtual server's"),
        later("notify_up", Takes::Command(Miss::Fatal), "Script for the way up.")
            .args("COMMAND [USER [GROUP]]")
            .default("none"),
        later("notify_down", Takes::Command(Miss::Fatal), "Script for the way down.")
            .args("COMMAND [USER [GROUP]]")
            .default("none"),
        later(
            "connect_timeout",
            seconds(1, MICROS_MAX, "real server connect_timeout {v} invalid - ignoring"),
            "Seconds a check waits for an answer.",
        )
        .default("the virtual server's"),
        later(
            "delay_loop",
            any_seconds(1, "real server delay_loop '{v}' invalid - ignoring"),
            "Seconds between checks.",
        )
        .default("the virtual server's"),
        later(
            "retry",
            Takes::Integer(strict(1, U32, "retry value invalid - {v}")),
            "Failures that are forgiven.",
        )
        .default("the virtual server's"),
        later(
            "delay_before_retry",
            any_seconds(0, "real server delay_before_retry '{v}' invalid - ignoring"),
            "Seconds before the next attempt.",
        )
        .default("the virtual server's"),
        later(
            "warmup",
            any_seconds(0, "real server warmup '{v}' invalid - ignoring"),
            "Most seconds before the first check.",
        )
        .default("the virtual server's"),
        later(
            "smtp_alert",
            Takes::Bool { bad: "Invalid real_server smtp_alert parameter {v}" },
            "Mail when it goes up or down.",
        )
        .default("smtp_alert_checker, then smtp_alert, then on"),
        later(
            "virtualhost",
            Takes::Words(Miss::Says("real server virtualhost missing")),
            "Host header of HTTP checks.",
        )
        .args("NAME")
        .default("the virtual server's"),
        later(
            "snmp_name",
            Takes::Words(Miss::Says("real server snmp_name missing or extra parameters")),
            "Name of the real server for SNMP.",
        )
        .args("NAME")
        .default("none"),
        later("TCP_CHECK", Takes::Block(&TCP_CHECK, Miss::Fine), "Opens a connection."),
        later("HTTP_GET", Takes::Block(&HTTP_GET, Miss::Fine), "Gets documents."),
        later("SSL_GET", Takes::Block(&SSL_GET, Miss::Fine), "Gets documents over TLS."),
        later("SMTP_CHECK", Takes::Block(&SMTP_CHECK, Miss::Fine), "Greets a mail server."),
        later("DNS_CHECK", Takes::Block(&DNS_CHECK, Miss::Fine), "Asks a name server."),
        later("MISC_CHECK", Takes::Block(&MISC_CHECK, Miss::Fine), "Runs a program."),
        later("UDP_CHECK", Takes::Block(&UDP_CHECK, Miss::Fine), "Sends a datagram."),
        later("PING_CHECK", Takes::Block(&PING_CHECK, Miss::Fine), "Sends an echo request."),
        later("FILE_CHECK", Takes::Block(&FILE_CHECK, Miss::Fine), "Follows the number in a tracked file."),
        later("BFD_CHECK", Takes::Block(&BFD_CHECK, Miss::Fine), "Follows a BFD session."),
    ],
};
