//! Places for what the original says about an instance as a whole: the words it is about.
//!
//! The original judges fields together after it has read everything, and names no line then.

use super::Facts;
use super::facts::Router;
use crate::diag::{Diagnostic, Label};
use crate::lines::Span;
use crate::tree::Statement;

/// A sentence, and where to point.
struct Row {
    /// `{}` stands for a name or a value.
    says: &'static str,
    /// Which `{}` names the block.
    owner: usize,
    /// Which `{}` names an item of the keyword's list.
    item: Option<usize>,
    /// The owner is a program: the command that runs it is meant.
    command: bool,
    /// The statement it is about: the first of these that is written.
    about: &'static [&'static str],
    /// The statement it does not go with, also where it stands in `global_defs`.
    because: &'static [&'static str],
}

const fn row(says: &'static str, about: &'static [&'static str], because: &'static [&'static str]) -> Row {
    Row { says, owner: 0, item: None, command: false, about, because }
}

const fn item(says: &'static str, item: usize, about: &'static [&'static str]) -> Row {
    Row { says, owner: 0, item: Some(item), command: false, about, because: &[] }
}

const fn command(says: &'static str) -> Row {
    Row { says, owner: 0, item: None, command: true, about: &[], because: &[] }
}

const STRICT: &[&str] = &["strict_mode", "vrrp_strict"];
const VERSION: &[&str] = &["version", "vrrp_version"];

const ROWS: &[Row] = &[
    row(
        "({}) Warning - nopreempt will not work with initial state MASTER - clearing",
        &["nopreempt"],
        &["state"],
    ),
    row(
        "({}) Warning - preempt delay will not work with initial state MASTER - clearing",
        &["preempt_delay"],
        &["state"],
    ),
    row(
        "({}) nopreempt is incompatible with priority 255. resetting nopreempt",
        &["nopreempt"],
        &["priority", "state"],
    ),
    row(
        "({}) preempt_delay is incompatible with nopreempt mode - resetting",
        &["preempt_delay"],
        &["nopreempt"],
    ),
    row("({}) preempt_delay is incompatible with strict mode - resetting", &["preempt_delay"], STRICT),
    row(
        "({}) down_timer_adverts is incompatible with strict mode - resetting",
        &["down_timer_adverts"],
        STRICT,
    ),
    row(
        "({}) no_virtual_ipaddress is incompatible with strict mode - resetting",
        &["no_virtual_ipaddress"],
        STRICT,
    ),
    row("({}) Strict mode does not support authentication. Ignoring.", &["authentication"], STRICT),
    row("({}) VRRP version 3 does not support authentication. Ignoring.", &["authentication"], VERSION),
    row("({}) Authentication specified but no password given. Ignoring", &["authentication"], &[]),
    row("({}) State MASTER must match being address owner", &["state", "priority"], STRICT),
    row("({}) Unicast peers are not supported in strict mode", &["unicast_peer"], STRICT),
    row(
        "({}) A unicast keyword has been specified without any unicast peers. {}",
        &["unicast_src_ip", "check_unicast_src", "old_unicast_checksum", "unicast_peer"],
        &[],
    ),
    row("({}) No VIP specified; at least one is {}", &["virtual_ipaddress"], &[]),
    row("({}) VRRPv2 advertisement interval {} must be an integer. rounding", &["advert_int"], VERSION),
    row("({}) VRRPv3 advertisement interval {}", &["advert_int"], VERSION),
    row(
        "({}) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting",
        &["accept"],
        STRICT,
    ),
    item("({}) Ignoring track_interface {} since own interface", 1, &["track_interface"]),
    item("({}) ignoring tracked script {} with weights due to {}", 1, &["track_script"]),
    item("({}) ignoring {} tracked interface weight due to {}", 1, &["track_interface"]),
    item("({}) ignoring {} tracked interface due to address owner", 1, &["track_interface"]),
    row("Sync group {} has only 1 virtual router(s) - this probably isn't what you want", &["group"], &[]),
    row("Sync group {}, no matching virtual router found in group declaration - removing", &["group"], &[]),
    Row {
        says: "Virtual router {} specified in sync group {} doesn't exist - ignoring",
        owner: 1,
        item: Some(0),
        command: false,
        about: &["group"],
        because: &[],
    },
    Row {
        says: "Virtual router {} cannot exist in more than one sync group; ignoring {}",
        owner: 1,
        item: Some(0),
        command: false,
        about: &["group"],
        because: &[],
    },
    row("Disabling track script {} {}", &["script"], &[]),
    row("Warning - script {} is not used", &[], &[]),
    command("Script {} cannot be accessed - {}"),
    command("Cannot find script {} in path - disabling"),
    command("WARNING - script `{}` resolved by path search to `{}`. Please specify full path."),
    command("WARNING - script '{}' is not executable for uid:gid {}:{} - disabling."),
    command("Unsafe permissions found for script '{}' - disabling."),
    command("Please add a #! shebang to script {}"),
    row("({}) {}", &[], &[]),
];

/// Gives a place to what has none, as far as one can be told.
pub(super) fn fill(cx: &Facts<'_>, said: &mut [Diagnostic]) {
    for diagnostic in said.iter_mut().filter(|diagnostic| diagnostic.at.is_none()) {
        let found = ROWS.iter().find_map(|row| Some((row, captures(&diagnostic.text, row.says)?)));
        let Some((row, captured)) = found else { continue };
        if row.command {
            let first = captured.get(row.owner).copied();
            let command = cx.commands().find(|command| Some(command.first()) == first);
            diagnostic.at = command.and_then(|command| cx.argument(&command, command.first()));
            continue;
        }
        let Some(block) = captured.get(row.owner).and_then(|name| block(cx, name)) else { continue };
        let name = row.item.and_then(|item| captured.get(item)).copied();
        diagnostic.at = about(cx, &block, row, name);
        if diagnostic.labels.is_empty()
            && let Some(at) = because(cx, &block, row)
        {
            diagnostic.labels.push(Label { at, text: "because of this".into() });
        }
    }
}

/// The root block of a name: an instance before a group before a check.
fn block<'s, 'a>(cx: &'s Facts<'a>, name: &str) -> Option<Router<'s, 'a>> {
    let mut blocks =
        ["vrrp_instance", "vrrp_sync_group", "vrrp_script"].into_iter().flat_map(|kind| cx.roots(kind));
    let block = blocks.find(|block| block.word(1) == Some(name))?;
    Some(Router { name: block.word(1)?, block, model: None })
}

fn about(cx: &Facts<'_>, block: &Router<'_, '_>, row: &Row, item: Option<&str>) -> Option<Span> {
    let statements = row.about.iter().filter_map(|keyword| block.says(keyword));
    let named = |name| {
        let items = row.about.iter().flat_map(|keyword| block.items(keyword)).flat_map(|item| {
            item.words
                .iter()
                .enumerate()
                .filter(move |(_, word)| word.text == name)
                .map(move |(at, _)| (item, at))
        });
        items.last().and_then(|(item, at)| cx.item(item, at))
    };
    let keyword = || statements.clone().next().and_then(|statement| cx.word(statement, 0));
    item.and_then(named).or_else(keyword).or_else(|| cx.word(block.block, 1))
}

fn because(cx: &Facts<'_>, block: &Router<'_, '_>, row: &Row) -> Option<Span> {
    let own = row.because.iter().find_map(|keyword| block.says(keyword));
    let global = || {
        let last =
            |keyword: &&str| cx.within("global_defs").filter(|inner| inner.row.name == *keyword).last();
        row.because.iter().find_map(last)
    };
    let statement: &Statement<'_> = own.or_else(global)?;
    cx.word(statement, 0)
}

/// What stands for each `{}`, if the text is this sentence.
fn captures<'t>(text: &'t str, sentence: &str) -> Option<Vec<&'t str>> {
    let mut parts = sentence.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    for part in parts {
        let at = if part.is_empty() { rest.len() } else { rest.find(part)? };
        found.push(rest.get(..at)?);
        rest = rest.get(at + part.len()..)?;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_gives_its_names_back() {
        assert_eq!(
            captures("(VI_1) Ignoring track_interface eth0 since own interface", ROWS[17].says),
            Some(vec!["VI_1", "eth0"])
        );
        assert_eq!(captures("(V) x y", "({}) {}"), Some(vec!["V", "x y"]));
        assert_eq!(captures("(V) x y", "({}) x"), None);
    }
}
