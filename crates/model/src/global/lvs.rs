//! Globals of load balancing.

use std::net::IpAddr;

use super::vrrp::Buffer;
use crate::time::Micros;

/// Globals of load balancing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lvs {
    /// `lvs_timeouts`.
    pub timeouts: Timeouts,
    /// `lvs_flush`: the whole table is emptied at start, others' services too.
    pub flush: bool,
    /// `lvs_flush_on_stop`.
    pub flush_on_stop: FlushOnStop,
    /// `lvs_sync_daemon`.
    pub sync_daemon: Option<SyncDaemon>,
    /// `checker_log_all_failures`: default of `log_all_failures`.
    pub log_all_failures: bool,
    /// `rs_init_notifies`: notifications for servers that are in service from the start.
    pub initial_notifications: bool,
    /// `lvs_netlink_cmd_rcv_bufs`.
    pub netlink_command: Buffer,
    /// `lvs_netlink_monitor_rcv_bufs`.
    pub netlink_monitor: Buffer,
}

/// Time-outs of connections in whole seconds up to 31 days; zero keeps the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// An idle TCP connection.
    pub tcp: Micros,
    /// A TCP connection after FIN.
    pub tcp_fin: Micros,
    /// An idle UDP connection.
    pub udp: Micros,
}

/// What is removed at stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushOnStop {
    /// What was configured, one by one.
    #[default]
    No,
    /// The whole table at once.
    All,
    /// The virtual servers, and their real servers with them (`VS`).
    VirtualServers,
}

/// The kernel's daemon that copies connections to another load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    /// Interface it uses, at most 15 bytes.
    pub interface: String,
    /// The instance that decides whether it sends or receives.
    pub instance: Option<String>,
    /// `id`: the VRID of the instance unless configured.
    pub id: Option<u8>,
    /// `maxlen`, 1–65507 bytes of a message; the kernel's default if none.
    pub message_bytes_max: Option<u16>,
    /// `port`: UDP; the kernel's default (8848) if none.
    pub port: Option<u16>,
    /// `ttl`, 1–255; the kernel's default (1) if none.
    pub ttl: Option<u8>,
    /// `group`: multicast; the kernel's default (224.0.0.81) if none.
    pub group: Option<IpAddr>,
}

impl SyncDaemon {
    /// On this interface for this instance, the rest as the kernel has it.
    pub fn new(interface: &str, instance: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            instance: Some(instance.to_owned()),
            id: None,
            message_bytes_max: None,
            port: None,
            ttl: None,
            group: None,
        }
    }
}
