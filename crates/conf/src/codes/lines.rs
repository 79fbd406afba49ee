//! Address, route and rule lines, which are read word by word: `KA025x`.

use super::{Code, Severity};

pub(super) const CODES: &[Code] = &[
    Code {
        number: 250,
        name: "unknown-line-word",
        severity: Severity::Error,
        title: "a line has a word that means nothing there",
        says: &[
            "unknown route keyword {}",
            "Unknown rule option {}",
            "Unknown configuration entry '{}' for ip address - ignoring",
            "Route has trailing nonsense - {}",
            "Route has trailing nonsense after nexthops - {}",
        ],
        why: "Address, route and rule lines have words of their own, much as those of ip(8), and each line stands for \
              itself: it cannot be continued on the next one.",
        does: "A route or a rule is left out; an address is kept without the word.",
        fix: "Correct the word, or see the words of such lines in the manual page.",
        example: "virtual_routes {\n    10.1.0.0/16 via 10.0.0.1 dev eth0 table 100\n}",
    },
    Code {
        number: 251,
        name: "incomplete-line",
        severity: Severity::Error,
        title: "a route without destination, or a rule without action",
        says: &["Route must have a destination", "No action specified for rule - ignoring"],
        why: "There is nothing to ask of the kernel without it.",
        does: "The line is left out.",
        fix: "Name a prefix or default in a route; table, goto, nop, blackhole, unreachable or prohibit in a rule.",
        example: "from 10.0.0.5 table 100 priority 500",
    },
    Code {
        number: 252,
        name: "mixed-families",
        severity: Severity::Error,
        title: "IPv4 and IPv6 in one line",
        says: &[
            "Cannot mix IPv4 and IPv6 addresses for route",
            "Cannot mix IPv4 and IPv6 addresses for route ({})",
            "rule specification has mixed IPv4 and IPv6",
            "Address family mismatch for next hop",
            "IPv4/6 mismatch for nexthop",
        ],
        why: "A route or a rule belongs to one family. \"default\" is of the family of what stands behind it, never of \
              what stands before it.",
        does: "The route, rule or nexthop is left out.",
        fix: "Write addresses of one family, and the destination first.",
        example: "default via fe80::1 dev eth0",
    },
    Code {
        number: 253,
        name: "no-preference",
        severity: Severity::Warning,
        title: "a rule without preference",
        says: &["Rule has no preference specified - setting to {}. This is probably not what you want."],
        why: "The order of rules decides what they do. Numbers that are given out count down from 16384 in the order \
              of the file, so a new line changes none of those before it but comes before all of them.",
        does: "The rule gets the preference that is named.",
        fix: "Give every rule a preference of its own.",
        example: "from 10.0.0.5 table 100 priority 500",
    },
    Code {
        number: 254,
        name: "static-without-interface",
        severity: Severity::Error,
        title: "a static address has no interface to be put on",
        says: &["Static address {} requires either an interface or default interface must exist"],
        why: "Static addresses belong to no instance whose interface they could take.",
        does: "The daemon does not start.",
        fix: "Name the interface with dev, or with default_interface in global_defs.",
        example: "static_ipaddress {\n    10.0.0.5/24 dev eth0\n}",
    },
];
