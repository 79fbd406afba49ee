//! Static addresses, routes and rules, and the groups they are tied to.

use keepalived_model::lasting::{Lasting, Tied};

use super::block::Block;
use super::words::quoted;
use super::{address, route, rule};
use crate::schema::TRACK_GROUP;

/// Everything static. Groups stand above the lines that name them.
pub(super) fn print(root: &mut Block, lasting: &Lasting) {
    for group in &lasting.groups {
        let mut out = Block::of(&TRACK_GROUP);
        out.items("group", group.members.iter().map(|name| vec![quoted(name)]).collect());
        root.block("track_group", [quoted(&group.name)], out);
    }
    root.items("static_ipaddress", lines(&lasting.addresses, address::line));
    root.items("static_routes", lines(&lasting.routes, route::line));
    root.items("static_rules", lines(&lasting.rules, rule::line));
}

fn lines<Thing>(
    tied: &[Tied<Thing>],
    line: impl Fn(&Thing, Option<&str>) -> Vec<String>,
) -> Vec<Vec<String>> {
    tied.iter().map(|tied| line(&tied.thing, tied.group.as_deref())).collect()
}
