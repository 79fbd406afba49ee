//! Static addresses, routes and rules, and the groups they are tied to (`spec` config 3.3).

use std::collections::BTreeSet;

use keepalived_model::lasting::{Lasting, TrackGroup};

use super::context::Context;
use super::interfaces::Interfaces;
use super::line::Line;
use super::rule::Preferences;
use super::{address, route, rule};
use crate::diag::Class;
use crate::tree::Statement;

/// What static lines may refer to.
pub(super) struct Ties<'a> {
    /// Groups that stand above the line.
    pub groups: &'a [TrackGroup],
    /// For addresses that name no interface.
    pub default_interface: &'a str,
}

impl Ties<'_> {
    /// Ties a thing to a group. False if it was tied before.
    pub fn tie(&self, line: &mut Line<'_, '_, '_>, name: &str, group: &mut Option<String>) -> bool {
        if group.is_some() {
            line.say(Class::General, format!("track_group {name} is a duplicate"));
            return false;
        }
        if self.groups.iter().any(|group| group.name == name) {
            *group = Some(name.to_owned());
        } else {
            line.say(Class::General, format!("track_group {name} not found"));
        }
        true
    }
}

/// One of the `static_…` blocks. Several of a kind add up.
pub(super) fn block(
    cx: &mut Context<'_>,
    known: &mut Interfaces,
    preferences: &mut Preferences,
    default_interface: &str,
    statement: &Statement<'_>,
    into: &mut Lasting,
) {
    let Lasting { addresses, routes, rules, groups } = into;
    let ties = Ties { groups, default_interface };
    for item in statement.items() {
        match statement.row.name {
            "static_ipaddress" => addresses.extend(address::lower_lasting(cx, known, item, &ties)),
            "static_routes" => routes.extend(route::lower_lasting(cx, known, item, &ties)),
            _ => rules.extend(rule::lower_lasting(cx, known, item, &ties, preferences)),
        }
    }
}

/// A `track_group` block.
pub(super) fn track_group(cx: &mut Context<'_>, statement: &Statement<'_>, groups: &mut Vec<TrackGroup>) {
    let place = cx.place(statement, 0);
    let words = statement.words.iter().skip(1).map(|word| word.text).filter(|word| *word != "{");
    let names: Vec<&str> = words.collect();
    let [name] = names.as_slice() else {
        cx.mute(statement.at + 1, statement.end);
        return cx.say(&place, Class::General, "track_group must have a name - skipping");
    };
    if groups.iter().any(|group| group.name == *name) {
        cx.mute(statement.at + 1, statement.end);
        return cx.say(&place, Class::General, format!("track_group {name} already defined"));
    }
    let mut members: Option<Vec<String>> = None;
    for inner in statement.block() {
        if members.as_ref().is_some_and(|members| !members.is_empty()) {
            let place = cx.place(inner, 0);
            // The original speaks of sync groups here, too.
            let text = format!("Group list already specified for sync group {name}");
            cx.say(&place, Class::General, text);
            continue;
        }
        let words = inner.items().iter().flat_map(|item| &item.words).map(|word| word.text.to_owned());
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            let place = cx.end_place(inner);
            let text = format!("Warning - track group {name} has empty group block");
            cx.say(&place, Class::Warning, text);
        }
        members = Some(words);
    }
    let members = members.unwrap_or_default();
    if members.is_empty() {
        let place = cx.end_place(statement);
        let text = format!("Static track group {name} has no members - removing");
        return cx.say(&place, Class::General, text);
    }
    groups.push(TrackGroup { name: (*name).to_owned(), members });
}

/// Instances that groups name but that do not exist are left out; the original only logs them.
pub(super) fn complete(cx: &mut Context<'_>, lasting: &mut Lasting, instances: &BTreeSet<&str>) {
    for group in &mut lasting.groups {
        let name = &group.name;
        group.members.retain(|member| {
            let exists = instances.contains(member.as_str());
            if !exists {
                cx.conclude_log(format!(
                    "Virtual router {member} specified in track group {name} doesn't exist - ignoring"
                ));
            }
            exists
        });
    }
    let Lasting { addresses, routes, rules, groups } = lasting;
    groups.retain(|group| !group.members.is_empty());
    let gone = |group: &String| !groups.iter().any(|other| other.name == *group);
    for group in addresses
        .iter_mut()
        .map(|tied| &mut tied.group)
        .chain(routes.iter_mut().map(|tied| &mut tied.group))
        .chain(rules.iter_mut().map(|tied| &mut tied.group))
    {
        *group = group.take().filter(|name| !gone(name));
    }
}
