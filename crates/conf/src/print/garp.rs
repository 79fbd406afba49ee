//! Announcement values, global and of an instance.

use keepalived_model::vrrp::{ExtraGarp, Garp};

use super::block::Block;

/// What differs from the usual; the keywords of `global_defs` have a prefix.
pub(super) fn print(out: &mut Block, prefix: &str, garp: &Garp, usual: &Garp) {
    let keyword = |name: &str| format!("{prefix}garp_{name}");
    out.value(&keyword("master_delay"), garp.delay.as_secs(), usual.delay.as_secs());
    out.value(&keyword("master_repeat"), garp.repeat, usual.repeat);
    out.value(&keyword("master_refresh"), garp.refresh.as_secs(), usual.refresh.as_secs());
    out.value(&keyword("master_refresh_repeat"), garp.refresh_repeat, usual.refresh_repeat);
    out.value(
        &keyword("lower_prio_delay"),
        garp.lower_prio_delay.as_secs(),
        usual.lower_prio_delay.as_secs(),
    );
    out.value(&keyword("lower_prio_repeat"), garp.lower_prio_repeat, usual.lower_prio_repeat);
    if garp.extra != usual.extra {
        out.line(&keyword("extra_if"), extra(garp.extra));
    }
}

/// `[all] SECONDS`; zero is nothing.
fn extra(extra: Option<ExtraGarp>) -> Vec<String> {
    let all = extra.filter(|extra| extra.all).map(|_| "all".to_owned());
    let seconds = extra.map_or(0, |extra| extra.interval.as_secs());
    all.into_iter().chain([seconds.to_string()]).collect()
}
