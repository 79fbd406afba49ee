//! The smallest cases, which need no optimizations; `keepalived-exhaust` goes through all of them.

use keepalived_exhaust::Case;
use stateright::{Checker, Model};

#[test]
fn two_routers_can_come_to_nothing_bad_and_lossy_ones_to_two_masters() {
    for case in Case::small() {
        let name = case.name;
        let checker = case.checker().spawn_dfs().join();
        checker.assert_properties();
        assert!(checker.unique_state_count() > 500, "{name}: {} states", checker.unique_state_count());
    }
}
