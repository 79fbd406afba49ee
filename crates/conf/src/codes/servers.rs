//! Virtual servers, and what this version is.

use super::{Code, Severity};

pub(super) const CODES: &[Code] = &[
    Code {
        number: 501,
        name: "server-default",
        severity: Severity::Warning,
        title: "a virtual server without something it needs",
        says: &[
            "Virtual server {}: no scheduler set, setting default '{}'",
            "Virtual server {}: no forwarding method set, setting default NAT",
            "Virtual server {}: no protocol set - defaulting to UDP",
            "PARSER : unknown [{}] routing method for {} server.",
            "Invalid lvs_scheduler '{}' - ignoring",
        ],
        why: "Where lb_algo, lb_kind or protocol is missing or misspelt, a default takes its place, and packets take \
              another way than expected. NAT needs the answers to come back through this box; DR does not.",
        does: "The default counts: wlc, NAT, UDP.",
        fix: "Write lb_algo (rr, wrr, lc, wlc, sh, ...), lb_kind (NAT, DR or TUN, in capitals) and protocol (TCP, UDP or \
              SCTP).",
        example: "virtual_server 10.0.0.100 80 {\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n}",
    },
    Code {
        number: 502,
        name: "server-ignored",
        severity: Severity::Error,
        title: "a virtual server that is left out",
        says: &[
            "Virtual server {} has no real servers - ignoring",
            "Invalid virtual server IP address/port {} - skipping",
            "Invalid virtual server IP address {} - skipping",
            "Virtual server group {} specified but not configured - ignoring virtual server {}",
            "virtual server group {} has no entries - removing",
            "virtual server {} has no value - ignoring",
        ],
        why: "Nobody answers at its address. Often the real servers were left out because of a mistake in each of them.",
        does: "The virtual server is not there.",
        fix: "Repair its address, its group or its real servers.",
        example: "virtual_server 10.0.0.100 80 {\n    real_server 10.0.0.11 80 {\n    }\n}",
    },
    Code {
        number: 503,
        name: "checker-ignored",
        severity: Severity::Error,
        title: "a health check that never runs",
        says: &[
            "No script path has been specified for MISC_CHECKER - skipping",
            "HTTP/SSL_GET checker has no urls specified - ignoring",
            "HTTP/SSL_GET checker url has no path - ignoring",
            "Failed to set uid/gid for misc checker script {} - removing",
            "No user specified for misc checker script {}",
        ],
        why: "A real server without a check counts as alive for ever, also when it is dead.",
        does: "The real server counts as alive without this check.",
        fix: "Give the check what it lacks.",
        example: "HTTP_GET {\n    url {\n        path /health\n        status_code 200\n    }\n}",
    },
    Code {
        number: 504,
        name: "server-ports",
        severity: Severity::Warning,
        title: "ports or a protocol that do not fit the virtual server",
        says: &[
            "WARNING - virtual server {} ports don't match - resetting",
            "WARNING - fwmark virtual server {}",
            "Warning: Virtual server {}: protocol specified for fwmark - protocol will be ignored",
            "virtual server {} and real server {} ports don't match",
        ],
        why: "Only NAT and tunnels can translate a port. A service by firewall mark takes address, port and protocol from \
              the rule that sets the mark.",
        does: "",
        fix: "Give both the same port, or use lb_kind NAT; for a firewall mark leave port and protocol out.",
        example: "virtual_server fwmark 1 {\n    real_server 10.0.0.11 {\n    }\n}",
    },
    Code {
        number: 901,
        name: "not-supported-yet",
        severity: Severity::Note,
        title: "a keyword without effect in this version",
        says: &[],
        why: "keepalived-rs checks it and does not act on it yet. The original does.",
        does: "The line has no effect.",
        fix: "Stay with the original if your site rests on it, or leave the line for a later version.",
        example: "",
    },
];
