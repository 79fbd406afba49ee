//! Commands before the first engine and after the last one.

use std::thread;

use super::lan::{Single, VIP, instance, ms, says};
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "hooks";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a startup script runs before engines and a shutdown script after them", around),
    original(F, "a startup script that fails does not prevent the start", failing),
    original(F, "a startup script that takes too long is ended, and the start goes on", slow),
    original(F, "a startup script that ignores TERM is killed two seconds later", stubborn),
    original(F, "a stop does not wait for the startup script", stopped),
    original(F, "a start that cannot be runs no shutdown script", impossible),
    ours(F, "a reload waits for the startup script", reloaded),
];

/// Writes down who it is, how many processes of keepalived there are, and whether the address is there.
const HOOK: &str = "#!/bin/bash
line=\"$1 $(pgrep -xc keepalived)\"
ip -4 -o addr show dev eth0 | grep -q '10.9.0.100/' && line=\"$line with-address\"
echo \"$line\" >> /tmp/calls
case $2 in
    fail) exit 3 ;;
    slow) while :; do sleep 0.1; done ;;
    stubborn) trap '' TERM; while :; do sleep 0.1; done ;;
esac
";

fn hooked(context: &Context, startup: &str, shutdown: &str) -> Result<Single, crate::outcome::Fault> {
    let globals = format!(
        "global_defs {{\n    script_user root\n    startup_script \"/opt/hook up {startup}\"\n    \
         shutdown_script \"/opt/hook down {shutdown}\"\n    startup_script_timeout 1\n    \
         shutdown_script_timeout 1\n}}\n"
    );
    let lan = Single::set(context, &(globals + &instance(150, "")))?;
    lan.a.write("/opt/hook", HOOK, 0o755)?;
    Ok(lan)
}

fn stop(lan: &Single) -> Outcome {
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(7000))?;
    Ok(())
}

fn around(context: &Context) -> Outcome {
    let lan = hooked(context, "", "")?;
    lan.start_as_master(150)?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    says(&lan.a, "Reload complete", ms(2000))?;
    stop(&lan)?;
    ensure_same!(lan.a.read("/tmp/calls"), "up 1\ndown 1\n", "calls");
    for line in [
        "Running startup script /opt/hook",
        "startup script script succeeded",
        "Running shutdown script /opt/hook",
        "shutdown script script succeeded",
    ] {
        says(&lan.a, line, ms(100))?;
    }
    Ok(())
}

fn failing(context: &Context) -> Outcome {
    let lan = hooked(context, "fail", "fail")?;
    lan.start_as_master(150)?;
    says(&lan.a, "startup script script failed, status 3", ms(100))?;
    stop(&lan)?;
    says(&lan.a, "shutdown script script failed, status 3", ms(100))?;
    Ok(())
}

fn slow(context: &Context) -> Outcome {
    let lan = hooked(context, "slow", "slow")?;
    let begin = lan.start()?;
    let late = says(&lan.a, "startup script timed out", ms(1000) + SLACK)?;
    let born = says(&lan.a, "Starting VRRP child process", ms(1500))?;
    super::lan::in_window("the limit", begin, late.at, ms(990), ms(1000) + SLACK)?;
    super::lan::in_window("the start", late.at, born.at, ms(0), SLACK)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    stop(&lan)?;
    says(&lan.a, "shutdown script timed out", ms(100))?;
    Ok(())
}

fn stubborn(context: &Context) -> Outcome {
    let lan = hooked(context, "stubborn", "")?;
    lan.start()?;
    let late = says(&lan.a, "startup script timed out", ms(1000) + SLACK)?;
    let born = says(&lan.a, "Starting VRRP child process", ms(4000))?;
    super::lan::in_window("the kill", late.at, born.at, ms(1950), ms(2000) + SLACK)?;
    stop(&lan)
}

fn stopped(context: &Context) -> Outcome {
    let lan = hooked(context, "slow", "")?;
    lan.start()?;
    until(ms(900), "the startup script", || lan.a.read("/tmp/calls").contains("up"))?;
    stop(&lan)?;
    ensure_same!(lan.a.read("/tmp/calls"), "up 1\ndown 1\n", "calls");
    let started = lan.a.log.lines().iter().any(|line| line.text.starts_with("Starting VRRP"));
    ensure!(!started, "an engine was started");
    Ok(())
}

fn impossible(context: &Context) -> Outcome {
    let lan = hooked(context, "", "")?;
    lan.a.configure(
        &lan.a.read("/etc/keepalived/keepalived.conf").replace("interface eth0", "interface no0"),
    )?;
    lan.start()?;
    says(&lan.a, "Stopped Keepalived", ms(3000))?;
    lan.a.quiet(ms(1000))?;
    ensure_same!(lan.a.read("/tmp/calls"), "up 1\n", "calls");
    Ok(())
}

fn reloaded(context: &Context) -> Outcome {
    let lan = hooked(context, "slow", "")?;
    lan.start()?;
    until(ms(900), "the startup script", || lan.a.read("/tmp/calls").contains("up"))?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    let count = || lan.a.keepalived().iter().filter(|process| process.comm == "keepalived").count();
    always(ms(400), "no engine", || count() == 1)?;
    says(&lan.a, "Reload complete", ms(4000))?;
    thread::sleep(ms(300));
    ensure_same!(count(), 2, "processes");
    stop(&lan)
}
