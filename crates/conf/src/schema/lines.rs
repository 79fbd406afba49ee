//! Words of the lines that have a grammar of their own: addresses, routes, rules (`spec` config 3.9–3.11).

use super::Status;

/// The words of one kind of line.
#[derive(Debug)]
pub struct Grammar {
    /// What such a line describes.
    pub line: &'static str,
    /// In the order of the documentation.
    pub words: &'static [LineWord],
}

impl Grammar {
    /// The row of a word, by its name or another spelling.
    pub fn find(&self, word: &str) -> Option<&'static LineWord> {
        self.words.iter().find(|row| row.name == word || row.was.contains(&word))
    }

    /// The word, of these or of others, that this one is a misspelling of, if one is near enough.
    pub(crate) fn meant(&self, word: &str, others: &[&'static str]) -> Option<&'static str> {
        let names =
            self.words.iter().flat_map(|row| std::iter::once(row.name).chain(row.was.iter().copied()));
        crate::suggest::near(word, names.chain(others.iter().copied()))
    }
}

/// One word.
#[derive(Debug)]
pub struct LineWord {
    /// As it is spelt.
    pub name: &'static str,
    /// Other spellings that mean the same.
    pub was: &'static [&'static str],
    /// What has to follow, as the manual writes it; empty where nothing does.
    pub args: &'static str,
    /// How far it is supported.
    pub status: Status,
    /// One sentence for the manual.
    pub doc: &'static str,
}

impl LineWord {
    const fn was(mut self, was: &'static [&'static str]) -> Self {
        self.was = was;
        self
    }

    const fn ignored(mut self) -> Self {
        self.status = Status::AcceptedAndIgnored;
        self
    }
}

const fn word(name: &'static str, args: &'static str, doc: &'static str) -> LineWord {
    LineWord { name, was: &[], args, status: Status::Works, doc }
}

const fn flag(name: &'static str, doc: &'static str) -> LineWord {
    word(name, "", doc)
}

/// Behind the address of an address line.
pub static ADDRESS: Grammar = Grammar {
    line: "address",
    words: &[
        word("dev", "INTERFACE", "Interface that carries it instead of the instance's."),
        word("scope", "NAME|0..255", "Where it is valid; IPv4 only."),
        word("broadcast", "ADDRESS|+|-", "Broadcast address, or how to compute it; IPv4 only.").was(&["brd"]),
        word("label", "NAME", "Label of at most 15 characters; IPv4 only."),
        word("peer", "ADDRESS", "The other end of a point-to-point address."),
        flag("home", "Marks the home address of Mobile IPv6."),
        flag("mngtmpaddr", "Lets the kernel make temporary addresses from it."),
        flag("noprefixroute", "The kernel adds no route for its prefix."),
        flag("autojoin", "The kernel joins the multicast group."),
        flag("-nodad", "Duplicates are looked for before it is used."),
        flag("no_track", "Its removal by others does not matter."),
        word("preferred_lft", "SECONDS|forever", "How long it is preferred as a source; IPv6 only."),
        flag("use_vmac", "Puts it on a VMAC; addresses of instances only."),
        word("track_group", "NAME", "Ties it to a track_group; static addresses only."),
    ],
};

/// A route line, up to its nexthops.
pub static ROUTE: Grammar = Grammar {
    line: "route",
    words: &[
        word("to", "PREFIX|default", "Destination; the word itself may be left out."),
        word("unicast", "PREFIX|default", "A plain route, as without this word."),
        word("local", "PREFIX|default", "Packets are for this machine."),
        word("broadcast", "PREFIX|default", "Packets are sent as broadcasts.").was(&["brd"]),
        word("anycast", "PREFIX|default", "Packets are for this machine."),
        word("multicast", "PREFIX|default", "A multicast route."),
        word("blackhole", "PREFIX|default", "Packets are dropped."),
        word("unreachable", "PREFIX|default", "Packets are refused as unreachable."),
        word("prohibit", "PREFIX|default", "Packets are refused as prohibited."),
        word("throw", "PREFIX|default", "The table is left."),
        word("nat", "PREFIX|default", "No kernel does this any more."),
        word("xresolve", "PREFIX|default", "No kernel does this."),
        flag("inet", "The route is for IPv4."),
        flag("inet6", "The route is for IPv6."),
        word("src", "ADDRESS", "Source address of packets that have none yet."),
        word("from", "PREFIX", "Sources it is for; IPv6 only."),
        word("via", "[inet|inet6] ADDRESS", "The next router.").was(&["gw"]),
        word("or", "ADDRESS", "Old spelling of a second nexthop."),
        word("dev", "INTERFACE", "Interface to leave by.").was(&["oif"]),
        word("table", "NAME|NUMBER", "Routing table; main unless given."),
        word("protocol", "NAME|0..255", "Who made it; keepalived unless given and no_track."),
        word("scope", "NAME|0..255", "How far its destination is; global unless given."),
        word("tos", "NAME|0..255", "Type of service.").was(&["dsfield"]),
        word("metric", "NUMBER", "Lower ones win.").was(&["priority", "preference"]),
        word("realms", "[REALM/]REALM", "Routing realms; IPv4 only."),
        flag("onlink", "The next router counts as a neighbor."),
        word("mtu", "[lock] BYTES", "Largest packet."),
        word("hoplimit", "0..255", "Hop limit of packets."),
        word("advmss", "[lock] BYTES", "Advertised segment size."),
        word("reordering", "[lock] PACKETS", "How much reordering TCP expects."),
        word("window", "BYTES", "Largest window."),
        word("cwnd", "[lock] PACKETS", "Clamp of the congestion window."),
        word("ssthresh", "[lock] PACKETS", "Slow start threshold."),
        word("initcwnd", "PACKETS", "Congestion window of new connections."),
        word("initrwnd", "PACKETS", "Receive window of new connections."),
        word("rtt", "[lock] TIME", "Round trip time, in 1/8 ms or with s or ms."),
        word("rttvar", "[lock] TIME", "Its variance, in 1/4 ms or with s or ms."),
        word("rto_min", "[lock] TIME", "Shortest time to retransmission, in ms or with s or ms."),
        word("quickack", "0|1", "Acknowledges at once."),
        word("fastopen_no_cookie", "0|1", "TCP fast open without a cookie."),
        word("features", "ecn", "Explicit congestion notification."),
        word("congctl", "[lock] NAME", "Congestion control algorithm."),
        word("ttl-propagate", "enabled|disabled", "Whether MPLS hands the time to live on."),
        word("expires", "SECONDS", "When the kernel forgets it; IPv6 only."),
        word("pref", "low|medium|high|0..255", "Preference of a router; IPv6 only."),
        word("encap", "mpls|ip|ip6|ila …", "What packets are wrapped in."),
        word("as", "[to] ADDRESS", "Belongs to MPLS, and does nothing.").ignored(),
        word("vrf", "INTERFACE", "Puts it into the table of this VRF."),
        flag("add", "Only where there is no such route yet."),
        flag("append", "Behind routes that are equal."),
        flag("prepend", "Before routes that are equal; the default."),
        flag("no_track", "Its removal by others does not matter."),
        word("track_group", "NAME", "Ties it to a track_group; static routes only."),
        word("nexthop", "…", "One of several ways; nothing else may follow them."),
    ],
};

/// A nexthop of a route.
pub static NEXTHOP: Grammar = Grammar {
    line: "nexthop",
    words: &[
        word("via", "[inet|inet6] ADDRESS", "The next router."),
        word("dev", "INTERFACE", "Interface to leave by."),
        word("weight", "1..256", "Its share."),
        flag("onlink", "The next router counts as a neighbor."),
        word("encap", "mpls|ip|ip6|ila …", "What packets are wrapped in."),
        word("realms", "[REALM/]REALM", "Routing realms; IPv4 only."),
        word("as", "[to] ADDRESS", "Is refused."),
    ],
};

/// Behind `encap ip`.
pub static ENCAP_IP: Grammar = Grammar {
    line: "encap ip",
    words: &[
        word("id", "NUMBER", "Key of the tunnel."),
        word("dst", "ADDRESS", "The far end."),
        word("src", "ADDRESS", "The near end."),
        word("tos", "NAME|0..255", "Type of service."),
        word("ttl", "0..255", "Time to live."),
        word("flags", "0..65535", "Flags of the tunnel."),
    ],
};

/// Behind `encap ip6`.
pub static ENCAP_IP6: Grammar = Grammar {
    line: "encap ip6",
    words: &[
        word("id", "NUMBER", "Key of the tunnel."),
        word("dst", "ADDRESS", "The far end."),
        word("src", "ADDRESS", "The near end."),
        word("tc", "NAME|0..255", "Traffic class."),
        word("hoplimit", "0..255", "Hop limit."),
        word("flags", "0..65535", "Flags of the tunnel."),
    ],
};

/// A rule line.
pub static RULE: Grammar = Grammar {
    line: "rule",
    words: &[
        word("from", "PREFIX|default", "Sources it is for."),
        word("to", "PREFIX|default", "Destinations it is for."),
        flag("inet", "The rule is for IPv4."),
        flag("inet6", "The rule is for IPv6."),
        flag("not", "Matches what the rest does not."),
        word("table", "NAME|NUMBER", "Table to look the route up in.").was(&["lookup"]),
        word("preference", "NUMBER", "Lower ones are asked first; from 16384 down unless given.")
            .was(&["order", "priority"]),
        word("tos", "NAME|0..255", "Type of service.").was(&["dsfield"]),
        word("fwmark", "NUMBER[/MASK]", "Firewall mark."),
        word("realms", "[REALM/]REALM", "Realms given to packets; IPv4 only."),
        word("suppress_prefixlength", "LENGTH", "Looked up prefixes up to this length do not count.")
            .was(&["sup_pl"]),
        word("suppress_ifgroup", "NAME|NUMBER", "Routes through this group of interfaces do not count.")
            .was(&["sup_group"]),
        word("iif", "INTERFACE", "Interface packets came in by.").was(&["dev"]),
        word("oif", "INTERFACE", "Interface the sender is bound to."),
        word("tunnel-id", "NUMBER", "Key of the tunnel packets came through."),
        word("uidrange", "FIRST-LAST", "Users of the sending socket."),
        flag("l3mdev", "Looks up in the table of the packet's VRF."),
        word("ipproto", "NAME|NUMBER", "Protocol of packets.").was(&["ip_proto"]),
        word("sport", "FIRST[-LAST]", "Source ports."),
        word("dport", "FIRST[-LAST]", "Destination ports."),
        word("protocol", "0..255", "Who made it; keepalived unless given and no_track."),
        word("goto", "PREFERENCE", "Goes on with a later rule."),
        flag("nop", "Does nothing."),
        flag("blackhole", "Drops packets."),
        flag("unreachable", "Refuses packets as unreachable."),
        flag("prohibit", "Refuses packets as prohibited."),
        word("type", "ACTION", "May stand before an action."),
        flag("no_track", "Its removal by others does not matter."),
        word("track_group", "NAME", "Ties it to a track_group; static rules only."),
    ],
};

/// All grammars, for documentation and tests.
pub const GRAMMARS: &[&Grammar] = &[&ADDRESS, &ROUTE, &NEXTHOP, &ENCAP_IP, &ENCAP_IP6, &RULE];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_line_has_a_word_twice_and_every_word_says_something() {
        for grammar in GRAMMARS {
            let mut seen = BTreeSet::new();
            for row in grammar.words {
                assert!(seen.insert(row.name), "{} twice in {}", row.name, grammar.line);
                assert!(row.was.iter().all(|other| seen.insert(other)), "{} twice", row.name);
                assert!(row.doc.ends_with('.') && row.doc.len() > 8, "{}: {}", row.name, row.doc);
            }
        }
    }
}
