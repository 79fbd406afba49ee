//! Keywords of `bfd_instance` (`spec` config 3.13).

use super::*;

/// Milliseconds with three decimals, strictly.
const fn millis(min: i64, bad: &'static str) -> Takes {
    Takes::Decimal { places: 3, number: strict(min, 4_294_967_000, bad) }
}

/// Keywords of `bfd_instance`.
pub static BFD_INSTANCE: Table = Table {
    block: "bfd_instance",
    keywords: &[
        later("neighbor_ip", WORD, "Address of the other end.").was(&["neighbour_ip"]).args("ADDRESS"),
        later("source_ip", WORD, "Address of this end.").args("ADDRESS").default("the kernel's choice"),
        later("min_rx", millis(1000, "Configuration error: BFD instance {o} min_rx value {v} is not valid (must be in range [1-4294967]), ignoring"), "Fastest packets we want to hear, in milliseconds.")
            .default("10"),
        later("min_tx", millis(1000, "Configuration error: BFD instance {o} min_tx value {v} is not valid (must be in range [1-4294967]), ignoring"), "Fastest packets we want to send, in milliseconds.")
            .default("10"),
        later("idle_tx", millis(1000000, "Configuration error: BFD instance {o} idle_tx value {v} is not valid (must be in range [1000-4294967]), ignoring"), "Packets while the session is down, in milliseconds.")
            .default("1000"),
        later("multiplier", Takes::Integer(strict(1, 255, "Configuration error: BFD instance {o} multiplier value {v} not valid (must be in range [1-255]), ignoring")), "Missed packets that end a session.").default("5"),
        later("passive", Takes::Nothing, "Waits for the other end."),
        later("ttl", Takes::Integer(strict(1, 255, "Configuration error: BFD instance {o} ttl/hoplimit value {v} not valid (must be in range [1-255]), ignoring")), "Time to live of packets.")
            .was(&["hoplimit"])
            .default("255 for IPv4, 64 for IPv6"),
        later("max_hops", Takes::Integer(strict(-1, 255, "Configuration error: BFD instance {o} max_hops value {v} not valid (must be in range [-1-255]), ignoring")), "Most routers on the way.").default("0"),
        later("multihop", Takes::Bool { bad: "Configuration error: BFD instance {o} multihop setting not valid - {v}" }, "Uses the port of RFC 5883.").default("off"),
        later("weight", WORD, "What it does to priorities.").args("WEIGHT [reverse]").default("0"),
        later("vrrp", Takes::Nothing, "Tells the virtual routers only."),
        later("checker", Takes::Nothing, "Tells the checkers only."),
    ],
};
