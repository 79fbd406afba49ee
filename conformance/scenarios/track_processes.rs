//! Tracked processes: which count, how many are enough, and when a change counts.

use std::time::Instant;

use super::lan::{Single, VIP, VRID, in_window, instance, ms, says};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "processes";

/// The lab's boxes are no place where the kernel tells of processes: the original looks once, at the start. What
/// happens later is ours alone here. In a machine of its own, where the kernel tells, the original counts what the first
/// scenario does, and the others' changes come the same way.
pub const SCENARIOS: &[Scenario] = &[
    ours(F, "names and words are compared as asked for", comparing),
    ours(F, "too few processes at the start are a fault, and enough are none", quorum_at_start),
    ours(F, "the weight of a process counts from the start", weight_at_start),
    original(F, "the log says that the kernel does not tell of processes", said),
    ours(F, "a process that ends or begins changes the priority", ends_and_begins),
    ours(F, "without a weight the end of a process is a fault until it is back", fault),
    ours(F, "a change counts when its delay is over, and not at all if it is undone before", delays),
    ours(F, "too many processes are as bad as too few", too_many),
    ours(F, "a reload keeps counts and takes up new processes", reload),
    ours(F, "thousands of processes cost nobody an advert", thousands),
];

/// A block about the program that [`put_worker`] puts there, or whatever the settings say.
fn block(name: &str, process: &str, settings: &str) -> String {
    format!("vrrp_track_process {name} {{\n    process {process}\n    {settings}\n}}\n")
}

fn track(line: &str) -> String {
    format!("track_process {{\n        {line}\n    }}")
}

/// A box that tracks the worker with these settings.
fn tracking(context: &Context, settings: &str) -> Result<Single, Fault> {
    let lan = Single::set(context, &(block("p", "worker", settings) + &instance(100, &track("p"))))?;
    put_worker(&lan)?;
    Ok(lan)
}

/// A program that sleeps, under a name nobody else has.
fn put_worker(lan: &Single) -> Outcome {
    lan.a.must("cp /bin/sleep /tmp/worker && cp /bin/sleep /tmp/a-name-of-more-than-fifteen")?;
    Ok(())
}

/// Starts a command that lasts; its number there.
fn begin(lan: &Single, command: &str) -> Result<u32, Fault> {
    let text = lan.a.must(&format!("bash -c '{command}' & echo $!"))?;
    text.trim().parse().or_else(|_| failed(format!("'{command}' has no number: {text}")))
}

/// Starts a worker, and waits until it is one.
fn work(lan: &Single) -> Result<u32, Fault> {
    let pid = begin(lan, "exec /tmp/worker 1000")?;
    until(ms(2000), "a worker", || {
        lan.a.processes().iter().any(|one| one.pid == pid && one.comm == "worker")
    })?;
    Ok(pid)
}

fn end(lan: &Single, pid: u32) -> Outcome {
    lan.a.must(&format!("kill -KILL {pid}"))?;
    Ok(())
}

/// Waits for an advert of this priority after that moment; when it came.
fn priority(lan: &Single, at: Instant, priority: u8) -> Result<Instant, Fault> {
    let advert =
        lan.lab.capture.wait_advert("a", VRID, at, ms(2000) + SLACK, |advert| advert.priority == priority)?;
    Ok(advert.at)
}

fn comparing(context: &Context) -> Outcome {
    let full = "full_command";
    let rows = [
        ("worker", "", "4"),
        ("/tmp/worker", "", "0"),
        ("worker", full, "0"),
        ("/tmp/worker", full, "3"),
        ("/tmp/worker 1000", "", "1"),
        ("/tmp/worker 1000", "param_match initial", "2"),
        ("/tmp/worker 10", "param_match initial", "2"),
        ("/tmp/worker 1000 20", "param_match initial", "1"),
        ("/tmp/worker 1000 20", "param_match partial", "0"),
        ("/tmp/worker 1000", "param_match partial", "2"),
        ("/tmp/worker 10", "param_match partial", "0"),
        ("/tmp/worker", "param_match", "0"),
        ("/tmp/worker", "param_match initial", "3"),
        ("/tmp/worker", "param_match partial", "3"),
        ("worker 1000", "", "0"),
        ("other 3000", "", "1"),
        ("other", "", "0"),
        ("a-name-of-more-than-fifteen", "", "0"),
        ("a-name-of-more-", "", "1"),
    ];
    let (mut blocks, mut lines) = (String::new(), String::new());
    for (number, (process, settings, _)) in rows.iter().enumerate() {
        blocks += &block(&format!("p{number}"), process, settings);
        lines += &format!("p{number} weight 1\n        ");
    }
    let lan = Single::set(context, &(blocks + &instance(100, &track(&lines))))?;
    put_worker(&lan)?;
    for command in [
        "exec /tmp/worker 1000",
        "exec /tmp/worker 1000 2000",
        "exec /tmp/worker 5000",
        "exec -a other /tmp/worker 3000",
        "exec /tmp/a-name-of-more-than-fifteen 1000",
    ] {
        begin(&lan, command)?;
    }
    let workers = || lan.a.processes().iter().filter(|one| one.comm == "worker").count() == 4;
    until(ms(2000), "all of them", workers)?;
    lan.start_as_master(111)?;
    lan.a.must("kill -USR1 $(cat /run/keepalived.pid)")?;
    until(ms(2000), "the file", || lan.a.read("/tmp/keepalived.data").contains("< Interfaces >"))?;
    let text = lan.a.read("/tmp/keepalived.data");
    let counts = text.lines().filter_map(|line| line.trim().strip_prefix("Current processes = "));
    let found: Vec<String> =
        rows.iter().zip(counts).map(|((p, s, _), count)| format!("{p} {s}: {count}")).collect();
    let wanted: Vec<String> = rows.iter().map(|(p, s, count)| format!("{p} {s}: {count}")).collect();
    ensure_same!(found.join("\n"), wanted.join("\n"), "processes that count");
    Ok(())
}

fn quorum_at_start(context: &Context) -> Outcome {
    let lan = tracking(context, "quorum 2")?;
    work(&lan)?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) entering FAULT state (tracked process p quorum not achieved)", ms(2000))?;
    always(ms(1500), "it is silent", || lan.adverts(begin).is_empty())?;
    let lan = tracking(context, "quorum 2")?;
    work(&lan)?;
    work(&lan)?;
    lan.start_as_master(100)?;
    ensure!(lan.a.log.since(0, "Quorum").is_empty(), "the first count is no news");
    Ok(())
}

fn weight_at_start(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20")?;
    work(&lan)?;
    lan.start_as_master(120)?;
    says(&lan.a, "(VI_1) Changing effective priority from 100 to 120", ms(300))?;
    let lan = tracking(context, "weight -20")?;
    lan.start_as_master(80)?;
    says(&lan.a, "(VI_1) Changing effective priority from 100 to 80", ms(300))?;
    Ok(())
}

fn said(context: &Context) -> Outcome {
    let lan = tracking(context, "")?;
    lan.start()?;
    says(&lan.a, "process event listen - errno 111 - Connection refused", ms(2000))?;
    Ok(())
}

fn ends_and_begins(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20")?;
    let worker = work(&lan)?;
    lan.start_as_master(120)?;
    says(&lan.a, "Tracked processes are looked for every 500 ms instead", ms(300))?;
    let mut worker = worker;
    for _ in 0..3 {
        let at = Instant::now();
        end(&lan, worker)?;
        in_window("the end was told", at, priority(&lan, at, 100)?, ms(0), ms(200))?;
        says(&lan.a, "Quorum lost for tracked process p", ms(300))?;
        let at = Instant::now();
        worker = work(&lan)?;
        // All are looked at twice a second.
        in_window("the beginning was told", at, priority(&lan, at, 120)?, ms(0), ms(1000))?;
        says(&lan.a, "Quorum gained for tracked process p", ms(300))?;
    }
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn fault(context: &Context) -> Outcome {
    let lan = tracking(context, "")?;
    let worker = work(&lan)?;
    lan.start_as_master(100)?;
    let at = Instant::now();
    end(&lan, worker)?;
    priority(&lan, at, 0)?;
    lan.a.loses(VIP, ms(300))?;
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(300))?;
    work(&lan)?;
    lan.a.gains(VIP, master_down(100) + ms(1000))?;
    Ok(())
}

fn delays(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20\n    terminate_delay 1.5\n    fork_delay 1")?;
    let worker = work(&lan)?;
    lan.start_as_master(120)?;
    let (at, mark) = (Instant::now(), lan.a.log.mark());
    end(&lan, worker)?;
    let lost = lan.a.log.wait(mark, "Quorum lost for tracked process p", ms(2000))?;
    in_window("it was lost", at, lost.at, ms(1450), ms(1800))?;
    priority(&lan, at, 100)?;
    let (at, mark) = (Instant::now(), lan.a.log.mark());
    let worker = work(&lan)?;
    let gained = lan.a.log.wait(mark, "Quorum gained for tracked process p", ms(2500))?;
    in_window("it was gained", at, gained.at, ms(950), ms(2000))?;
    priority(&lan, at, 120)?;
    // Restarted in time: nobody hears of it.
    let mark = lan.a.log.mark();
    end(&lan, worker)?;
    work(&lan)?;
    always(ms(2500), "a quick restart is no news", || lan.a.log.since(mark, "Quorum").is_empty())
}

fn too_many(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20\n    quorum_max 2")?;
    work(&lan)?;
    work(&lan)?;
    lan.start_as_master(120)?;
    let at = Instant::now();
    let third = work(&lan)?;
    priority(&lan, at, 100)?;
    let at = Instant::now();
    end(&lan, third)?;
    priority(&lan, at, 120)?;
    Ok(())
}

fn reload(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20")?;
    let worker = work(&lan)?;
    lan.start_as_master(120)?;
    let begin = Instant::now();
    let two = |line: &str| {
        let blocks = block("p", "worker", "weight 20") + &block("q", "/tmp/worker 1000", "weight 20");
        blocks + &instance(100, &track(line))
    };
    // The same under another name, and both together with another weight.
    for line in ["q", "p\n        q weight -50", "p"] {
        let mark = lan.a.log.mark();
        lan.a.configure(&two(line))?;
        lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
        lan.a.log.wait(mark, "Reloading", ms(1000))?;
        let at = Instant::now();
        priority(&lan, at + ms(300), 120)?;
    }
    let others = lan.adverts(begin).iter().filter(|advert| advert.priority != 120).count();
    ensure_same!(others, 0, "adverts with another priority");
    let at = Instant::now();
    end(&lan, worker)?;
    priority(&lan, at, 100)?;
    Ok(())
}

fn thousands(context: &Context) -> Outcome {
    let lan = tracking(context, "weight 20")?;
    let worker = work(&lan)?;
    lan.start_as_master(120)?;
    // Three thousand that stay, and others that come and go.
    lan.a.must(
        "for i in $(seq 3000); do sleep 60 & done; for i in $(seq 500); do /bin/true & done; wait $!",
    )?;
    let begin = Instant::now();
    std::thread::sleep(ms(5000));
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1000) + SLACK, "a gap of {gap:?} between adverts");
    let at = Instant::now();
    end(&lan, worker)?;
    in_window("the end was told", at, priority(&lan, at, 100)?, ms(0), ms(800))?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}
