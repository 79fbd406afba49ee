//! Keywords of `bfd_instance` (`spec` config 3.13).

use super::*;

/// Keywords of `bfd_instance`.
pub static BFD_INSTANCE: Table = Table {
    block: "bfd_instance",
    keywords: &[
        later("neighbor_ip", WORD, "Address of the other end.").was(&["neighbour_ip"]),
        later("source_ip", WORD, "Address of this end."),
        later("min_rx", WORD, "Fastest packets we want to hear, in milliseconds."),
        later("min_tx", WORD, "Fastest packets we want to send, in milliseconds."),
        later("idle_tx", WORD, "Packets while the session is down, in milliseconds."),
        later("multiplier", WORD, "Missed packets that end a session."),
        later("passive", Takes::Nothing, "Waits for the other end."),
        later("ttl", WORD, "Time to live of packets.").was(&["hoplimit"]),
        later("max_hops", WORD, "Most routers on the way."),
        later("multihop", WORDS, "Uses the port of RFC 5883."),
        later("weight", WORD, "What it does to priorities."),
        later("vrrp", Takes::Nothing, "Tells the virtual routers only."),
        later("checker", Takes::Nothing, "Tells the checkers only."),
    ],
};
