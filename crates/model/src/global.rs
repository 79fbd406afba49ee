//! What concerns the processes rather than one virtual router: `global_defs` and the root keywords.
//!
//! Ranges, units and defaults are those of `spec` config 3.1 and 3.2 and lvs 1.7. An `Option` is left where
//! "not configured" means something that only the running process can know, or that no value can say.

pub mod agents;
pub mod files;
pub mod lvs;
pub mod mail;
pub mod packet_filter;
pub mod process;
pub mod scripts;
pub mod vrrp;

pub use agents::{Dbus, Snmp};
pub use files::{Dumps, Lookups, Marker, Reload};
pub use lvs::Lvs;
pub use mail::Mail;
pub use packet_filter::Nftables;
pub use process::{Process, Processes, Scheduling};
pub use scripts::{Fifo, Fifos, Scripts};
pub use vrrp::VrrpDefaults;

/// `global_defs` and the root keywords.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Global {
    /// `router_id`: how this host is called in mails and SNMP; its host name unless configured.
    pub router_id: Option<String>,
    /// `instance`: the name of this daemon among several; part of pid file names and of the log's ident.
    pub instance: Option<String>,
    /// Where the processes live.
    pub namespaces: Namespaces,
    /// Names, scheduling and limits of the processes.
    pub processes: Processes,
    /// Interfaces as such.
    pub interfaces: Interfaces,
    /// What is run besides checks and notifications, and under which rules.
    pub scripts: Scripts,
    /// Pipes that get every change of state.
    pub fifos: Fifos,
    /// Mail.
    pub mail: Mail,
    /// What instances inherit, and what concerns all of them.
    pub vrrp: VrrpDefaults,
    /// Load balancing.
    pub lvs: Lvs,
    /// Packet filter rules.
    pub nftables: Nftables,
    /// The SNMP subagent.
    pub snmp: Snmp,
    /// The D-Bus interface.
    pub dbus: Dbus,
    /// What SIGUSR1, SIGUSR2 and the JSON signal write.
    pub dumps: Dumps,
    /// Where names are looked up and copies kept.
    pub lookups: Lookups,
    /// How configurations are read again.
    pub reload: Reload,
}

/// Namespaces and where their pid files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// `net_namespace`: a name below `/var/run/netns`; ours unless configured. The command line wins.
    pub network: Option<String>,
    /// `net_namespace_ipvs`: where virtual servers are configured; an empty name means the default namespace.
    pub ipvs: Option<String>,
    /// `namespace_with_ipsets`: allows ipsets in a namespace on kernels before 3.13.
    pub with_ipsets: bool,
    /// `use_pid_dir`: pid files in a directory of their own. A namespace or an instance name implies it.
    pub pid_directory: bool,
}

/// Interfaces as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// `dynamic_interfaces`: interfaces that do not exist yet are allowed.
    pub dynamic: Dynamic,
    /// `default_interface`: of static addresses that name none; `eth0` unless configured.
    pub default: String,
    /// `disable_local_igmp`: sets `igmp_link_local_mcast_reports` to 0.
    pub no_local_igmp: bool,
}

impl Default for Interfaces {
    fn default() -> Self {
        Self { dynamic: Dynamic::No, default: "eth0".into(), no_local_igmp: false }
    }
}

/// What may happen to interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dynamic {
    /// They exist at start.
    #[default]
    No,
    /// They may come later.
    Yes,
    /// They may come back as something else (`allow_if_changes`).
    MayChangeKind,
}

impl Dynamic {
    /// Whether an interface may be missing at start.
    pub fn may_be_missing(self) -> bool {
        self != Self::No
    }
}
