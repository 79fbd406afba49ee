//! Whether a changed configuration may take the place of the running one (`spec` runtime 1.11, config 0.1).

use std::io;
use std::path::Path;

use keepalived_conf::{render, test_status};
use keepalived_model::global::Global;

use super::plan::Reading;

/// `reload_check_config`: with anything to say about it a configuration is not taken up, and the file gets to
/// know what. This governs reloads alone; the original does not even start then (D10).
pub(super) fn validate(reading: &Reading, file: &Path) -> io::Result<bool> {
    let text: String = render::keepalived::test(&reading.diagnostics).map(|line| line + "\n").collect();
    std::fs::write(file, text)?;
    Ok(test_status(&reading.diagnostics) == 0)
}

/// What cannot change while the daemon runs, and would.
pub(super) fn unchangeable(old: &Global, new: &Global) -> Option<&'static str> {
    let table = [
        ("network namespace", old.namespaces.network != new.namespaces.network),
        ("ipvs network namespace", old.namespaces.ipvs != new.namespaces.ipvs),
        ("instance name", old.instance != new.instance),
        ("nftables table name", old.nftables.table_name() != new.nftables.table_name()),
        ("ipvs nftables table name", old.nftables.ipvs_table != new.nftables.ipvs_table),
        ("config_directory", old.lookups.temporary != new.lookups.temporary),
        ("disable_local_igmp", old.interfaces.no_local_igmp != new.interfaces.no_local_igmp),
    ];
    table.into_iter().find_map(|(what, changed)| changed.then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_at_start_cannot_change() {
        let old = Global::default();
        let mut new = Global { router_id: Some("other".into()), ..Global::default() };
        assert_eq!(unchangeable(&old, &new), None);
        // Where none is named it is the usual one.
        new.nftables.table = Some("keepalived".into());
        assert_eq!(unchangeable(&old, &new), None);
        new.nftables.table = Some("kept".into());
        assert_eq!(unchangeable(&old, &new), Some("nftables table name"));
        new.instance = Some("one".into());
        assert_eq!(unchangeable(&old, &new), Some("instance name"));
    }
}
