//! What instances inherit.

use std::net::IpAddr;

use keepalived_model::global::vrrp::{AdvertBuffer, Buffer, Buffers};
use keepalived_model::time::Micros;
use keepalived_model::vrrp::{Garp, Version};

use super::{Effect, Globals, flag, on, time, whole};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::lower::garp;
use crate::tree::Statement;

/// From here on a start that waits is worth a line.
const STARTUP_DELAY_LARGE: Micros = Micros::from_secs(60);
/// From here on a gap between announcements is worth a line.
const INTERVAL_LARGE: Micros = Micros::from_secs(1);

/// `vrrp_rx_bufs_policy`, which adds up over lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BufferPolicy {
    mtu: bool,
    advert: bool,
    bytes: Option<u32>,
}

impl Globals {
    pub(super) fn vrrp_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        if self.garp.global(cx, statement) {
            return Effect::Asked;
        }
        let vrrp = &mut self.model.vrrp;
        match statement.row.name {
            "vrrp_lower_prio_no_advert" => return flag(cx, statement, &mut vrrp.lower_prio_no_advert),
            "vrrp_higher_prio_send_advert" => return flag(cx, statement, &mut vrrp.higher_prio_send_advert),
            "vrrp_skip_check_adv_addr" => return flag(cx, statement, &mut vrrp.skip_check_adv_addr),
            "vrrp_strict" => return flag(cx, statement, &mut vrrp.strict),
            "vrrp_check_unicast_src" => return on(&mut vrrp.check_unicast_src),
            "v3_checksum_as_v2" => return on(&mut vrrp.v3_checksum_as_v2),
            "vrrp_owner_ignore_adverts" => return flag(cx, statement, &mut vrrp.owner_ignore_adverts),
            "vrrp_notify_priority_changes" => return flag(cx, statement, &mut vrrp.notify_priority_changes),
            "log_unknown_vrids" => return on(&mut vrrp.log_unknown_vrids),
            "vrrp_version" => match cx.integer(statement, "") {
                Some(3) => vrrp.version = Version::V3,
                Some(_) => vrrp.version = Version::V2,
                None => {}
            },
            "vrrp_mcast_group4" | "vrrp_mcast_group6" => return self.multicast_group(cx, statement),
            "vrrp_down_timer_adverts" => {
                vrrp.down_timer_adverts = whole(cx, statement).unwrap_or(vrrp.down_timer_adverts);
            }
            "vrrp_garp_interval" => {
                self.garp_interval = interval(cx, statement).unwrap_or(self.garp_interval);
            }
            "vrrp_gna_interval" => {
                self.gna_interval = interval(cx, statement).unwrap_or(self.gna_interval);
            }
            "vrrp_garp_extra_if" => {
                if let Some(old) = statement.word(0).filter(|word| *word != statement.row.name) {
                    let text = format!("Keyword \"{old}\" is deprecated - please use \"vrrp_garp_extra_if\"");
                    cx.say(&cx.place(statement, 0), Class::Deprecated, text);
                }
                self.garp_extra = garp::extra_interfaces(cx, statement, "").flatten().or(self.garp_extra);
                // Said there.
                return Effect::None;
            }
            "vrrp_startup_delay" => {
                self.startup_delay = delay(cx, statement).unwrap_or(self.startup_delay);
            }
            "vrrp_delay_after_boot" => match delay(cx, statement) {
                Some(delay) => vrrp.delay_after_boot = delay,
                None => return Effect::None,
            },
            "vmac_prefix" => return prefix(cx, statement, "vmac", &mut self.vmac_prefix),
            "vmac_addr_prefix" => return prefix(cx, statement, "vmac_addr", &mut self.vmac_addr_prefix),
            "vrrp_rx_bufs_policy" => return self.buffers.read(cx, statement),
            "vrrp_rx_bufs_multiplier" if statement.word(2).is_some() => {
                let place = cx.place(statement, 2);
                cx.say(&place, Class::General, "Invalid vrrp_rx_bufs_multiplier");
                return Effect::None;
            }
            "vrrp_rx_bufs_multiplier" => {
                vrrp.buffers.adverts_multiplier = whole(cx, statement).or(vrrp.buffers.adverts_multiplier);
            }
            name => return buffer(cx, statement, buffer_of(&mut vrrp.buffers, name)),
        }
        Effect::Asked
    }

    fn multicast_group(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let Some(word) = cx.word(statement, "") else { return Effect::None };
        let vrrp = &mut self.model.vrrp;
        let name = statement.row.name;
        let four = name == "vrrp_mcast_group4";
        // A prefix length is overlooked.
        let address = word.split('/').next().unwrap_or(word).parse::<IpAddr>();
        let complaint = match address {
            Ok(IpAddr::V4(group)) if four && group.is_multicast() => {
                vrrp.group4 = group;
                return Effect::Asked;
            }
            Ok(IpAddr::V6(group)) if !four && group.is_multicast() => {
                vrrp.group6 = group;
                if group.segments().first().is_some_and(|s| s & 0xff0f == 0xff02) {
                    return Effect::Asked;
                }
                format!("{name} [{word}] should be link-local multicast.")
            }
            Ok(IpAddr::V4(_)) if !four => format!("{name} [{word}] is not IPv6. Skipping"),
            Ok(IpAddr::V6(_)) if four => format!("{name} [{word}] is not IPv4. Skipping"),
            Ok(_) => format!("{name} [{word}] is not multicast. Skipping"),
            Err(_) => format!("Can't parse {name} [{word}]. Skipping"),
        };
        cx.say(&cx.place(statement, 1), Class::General, complaint);
        Effect::None
    }

    pub(super) fn settle_vrrp(&mut self) {
        let vrrp = &mut self.model.vrrp;
        vrrp.garp = Garp { extra: self.garp_extra, ..self.garp.complete(&self.garp) };
        if let Some(prefix) = &self.vmac_prefix {
            vrrp.vmac_prefix.clone_from(prefix);
        }
        vrrp.vmac_addr_prefix = self.vmac_addr_prefix.clone().unwrap_or_else(|| vrrp.vmac_prefix.clone());
        vrrp.buffers.adverts = self.buffers.settled();
    }
}

impl BufferPolicy {
    fn read(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let Some(first) = cx.word(statement, "") else { return Effect::None };
        for (position, word) in statement.words.iter().enumerate().skip(1) {
            match word.text {
                text if text.eq_ignore_ascii_case("MTU") => self.mtu = true,
                text if text.eq_ignore_ascii_case("ADVERT") => self.advert = true,
                text => {
                    // Wherever the number stands, the original reads the first word.
                    let place = cx.place(statement, position);
                    let how = Reading { range: Range { min: 0, max: i64::from(u32::MAX) }, lenient: false };
                    let bad = format!("Invalid vrrp_rx_bufs_policy {text}");
                    let bytes = cx.number_word(&place, first, how, Some(bad));
                    self.bytes = bytes.and_then(|n| u32::try_from(n).ok()).or(self.bytes);
                }
            }
        }
        let place = cx.place(statement, 1);
        if self.bytes.is_some() && (self.mtu || self.advert) {
            let text = "Cannot set vrrp_rx_bufs_policy size and policy, ignoring policy";
            cx.say(&place, Class::General, text);
            (self.mtu, self.advert) = (false, false);
        } else if self.mtu && self.advert {
            let text = "Cannot set both vrrp_rx_bufs_policy MTU and ADVERT, ignoring ADVERT";
            cx.say(&place, Class::General, text);
            self.advert = false;
        }
        Effect::Asked
    }

    fn settled(self) -> Option<AdvertBuffer> {
        let bytes = self.bytes.map(AdvertBuffer::Bytes);
        let mtu = self.mtu.then_some(AdvertBuffer::Mtu);
        bytes.or(mtu).or(self.advert.then_some(AdvertBuffer::Advert))
    }
}

/// `…_rcv_bufs` and `…_rcv_bufs_force`.
pub(super) fn buffer(cx: &mut Context<'_>, statement: &Statement<'_>, slot: Option<&mut Buffer>) -> Effect {
    let Some(buffer) = slot else { return Effect::NotMine };
    if statement.row.name.ends_with("_force") {
        return flag(cx, statement, &mut buffer.force);
    }
    buffer.bytes = whole(cx, statement).unwrap_or(buffer.bytes);
    Effect::Asked
}

fn buffer_of<'a>(buffers: &'a mut Buffers, keyword: &str) -> Option<&'a mut Buffer> {
    match keyword.strip_suffix("_force").unwrap_or(keyword) {
        "vrrp_netlink_cmd_rcv_bufs" => Some(&mut buffers.netlink_command),
        "vrrp_netlink_monitor_rcv_bufs" => Some(&mut buffers.netlink_monitor),
        "process_monitor_rcv_bufs" => Some(&mut buffers.process_monitor),
        _ => None,
    }
}

fn interval(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Micros> {
    let interval = time(cx, statement)?;
    if interval >= INTERVAL_LARGE {
        very_large(cx, statement, interval);
    }
    Some(interval)
}

fn delay(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Micros> {
    let delay = time(cx, statement)?;
    if delay >= STARTUP_DELAY_LARGE {
        very_large(cx, statement, delay);
    }
    Some(delay)
}

fn very_large(cx: &mut Context<'_>, statement: &Statement<'_>, time: Micros) {
    let name = statement.row.name;
    let secs = time.to_string();
    let secs = secs.trim_end_matches('0').trim_end_matches('.');
    cx.log(&cx.place(statement, 1), format!("The {name} is very large - {secs} seconds"));
}

fn prefix(cx: &mut Context<'_>, statement: &Statement<'_>, what: &str, slot: &mut Option<String>) -> Effect {
    let Some(word) = cx.word(statement, "") else { return Effect::None };
    if slot.is_some() {
        let text = format!("{what} prefix has already been specified - ignoring {word}");
        cx.say(&cx.place(statement, 1), Class::General, text);
        return Effect::None;
    }
    *slot = Some(word.to_owned());
    Effect::Asked
}
