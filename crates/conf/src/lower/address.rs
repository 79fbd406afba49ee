//! Address lines (`spec` config 3.9).

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::kernel::AddressSpec;
use keepalived_model::vrrp::VirtualAddress;

use super::context::{Context, Place, Reading};
use super::interfaces::Interfaces;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::Item;

/// Longest label of an address.
const LABEL_MAX: usize = 15;

/// Reads one line; nothing if the original drops it.
pub(super) fn lower(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    item: &Item<'_>,
    owner: &str,
) -> Option<VirtualAddress> {
    let mut draft = Draft::start(cx, item)?;
    let mut next = 1;
    while let Some(word) = item.words.get(next) {
        let option = word.text;
        let place = cx.item_place(item, next);
        next += 1;
        if draft.flag(cx, &place, option, owner) {
            continue;
        }
        if !VALUED.contains(&option) {
            let text = format!("Unknown configuration entry '{option}' for ip address - ignoring");
            cx.say(&place, Class::General, text);
            continue;
        }
        let Some(value) = item.words.get(next).map(|word| word.text) else {
            let text = format!("No {option} parameter specified for {}", draft.name);
            cx.say(&place, Class::Missing, text);
            return None;
        };
        let place = cx.item_place(item, next);
        next += 1;
        if !draft.option(cx, known, &place, option, value) {
            return None;
        }
    }
    Some(draft.finish(cx, item))
}

/// Options that take a value.
const VALUED: &[&str] = &["dev", "scope", "broadcast", "brd", "label", "peer", "preferred_lft"];

struct Draft {
    /// As messages call it: without its prefix.
    name: String,
    address: VirtualAddress,
    /// A prefix length was written.
    prefix: bool,
    /// `+` or `-`, to be applied once everything is known.
    broadcast: Option<char>,
}

impl Draft {
    fn start(cx: &mut Context<'_>, item: &Item<'_>) -> Option<Self> {
        let word = item.words.first()?.text;
        let place = cx.item_place(item, 0);
        let (name, length) = word.split_once('/').map_or((word, None), |(name, length)| (name, Some(length)));
        let Ok(ip) = name.parse::<IpAddr>() else {
            cx.say(&place, Class::General, format!("VRRP parsed invalid IP {word}. skipping IP..."));
            return None;
        };
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let prefix_len = match length {
            None => most,
            // An empty length is zero (`spec` config 3.9).
            Some("") => 0,
            Some(length) => {
                let how = Reading { range: Range { min: 0, max: i64::from(most) }, lenient: false };
                let bad = format!("Invalid address prefix len {length} for address {word} - using {most}");
                let read = cx.number_word(&place, length, how, Some(bad));
                read.and_then(|length| u8::try_from(length).ok()).unwrap_or(most)
            }
        };
        let address =
            VirtualAddress { ip, prefix_len, interface: None, spec: AddressSpec::default(), no_track: false };
        Some(Self { name: name.to_owned(), address, prefix: length.is_some(), broadcast: None })
    }

    /// A word without a value; false if it is none.
    fn flag(&mut self, cx: &mut Context<'_>, place: &Place, option: &str, owner: &str) -> bool {
        match option {
            "no_track" => self.address.no_track = true,
            "home" | "mngtmpaddr" | "noprefixroute" | "autojoin" | "-nodad" | "use_vmac" => {
                cx.cannot_in(place, owner, option, &format!("{option} of address {}", self.name));
            }
            _ => return false,
        }
        true
    }

    /// An option with its value; false drops the address.
    fn option(
        &mut self,
        cx: &mut Context<'_>,
        known: &mut Interfaces,
        place: &Place,
        option: &str,
        value: &str,
    ) -> bool {
        let name = self.name.clone();
        let ipv4 = self.address.ip.is_ipv4();
        match option {
            "dev" => {
                if self.address.interface.is_some() {
                    let text = format!("Cannot specify ipaddress device more than once for {name}");
                    cx.say(place, Class::General, text);
                    return false;
                }
                let unknown = |interface: &str| {
                    format!("WARNING - interface {interface} for ip address {name} doesn't exist")
                };
                if known.find(cx, place, value, unknown).is_none() {
                    return false;
                }
                self.address.interface = Some(value.to_owned());
            }
            "scope" if !ipv4 => {
                let text = format!("Cannot specify scope for IPv6 addresses ({name}) - ignoring scope");
                cx.say(place, Class::General, text);
            }
            "scope" => match scope(value) {
                Some(scope) => self.address.spec.scope = scope,
                None => {
                    let text = format!("Invalid scope '{value}' specified for {name} - ignoring");
                    cx.say(place, Class::General, text);
                }
            },
            "label" if !ipv4 => {
                let text = format!("Cannot specify label for IPv6 addresses ({name}) - ignoring label");
                cx.say(place, Class::General, text);
            }
            "label" if value.len() > LABEL_MAX => {
                let text =
                    format!("Address label {value} is longer than maximum length 15 - removing address");
                cx.say(place, Class::General, text);
                return false;
            }
            "label" => self.address.spec.label = Some(value.to_owned()),
            "peer" => self.peer(cx, place, value),
            "broadcast" | "brd" => return self.broadcast(cx, place, option, value),
            "preferred_lft" if value != "forever" => {
                let how = Reading { range: Range { min: 0, max: i64::from(u32::MAX) }, lenient: false };
                cx.number_word(place, value, how, Some(format!("preferred_lft {value} is invalid")));
            }
            _ => {}
        }
        true
    }

    fn peer(&mut self, cx: &mut Context<'_>, place: &Place, value: &str) {
        if self.address.spec.peer.is_some() {
            let text = format!("Peer {value} - another peer has already been specified");
            cx.say(place, Class::General, text);
            let text = format!("Unknown configuration entry '{value}' for ip address - ignoring");
            cx.say(place, Class::General, text);
            return;
        }
        match value.parse::<IpAddr>() {
            Ok(peer) if peer.is_ipv4() == self.address.ip.is_ipv4() => {
                if self.prefix {
                    let text = "Cannot specify address prefix when specifying peer address - ignoring";
                    cx.say(place, Class::General, text);
                }
                self.address.prefix_len = if peer.is_ipv4() { 32 } else { 128 };
                self.address.spec.peer = Some(peer);
            }
            Ok(_) => {
                cx.say(place, Class::General, format!("Peer address {value} does not match address family"));
            }
            Err(_) => {
                cx.say(place, Class::General, format!("VRRP parsed invalid IP {value}. skipping IP..."));
                cx.say(place, Class::General, format!("Invalid peer address {value}"));
            }
        }
    }

    /// False drops the address.
    fn broadcast(&mut self, cx: &mut Context<'_>, place: &Place, option: &str, value: &str) -> bool {
        if self.address.ip.is_ipv6() {
            let text = format!(
                "VRRP is trying to assign a broadcast {option} to the IPv6 address {} !!?? WTF... skipping VIP...",
                self.name
            );
            cx.say(place, Class::General, text);
            return false;
        }
        match (value, value.parse::<Ipv4Addr>()) {
            ("+", _) => self.broadcast = Some('+'),
            ("-", _) => self.broadcast = Some('-'),
            (_, Ok(broadcast)) => self.address.spec.broadcast = Some(broadcast),
            (_, Err(_)) => {
                let text = format!("VRRP is trying to assign invalid broadcast {value}. skipping VIP...");
                cx.say(place, Class::General, text);
                return false;
            }
        }
        true
    }

    fn finish(mut self, cx: &mut Context<'_>, item: &Item<'_>) -> VirtualAddress {
        let place = cx.item_place(item, 0);
        if let (Some(sign), IpAddr::V4(ip)) = (self.broadcast, self.address.ip) {
            let length = self.address.prefix_len;
            if length > 30 {
                let text = format!("Address prefix length {length} too long for broadcast");
                cx.say(&place, Class::General, text);
            } else {
                let hosts = u32::MAX >> length;
                let bits = if sign == '+' { ip.to_bits() | hosts } else { ip.to_bits() & !hosts };
                self.address.spec.broadcast = Some(Ipv4Addr::from_bits(bits));
            }
        }
        if self.address.spec.peer.is_some() && self.address.spec.broadcast.take().is_some() {
            let text = "Cannot specify broadcast and peer addresses - ignoring broadcast address";
            cx.say(&place, Class::General, text);
        }
        self.address
    }
}

/// The names of iproute2, or a number.
fn scope(word: &str) -> Option<u8> {
    Some(match word {
        "global" | "universe" => 0,
        "site" => 200,
        "link" => 253,
        "host" => 254,
        "nowhere" => 255,
        number => return number.parse().ok(),
    })
}
