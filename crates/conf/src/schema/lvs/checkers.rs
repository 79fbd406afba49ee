//! Keywords of checkers (`spec` lvs 1.5 and 1.6).

use super::*;

/// Where a check connects to.
pub(super) const CONNECTION: [Keyword; 7] = [
    later("connect_ip", WORD, "Address to connect to; the real server's otherwise.")
        .args("IP")
        .default("the real server's"),
    later(
        "connect_port",
        Takes::Integer(lenient(1, 65535, "Invalid checker connect_port '{v}'")),
        "Port to connect to; the real server's otherwise.",
    )
    .default("the real server's"),
    later("bindto", WORD, "Source address.").args("IP").default("the kernel's choice"),
    later("bind_port", Takes::Integer(lenient(1, 65535, "Invalid checker bind_port '{v}'")), "Source port.")
        .default("the kernel's choice"),
    later("bind_if", WORD, "Interface to go out by.").args("INTERFACE").default("the kernel's choice"),
    later(
        "connect_timeout",
        seconds(1, MICROS_MAX, "connect_timeout {v} invalid - ignoring"),
        "Seconds to wait for an answer.",
    )
    .default("the real server's"),
    later(
        "fwmark",
        Takes::Integer(lenient(0, U32, "Invalid fwmark connection value '{v}'")),
        "Firewall mark of the packets.",
    )
    .default("0"),
];

/// When a check is made and what its failures mean.
pub(super) const GENERAL: [Keyword; 6] = [
    later(
        "retry",
        Takes::Integer(lenient(0, U32, "Invalid retry connection value '{v}'")),
        "Failures that are forgiven.",
    )
    .default("the real server's, then 1 (DNS_CHECK 3, MISC_CHECK 0)"),
    later(
        "delay_before_retry",
        any_seconds(0, "Invalid delay_before_retry connection value '{v}'"),
        "Seconds before the next attempt.",
    )
    .default("the real server's, then 1 (HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop)"),
    later("delay_loop", any_seconds(1, "delay_loop '{v}' is invalid - ignoring"), "Seconds between checks.")
        .default("the real server's"),
    later(
        "warmup",
        any_seconds(0, "Invalid warmup connection value '{v}'"),
        "Most seconds before the first check.",
    )
    .default("the real server's, then delay_loop"),
    later("alpha", Takes::Bool { bad: "Invalid alpha parameter {v}" }, "Is failed until it has succeeded."),
    later(
        "log_all_failures",
        Takes::Bool { bad: "Invalid log_all_failures parameter {v}" },
        "Logs every failure.",
    )
    .default("checker_log_all_failures"),
];

/// The options most checkers have.
pub(super) const COMMON: [Keyword; 13] = join(CONNECTION, GENERAL);

/// Keywords of `TCP_CHECK`.
pub static TCP_CHECK: Table = Table { block: "TCP_CHECK", keywords: &COMMON };

/// Keywords of `PING_CHECK`.
pub static PING_CHECK: Table = Table { block: "PING_CHECK", keywords: &COMMON };

/// Keywords of `SMTP_CHECK`.
pub static SMTP_CHECK: Table = Table { block: "SMTP_CHECK", keywords: &join::<2, 13, 15>(SMTP, COMMON) };

const SMTP: [Keyword; 2] = [
    later("helo_name", Takes::Words(Miss::Says("SMTP_CHECK helo name missing")), "Who we say we are.")
        .args("NAME")
        .default("smtpchecker.keepalived.org"),
    later("host", Takes::Block(&SMTP_HOST, Miss::Fine), "One more host to greet; deprecated."),
];

/// Keywords of `host` in `SMTP_CHECK`.
pub static SMTP_HOST: Table = Table { block: "host", keywords: &COMMON };

/// Keywords of `DNS_CHECK`.
pub static DNS_CHECK: Table = Table { block: "DNS_CHECK", keywords: &join::<2, 13, 15>(DNS, COMMON) };

const DNS: [Keyword; 2] = [
    later("type", WORD, "Type of record to ask for.")
        .args("A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY")
        .default("SOA"),
    later("name", WORD, "Name to ask for.").args("NAME"),
];

/// Keywords of `MISC_CHECK`.
pub static MISC_CHECK: Table = Table { block: "MISC_CHECK", keywords: &join::<4, 6, 10>(MISC, GENERAL) };

const MISC: [Keyword; 4] = [
    later("misc_path", Takes::Command(Miss::Fine), "What to run.").args("COMMAND"),
    later(
        "misc_timeout",
        Takes::Integer(lenient(0, SECONDS_MAX, "Invalid misc_timeout value '{v}'")),
        "Seconds after which a run is ended by force.",
    )
    .default("the virtual server's delay_loop"),
    later("misc_dynamic", Takes::Nothing, "Exit statuses above one are weights."),
    later("user", WORDS, "Who runs it.").args("USER [GROUP]").default("script_user"),
];

/// Keywords of `UDP_CHECK`.
pub static UDP_CHECK: Table = Table { block: "UDP_CHECK", keywords: &join::<4, 13, 17>(UDP, COMMON) };

const UDP: [Keyword; 4] = [
    later(
        "payload",
        Takes::Words(Miss::Says("UDP_CHECK payload requires a payload")),
        "What is sent, in hexadecimal digits.",
    )
    .args("HEX...")
    .default("32 bytes of \"keepalived check - \""),
    later("require_reply", WORDS, "Silence is a failure; which bytes must come back.")
        .args("[HEX...]")
        .default("off"),
    later(
        "min_reply_length",
        Takes::Integer(strict(0, 65535, "UDP_CHECK min length {v} not valid - must be between 0 & 65535")),
        "Fewest bytes of a reply.",
    )
    .default("0"),
    later(
        "max_reply_length",
        Takes::Integer(strict(0, 65535, "UDP_CHECK max length {v} not valid - must be between 0 & 65535")),
        "Most bytes of a reply.",
    )
    .default("255"),
];

/// Keywords of `FILE_CHECK`.
pub static FILE_CHECK: Table = Table {
    block: "FILE_CHECK",
    keywords: &[
        later("track_file", WORD, "Name of a tracked file.").args("NAME"),
        later("weight", WORDS, "Multiplies the number in the file."),
    ],
};

/// Keywords of `BFD_CHECK`.
pub static BFD_CHECK: Table = Table {
    block: "BFD_CHECK",
    keywords: &[
        later("name", WORDS, "Name of a BFD session."),
        later(
            "alpha",
            Takes::Bool { bad: "Invalid alpha parameter {v}" },
            "Is failed until the session is up.",
        ),
    ],
};
