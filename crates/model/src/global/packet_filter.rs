//! Tables and sets of the packet filter.

/// What is used of nftables, and the names of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nftables {
    /// `nftables`: the table of virtual routers, at most 30 bytes; none if nftables is not used. Of
    /// `vrrp_iptables` only this is left, as in builds of the original without iptables.
    pub table: Option<String>,
    /// `nftables_priority` of its chains.
    pub priority: i32,
    /// `nftables_ifindex`: rules name interfaces by number.
    pub by_index: bool,
    /// `nftables_counters`: rules count.
    pub counters: bool,
    /// `nftables_ipvs`: the table of virtual servers; none if not used.
    pub ipvs_table: Option<String>,
    /// `nftables_ipvs_priority` of its chains.
    pub ipvs_priority: i32,
    /// `nftables_ipvs_start_fwmark`, at least 1.
    pub ipvs_first_mark: u32,
    /// `vrrp_ipsets`: names of sets, for iptables alone.
    pub sets: Option<Sets>,
}

impl Nftables {
    /// The table of virtual routers where none is named.
    pub const TABLE: &str = "keepalived";

    /// The table of virtual routers, should there be any.
    pub fn table_name(&self) -> &str {
        self.table.as_deref().unwrap_or(Self::TABLE)
    }
}

impl Default for Nftables {
    fn default() -> Self {
        Self {
            table: None,
            priority: -1,
            by_index: false,
            counters: false,
            ipvs_table: None,
            ipvs_priority: -1,
            ipvs_first_mark: 1000,
            sets: None,
        }
    }
}

/// Names of ipsets, at most 30 bytes each, all different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    /// IPv4 addresses.
    pub address4: String,
    /// IPv6 addresses; the one above with `6`.
    pub address6: String,
    /// IPv6 link-local addresses with interfaces; the first with `_if6`.
    pub link_local: String,
    /// IGMP; the first with `_igmp`.
    pub igmp: String,
    /// MLD; the first with `_mld`.
    pub mld: String,
    /// Neighbour discovery; the first with `_nd`.
    pub neighbor: String,
}
