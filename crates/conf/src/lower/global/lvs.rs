//! Globals of load balancing (`spec` lvs 1.7).

use std::net::IpAddr;

use keepalived_model::global::lvs::{FlushOnStop, SyncDaemon};

use super::vrrp::buffer;
use super::{Effect, Globals, flag, on, seconds};
use crate::diag::Class;
use crate::lex::number::Range;
use crate::lower::context::{Context, Reading};
use crate::schema::Miss;
use crate::tree::Statement;

/// 31 days.
const TIMEOUT_SECONDS_MAX: i64 = 2_678_400;
/// Longest interface name in bytes.
pub(in crate::lower) const INTERFACE_NAME_MAX: usize = 15;
/// Options of `lvs_sync_daemon` that have a number, with the largest; the smallest is 1.
const SYNC_NUMBERS: [(&str, i64); 3] = [("maxlen", 65_507), ("port", 65_535), ("ttl", 255)];
/// All its options.
const SYNC_OPTIONS: [&str; 6] = ["inst", "id", "maxlen", "port", "ttl", "group"];

impl Globals {
    pub(super) fn lvs_keyword(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let lvs = &mut self.model.lvs;
        match statement.row.name {
            "lvs_timeouts" => self.lvs_timeouts(cx, statement),
            "lvs_flush" => on(&mut lvs.flush),
            "lvs_flush_on_stop" => {
                lvs.flush_on_stop = match statement.word(1) {
                    None => FlushOnStop::All,
                    Some("VS") => FlushOnStop::VirtualServers,
                    Some(other) => {
                        let text = format!("Unknown lvs_flush_on_stop type {other}");
                        cx.say(&cx.place(statement, 1), Class::General, text);
                        return Effect::None;
                    }
                };
                Effect::Asked
            }
            "lvs_sync_daemon" => self.sync_daemon(cx, statement),
            "checker_log_all_failures" => flag(cx, statement, &mut lvs.log_all_failures),
            "rs_init_notifies" => flag(cx, statement, &mut lvs.initial_notifications),
            name => {
                let slot = match name.strip_suffix("_force").unwrap_or(name) {
                    "lvs_netlink_cmd_rcv_bufs" => Some(&mut lvs.netlink_command),
                    "lvs_netlink_monitor_rcv_bufs" => Some(&mut lvs.netlink_monitor),
                    _ => None,
                };
                buffer(cx, statement, slot)
            }
        }
    }

    /// `tcp N`, `tcpfin N`, `udp N` in any order.
    fn lvs_timeouts(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        if statement.word(2).is_none() {
            let text = "lvs_timeouts requires at least one option";
            cx.say(&cx.place(statement, 0), Class::Missing, text);
            return Effect::None;
        }
        let timeouts = &mut self.model.lvs.timeouts;
        let mut position = 1;
        while let Some(option) = statement.word(position) {
            let slot = match option {
                "tcp" => &mut timeouts.tcp,
                "tcpfin" => &mut timeouts.tcp_fin,
                "udp" => &mut timeouts.udp,
                _ => {
                    let text = format!("Unknown option {option} specified for lvs_timeouts");
                    cx.say(&cx.place(statement, position), Class::General, text);
                    position += 1;
                    continue;
                }
            };
            let place = cx.place(statement, position + 1);
            match statement.word(position + 1) {
                None => {
                    let text = format!("No value specified for lvs_timeout {option} - ignoring");
                    cx.say(&place, Class::Missing, text);
                }
                Some(word) => {
                    let how = Reading { range: Range { min: 0, max: TIMEOUT_SECONDS_MAX }, lenient: false };
                    let bad = format!("Invalid lvs_timeout {option} ({word}) - ignoring");
                    if let Some(secs) = cx.number_word(&place, word, how, Some(bad)) {
                        *slot = seconds(secs);
                    }
                }
            }
            position += 2;
        }
        Effect::Asked
    }

    /// `IF [inst NAME | NAME [ID]] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`.
    fn sync_daemon(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> Effect {
        let place = cx.place(statement, 1);
        if let Some(old) = &self.model.lvs.sync_daemon {
            let instance = old.instance.as_deref().unwrap_or("");
            let text = format!(
                "lvs_sync_daemon has already been specified as {} {instance} - ignoring",
                old.interface
            );
            cx.say(&cx.place(statement, 0), Class::General, text);
            return Effect::None;
        }
        let Some(interface) = statement.word(1) else {
            cx.say(&place, Class::Missing, "lvs_sync_daemon requires interface");
            return Effect::None;
        };
        if crate::text::encode(interface).len() > INTERFACE_NAME_MAX {
            let text = format!("lvs_sync_daemon interface name '{interface}' too long - ignoring");
            cx.say(&place, Class::General, text);
            return Effect::None;
        }
        let mut daemon = SyncDaemon { instance: None, ..SyncDaemon::new(interface, "") };
        let mut position = 2;
        if let Some(name) = statement.word(2).filter(|word| !SYNC_OPTIONS.contains(word)) {
            daemon.instance = Some(name.to_owned());
            position = 3;
            if let Some(id) = statement.word(3).filter(|word| !SYNC_OPTIONS.contains(word)) {
                daemon.id = sync_id(cx, statement, 3, id);
                if daemon.id.is_some() {
                    let text = "Please use keyword \"id\" before lvs_sync_daemon SYNCID";
                    cx.say(&cx.place(statement, 3), Class::Deprecated, text);
                }
                position = 4;
            }
        }
        while let Some(option) = statement.word(position) {
            position += sync_option(cx, statement, &mut daemon, position, option);
        }
        self.model.lvs.sync_daemon = Some(daemon);
        Effect::Asked
    }
}

/// One option; the result is how many words it took.
fn sync_option(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    daemon: &mut SyncDaemon,
    position: usize,
    option: &str,
) -> usize {
    let place = cx.place(statement, position);
    if !SYNC_OPTIONS.contains(&option) {
        let text = format!("Unknown option {option} specified for lvs_sync_daemon");
        cx.say(&place, Class::General, text);
        return 1;
    }
    let Some(word) = statement.word(position + 1) else {
        match option {
            "inst" => cx.missing(statement, position + 1, Miss::Fatal, ""),
            "id" => {
                let text = "No value specified for lvs_sync_daemon id, defaulting to vrid";
                cx.say(&place, Class::Missing, text);
            }
            _ => {
                let text = format!("No value specified for lvs_sync_daemon {option} - ignoring");
                cx.say(&place, Class::Missing, text);
            }
        }
        return 1;
    };
    let place = cx.place(statement, position + 1);
    match option {
        "inst" => match &daemon.instance {
            Some(old) => {
                let text =
                    format!("lvs_sync_daemon vrrp instance has already been specified as {old} - ignoring");
                cx.say(&place, Class::General, text);
            }
            None => daemon.instance = Some(word.to_owned()),
        },
        "id" => daemon.id = sync_id(cx, statement, position + 1, word).or(daemon.id),
        // A prefix length is overlooked.
        "group" => match word.split('/').next().unwrap_or(word).parse::<IpAddr>() {
            Ok(group) if group.is_multicast() => daemon.group = Some(group),
            Ok(_) => {
                let text = format!("lvs_sync_daemon group address {word} is not multicast - ignoring");
                cx.say(&place, Class::General, text);
            }
            Err(_) => {
                let text = format!("Invalid lvs_sync_daemon group ({word}) - ignoring");
                cx.say(&place, Class::General, text);
            }
        },
        _ => {
            let max = SYNC_NUMBERS.iter().find(|(name, _)| *name == option).map_or(1, |(_, max)| *max);
            let how = Reading { range: Range { min: 1, max }, lenient: false };
            let bad = format!("Invalid lvs_sync_daemon {option} ({word}) - ignoring");
            let number = cx.number_word(&place, word, how, Some(bad)).and_then(|n| u16::try_from(n).ok());
            match option {
                "maxlen" => daemon.message_bytes_max = number.or(daemon.message_bytes_max),
                "port" => daemon.port = number.or(daemon.port),
                _ => daemon.ttl = number.and_then(|n| u8::try_from(n).ok()).or(daemon.ttl),
            }
        }
    }
    2
}

fn sync_id(cx: &mut Context<'_>, statement: &Statement<'_>, position: usize, word: &str) -> Option<u8> {
    let place = cx.place(statement, position);
    let how = Reading { range: Range { min: 0, max: 255 }, lenient: false };
    let bad = format!("Invalid syncid ({word}) - defaulting to vrid");
    cx.number_word(&place, word, how, Some(bad)).and_then(|n| u8::try_from(n).ok())
}
