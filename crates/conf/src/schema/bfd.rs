//! Keywords of `bfd_instance` (`spec` config 3.13).

use super::*;

/// Keywords of `bfd_instance`.
pub static BFD_INSTANCE: Table = Table {
    block: "bfd_instance",
    keywords: &[
        later("neighbor_ip", WORD, "Address of the other end.").was(&["neighbour_ip"]).args("ADDRESS"),
        later("source_ip", WORD, "Address of this end.").args("ADDRESS").default("the kernel's choice"),
        later("min_rx", WORD, "Fastest packets we want to hear, in milliseconds.")
            .args("MILLISECONDS")
            .default("10"),
        later("min_tx", WORD, "Fastest packets we want to send, in milliseconds.")
            .args("MILLISECONDS")
            .default("10"),
        later("idle_tx", WORD, "Packets while the session is down, in milliseconds.")
            .args("MILLISECONDS")
            .default("1000"),
        later("multiplier", WORD, "Missed packets that end a session.").args("NUMBER").default("5"),
        later("passive", Takes::Nothing, "Waits for the other end."),
        later("ttl", WORD, "Time to live of packets.")
            .was(&["hoplimit"])
            .args("NUMBER")
            .default("255 for IPv4, 64 for IPv6"),
        later("max_hops", WORD, "Most routers on the way.").args("NUMBER").default("0"),
        later("multihop", WORDS, "Uses the port of RFC 5883.").args("[BOOL]").default("off"),
        later("weight", WORD, "What it does to priorities.").args("WEIGHT [reverse]").default("0"),
        later("vrrp", Takes::Nothing, "Tells the virtual routers only."),
        later("checker", Takes::Nothing, "Tells the checkers only."),
    ],
};
