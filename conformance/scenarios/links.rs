//! Interfaces whose ups and downs count later, and what else is said about interfaces.

use std::time::Instant;

use super::lan::{Single, VIP, in_window, instance, ms};
use crate::ensure;
use crate::lab::always;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original};

const F: &str = "links";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "an interface that is down for a moment does not count with up and down delays", delays),
    original(F, "promote_secondaries is set on the interface", promotes),
];

fn delays(context: &Context) -> Outcome {
    let config = format!("interface_up_down_delays {{\n    eth0 0.9 0.7\n}}\n{}", instance(150, ""));
    let lan = Single::set(context, &config)?;
    lan.start_as_master(150)?;
    let mark = lan.a.log.mark();
    lan.a.pull_cable()?;
    always(ms(300), "it is still master", || lan.a.holds(VIP))?;
    lan.a.push_cable()?;
    always(ms(1300), "it is still master", || lan.a.holds(VIP))?;
    ensure!(lan.a.log.since(mark, "Entering FAULT STATE").is_empty(), "a moment was a fault");
    let down = Instant::now();
    lan.a.pull_cable()?;
    let fault = lan.a.log.wait(mark, "(VI_1) Entering FAULT STATE", ms(900) + SLACK)?;
    in_window("it was a fault", down, fault.at, ms(880), ms(900) + SLACK)?;
    let up = Instant::now();
    lan.a.push_cable()?;
    let backup = lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(700) + SLACK)?;
    in_window("it was none any more", up, backup.at, ms(680), ms(700) + SLACK)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}

fn promotes(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "promote_secondaries"))?;
    let file = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
    lan.a.must(&format!("echo 0 > {file}"))?;
    lan.start_as_master(150)?;
    let set = lan.a.must(&format!("cat {file}"))?;
    ensure!(set.trim() == "1", "promote_secondaries is {set}");
    lan.a.must("service keepalived stop")?;
    lan.a.quiet(ms(3000))?;
    let restored = lan.a.must(&format!("cat {file}"))?;
    ensure!(restored.trim() == "0", "promote_secondaries is {restored} after the stop");
    Ok(())
}
