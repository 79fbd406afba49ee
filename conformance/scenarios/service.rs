//! The init script, as an operator types it.

use super::lan::{Two, VIP, VRID, in_window, instance, ms};
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "service";

pub const SCENARIOS: &[Scenario] = &[
    // The original's second of waiting is as long as the script's: now and then nothing runs afterwards.
    decision("D12", F, "restart: the peer takes over for a moment, then all is as before", restart),
    original(F, "reload: the new file counts, the address stays", reload),
    original(F, "start twice and stop twice succeed", twice),
    original(F, "killall -9 and start: the address is back with one holder", killed_hard),
    ours(F, "status says 0 while it runs and 3 while it does not", status),
];

fn pair(context: &Context) -> Result<Two, Fault> {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    for host in [&lan.a, &lan.b] {
        host.must("service keepalived start")?;
    }
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(lan)
}

fn one_holder(lan: &Two, within: std::time::Duration) -> Outcome {
    until(within, "A alone holds the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    Ok(())
}

fn restart(context: &Context) -> Outcome {
    let lan = pair(context)?;
    let old = lan.a.pid_file("/run/keepalived.pid");
    let at = std::time::Instant::now();
    lan.a.must("service keepalived restart")?;
    let zero = lan.lab.capture.wait_advert("a", VRID, at, ms(1000), |advert| advert.priority == 0)?;
    let first = lan.lab.capture.wait_advert("b", VRID, at, skew(100) + ms(1500), |_| true)?;
    in_window("B took over", zero.at, first.at, skew(100) - ms(5), skew(100) + SLACK)?;
    one_holder(&lan, master_down(150) + ms(2000))?;
    ensure!(lan.a.pid_file("/run/keepalived.pid") != old, "the same process as before");
    Ok(())
}

fn reload(context: &Context) -> Outcome {
    let lan = pair(context)?;
    lan.a.configure(&instance(120, ""))?;
    let at = std::time::Instant::now();
    lan.a.must("service keepalived reload")?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(2000), |advert| advert.priority == 120)?;
    ensure!(lan.a.holds(VIP) && !lan.b.holds(VIP), "the address moved");
    Ok(())
}

fn twice(context: &Context) -> Outcome {
    let lan = pair(context)?;
    let before = lan.a.pid_file("/run/keepalived.pid");
    ensure_same!(lan.a.run("service keepalived start")?.code, 0, "exit code of a second start");
    ensure_same!(lan.a.pid_file("/run/keepalived.pid"), before, "pid file");
    ensure_same!(lan.a.run("service keepalived stop")?.code, 0, "exit code of stop");
    lan.a.quiet(ms(3000))?;
    ensure_same!(lan.a.run("service keepalived stop")?.code, 0, "exit code of a second stop");
    Ok(())
}

fn killed_hard(context: &Context) -> Outcome {
    let lan = pair(context)?;
    lan.a.must("killall -9 keepalived")?;
    lan.a.quiet(ms(3000))?;
    lan.a.must("service keepalived start")?;
    // B may have taken over, if the engine could still say good-bye: then A needs its whole time.
    one_holder(&lan, master_down(150) + ms(1500))
}

fn status(context: &Context) -> Outcome {
    let lan = pair(context)?;
    ensure_same!(lan.a.run("service keepalived status")?.code, 0, "exit code while it runs");
    lan.a.must("service keepalived stop")?;
    lan.a.quiet(ms(3000))?;
    ensure_same!(lan.a.run("service keepalived status")?.code, 3, "exit code while it does not run");
    Ok(())
}
