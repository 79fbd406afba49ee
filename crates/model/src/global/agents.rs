//! Interfaces to other programs.

use crate::time::Micros;

/// The SNMP subagent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snmp {
    /// `snmp_socket`: address of the master agent; its library's default unless configured.
    pub socket: Option<String>,
    /// `enable_traps`.
    pub traps: bool,
    /// `enable_snmp_vrrp`: our own tables of virtual routers.
    pub vrrp: bool,
    /// `enable_snmp_checker`: our own tables of virtual servers.
    pub checker: bool,
    /// `enable_snmp_rfcv2`, or `enable_snmp_rfc` for both: RFC 2787.
    pub rfc2787: bool,
    /// `enable_snmp_rfcv3`: RFC 6527.
    pub rfc6527: bool,
    /// `snmp_vs_stats_update_interval`, 0.001–30 s: how old statistics of virtual servers may be; 5 s unless
    /// configured.
    pub virtual_server_interval: Micros,
    /// `snmp_rs_stats_update_interval`: the same of real servers.
    pub real_server_interval: Micros,
}

impl Default for Snmp {
    fn default() -> Self {
        Self {
            socket: None,
            traps: false,
            vrrp: false,
            checker: false,
            rfc2787: false,
            rfc6527: false,
            virtual_server_interval: Micros::from_secs(5),
            real_server_interval: Micros::from_secs(5),
        }
    }
}

/// The D-Bus interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dbus {
    /// `enable_dbus`.
    pub enabled: bool,
    /// `dbus_service_name`: `org.keepalived.Vrrp1` unless configured.
    pub service: Option<String>,
    /// `dbus_no_interface_name`: a path component for instances without interface.
    pub no_interface: Option<String>,
}
