//! Where an instance's adverts come from and go to.

use std::net::IpAddr;

use keepalived_model::vrrp::Family;

use super::context::{Context, Reading};
use super::instance::Draft;
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
            _ => return false,
        }
        true
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
            Ok(ip) if !ip.is_multicast() => format!("mcast_dst_ip {word} not multicast. Skipping..."),
            Ok(ip) => {
                self.family = Some(Family::of(ip));
                self.group = Some(ip);
                return;
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
                self.peers.push(ip.into());
                return self.peer_options(cx, item, word);
            }
        };
        cx.say(&place, Class::General, format!("Configuration error: VRRP instance[{owner}] {complaint}"));
    }

    /// `min_ttl` and `max_ttl` of a peer: checked, not acted upon.
    fn peer_options(&mut self, cx: &mut Context<'_>, item: &Item<'_>, peer: &str) {
        let owner = self.name.clone();
        let mut limits = [None, None];
        for (n, pair) in item.words.get(1..).unwrap_or_default().chunks(2).enumerate() {
            let place = cx.item_place(item, 1 + 2 * n);
            let [option, value] = pair else {
                let option = pair.first().map_or("", |word| word.text);
                return cx.say(
                    &place,
                    Class::Missing,
                    format!("({owner}) {peer} - {option} is missing a value"),
                );
            };
            // The original reads the number before it looks at the word.
            let how = Reading { range: Range { min: 0, max: 255 }, lenient: false };
            let value_place = cx.item_place(item, 2 + 2 * n);
            let Some(value) = cx.number_word(&value_place, value.text, how, None) else { return };
            let slot = match option.text {
                "min_ttl" => 0,
                "max_ttl" => 1,
                other => {
                    let text = format!("({owner}) {peer} - unknown unicast_peer option {other}");
                    return cx.say(&place, Class::General, text);
                }
            };
            if let Some(limit) = limits.get_mut(slot) {
                *limit = Some(value);
            }
            self.check_unicast_src = true;
        }
        let place = cx.item_place(item, 1);
        if let [Some(min), Some(max)] = limits
            && min > max
        {
            let text =
                format!("({owner}) {peer} - min_ttl {min} > max_ttl {max} - all packets will be discarded");
            cx.say(&place, Class::General, text);
        }
        if limits != [None, None] {
            let what = format!("a TTL limit of unicast_peer {peer}");
            cx.cannot_in(&place, &owner, "TTL limit of unicast_peer", &what);
        }
    }
}
