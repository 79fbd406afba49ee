//! `global_defs` and the root keywords.

use std::net::Ipv4Addr;

use keepalived_model::global::Global;
use keepalived_model::time::Micros;
use keepalived_model::vrrp::Version;

use super::context::{Context, Reading};
use super::script::Security;
use crate::diag::Class;
use crate::lex::number::Range;
use crate::tree::Statement;

/// The group of RFC 5798 §5.1.1.2.
const MULTICAST_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Longest process priority list the kernel knows (`SCHED_RR`).
const REALTIME_MAX: i64 = 99;

/// What instances inherit, and what processes need.
#[derive(Clone, Debug)]
pub(super) struct Globals {
    pub model: Global,
    pub security: Security,
    pub version: Version,
    pub group: Ipv4Addr,
    pub garp: super::garp::Garps,
    pub garp_interval: Micros,
    pub startup_delay: Micros,
    pub down_timer_adverts: u32,
    pub lower_prio_no_advert: bool,
    pub higher_prio_send_advert: bool,
    pub check_unicast_src: bool,
    pub skip_check_adv_addr: bool,
    pub strict: bool,
    pub smtp_alert: bool,
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            model: Global::default(),
            security: Security::default(),
            version: Version::V2,
            group: MULTICAST_GROUP,
            garp: super::garp::Garps::default(),
            garp_interval: Micros::ZERO,
            startup_delay: Micros::ZERO,
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            check_unicast_src: false,
            skip_check_adv_addr: false,
            strict: false,
            smtp_alert: false,
        }
    }
}

/// Lowers what the parent owns. Several `global_defs` blocks add up.
pub(super) fn lower(cx: &mut Context<'_>, statements: &[Statement<'_>]) -> Globals {
    let mut globals = Globals::default();
    for statement in statements {
        match statement.row.name {
            "global_defs" => {
                for inner in statement.block() {
                    globals.statement(cx, inner);
                }
            }
            "child_wait_time" => {
                if let Some(secs) = cx.integer(statement, "") {
                    globals.model.child_wait = Some(seconds(secs));
                }
            }
            "net_namespace" if statement.word(1).is_some() => {
                // Addresses in the wrong namespace are worse than no start.
                let text = "net_namespace is not supported yet - not starting in another namespace";
                cx.tell(&cx.place(statement, 0), |told| told.stops(2), Class::NotYet, text);
            }
            _ => cx.unacted(statement, ""),
        }
    }
    globals
}

impl Globals {
    fn statement(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        if self.processes(cx, statement) || self.vrrp(cx, statement) || self.garp.global(cx, statement) {
            return;
        }
        match statement.row.name {
            "notification_email" if statement.items().is_empty() => {
                let place = cx.end_place(statement);
                cx.say(&place, Class::Warning, "Warning - empty notification_email block");
            }
            // Addresses nobody writes to are not worth a line; smtp_alert is.
            "notification_email" => {}
            "smtp_server" => smtp_server(cx, statement),
            "smtp_connect_timeout" => {
                if cx.integer(statement, "") == Some(0) {
                    let place = cx.place(statement, 1);
                    // The original's own spelling.
                    cx.say(
                        &place,
                        Class::General,
                        "smtp_conect_timeout must be greater than 0, setting to 1",
                    );
                }
            }
            "notification_email_from" => {
                if cx.word(statement, "").is_some()
                    && let Some(extra) = statement.word(2)
                {
                    let place = cx.place(statement, 2);
                    cx.say(
                        &place,
                        Class::General,
                        format!("emailfrom - ignoring extra entries '{extra}' ..."),
                    );
                }
            }
            "smtp_alert" | "smtp_alert_vrrp" => {
                if let Some(on) = cx.boolean(statement, "") {
                    self.smtp_alert = on;
                    if on {
                        cx.not_yet(statement, "");
                    }
                }
            }
            _ => deprecated_or_unacted(cx, statement),
        }
    }

    fn processes(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let model = &mut self.model;
        match statement.row.name {
            "router_id" => {
                model.router_id = cx.word(statement, "").map(str::to_owned).or(model.router_id.take())
            }
            "max_auto_priority" => max_auto_priority(cx, statement, model),
            "vrrp_no_swap" => model.vrrp_process.no_swap = true,
            "vrrp_priority" => {
                if let Some(nice) = process_priority(cx, statement) {
                    model.vrrp_process.nice = Some(nice);
                }
            }
            "checker_priority" | "bfd_priority" => {
                process_priority(cx, statement);
            }
            "vrrp_rt_priority" => {
                if let Some(priority) = realtime_priority(cx, statement) {
                    model.vrrp_process.realtime = Some(priority);
                }
            }
            "checker_rt_priority" | "bfd_rt_priority" => {
                realtime_priority(cx, statement);
            }
            "vrrp_rlimit_rttime" => {
                let micros = cx.integer(statement, "").and_then(|n| u64::try_from(n).ok());
                // One microsecond would be no time at all for the kernel's second limit.
                model.vrrp_process.rlimit_rttime = Some(Micros(micros.map_or(0, |n| n.max(2))));
            }
            "umask" => {
                if let Some(mask) = umask(cx, statement) {
                    model.umask = Some(mask);
                }
            }
            "random_seed" => {
                cx.integer(statement, "");
            }
            "include_check" => {}
            "dynamic_interfaces" => {
                model.dynamic_interfaces = true;
                if let Some(other) = statement.word(1).filter(|word| *word != "allow_if_changes") {
                    let place = cx.place(statement, 1);
                    cx.say(&place, Class::General, format!("Unknown dynamic_interfaces option '{other}'"));
                }
            }
            "log_unknown_vrids" => model.log_unknown_vrids = true,
            "enable_script_security" => {
                model.script_security = true;
                self.security.enabled = true;
            }
            "script_user" => self.security.script_user(cx, statement),
            _ => return false,
        }
        true
    }

    fn vrrp(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let mut flag = |value: &mut bool| {
            if let Some(on) = cx.boolean(statement, "") {
                *value = on;
            }
        };
        match statement.row.name {
            "vrrp_lower_prio_no_advert" => flag(&mut self.lower_prio_no_advert),
            "vrrp_higher_prio_send_advert" => flag(&mut self.higher_prio_send_advert),
            "vrrp_skip_check_adv_addr" => flag(&mut self.skip_check_adv_addr),
            "vrrp_strict" => flag(&mut self.strict),
            "vrrp_check_unicast_src" => self.check_unicast_src = true,
            "vrrp_version" => match cx.integer(statement, "") {
                Some(3) => self.version = Version::V3,
                Some(_) => self.version = Version::V2,
                None => {}
            },
            "vrrp_mcast_group4" => self.multicast_group(cx, statement),
            "vrrp_mcast_group6" => multicast_group6(cx, statement),
            "vrrp_down_timer_adverts" => {
                if let Some(count) = cx.integer(statement, "").and_then(|n| u32::try_from(n).ok()) {
                    self.down_timer_adverts = count;
                }
            }
            "vrrp_garp_interval" => {
                if let Some(micros) = cx.decimal(statement, "").and_then(|n| u64::try_from(n).ok()) {
                    self.garp_interval = Micros(micros);
                    large_interval(cx, statement, micros);
                }
            }
            "vrrp_gna_interval" => {
                if let Some(micros) = cx.decimal(statement, "").and_then(|n| u64::try_from(n).ok()) {
                    large_interval(cx, statement, micros);
                }
            }
            "vrrp_startup_delay" => {
                if let Some(micros) = cx.decimal(statement, "").and_then(|n| u64::try_from(n).ok()) {
                    self.startup_delay = self.startup_delay.max(Micros(micros));
                }
            }
            _ => return false,
        }
        true
    }

    fn multicast_group(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) {
        let Some(word) = cx.word(statement, "") else { return };
        let complaint = match word.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(group)) if group.is_multicast() => {
                self.group = group;
                return;
            }
            Ok(std::net::IpAddr::V4(_)) => format!("vrrp_mcast_group4 [{word}] is not multicast. Skipping"),
            Ok(std::net::IpAddr::V6(_)) => format!("vrrp_mcast_group4 [{word}] is not IPv4. Skipping"),
            Err(_) => format!("Can't parse vrrp_mcast_group4 [{word}]. Skipping"),
        };
        let place = cx.place(statement, 1);
        cx.say(&place, Class::General, complaint);
    }
}

/// Checked; nobody listens to it yet.
fn multicast_group6(cx: &mut Context<'_>, statement: &Statement<'_>) {
    let Some(word) = cx.word(statement, "") else { return };
    let complaint = match word.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(group)) if group.segments().first().is_some_and(|s| s & 0xff0f == 0xff02) => {
            return;
        }
        Ok(std::net::IpAddr::V6(group)) if group.is_multicast() => {
            format!("vrrp_mcast_group6 [{word}] should be link-local multicast.")
        }
        Ok(std::net::IpAddr::V6(_)) => format!("vrrp_mcast_group6 [{word}] is not multicast. Skipping"),
        Ok(std::net::IpAddr::V4(_)) => format!("vrrp_mcast_group6 [{word}] is not IPv6. Skipping"),
        Err(_) => format!("Can't parse vrrp_mcast_group6 [{word}]. Skipping"),
    };
    let place = cx.place(statement, 1);
    cx.say(&place, Class::General, complaint);
}

/// Whole seconds as time.
pub(super) fn seconds(secs: i64) -> Micros {
    Micros::from_secs(u64::try_from(secs).unwrap_or(0))
}

fn large_interval(cx: &mut Context<'_>, statement: &Statement<'_>, micros: u64) {
    if micros >= 1_000_000 {
        let place = cx.place(statement, 1);
        let name = statement.row.name;
        let secs = Micros(micros).to_string();
        let secs = secs.trim_end_matches('0').trim_end_matches('.');
        cx.log(&place, format!("The {name} is very large - {secs} seconds"));
    }
}

fn deprecated_or_unacted(cx: &mut Context<'_>, statement: &Statement<'_>) {
    if statement.word(0) == Some("vrrp_vmac_garp_intvl") {
        let place = cx.place(statement, 0);
        let text = "Keyword \"vrrp_vmac_garp_intvl\" is deprecated - please use \"vrrp_garp_extra_if\"";
        cx.say(&place, Class::Deprecated, text);
    }
    if statement.row.name == "vrrp_garp_extra_if" {
        return super::garp::extra_interfaces(cx, statement, "");
    }
    if statement.row.name == "vrrp_iptables" {
        let place = cx.place(statement, 0);
        let text = "iptables not supported, using nftables instead. Please replace 'vrrp_iptables and \
                    'vrrp_ipsets' with 'nftables' config option";
        cx.say(&place, Class::General, text);
    }
    cx.unacted(statement, "");
}

fn smtp_server(cx: &mut Context<'_>, statement: &Statement<'_>) {
    let Some(host) = cx.word(statement, "") else { return };
    let port = statement.word(2).unwrap_or("25");
    let place = cx.place(statement, 2);
    let how = Reading { range: Range { min: 1, max: 65535 }, lenient: false };
    let known = cx.number_word(&place, port, how, None).is_some()
        && (host.parse::<std::net::IpAddr>().is_ok() || cx.host.address(host));
    if !known {
        let place = cx.place(statement, 1);
        cx.say(&place, Class::General, format!("Invalid smtp server {host} {port}"));
    }
}

fn max_auto_priority(cx: &mut Context<'_>, statement: &Statement<'_>, model: &mut Global) {
    let Some(word) = statement.word(1) else {
        model.max_auto_priority = Some(99);
        return;
    };
    let place = cx.place(statement, 1);
    let bad = format!("max_auto_priority '{word}' must be in [0, 99] (or -1 to disable) - ignoring");
    let how = Reading { range: Range { min: -1, max: REALTIME_MAX }, lenient: true };
    if let Some(value) = cx.number_word(&place, word, how, Some(bad)) {
        model.max_auto_priority = i32::try_from(value).ok();
    }
}

/// `vrrp`, `checker` or `bfd`.
fn process(statement: &Statement<'_>) -> &'static str {
    statement.row.name.split('_').next().unwrap_or("")
}

fn process_priority(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<i32> {
    let word = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    let bad = format!("Invalid {} process priority specified", process(statement));
    let how = Reading { range: Range { min: -20, max: 19 }, lenient: true };
    let nice = cx.number_word(&place, word, how, Some(bad)).unwrap_or(0);
    i32::try_from(nice).ok()
}

fn realtime_priority(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<u32> {
    let word = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    let how = Reading { range: Range { min: i64::from(i32::MIN), max: i64::from(i32::MAX) }, lenient: true };
    let name = statement.row.name;
    let value = cx.number_word(&place, word, how, Some(format!("Invalid {name} '{word}'")))?;
    // Zero turns our own default off (D14); the original has no default and takes it for too small.
    if value == 0 && name == "vrrp_rt_priority" {
        return Some(0);
    }
    let (limit, side) =
        if value < 1 { (1, "less than minimum") } else { (REALTIME_MAX, "greater than maximum") };
    if !(1..=REALTIME_MAX).contains(&value) {
        let edge = if value < 1 { "minimum" } else { "maximum" };
        let process = process(statement);
        let text = format!("{process} process real-time priority {value} {side} {limit} - setting to {edge}");
        cx.say(&place, Class::General, text);
    }
    u32::try_from(value.clamp(1, REALTIME_MAX)).ok()
}

/// Octal, decimal or hexadecimal by prefix, or names of bits joined by `|`.
fn umask(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<u32> {
    let first = cx.word(statement, "")?;
    let place = cx.place(statement, 1);
    if first.starts_with(|c: char| c.is_ascii_digit()) {
        let value = match (first.strip_prefix("0x").or(first.strip_prefix("0X")), first.strip_prefix('0')) {
            (Some(hex), _) => u32::from_str_radix(hex, 16),
            (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8),
            _ => first.parse(),
        };
        return match value {
            Ok(mask) if mask <= 0o777 => Some(mask),
            _ => {
                cx.say(&place, Class::General, format!("invalid umask value {first}"));
                None
            }
        };
    }
    let joined: String = statement.words.iter().skip(1).map(|word| word.text).collect();
    let mut mask = 0;
    for name in joined.split('|') {
        let Some(bit) = umask_bit(name) else {
            let text = if name.is_empty() {
                "umask missing bit value".into()
            } else {
                format!("Unknown umask bit {name}")
            };
            cx.say(&place, Class::General, text);
            return None;
        };
        mask |= bit;
    }
    Some(mask)
}

fn umask_bit(name: &str) -> Option<u32> {
    let name = name.strip_prefix("I")?;
    let (what, shift) = match name {
        "RWXU" => ("RWX", 6),
        "RWXG" => ("RWX", 3),
        "RWXO" => ("RWX", 0),
        _ => {
            let (what, whose) = name.split_at_checked(1)?;
            (
                what,
                match whose {
                    "USR" => 6,
                    "GRP" => 3,
                    "OTH" => 0,
                    _ => return None,
                },
            )
        }
    };
    let bits = match what {
        "R" => 4,
        "W" => 2,
        "X" => 1,
        "RWX" => 7,
        _ => return None,
    };
    Some(bits << shift)
}
