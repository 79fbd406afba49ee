//! Processes that die, are told to stop or to read their file again.

use std::io::Read;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Instant;

use super::lan::{Single, Two, VIP, VRID, in_window, instance, ms, says, start};
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down, skew};
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "process";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "TERM: priority 0, the address gone, all processes gone, pid files gone", term),
    decision("D12", F, "TERM: all processes are gone within a tenth of a second", term_is_quick),
    original(F, "TERM to the engine alone: a clean hand-over, then a new engine", term_to_engine),
    original(F, "the parent killed: the engine says good-bye and ends", parent_killed),
    original(F, "the engine killed: the parent says so and starts another", respawn_lines),
    ours(F, "the engine killed: the next one goes on where it stood", engine_adopted),
    original(F, "with dont-respawn the engine's death ends all", dont_respawn),
    original(F, "a second start says so, exits 0 and disturbs nothing", second_start),
    original(F, "a stale pid file is no obstacle", stale_pid_file),
    original(F, "a reload of an unchanged file touches no address and misses no advert", reload_unchanged),
    ours(F, "a reload of 255 unchanged instances touches no address and misses no advert", reload_many),
    original(F, "a reload of a changed file changes just that", reload_changed),
    decision("D2", F, "a reload of an unusable file leaves everything as it was", reload_broken),
    original(F, "a reload of a backup keeps it a backup", reload_backup),
    original(F, "a reload takes the last router away, another brings it back", reload_to_nothing),
    ours(F, "an engine that dies again leaves no address while it waits", no_address_while_waiting),
    ours(F, "one process in the foreground does it all for a debugger", in_process),
    ours(F, "an engine that does not stop is killed and leaves no address", stuck_engine),
];

fn in_process(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let mut one = lan.a.background("exec keepalived --foreground --in-process")?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    let names: Vec<String> = lan.a.keepalived().into_iter().map(|process| process.comm).collect();
    ensure_same!(names, ["keepalived", "ka-scripts"], "processes");
    let Some(process) = lan.a.keepalived().into_iter().next() else { return failed("no process") };
    let at = lan.a.signal(process.pid, 15)?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(300), |advert| advert.priority == 0)?;
    lan.a.loses(VIP, ms(200))?;
    lan.a.quiet(ms(1500))?;
    let status = one.wait()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn master(context: &Context) -> Result<Single, Fault> {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    Ok(lan)
}

fn pid(host: &Host, file: &str) -> Result<u32, Fault> {
    match host.pid_file(file) {
        Some(pid) => Ok(pid),
        None => failed(format!("no process number in {file}")),
    }
}

fn term(context: &Context) -> Outcome {
    let lan = master(context)?;
    thread::sleep(ms(300));
    let at = lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 15)?;
    let zero = lan.lab.capture.wait_advert("a", VRID, at, ms(300), |advert| advert.priority == 0)?;
    in_window("priority 0 came", at, zero.at, ms(0), ms(200))?;
    lan.a.loses(VIP, ms(200))?;
    lan.a.quiet(ms(1500))?;
    thread::sleep(ms(100));
    ensure_same!(lan.adverts(at).len(), 1, "adverts after TERM");
    for file in ["/run/keepalived.pid", "/run/vrrp.pid"] {
        ensure!(!lan.a.has_file(file), "{file} is still there");
    }
    for text in ["Stopping", "(VI_1) sent 0 priority", "(VI_1) removing VIPs.", "Stopped Keepalived v"] {
        says(&lan.a, text, ms(300))?;
    }
    Ok(())
}

fn term_is_quick(context: &Context) -> Outcome {
    let lan = master(context)?;
    let at = lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 15)?;
    let gone = lan.a.quiet(ms(1500))?;
    in_window("all was gone", at, gone, ms(0), ms(130))
}

fn term_to_engine(context: &Context) -> Outcome {
    let lan = master(context)?;
    let old = pid(&lan.a, "/run/vrrp.pid")?;
    let at = lan.a.signal(old, 15)?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(300), |advert| advert.priority == 0)?;
    lan.a.loses(VIP, ms(300))?;
    let another = || lan.a.pid_file("/run/vrrp.pid").is_some_and(|new| new != old);
    until(ms(3000), "a new engine", another)?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    Ok(())
}

fn parent_killed(context: &Context) -> Outcome {
    let lan = master(context)?;
    let at = lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 9)?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(500), |advert| advert.priority == 0)?;
    lan.a.loses(VIP, ms(300))?;
    lan.a.quiet(ms(2000))?;
    ensure!(lan.a.has_file("/run/keepalived.pid"), "a killed parent cannot remove its pid file");
    Ok(())
}

fn respawn_lines(context: &Context) -> Outcome {
    let lan = master(context)?;
    let old = pid(&lan.a, "/run/vrrp.pid")?;
    lan.a.signal(old, 9)?;
    let died = says(&lan.a, &format!("VRRP child process({old}) died: Respawning"), ms(1000))?;
    ensure_same!(died.priority, 25, "facility daemon, level alert");
    ensure_same!(died.ident, "Keepalived", "who says so");
    let text = format!("pid {old} exited due to signal 9 (Killed) - has rlimit_rttime been exceeded?");
    says(&lan.a, &text, ms(300))?;
    until(ms(1000), "a new engine", || lan.a.pid_file("/run/vrrp.pid").is_some_and(|new| new != old))?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    lan.a.must("killall keepalived")?;
    lan.a.loses(VIP, ms(500))?;
    Ok(())
}

fn engine_adopted(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + ms(1000))?;
    thread::sleep(ms(1200));
    let changes = WatchedAddresses::of(&lan.a)?;
    let at = lan.a.signal(pid(&lan.a, "/run/vrrp.pid")?, 9)?;
    let mut held = true;
    always(ms(5000), "B stays backup", || {
        held &= lan.a.holds(VIP);
        !lan.b.holds(VIP)
    })?;
    ensure!(held, "the address was away for a while");
    let gap = lan.lab.capture.worst_gap(VRID, at - ms(1100), Instant::now());
    ensure!(gap < ms(2000), "the peer heard nothing for {gap:?}");
    ensure!(lan.lab.capture.adverts("b", VRID, begin).is_empty(), "B took over");
    ensure_same!(changes.stop()?, Vec::<String>::new(), "address operations");
    Ok(())
}

fn dont_respawn(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(255, "").replace("BACKUP", "MASTER"))?;
    lan.a.must("keepalived -D -R")?;
    lan.a.gains(VIP, ms(1500))?;
    let engine = pid(&lan.a, "/run/vrrp.pid")?;
    lan.a.signal(engine, 9)?;
    says(&lan.a, &format!("VRRP child process({engine}) died: Exiting"), ms(1000))?;
    lan.a.quiet(ms(2500))?;
    Ok(())
}

fn second_start(context: &Context) -> Outcome {
    let lan = master(context)?;
    let before = lan.a.keepalived();
    let mark = lan.a.log.mark();
    let at = Instant::now();
    ensure_same!(lan.a.run("keepalived -D")?.code, 0, "exit code of the second start");
    lan.a.log.wait(mark, "daemon is already running", ms(500))?;
    thread::sleep(ms(1500));
    ensure_same!(lan.a.keepalived(), before, "processes");
    ensure!(lan.a.holds(VIP), "the address is gone");
    let gap = lan.lab.capture.worst_gap(VRID, at - ms(1000), Instant::now());
    ensure!(gap < ms(1200), "an advert was missed: {gap:?}");
    Ok(())
}

fn stale_pid_file(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(255, "").replace("BACKUP", "MASTER"))?;
    lan.a.write("/run/keepalived.pid", "99999\n", 0o644)?;
    lan.a.write("/run/vrrp.pid", "99998\n", 0o644)?;
    lan.start()?;
    lan.a.gains(VIP, ms(2000))?;
    let parent = pid(&lan.a, "/run/keepalived.pid")?;
    ensure!(lan.a.keepalived().iter().any(|process| process.pid == parent), "the pid file names nobody");
    Ok(())
}

/// Writes down every change of an address until it is asked.
struct WatchedAddresses {
    monitor: Child,
}

impl WatchedAddresses {
    fn of(host: &Host) -> Result<Self, Fault> {
        let monitor = host
            .entering("exec ip -o -4 monitor address")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        // It says nothing when it begins to listen; a change of ours proves that it does.
        thread::sleep(ms(300));
        Ok(Self { monitor })
    }

    fn stop(mut self) -> Result<Vec<String>, Fault> {
        thread::sleep(ms(50));
        // nsenter forks into the PID namespace and ends with its child.
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.monitor.id()))?;
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            keepalived_sys::lab::signal(child, 15)?;
        }
        let mut text = String::new();
        if let Some(mut out) = self.monitor.stdout.take() {
            out.read_to_string(&mut text)?;
        }
        self.monitor.wait()?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

fn reload(host: &Host) -> Result<Instant, Fault> {
    let mark = host.log.mark();
    let at = host.signal(pid(host, "/run/keepalived.pid")?, 1)?;
    host.log.wait(mark, "Reload complete", ms(3000))?;
    Ok(at)
}

fn reload_unchanged(context: &Context) -> Outcome {
    let lan = master(context)?;
    thread::sleep(ms(1500));
    let changes = WatchedAddresses::of(&lan.a)?;
    let mark = lan.a.log.mark();
    let mut at = Instant::now();
    for _ in 0..3 {
        at = at.min(reload(&lan.a)?);
        thread::sleep(ms(1350));
    }
    let gap = lan.lab.capture.worst_gap(VRID, at - ms(1100), Instant::now());
    // One interval, plus five parts in a hundred, plus what the capture's thread may be late at the end.
    ensure!(gap < ms(1050), "a gap of {gap:?} between adverts");
    ensure_same!(changes.stop()?, Vec::<String>::new(), "address operations");
    ensure!(lan.a.log.since(mark, "Entering").is_empty(), "a transition");
    ensure!(!lan.adverts(at).iter().any(|advert| advert.priority == 0), "priority 0");
    Ok(())
}

fn reload_many(context: &Context) -> Outcome {
    let mut config = String::new();
    for vrid in 1..=255 {
        config += &instance(150, "")
            .replace("VI_1", &format!("VI_{vrid}"))
            .replace("virtual_router_id 51", &format!("virtual_router_id {vrid}"))
            .replace(&VIP.to_string(), &format!("10.9.1.{vrid}"));
    }
    let lan = Single::set(context, &config)?;
    lan.start()?;
    lan.a.gains([10, 9, 1, 255].into(), master_down(150) + ms(2500))?;
    thread::sleep(ms(6500));
    let changes = WatchedAddresses::of(&lan.a)?;
    let at = reload(&lan.a)?;
    thread::sleep(ms(2500));
    let till = Instant::now();
    ensure_same!(changes.stop()?, Vec::<String>::new(), "address operations");
    for vrid in 1..=255 {
        let gap = lan.lab.capture.worst_gap(vrid, at - ms(1100), till);
        ensure!(gap < ms(1050), "VRID {vrid}: a gap of {gap:?} between adverts");
    }
    Ok(())
}

fn reload_changed(context: &Context) -> Outcome {
    let two = instance(150, "").replace("10.9.0.100\n", "10.9.0.100\n        10.9.0.101\n");
    let lan = Single::set(context, &two)?;
    lan.start_as_master(150)?;
    thread::sleep(ms(300));
    let changes = WatchedAddresses::of(&lan.a)?;
    lan.a.configure(&two.replace("10.9.0.101", "10.9.0.102").replace("priority 150", "priority 140"))?;
    let at = reload(&lan.a)?;
    lan.a.gains([10, 9, 0, 102].into(), ms(1000))?;
    lan.a.loses([10, 9, 0, 101].into(), ms(1000))?;
    let told = lan.lab.capture.wait_advert("a", VRID, at, ms(1500), |advert| advert.priority == 140)?;
    ensure_same!(told.addresses, vec![VIP, [10, 9, 0, 102].into()], "advertised addresses");
    thread::sleep(ms(1300));
    let operations = changes.stop()?;
    ensure!(!operations.iter().any(|line| line.contains("10.9.0.100/")), "touched: {operations:?}");
    ensure_same!(operations.len(), 2, "address operations");
    ensure!(!lan.adverts(at).iter().any(|advert| advert.priority == 0), "priority 0");
    let announced = lan.lab.capture.garps("a", at);
    ensure!(announced.iter().any(|garp| garp.address.octets() == [10, 9, 0, 102]), "not announced");
    says(&lan.a, "(VI_1) ip address 10.9.0.101/32 dev eth0, no longer exist", ms(300))?;
    Ok(())
}

fn reload_broken(context: &Context) -> Outcome {
    let broken: &[(&str, &str)] = &[
        ("interface eth0", "interface nowhere0"),
        ("virtual_router_id 51", ""),
        ("priority 150", "priority"),
    ];
    let lan = master(context)?;
    let changes = WatchedAddresses::of(&lan.a)?;
    let begin = Instant::now();
    for (from, to) in broken {
        lan.a.configure(&instance(150, "").replace(from, to))?;
        lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 1)?;
        thread::sleep(ms(1300));
        ensure!(lan.a.holds(VIP), "'{to}' cost the address");
    }
    let gap = lan.lab.capture.worst_gap(VRID, begin - ms(1000), Instant::now());
    ensure!(gap < ms(1050), "a gap of {gap:?} between adverts");
    ensure_same!(changes.stop()?, Vec::<String>::new(), "address operations");
    lan.a.configure(&instance(140, ""))?;
    let at = reload(&lan.a)?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(1500), |advert| advert.priority == 140)?;
    Ok(())
}

fn reload_backup(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + ms(1000))?;
    for _ in 0..3 {
        reload(&lan.b)?;
        thread::sleep(ms(700));
    }
    ensure!(lan.lab.capture.adverts("b", VRID, begin).is_empty(), "the backup spoke");
    let at = lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 15)?;
    let first = lan.lab.capture.wait_advert("b", VRID, at, skew(100) + ms(600), |_| true)?;
    in_window("took over", at, first.at, skew(100) - ms(5), skew(100) + SLACK)
}

fn reload_to_nothing(context: &Context) -> Outcome {
    let lan = master(context)?;
    let supervisor = pid(&lan.a, "/run/keepalived.pid")?;
    lan.a.configure("global_defs {\n    router_id nothing\n}\n")?;
    lan.a.signal(supervisor, 1)?;
    lan.a.loses(VIP, ms(1000))?;
    ensure_same!(lan.a.pid_file("/run/keepalived.pid"), Some(supervisor), "the supervisor");
    lan.a.configure(&instance(150, ""))?;
    lan.a.signal(supervisor, 1)?;
    lan.a.gains(VIP, master_down(150) + ms(1500)).map(drop)
}

fn no_address_while_waiting(context: &Context) -> Outcome {
    let lan = master(context)?;
    let first = pid(&lan.a, "/run/vrrp.pid")?;
    lan.a.signal(first, 9)?;
    until(ms(1000), "a new engine", || lan.a.pid_file("/run/vrrp.pid").is_some_and(|new| new != first))?;
    let second = pid(&lan.a, "/run/vrrp.pid")?;
    thread::sleep(ms(200));
    lan.a.signal(second, 9)?;
    says(&lan.a, "Restart of VRRP process delayed 1 seconds to limit respawn rate", ms(500))?;
    lan.a.loses(VIP, ms(300))?;
    until(ms(2000), "a new engine", || lan.a.pid_file("/run/vrrp.pid").is_some_and(|new| new != second))?;
    lan.a.gains(VIP, master_down(150) + ms(1500)).map(drop)
}

fn stuck_engine(context: &Context) -> Outcome {
    let lan = master(context)?;
    lan.a.signal(pid(&lan.a, "/run/vrrp.pid")?, 19)?;
    lan.a.signal(pid(&lan.a, "/run/keepalived.pid")?, 15)?;
    says(&lan.a, "vrrp process failed to die - forcing termination", ms(6000))?;
    lan.a.loses(VIP, ms(500))?;
    lan.a.quiet(ms(500)).map(drop)
}
