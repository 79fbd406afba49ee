//! Tables and sets of the packet filter.

use std::collections::BTreeSet;

use keepalived_model::global::packet_filter::{Nftables, Sets};

use super::{Effect, Globals, on, whole};
use crate::diag::Class;
use crate::lower::context::Context;
use crate::tree::Statement;

/// Longest name of a table or a set, in bytes.
const NAME_MAX: usize = 30;

impl Globals {
    pub(super) fn packet_filter_keyword(
        &mut self,
        cx: &mut Context<'_>,
        statement: &Statement<'_>,
    ) -> Effect {
        let nftables = &mut self.model.nftables;
        match statement.row.name {
            "nftables" => return table(cx, statement, &mut nftables.table, "nftables", Nftables::TABLE),
            "nftables_ipvs" => {
                let slot = &mut nftables.ipvs_table;
                return table(cx, statement, slot, "ipvs nftables", "keepalived_ipvs");
            }
            "nftables_priority" => nftables.priority = whole(cx, statement).unwrap_or(nftables.priority),
            "nftables_ipvs_priority" => {
                nftables.ipvs_priority = whole(cx, statement).unwrap_or(nftables.ipvs_priority);
            }
            "nftables_ipvs_start_fwmark" => {
                nftables.ipvs_first_mark = whole(cx, statement).unwrap_or(nftables.ipvs_first_mark);
            }
            "nftables_ifindex" => return on(&mut nftables.by_index),
            "nftables_counters" => return on(&mut nftables.counters),
            "vrrp_iptables" => {
                let text = "iptables not supported, using nftables instead. Please replace 'vrrp_iptables \
                            and 'vrrp_ipsets' with 'nftables' config option";
                cx.say(&cx.place(statement, 0), Class::General, text);
                nftables.table.get_or_insert_with(|| Nftables::TABLE.into());
            }
            "vrrp_ipsets" => {
                nftables.sets = sets(cx, statement);
                return Effect::when(nftables.sets.is_some());
            }
            _ => return Effect::NotMine,
        }
        Effect::Asked
    }

    /// Packets have to be dropped: where nothing is said about it, nftables do it (`spec` runtime 6.4).
    pub fn need_packet_filter(&mut self, cx: &mut Context<'_>) {
        if self.model.nftables.table.is_none() {
            let text = "use_vmac or no_accept/strict specified, but no firewall configured - using nftables";
            cx.conclude_log_note(text);
        }
    }
}

fn table(
    cx: &mut Context<'_>,
    statement: &Statement<'_>,
    slot: &mut Option<String>,
    what: &str,
    default: &str,
) -> Effect {
    let place = cx.place(statement, 1);
    if slot.is_some() {
        cx.say(&place, Class::General, format!("{what} already specified - ignoring"));
        return Effect::None;
    }
    let name = statement.word(1).unwrap_or(default);
    if name.is_empty() || crate::text::encode(name).len() > NAME_MAX {
        cx.log(&place, "VRRP Error : nftables chain name too long - ignored");
        return Effect::None;
    }
    *slot = Some(name.to_owned());
    Effect::Asked
}

/// `[address4 [address6 [link_local [igmp [mld [nd]]]]]]`; what is left out is derived from the first.
fn sets(cx: &mut Context<'_>, statement: &Statement<'_>) -> Option<Sets> {
    let first = statement.word(1)?;
    let name = |position: usize, suffix: &str| match statement.word(position) {
        Some(word) => word.to_owned(),
        None => format!("{first}{suffix}"),
    };
    let sets = Sets {
        address4: first.to_owned(),
        address6: name(2, "6"),
        link_local: name(3, "_if6"),
        igmp: name(4, "_igmp"),
        mld: name(5, "_mld"),
        neighbor: name(6, "_nd"),
    };
    let all = [&sets.address4, &sets.address6, &sets.link_local, &sets.igmp, &sets.mld, &sets.neighbor];
    let mut seen = BTreeSet::new();
    if let Some(twice) = all.iter().find(|name| !seen.insert(name.as_str())) {
        let text = format!("vrrp_ipsets: set name {twice} used more than once");
        cx.say(&cx.place(statement, 1), Class::General, text);
        return None;
    }
    if all.iter().any(|name| crate::text::encode(name).len() > NAME_MAX) {
        cx.log(&cx.place(statement, 1), "VRRP Error : ipset name too long - ignored");
        return None;
    }
    Some(sets)
}
