//! Rule lines.

use std::fmt::Display;

use keepalived_model::kernel::OUR_PROTOCOL;
use keepalived_model::rule::{Action, Numbers, Rule};
use keepalived_model::vrrp::Family;

use super::address::prefix;
use super::block::Words;
use super::route::realms;
use crate::schema::RULE;

/// A line; `group` is what a static one is tied to.
pub(super) fn line(rule: &Rule, group: Option<&str>) -> Vec<String> {
    let mut words = Words::of(&RULE);
    words.maybe("from", rule.from.map(prefix));
    words.maybe("to", rule.to.map(prefix));
    words.flag("inet6", rule.family == Family::V6 && rule.from.or(rule.to).is_none());
    words.flag("not", rule.inverted);
    // What a rule without one gets depends on the others.
    words.put("preference", [rule.preference.to_string()]);
    words.value("tos", rule.tos, 0);
    words.maybe(
        "fwmark",
        rule.mark.map(|mark| match mark.mask {
            Some(mask) => format!("{}/{mask}", mark.value),
            None => mark.value.to_string(),
        }),
    );
    words.maybe("realms", rule.realms.map(realms));
    words.maybe("suppress_prefixlength", rule.suppress_prefix_len);
    words.maybe("suppress_ifgroup", rule.suppress_group);
    words.name("iif", rule.incoming.as_deref());
    words.name("oif", rule.outgoing.as_deref());
    words.maybe("tunnel-id", rule.tunnel_id);
    words.maybe("uidrange", rule.users.map(|Numbers { first, last }| format!("{first}-{last}")));
    words.maybe("ipproto", rule.ip_protocol);
    words.maybe("sport", rule.source_ports.map(range));
    words.maybe("dport", rule.destination_ports.map(range));
    words.value("protocol", rule.protocol, if rule.no_track { 0 } else { OUR_PROTOCOL });
    match rule.action {
        Action::Table(table) => words.put("table", [table.to_string()]),
        Action::Goto(target) => words.put("goto", [target.to_string()]),
        Action::Nop => words.flag("nop", true),
        Action::Blackhole => words.flag("blackhole", true),
        Action::Unreachable => words.flag("unreachable", true),
        Action::Prohibit => words.flag("prohibit", true),
        Action::Vrf => words.flag("l3mdev", true),
    }
    words.flag("no_track", rule.no_track);
    words.name("track_group", group);
    words.behind([])
}

/// `FIRST[-LAST]`.
fn range<Number: Display + PartialEq>(range: Numbers<Number>) -> String {
    let Numbers { first, last } = range;
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
