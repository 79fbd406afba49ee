//! `virtual_server_group` blocks (`spec` lvs 1.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keepalived_model::lvs::{Entry, Family, Group};

use super::port;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::lower::inet;
use crate::tree::{Item, Statement};

/// The last so many bits of an IPv6 address are counted through, no more.
const COUNTED: u32 = 0xffff;

/// A group; nothing if it has no entries left or contradicts itself.
pub(super) fn lower(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Group> {
    let name = cx.word(statement, "")?;
    if statement.word(2).is_some() {
        // The original looks for the words of a line it does not have.
        let text =
            "*** Configuration line starting `***MISSING ***` is missing a parameter at word position 1";
        let note = "a group has one name and nothing else before its brace";
        cx.tell(&cx.place(statement, 2), |d| d.stops(2).note(note), Class::MissingWord, text);
        return None;
    }
    let mut entries = Vec::new();
    for item in statement.items() {
        entries.extend(entry(cx, item, name));
    }
    let end = cx.end_place(statement);
    if entries.is_empty() {
        let text = format!("virtual server group {name} has no entries - removing");
        cx.say(&end, Class::General, text);
        return None;
    }
    let has = |family| entries.iter().any(|entry: &Entry| address_family(entry) == Some(family));
    let bare = entries.iter().any(|entry| matches!(entry, Entry::Mark { family: None, .. }));
    if has(Family::V4) && has(Family::V6) && bare {
        let text = format!(
            "virtual server group {name} cannot have IPv4, IPv6 and fwmark without family - removing"
        );
        cx.say(&end, Class::General, text);
        return None;
    }
    Some(Group { name: name.to_owned(), entries })
}

fn address_family(entry: &Entry) -> Option<Family> {
    match entry {
        Entry::Addresses { first, .. } => Some(Family::of(*first)),
        Entry::Mark { .. } => None,
    }
}

fn entry(cx: &mut Context<'_>, item: &Item<'_>, group: &str) -> Option<Entry> {
    let first = item.words.first()?.text;
    if first == "fwmark" {
        return mark(cx, item, group);
    }
    let place = cx.item_place(item, 0);
    let second = item.words.get(1).map(|word| word.text);
    let port_place = cx.item_place(item, 1);
    let Ok(port) = port(cx, &port_place, second) else {
        let written = second.unwrap_or_default();
        let text = format!("Invalid virtual server group IP address {first} /port/{written} - skipping");
        cx.say(&place, Class::General, text);
        return None;
    };
    let (start, end) = match range(first) {
        Ok(range) => range,
        Err(Bad::Address) => {
            let written = second.map(|port| format!("/port/{port}")).unwrap_or_default();
            let text = format!("Invalid virtual server group IP address {first} {written} - skipping");
            cx.say(&place, Class::General, text);
            return None;
        }
        Err(Bad::Tail(tail)) => {
            let text = format!("Virtual server group range '{first}' has extra characters at end '{tail}'");
            cx.say(&place, Class::General, text);
            return None;
        }
        Err(Bad::TooLarge(end)) => {
            let text = format!("Virtual server group range '{first}' end '{end}' too large");
            cx.say(&place, Class::General, text);
            return None;
        }
        Err(Bad::Says(what)) => {
            cx.say(&place, Class::General, format!("{what} - {first} - skipping"));
            return None;
        }
        Err(Bad::End) => {
            cx.say(&place, Class::General, format!("Invalid range end {first} - skipping"));
            return None;
        }
    };
    Some(Entry::Addresses { first: start, last: end, port })
}

fn mark(cx: &mut Context<'_>, item: &Item<'_>, group: &str) -> Option<Entry> {
    let Some(word) = item.words.get(1).map(|word| word.text) else {
        let text = "*** Configuration line starting `fwmark` is missing a parameter after keyword `fwmark` at word position 2";
        let note = "the daemon does not start with a word missing";
        cx.tell(&cx.item_place(item, 0), |d| d.stops(2).note(note), Class::MissingWord, text);
        return None;
    };
    let place = cx.item_place(item, 1);
    let how = Reading { range: Range { min: 0, max: i64::from(u32::MAX) }, lenient: true };
    let bad = format!("({group}): fwmark '{word}' must be in [0, 4294967295] - ignoring");
    let mark = u32::try_from(cx.number_word(&place, word, how, Some(bad))?).ok()?;
    let family = match item.words.get(2).map(|word| word.text) {
        None => None,
        Some("inet") => Some(Family::V4),
        Some("inet6") => Some(Family::V6),
        Some(other) => {
            let text = format!("({group}): fwmark '{word}' family {other} unknown - ignoring");
            cx.say(&cx.item_place(item, 2), Class::General, text);
            return None;
        }
    };
    Some(Entry::Mark { mark, family })
}

/// What is wrong with an address, a range or a prefix.
enum Bad<'a> {
    Address,
    /// Letters behind the last number.
    Tail(&'a str),
    /// The last number of a short range.
    TooLarge(&'a str),
    /// The end of a long range.
    End,
    Says(&'static str),
}

/// First and last address of `IP`, `IP-END`, `IP-IP` or `IP/LEN`.
fn range(word: &str) -> Result<(IpAddr, IpAddr), Bad<'_>> {
    // A colon anywhere makes it IPv6.
    let family = if word.contains(':') { Family::V6 } else { Family::V4 };
    let start = |text: &str| inet::address(text).filter(|ip| Family::of(*ip) == family).ok_or(Bad::Address);
    if let Some((ip, length)) = word.split_once('/') {
        if length.contains('-') {
            return Err(Bad::Address);
        }
        let first = start(ip)?;
        return prefix(first, length).map(|last| (first, last));
    }
    let Some((ip, end)) = word.split_once('-') else { return start(word).map(|ip| (ip, ip)) };
    let first = start(ip)?;
    let is_long = end.contains(if family == Family::V4 { '.' } else { ':' });
    if is_long {
        let last = end.parse::<IpAddr>().ok().filter(|last| Family::of(*last) == family).ok_or(Bad::End)?;
        if last < first {
            return Err(Bad::Says("Address range end is less than address range start"));
        }
        return Ok((first, at_most(first, last)));
    }
    let (radix, most) = if family == Family::V4 { (10, 255) } else { (16, COUNTED) };
    let unsigned = end.strip_prefix('+').unwrap_or(end);
    let negative = end.starts_with('-');
    let digits = unsigned.trim_start_matches('-');
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (number, tail) = digits.split_at_checked(length).unwrap_or((digits, ""));
    if !tail.is_empty() {
        return Err(Bad::Tail(tail));
    }
    let value = if number.is_empty() { Ok(0) } else { u32::from_str_radix(number, radix) };
    let value = value.ok().filter(|value| *value <= most && !negative).ok_or(Bad::TooLarge(end))?;
    let last = match first {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits((ip.to_bits() & !0xff) | value)),
        IpAddr::V6(ip) => {
            IpAddr::V6(Ipv6Addr::from_bits((ip.to_bits() & !u128::from(COUNTED)) | u128::from(value)))
        }
    };
    if last <= first {
        return Err(Bad::Says("Address range end is not greater than address range start"));
    }
    Ok((first, last))
}

/// Of an IPv6 range the last 16 bits are walked (`spec` lvs 1.1).
fn at_most(first: IpAddr, last: IpAddr) -> IpAddr {
    match (first, last) {
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let end = first.to_bits() | u128::from(COUNTED);
            IpAddr::V6(Ipv6Addr::from_bits(last.to_bits().min(end)))
        }
        _ => last,
    }
}

/// The last address of a prefix. Network and broadcast address belong to it.
fn prefix<'a>(first: IpAddr, length: &str) -> Result<IpAddr, Bad<'a>> {
    let width = if first.is_ipv4() { 32 } else { 128 };
    let length = length.strip_prefix('+').unwrap_or(length);
    let length = length.parse::<u32>().ok().filter(|length| (1..=width).contains(length));
    let length = length.ok_or(Bad::Says("Invalid netmask"))?;
    let mask = u128::MAX.checked_shr(128 - (width - length)).unwrap_or(0);
    let bits = match first {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    if bits & mask != 0 {
        return Err(Bad::Says("Address mask bits not empty"));
    }
    let last = bits | mask;
    Ok(match first {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(last).unwrap_or(u32::MAX))),
        IpAddr::V6(_) => at_most(first, IpAddr::V6(Ipv6Addr::from_bits(last))),
    })
}
