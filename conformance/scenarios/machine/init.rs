//! A real process 1: units and init scripts, boots without a network, and switching off.

use std::fs;
use std::time::{Duration, Instant};

use super::super::lan::{A, B, VIP, VRID, instance, ms, start};
use super::{F, PATIENCE, has};
use crate::lab::{First, Host, Lab, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{master_down, skew};
use crate::subject::Subject;
use crate::table::{Context, Scenario, original};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    original(F, "under systemd: boot without network, reload, stop, start, restart, power off", systemd),
    original(F, "under sysvinit: boot, reload, stop, start, power off", sysvinit),
];

/// How long a boot may take on an emulated machine.
const BOOT: Duration = Duration::from_secs(90);

/// A box that boots, and a plain one of lower priority that runs.
struct Booted {
    a: Host,
    b: Host,
    lab: Lab,
}

impl Booted {
    /// `prepare` is done before the boot, which starts keepalived.
    fn set(context: &Context, first: First, prepare: &str) -> Result<Self, Fault> {
        let mut lab = Lab::new()?;
        let a = lab.host_that_boots(context.pair.a, "a", "eth0", A, first)?;
        let b = lab.host(context.pair.b, "b", "eth0", B)?;
        if let Some(unit) = context.pair.a.unit() {
            a.write("/lib/systemd/system/keepalived.service", &fs::read_to_string(unit)?, 0o644)?;
        }
        a.configure(&instance(150, ""))?;
        b.configure(&instance(100, ""))?;
        a.must(prepare)?;
        a.boot()?;
        start(&b)?;
        until(BOOT, "keepalived was started by the boot", || a.pid_file("/run/keepalived.pid").is_some())?;
        Ok(Self { a, b, lab })
    }

    /// The address is with A alone.
    fn is_with_a(&self) -> Outcome {
        let alone = || self.a.holds(VIP) && !self.b.holds(VIP);
        until(master_down(150) + PATIENCE, "A alone holds the address", alone)?;
        Ok(())
    }

    /// A hands over at once because of that command.
    fn hands_over(&self, command: &str) -> Outcome {
        let at = Instant::now();
        // Switching off ends the command as well.
        let _ = self.a.run(command)?;
        self.lab.capture.wait_advert("a", VRID, at, PATIENCE, |advert| advert.priority == 0)?;
        self.b.gains(VIP, skew(100) + PATIENCE)?;
        Ok(())
    }

    /// A takes a new file without handing over.
    fn reloads(&self, command: &str) -> Outcome {
        self.a.configure(&instance(120, ""))?;
        let at = Instant::now();
        self.a.must(command)?;
        self.lab.capture.wait_advert("a", VRID, at, PATIENCE, |advert| advert.priority == 120)?;
        ensure!(self.a.holds(VIP) && !self.b.holds(VIP), "the address moved");
        Ok(())
    }
}

fn systemd(context: &Context) -> Outcome {
    has("/lib/systemd/systemd")?;
    let boxes = Booted::set(context, First::Systemd, "ip link set eth0 down && ip addr flush dev eth0")?;
    let Booted { a, b, .. } = &boxes;
    let is_active =
        |state: &str| a.run("systemctl is-active keepalived").is_ok_and(|it| it.out.trim() == state);
    until(PATIENCE, "the unit is active", || is_active("active"))?;
    b.gains(VIP, master_down(100) + PATIENCE)?;
    ensure!(!a.holds(VIP), "A holds an address without a network");
    a.must("ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up")?;
    boxes.is_with_a()?;
    let main = a.must("systemctl show --property MainPID --value keepalived")?;
    ensure_same!(main.trim().parse().ok(), a.pid_file("/run/keepalived.pid"), "main process of the unit");
    boxes.reloads("systemctl reload keepalived")?;
    ensure_same!(a.must("systemctl show --property MainPID --value keepalived")?, main, "main process");
    boxes.hands_over("systemctl stop keepalived")?;
    ensure!(is_active("inactive"), "the unit is not inactive after the stop");
    a.quiet(PATIENCE)?;
    a.must("systemctl start keepalived")?;
    ensure!(is_active("active"), "the unit is not active after the start");
    boxes.is_with_a()?;
    a.must("systemctl restart keepalived")?;
    boxes.is_with_a()?;
    boxes.hands_over("systemctl --no-block poweroff")
}

fn sysvinit(context: &Context) -> Outcome {
    has("/opt/sysvinit/sbin/init")?;
    let boxes = Booted::set(context, First::Sysvinit, "true")?;
    let Booted { a, .. } = &boxes;
    boxes.is_with_a()?;
    status_is(context, a, 0)?;
    boxes.reloads("service keepalived reload")?;
    boxes.hands_over("service keepalived stop")?;
    a.quiet(PATIENCE)?;
    status_is(context, a, 3)?;
    a.must("service keepalived start")?;
    boxes.is_with_a()?;
    boxes.hands_over("/opt/sysvinit/sbin/telinit 0")?;
    until(PATIENCE + ms(5000), "A is off", || a.processes().is_empty())?;
    Ok(())
}

/// What `service keepalived status` says; the original's script does not know the word.
fn status_is(context: &Context, host: &Host, code: i32) -> Outcome {
    if context.subject() == Subject::Ours {
        ensure_same!(host.run("service keepalived status")?.code, code, "status");
    }
    Ok(())
}
