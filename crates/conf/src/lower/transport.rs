//! Where an instance's adverts come from and go to.

use std::net::{IpAddr, Ipv6Addr};

use keepalived_model::vrrp::{Family, OldChecksum, Peer};

use super::context::{Context, Reading};
use super::instance::{Draft, INTERFACE_MAX};
use super::interfaces::Interfaces;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::{Item, Statement};

impl Draft {
    /// Where adverts come from and go to; false if it is another keyword.
    pub fn transport(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let owner = self.name.clone();
        match statement.row.name {
            "mcast_src_ip" | "unicast_src_ip" => {
                // The original marks unicast before it looks at the address.
                self.unicast |= statement.row.name == "unicast_src_ip";
                self.source(cx, statement);
            }
            "mcast_dst_ip" => self.group(cx, statement),
            "unicast_peer" => {
                self.unicast = true;
                for item in statement.items() {
                    self.peer(cx, item);
                }
            }
            "unicast_ttl" => {
                let ttl = cx.integer(statement, &owner).and_then(|n| u8::try_from(n).ok());
                self.unicast_ttl = ttl.or(self.unicast_ttl);
            }
            "unicast_fault_no_peer" => self.fault_no_peer = true,
            "check_unicast_src" => {
                self.check_unicast_src = true;
                self.unicast = true;
            }
            "track_src_ip" => self.track_source = true,
            "old_unicast_checksum" => self.old_unicast_checksum(cx, statement),
            "v3_checksum_as_v2" => {
                self.checksum_as_v2 = cx.boolean(statement, &owner).or(self.checksum_as_v2);
            }
            "kernel_rx_buf_size" => self.receive_buffer(cx, statement),
            _ => return false,
        }
        true
    }

    /// The name of a routing domain, for an instance without interface.
    pub fn vrf(&mut self, cx: &mut Context<'_>, known: &mut Interfaces, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(name) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        let complaint = if self.interface.is_some() {
            format!("({owner}) Cannot specify VRF interface and interface - ignoring")
        } else if name.len() > INTERFACE_MAX {
            format!("({owner}) VRF interface name '{name}' too long - ignoring")
        } else {
            let unknown = |name: &str| format!("({owner}) WARNING - VRF interface {name} doesn't exist");
            match known.find(cx, &place, name, unknown) {
                Some(found) if found.loopback => {
                    format!("({owner}) cannot use a loopback interface ({name}) for VRF - ignoring")
                }
                Some(_) => {
                    self.vrf = Some(name.to_owned());
                    return;
                }
                None => return,
            }
        };
        cx.say(&place, Class::General, complaint);
    }

    fn old_unicast_checksum(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = &self.name;
        self.unicast = true;
        self.old_checksum = match statement.word(1) {
            None => OldChecksum::Always,
            Some("never") => OldChecksum::Never,
            Some(mode) => {
                let place = cx.place(statement, 1);
                let text = format!("({owner}) Unknown old_unicast_chksum mode {mode} - ignoring");
                return cx.say(&place, Class::General, text);
            }
        };
    }

    /// Bytes, exactly one word.
    fn receive_buffer(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(word) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        let bad = format!("({owner}) invalid kernel_rx_buf_size specified");
        if statement.word(2).is_some() {
            return cx.say(&place, Class::General, bad);
        }
        let how = Reading { range: Range { min: 0, max: i64::from(u32::MAX) }, lenient: false };
        let Some(bytes) = cx.number_word(&place, word, how, Some(bad)).and_then(|n| u32::try_from(n).ok())
        else {
            return;
        };
        self.receive_buffer = Some(bytes).filter(|bytes| *bytes > 0);
    }

    fn source(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(word) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        // What follows a dash or a slash is cut off silently (`spec` config 3.12).
        let bare = word.split(['-', '/']).next().unwrap_or(word);
        let complaint = match bare.parse::<IpAddr>() {
            Err(_) => format!("malformed src address[{word}]. Skipping..."),
            Ok(ip) if *self.family.get_or_insert(Family::of(ip)) != Family::of(ip) => {
                format!("and src address[{word}] MUST be of the same family !!! Skipping...")
            }
            Ok(ip) => {
                self.source = Some(ip);
                return;
            }
        };
        cx.say(&place, Class::General, format!("Configuration error: VRRP instance[{owner}] {complaint}"));
    }

    fn group(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let owner = self.name.clone();
        let Some(word) = cx.word(statement, &owner) else { return };
        let place = cx.place(statement, 1);
        let complaint = match word.parse::<IpAddr>() {
            Err(_) => format!("malformed mcast dest address {word}. Skipping..."),
            Ok(ip) if self.family.is_some_and(|family| family != Family::of(ip)) => {
                format!("mcast dest address {word} MUST match VRRP instance family. Skipping...")
            }
            Ok(ip) => {
                // Also of one that is of no use otherwise.
                self.family = Some(Family::of(ip));
                match ip {
                    IpAddr::V4(v4) if !v4.is_multicast() => {
                        format!("mcast_dst_ip {word} not multicast. Skipping...")
                    }
                    IpAddr::V6(v6) if !is_link_local_group(v6) => {
                        format!("mcast_dst_ip {word} not link-local multicast. Skipping...")
                    }
                    _ => {
                        self.group = Some(ip);
                        return;
                    }
                }
            }
        };
        cx.say(&place, Class::General, format!("({owner}) {complaint}"));
    }

    fn peer(&mut self, cx: &mut Context<'_>, item: &Item<'_>) {
        let owner = self.name.clone();
        let Some(first) = item.words.first() else { return };
        let word = first.text;
        let place = cx.item_place(item, 0);
        // A prefix length is cut off silently.
        let bare = word.split('/').next().unwrap_or(word);
        let complaint = match bare.parse::<IpAddr>() {
            Err(_) => format!("malformed unicast peer address[{word}]. Skipping..."),
            Ok(ip) if *self.family.get_or_insert(Family::of(ip)) != Family::of(ip) => {
                format!("and unicast peer address[{word}] MUST be of the same family !!! Skipping...")
            }
            Ok(ip) if self.peers.iter().any(|peer| peer.address == ip) => {
                return cx.say(&place, Class::General, format!("({owner}) {word} - duplicate unicast_peer"));
            }
            Ok(ip) => {
                let peer = self.peer_options(cx, item, ip.into());
                self.peers.push(peer);
                return;
            }
        };
        cx.say(&place, Class::General, format!("Configuration error: VRRP instance[{owner}] {complaint}"));
    }

    /// `min_ttl` and `max_ttl` of a peer. The first thing that is wrong ends the line.
    fn peer_options(&mut self, cx: &mut Context<'_>, item: &Item<'_>, mut peer: Peer) -> Peer {
        let owner = self.name.clone();
        let written = item.words.first().map_or("", |word| word.text);
        for (n, pair) in item.words.get(1..).unwrap_or_default().chunks(2).enumerate() {
            let place = cx.item_place(item, 1 + 2 * n);
            let [option, value] = pair else {
                let option = pair.first().map_or("", |word| word.text);
                let text = format!("({owner}) {written} - {option} is missing a value");
                cx.say(&place, Class::Missing, text);
                return peer;
            };
            // The original reads the number before it looks at the word.
            let how = Reading { range: Range { min: 0, max: 255 }, lenient: false };
            let value_place = cx.item_place(item, 2 + 2 * n);
            let value =
                cx.number_word(&value_place, value.text, how, None).and_then(|n| u8::try_from(n).ok());
            let Some(value) = value else { return peer };
            match option.text {
                "min_ttl" => peer.ttl_min = value,
                "max_ttl" => peer.ttl_max = value,
                other => {
                    let text = format!("({owner}) {written} - unknown unicast_peer option {other}");
                    cx.say(&place, Class::General, text);
                    return peer;
                }
            }
            self.check_unicast_src = true;
        }
        let Peer { ttl_min: min, ttl_max: max, .. } = peer;
        let place = cx.item_place(item, 1);
        if min > max {
            let text = format!(
                "({owner}) {written} - min_ttl {min} > max_ttl {max} - all packets will be discarded"
            );
            cx.say(&place, Class::General, text);
        }
        peer
    }
}

/// RFC 4291 §2.7, scope 2.
fn is_link_local_group(ip: Ipv6Addr) -> bool {
    let [first, ..] = ip.segments();
    first & 0xff0f == 0xff02
}
