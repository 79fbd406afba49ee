//! A long life in a few minutes: nothing may pile up in one process tree.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::lan::{STRANGER, Single, VIP, instance, ms};
use crate::diary;
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome, failed};
use crate::table::{Context, Scenario, ours};
use crate::wire::Forged;
use crate::{ensure, ensure_same};

const F: &str = "soak";

pub const SCENARIOS: &[Scenario] = &[ours(
    F,
    "1,000 reloads, 1,000 fail-overs, 100,000 script runs in a few minutes: memory, descriptors, children do not grow",
    long_life,
)];

const RELOADS: usize = 1000;
const FAIL_OVERS: usize = 1000;
const RUNS: u64 = 100_000;
/// Virtual routers, each of which fails over in every round.
const ROUTERS: u8 = 50;
/// Checks, each run four times a second.
const CHECKS: usize = 200;
const ROUNDS: usize = FAIL_OVERS / ROUTERS as usize;
/// What may be different without anything having piled up: the allocator's whims.
const SLACK_KIB: u64 = 600;
/// A machine with other things to do.
const LIMIT: Duration = Duration::from_secs(600);

/// One byte for each time it was run.
const SCRIPT: &str = "#!/bin/sh\nprintf x >> /tmp/runs\n";

/// A stage of the life: with or without checks, one way or another.
fn config(checks: usize, way: usize) -> String {
    let mut text = String::from("global_defs {\nvrrp_garp_master_repeat 1\nvrrp_garp_master_delay 0\n}\n");
    for number in 0..checks {
        text += &format!(
            "vrrp_script chk_{number} {{\n    script \"/tmp/run {number}\"\n    interval 0.25\n    timeout 5\n    \
             weight {}\n}}\n",
            way + 1
        );
    }
    for vrid in 1..=ROUTERS {
        // Every reload adds, removes and changes something somewhere.
        let second =
            if usize::from(vrid) % 2 == way % 2 { format!("\n        10.9.2.{vrid}") } else { "".into() };
        let tracked: String = (0..checks)
            .filter(|number| number % usize::from(ROUTERS) == usize::from(vrid - 1))
            .map(|number| format!("        chk_{number}\n"))
            .collect();
        let track = if tracked.is_empty() { tracked } else { format!("track_script {{\n{tracked}    }}") };
        let more = format!("notify /tmp/run\n    {track}");
        text += &instance(200, &more)
            .replace("VI_1", &format!("VI_{vrid}"))
            .replace("virtual_router_id 51", &format!("virtual_router_id {vrid}"))
            .replace(&VIP.to_string(), &format!("10.9.1.{vrid}{second}"));
    }
    text
}

fn long_life(context: &Context) -> Outcome {
    let lan = Single::set(context, &config(CHECKS, 0))?;
    lan.a.write("/tmp/run", SCRIPT, 0o755)?;
    lan.a.must("keepalived")?;
    until(ms(8000), "all are masters", || masters(&lan.a) == usize::from(ROUTERS))?;
    // Everything once, so that what is kept for good is there.
    for way in 0..20 {
        reload(&lan.a, &config(CHECKS, way))?;
    }
    fail_over(&lan)?;
    let before = Census::take(&lan.a)?;
    let (begin, first) = (Instant::now(), runs(&lan.a));
    for number in 0..RELOADS {
        reload(&lan.a, &config(CHECKS, number))?;
        if number % (RELOADS / ROUNDS) == 0 {
            fail_over(&lan)?;
        }
    }
    diary::step("reloads and fail-overs are done");
    while runs(&lan.a) - first < RUNS {
        ensure!(begin.elapsed() < LIMIT, "{} runs in {LIMIT:?}", runs(&lan.a) - first);
        thread::sleep(ms(500));
    }
    ensure_same!(masters(&lan.a), usize::from(ROUTERS), "masters at the end");
    let after = Census::take(&lan.a)?;
    println!(
        "     soak: {RELOADS} reloads, {} fail-overs, {} script runs in {} s\n     before {before:?}\n     after  {after:?}",
        ROUNDS * usize::from(ROUTERS),
        runs(&lan.a) - first,
        begin.elapsed().as_secs()
    );
    before.compare(&after)
}

fn runs(host: &Host) -> u64 {
    fs::metadata(host.path("/tmp/runs")).map_or(0, |about| about.len())
}

/// How many virtual routers hold their first address.
fn masters(host: &Host) -> usize {
    let shown = host.run("ip -o -4 addr show dev eth0").map(|run| run.out).unwrap_or_default();
    shown.matches(" 10.9.1.").count()
}

fn reload(host: &Host, text: &str) -> Outcome {
    host.configure(text)?;
    let mark = host.log.mark();
    host.signal(host.pid_file("/run/keepalived.pid").unwrap_or(0), 1)?;
    host.log.wait(mark, "Reload complete", ms(10_000)).map(drop)
}

/// Another master appears for every router, and resigns.
fn fail_over(lan: &Single) -> Outcome {
    for (priority, holding) in [(255, 0), (0, usize::from(ROUTERS))] {
        for vrid in 1..=ROUTERS {
            let advert = Forged::new(STRANGER, vrid, priority, &[[10, 9, 1, vrid]]);
            lan.injector.send(&advert.frame())?;
        }
        let what = format!("{holding} routers hold their addresses");
        until(ms(10_000), &what, || masters(&lan.a) == holding)?;
    }
    Ok(())
}

/// What the processes of keepalived hold while nothing is to do but adverts.
#[derive(Debug)]
pub struct Census {
    /// Name, resident memory that is its own in KiB, descriptors, threads; in the order of their numbers.
    processes: Vec<(String, u64, usize, usize)>,
}

impl Census {
    /// Takes the checks away and looks when the last script has ended.
    fn take(host: &Host) -> Result<Self, Fault> {
        reload(host, &config(0, 1))?;
        let only_ours = || host.processes().len() == host.keepalived().len();
        until(ms(15_000), "no script is left", only_ours)?;
        thread::sleep(ms(1500));
        Ok(Self::of(host))
    }

    /// Looks now.
    pub fn of(host: &Host) -> Self {
        let processes = host.keepalived().into_iter().map(|process| {
            let inside = format!("/proc/{}", process.pid);
            let count =
                |what: &str| fs::read_dir(host.path(&format!("{inside}/{what}"))).map_or(0, Iterator::count);
            let memory = host.read(&format!("{inside}/smaps_rollup"));
            let line = memory.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap_or("");
            let kib = line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
            (process.comm, kib, count("fd"), count("task"))
        });
        Self { processes: processes.collect() }
    }

    /// Fails if more is held later.
    pub fn compare(&self, later: &Self) -> Outcome {
        ensure_same!(later.processes.len(), self.processes.len(), "processes");
        for (before, after) in self.processes.iter().zip(&later.processes) {
            let (name, kib, descriptors, threads) = before;
            if *kib == 0 {
                return failed(format!("the memory of {name} is not known"));
            }
            ensure!(after.1 <= kib + kib / 10 + SLACK_KIB, "{name}: from {kib} to {} KiB", after.1);
            ensure_same!(after.2, *descriptors, "descriptors of {name}");
            ensure_same!(after.3, *threads, "threads of {name}");
        }
        Ok(())
    }
}
