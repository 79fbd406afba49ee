//! Globals of load balancing and of the packet filter.

use keepalived_model::global::lvs::{FlushOnStop, Lvs, SyncDaemon};
use keepalived_model::global::packet_filter::{Nftables, Sets};

use super::vrrp::buffer;
use crate::print::block::Block;
use crate::print::words::{self, quoted};

/// Globals of load balancing.
pub(super) fn print(out: &mut Block, lvs: &Lvs) {
    let timeouts = &lvs.timeouts;
    let kinds = [("tcp", timeouts.tcp), ("tcpfin", timeouts.tcp_fin), ("udp", timeouts.udp)];
    let written = kinds.into_iter().filter(|(_, time)| !time.is_zero());
    let written: Vec<String> =
        written.flat_map(|(name, time)| [name.to_owned(), words::seconds(time)]).collect();
    if !written.is_empty() {
        out.line("lvs_timeouts", written);
    }
    out.flag("lvs_flush", lvs.flush);
    match lvs.flush_on_stop {
        FlushOnStop::No => {}
        FlushOnStop::All => out.line("lvs_flush_on_stop", []),
        FlushOnStop::VirtualServers => out.line("lvs_flush_on_stop", ["VS".to_owned()]),
    }
    if let Some(daemon) = &lvs.sync_daemon {
        out.line("lvs_sync_daemon", sync_daemon(daemon));
    }
    out.switch("checker_log_all_failures", lvs.log_all_failures, false);
    out.switch("rs_init_notifies", lvs.initial_notifications, false);
    buffer(out, "lvs_netlink_cmd_rcv_bufs", lvs.netlink_command);
    buffer(out, "lvs_netlink_monitor_rcv_bufs", lvs.netlink_monitor);
}

fn sync_daemon(daemon: &SyncDaemon) -> Vec<String> {
    let SyncDaemon { interface, instance, id, message_bytes_max, port, ttl, group } = daemon;
    let options = [
        ("inst", instance.as_deref().map(quoted)),
        ("id", id.map(|id| id.to_string())),
        ("maxlen", message_bytes_max.map(|bytes| bytes.to_string())),
        ("port", port.map(|port| port.to_string())),
        ("ttl", ttl.map(|ttl| ttl.to_string())),
        ("group", group.map(|group| group.to_string())),
    ];
    let written = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
    std::iter::once(quoted(interface)).chain(written.flatten()).collect()
}

/// Tables and sets of the packet filter.
pub(super) fn packet_filter(out: &mut Block, nftables: &Nftables) {
    let usual = Nftables::default();
    let tables = [("nftables", &nftables.table, TABLE), ("nftables_ipvs", &nftables.ipvs_table, IPVS_TABLE)];
    for (name, table, usual) in tables {
        if let Some(table) = table {
            out.line(name, (table != usual).then(|| quoted(table)));
        }
    }
    out.value("nftables_priority", nftables.priority, usual.priority);
    out.flag("nftables_ifindex", nftables.by_index);
    out.flag("nftables_counters", nftables.counters);
    out.value("nftables_ipvs_priority", nftables.ipvs_priority, usual.ipvs_priority);
    out.value("nftables_ipvs_start_fwmark", nftables.ipvs_first_mark, usual.ipvs_first_mark);
    if let Some(sets) = &nftables.sets {
        let Sets { address4, address6, link_local, igmp, mld, neighbor } = sets;
        let all = [address4, address6, link_local, igmp, mld, neighbor];
        out.line("vrrp_ipsets", all.map(|name| quoted(name)));
    }
}

/// Tables that are used where none is named.
const TABLE: &str = "keepalived";
const IPVS_TABLE: &str = "keepalived_ipvs";
