//! Where statements come from: the printed tree beside the tree that was read.
//!
//! The model keeps no lines, so every printed statement looks for the written one it must have come from: in the
//! block of the same title, else in the blocks around, which hand values down. Of several the one that says the same
//! counts, else the last.

use std::collections::BTreeSet;

use super::{Body, Statement};
use crate::diag::Pass;
use crate::expand::Sourced;
use crate::lex::Word;
use crate::lines::{Line, Lines};
use crate::print::words::quoted;
use crate::tree::{self, Item, Roots};

/// The text with a comment behind every line.
pub(super) fn text(statements: &[Statement], sourced: &Sourced) -> String {
    let passes = [Pass::Parent, Pass::Vrrp, Pass::Checker, Pass::Bfd];
    let roots = passes.into_iter().flat_map(|pass| Roots::new(&sourced.lines, pass));
    let roots: Vec<tree::Statement<'_>> = roots.collect();
    let written: Vec<&tree::Statement<'_>> = roots.iter().collect();
    let mut found = Vec::new();
    let lines = &sourced.lines;
    trace(statements, &[written], &mut |line, word| found.push(origin(sourced, lines, line, word)));
    // Lines are written in the order they were looked for.
    let found = std::cell::RefCell::new(found.into_iter());
    super::block::text(statements, |_, _| found.borrow_mut().next().flatten())
}

/// What to say of a line that was not found.
const NOWHERE: &str = "not written";

/// `FILE:LINE`, the definition it came through and the lines that included the file.
fn origin(sourced: &Sourced, lines: &Lines, line: Option<Line<'_>>, word: &str) -> Option<String> {
    let Some(at) = line.and_then(|line| lines.span(line, 0, word)) else { return Some(NOWHERE.to_owned()) };
    let mut said = format!("{}:{}", at.file, at.line);
    if let Some(name) = &at.through {
        said.push_str(&format!(" through ${name}"));
        if let Some(made) = sourced.origins.definition(name) {
            said.push_str(&format!(" of {}:{}", made.file, made.line));
        }
    }
    for by in sourced.origins.includers(&at.file) {
        said.push_str(&format!(", included by {}:{}", by.file, by.line));
    }
    Some(visible(&said))
}

/// A comment is one line whatever a file is called.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Written statements of a block, and of the blocks around it further back.
type Scopes<'s, 'a> = [Vec<&'s tree::Statement<'a>>];

fn trace<'s, 'a>(
    statements: &[Statement],
    scopes: &Scopes<'s, 'a>,
    found: &mut dyn FnMut(Option<Line<'_>>, &str),
) {
    let mut used = BTreeSet::new();
    for statement in statements {
        let same = candidates(statement, scopes, &used);
        let one = best(statement, &same);
        found(one.map(|one| one.line), statement.row.name);
        match &statement.body {
            Body::None => {}
            Body::Items(items) => trace_items(items, &same, found),
            Body::Block(inner) => {
                // A title may come several times, and each block is one.
                used.extend(one.filter(|_| !adds_up(statement)).map(|one| one.at));
                let blocks = if adds_up(statement) { same } else { one.into_iter().collect() };
                let inside = blocks.iter().flat_map(|block| block.block()).collect();
                let deeper: Vec<_> = std::iter::once(inside).chain(scopes.iter().cloned()).collect();
                trace(inner, &deeper, found);
            }
        }
    }
}

/// Several blocks of this keyword are one.
fn adds_up(statement: &Statement) -> bool {
    statement.row.name == "global_defs"
}

/// Keywords of blocks that hand them down, and whose values are written again where they count or where all agree.
const HANDED_DOWN: [&str; 8] = [
    "delay_loop",
    "warmup",
    "retry",
    "delay_before_retry",
    "connect_timeout",
    "alpha",
    "lvs_method",
    "virtualhost",
];

/// Keywords that may have been another one when they were written.
const OTHER_NAMES: [(&str, &str); 19] = [
    ("retry", "nb_get_retry"),
    ("mcast_src_ip", "unicast_src_ip"),
    ("unicast_src_ip", "mcast_src_ip"),
    ("interfaces", "interface"),
    ("delay", "terminate_delay"),
    ("terminate_delay", "delay"),
    ("fork_delay", "delay"),
    ("nftables", "vrrp_iptables"),
    ("sync_group_tracking_weight", "global_tracking"),
    ("vrrp_garp_master_delay", "vrrp_min_garp"),
    ("vrrp_garp_master_repeat", "vrrp_min_garp"),
    ("vrrp_process_name", "process_names"),
    ("checker_process_name", "process_names"),
    ("bfd_process_name", "process_names"),
    ("enable_snmp_rfc", "enable_snmp_rfcv2"),
    ("enable_sni", "sni_name"),
    ("vmac_xmit_base", "use_vmac"),
    ("check_unicast_src", "unicast_peer"),
    ("virtual_ipaddress_excluded", "virtual_ipaddress"),
];

/// Written statements of the same keyword in the block itself; of what is handed down, in the nearest block around
/// that has one, or else in the blocks inside.
fn candidates<'s, 'a>(
    statement: &Statement,
    scopes: &Scopes<'s, 'a>,
    used: &BTreeSet<usize>,
) -> Vec<&'s tree::Statement<'a>> {
    let others = OTHER_NAMES.iter().filter(|(name, _)| *name == statement.row.name);
    let names: Vec<&str> =
        std::iter::once(statement.row.name).chain(others.map(|(_, other)| *other)).collect();
    let handed = HANDED_DOWN.contains(&statement.row.name);
    for scope in scopes.iter().take(if handed { usize::MAX } else { 1 }) {
        let same =
            |other: &&&tree::Statement<'a>| names.contains(&other.row.name) && !used.contains(&other.at);
        let found: Vec<_> = scope.iter().filter(same).copied().collect();
        if !found.is_empty() {
            return found;
        }
    }
    let inside = scopes.first().into_iter().flatten().filter(|_| handed);
    inside.filter_map(|block| within(block, statement.row.name)).take(1).collect()
}

/// The first statement of this keyword in a block.
fn within<'s, 'a>(block: &'s tree::Statement<'a>, name: &str) -> Option<&'s tree::Statement<'a>> {
    let inner = block.block();
    inner
        .iter()
        .find(|statement| statement.row.name == name)
        .or_else(|| inner.iter().find_map(|statement| within(statement, name)))
}

/// The one that says the same, else for a block the first and for a line the last.
fn best<'s, 'a>(statement: &Statement, same: &[&'s tree::Statement<'a>]) -> Option<&'s tree::Statement<'a>> {
    let exact = same.iter().find(|other| alike(&statement.words, other.words.get(1..).unwrap_or_default()));
    let block = !matches!(statement.body, Body::None);
    let first = same.iter().find(|other| first_word(&statement.words, other)).or(same.first());
    exact.or(if block { first } else { same.last() }).copied()
}

fn alike(printed: &[String], written: &[Word<'_>]) -> bool {
    printed.len() == written.len()
        && printed.iter().zip(written).all(|(printed, written)| *printed == quoted(written.text))
}

fn first_word(printed: &[String], written: &tree::Statement<'_>) -> bool {
    printed.first().zip(written.word(1)).is_some_and(|(printed, written)| *printed == quoted(written))
}

/// Items by what they say, else by their first word, else by their place if there are as many.
fn trace_items(
    items: &[Vec<String>],
    blocks: &[&tree::Statement<'_>],
    found: &mut dyn FnMut(Option<Line<'_>>, &str),
) {
    let written: Vec<&Item<'_>> = blocks.iter().flat_map(|block| block.items()).collect();
    // Of two that say the same, the second is the second.
    let mut used = BTreeSet::new();
    for (at, item) in items.iter().enumerate() {
        let mut same = written.iter().filter(|other| alike(item, &other.words));
        let exact = same.clone().find(|other| used.insert(other.at)).or_else(|| same.next());
        let begins = |other: &&&Item<'_>| {
            let first = other.words.first().map(|word| quoted(word.text));
            first.as_ref() == item.first()
        };
        let address = |text: &str| text.split('/').next().and_then(|ip| ip.parse::<std::net::IpAddr>().ok());
        let same_address = |other: &&&Item<'_>| {
            let ours = item.iter().find_map(|word| address(word));
            ours.is_some() && ours == other.words.iter().find_map(|word| address(word.text))
        };
        let holds = |other: &&&Item<'_>| {
            item.first().is_some_and(|first| other.words.iter().any(|word| quoted(word.text) == *first))
        };
        let one = exact
            .or_else(|| written.iter().find(begins))
            .or_else(|| written.iter().find(same_address))
            .or_else(|| written.iter().find(holds))
            .or_else(|| written.get(at).filter(|_| written.len() == items.len()));
        found(one.map(|one| one.line), item.first().map_or("", String::as_str));
    }
}
