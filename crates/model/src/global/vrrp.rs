//! What instances inherit, and what concerns all of them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::time::Micros;
use crate::vrrp::{Garp, Version};

/// Globals of VRRP. Instances have taken over what they inherit already; here it stands as it was configured.
/// The gaps between announcements and the delay of the start are in [`crate::vrrp::Config`].
#[derive(Clone, Debug, PartialEq)]
pub struct VrrpDefaults {
    /// `vrrp_version` of IPv4 instances.
    pub version: Version,
    /// `vrrp_mcast_group4`: 224.0.0.18 (RFC 5798 §5.1.1.2) unless configured.
    pub group4: Ipv4Addr,
    /// `vrrp_mcast_group6`: ff02::12 (RFC 5798 §5.1.2.2) unless configured.
    pub group6: Ipv6Addr,
    /// `vrrp_garp_…`, `vrrp_garp_extra_if` too: 5 frames, 5 more after 5 s, no refresh unless configured.
    pub garp: Garp,
    /// `vrrp_down_timer_adverts`, 1–100: missed adverts that make a master dead; 3 unless configured.
    pub down_timer_adverts: u32,
    /// `vrrp_lower_prio_no_advert`: a master does not answer a weaker router.
    pub lower_prio_no_advert: bool,
    /// `vrrp_higher_prio_send_advert`: a master sends one advert before it yields.
    pub higher_prio_send_advert: bool,
    /// `vrrp_check_unicast_src`: unicast instances hear peers only.
    pub check_unicast_src: bool,
    /// `vrrp_skip_check_adv_addr`: lists of addresses are compared once per master.
    pub skip_check_adv_addr: bool,
    /// `vrrp_strict`.
    pub strict: bool,
    /// `v3_checksum_as_v2`: version 3 checksums over IPv4 without the pseudo header.
    pub v3_checksum_as_v2: bool,
    /// `vrrp_owner_ignore_adverts`: an address owner does not listen.
    pub owner_ignore_adverts: bool,
    /// `vrrp_notify_priority_changes`: notifications of changed priorities too.
    pub notify_priority_changes: bool,
    /// `vrrp_delay_after_boot`: instances do not run before the host is up for so long; the longer of this and
    /// the delay of the start counts.
    pub delay_after_boot: Micros,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `vmac_prefix`: names of virtual MAC interfaces begin with it, `vrrp` unless configured.
    pub vmac_prefix: String,
    /// `vmac_addr_prefix`: the same for those of single addresses; as the one above unless configured.
    pub vmac_addr_prefix: String,
    /// Sizes of socket buffers.
    pub buffers: Buffers,
}

impl Default for VrrpDefaults {
    fn default() -> Self {
        Self {
            version: Version::V2,
            group4: Ipv4Addr::new(224, 0, 0, 18),
            group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            garp: Garp::default(),
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            check_unicast_src: false,
            skip_check_adv_addr: false,
            strict: false,
            v3_checksum_as_v2: false,
            owner_ignore_adverts: false,
            notify_priority_changes: false,
            delay_after_boot: Micros::ZERO,
            log_unknown_vrids: false,
            vmac_prefix: "vrrp".into(),
            vmac_addr_prefix: "vrrp".into(),
            buffers: Buffers::default(),
        }
    }
}

/// Sizes of socket buffers; ours are large anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// `vrrp_netlink_cmd_rcv_bufs`.
    pub netlink_command: Buffer,
    /// `vrrp_netlink_monitor_rcv_bufs`.
    pub netlink_monitor: Buffer,
    /// `process_monitor_rcv_bufs`.
    pub process_monitor: Buffer,
    /// `vrrp_rx_bufs_policy`.
    pub adverts: Option<AdvertBuffer>,
    /// `vrrp_rx_bufs_multiplier`, at least 1: how many adverts fit; 3 unless configured.
    pub adverts_multiplier: Option<u32>,
}

/// The receive buffer of one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// Bytes; the system's default if zero.
    pub bytes: u32,
    /// `…_force`: beyond the system's limit.
    pub force: bool,
}

/// How the receive buffer for adverts is sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertBuffer {
    /// By the interface's MTU.
    Mtu,
    /// By the size of an advert.
    Advert,
    /// Bytes.
    Bytes(u32),
}
