//! Interfaces, routes and rules that are not there when they are needed.

use std::thread;
use std::time::Instant;

use super::{quick, quick_down};
use crate::lab::until;
use crate::outcome::Outcome;
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, VIP, ms, says};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F13",
        "a route, a rule and a whole table removed by others are back at once, and counted",
        table,
    ),
    withstands("F15", "an interface that appears long after the start is used at once", late),
    withstands("F15", "an interface that is not there stops the start, and the log names it", absent),
];

fn table(context: &Context) -> Outcome {
    let more = "virtual_routes {\n        10.20.0.0/24 via 10.9.0.2 dev eth0\n        \
                10.21.0.0/24 via 10.9.0.2 dev eth0 table 88\n        10.22.0.0/24 dev eth0 table 88\n    }\n    \
                virtual_rules {\n        from 10.9.0.100 table 88 priority 500\n    }";
    let lan = Single::set(context, &quick(150, more))?;
    lan.start()?;
    let all_there = || {
        let shown = lan.a.must("ip route; ip route show table 88 2>/dev/null; ip rule").unwrap_or_default();
        ["10.20.0.0", "10.21.0.0", "10.22.0.0", "500:"].iter().all(|sign| shown.contains(sign))
    };
    until(quick_down(150) + ms(1500), "routes and the rule", all_there)?;
    let mark = lan.a.log.mark();
    for command in ["ip route del 10.20.0.0/24", "ip rule del pref 500", "ip route flush table 88"] {
        lan.a.must(command)?;
        until(ms(100) + SLACK / 2, &format!("everything is there after {command}"), all_there)?;
        thread::sleep(ms(300));
        ensure!(all_there() && lan.a.holds(VIP), "it did not stay after {command}");
    }
    ensure_same!(lan.a.log.since(mark, "Entering").len(), 0, "changes of the role");
    ensure_same!(lan.a.log.since(mark, "was removed by another program").len(), 4, "removals in the log");
    Ok(())
}

fn elsewhere() -> String {
    quick(150, "").replace("eth0", "eth9").replace("10.9.0.100", "10.8.0.100")
}

fn late(context: &Context) -> Outcome {
    let config = "global_defs {\n    dynamic_interfaces\n}\n".to_owned() + &elsewhere();
    let lan = Single::set(context, &config)?;
    lan.start()?;
    let line = says(&lan.a, "FAULT state (", ms(2000))?;
    ensure!(line.text.contains("eth9"), "no cause: {}", line.text);
    thread::sleep(ms(1000));
    let mark = lan.a.log.mark();
    lan.a.cable("eth9", "10.8.0.1/24", None)?;
    let usable = Instant::now();
    let line = lan.a.log.wait(mark, "Entering BACKUP STATE", ms(200) + SLACK)?;
    ensure!(line.at <= usable + ms(200) + SLACK, "backup {:?} after it could be", line.at - usable);
    lan.a.gains([10, 8, 0, 100].into(), quick_down(150) + SLACK)?;
    Ok(())
}

fn absent(context: &Context) -> Outcome {
    let lan = Single::set(context, &elsewhere())?;
    let run = lan.a.run("timeout 10 keepalived -n")?;
    ensure_same!(run.code, 2, "exit status");
    ensure!(!lan.a.log.since(0, "eth9").is_empty(), "no line names the interface");
    lan.a.quiet(ms(500))?;
    Ok(())
}
