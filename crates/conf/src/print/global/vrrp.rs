//! What instances inherit.

use keepalived_model::Config;
use keepalived_model::global::VrrpDefaults;
use keepalived_model::global::vrrp::{AdvertBuffer, Buffer};
use keepalived_model::time::Micros;
use keepalived_model::vrrp::{Garp, Version};

use crate::print::block::Block;
use crate::print::{garp, words};

/// Globals of VRRP.
pub(super) fn print(out: &mut Block, config: &Config) {
    let vrrp = &config.global.vrrp;
    let usual = VrrpDefaults::default();
    out.flag("log_unknown_vrids", vrrp.log_unknown_vrids);
    out.value("vrrp_mcast_group4", vrrp.group4, usual.group4);
    out.value("vrrp_mcast_group6", vrrp.group6, usual.group6);
    if vrrp.version == Version::V3 {
        out.line("vrrp_version", ["3".to_owned()]);
    }
    // What follows a weaker router is as the rest unless configured.
    let Garp { repeat, delay, .. } = vrrp.garp;
    let usual_garp = Garp { lower_prio_repeat: repeat, lower_prio_delay: delay, ..usual.garp };
    garp::print(out, "vrrp_", &vrrp.garp, &usual_garp);
    let times = [
        ("vrrp_garp_interval", config.vrrp.garp_interval),
        ("vrrp_gna_interval", config.vrrp.gna_interval),
        ("vrrp_startup_delay", config.vrrp.startup_delay),
        ("vrrp_delay_after_boot", vrrp.delay_after_boot),
    ];
    for (name, time) in times {
        out.value(name, words::seconds(time), words::seconds(Micros::ZERO));
    }
    out.value("vrrp_down_timer_adverts", vrrp.down_timer_adverts, usual.down_timer_adverts);
    switches(out, vrrp);
    if vrrp.vmac_prefix != usual.vmac_prefix {
        out.word("vmac_prefix", Some(&vrrp.vmac_prefix));
    }
    if vrrp.vmac_addr_prefix != vrrp.vmac_prefix {
        out.word("vmac_addr_prefix", Some(&vrrp.vmac_addr_prefix));
    }
    let buffers = &vrrp.buffers;
    buffer(out, "vrrp_netlink_cmd_rcv_bufs", buffers.netlink_command);
    buffer(out, "vrrp_netlink_monitor_rcv_bufs", buffers.netlink_monitor);
    buffer(out, "process_monitor_rcv_bufs", buffers.process_monitor);
    out.maybe(
        "vrrp_rx_bufs_policy",
        buffers.adverts.map(|policy| match policy {
            AdvertBuffer::Mtu => "MTU".to_owned(),
            AdvertBuffer::Advert => "ADVERT".to_owned(),
            AdvertBuffer::Bytes(bytes) => bytes.to_string(),
        }),
    );
    out.maybe("vrrp_rx_bufs_multiplier", buffers.adverts_multiplier);
}

fn switches(out: &mut Block, vrrp: &VrrpDefaults) {
    out.switch("vrrp_lower_prio_no_advert", vrrp.lower_prio_no_advert, false);
    out.switch("vrrp_higher_prio_send_advert", vrrp.higher_prio_send_advert, false);
    out.flag("vrrp_check_unicast_src", vrrp.check_unicast_src);
    out.switch("vrrp_skip_check_adv_addr", vrrp.skip_check_adv_addr, false);
    out.switch("vrrp_strict", vrrp.strict, false);
    out.flag("v3_checksum_as_v2", vrrp.v3_checksum_as_v2);
    out.switch("vrrp_owner_ignore_adverts", vrrp.owner_ignore_adverts, false);
    out.switch("vrrp_notify_priority_changes", vrrp.notify_priority_changes, false);
}

/// `…_rcv_bufs` and `…_rcv_bufs_force`.
pub(super) fn buffer(out: &mut Block, name: &str, buffer: Buffer) {
    out.value(name, buffer.bytes, 0);
    out.switch(&format!("{name}_force"), buffer.force, false);
}
