//! Much of everything: junk on the wire, addresses to refresh, combinations of weights.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use super::{quick, quick_down, sound};
use crate::ensure;
use crate::lab::{Host, always, ip, until};
use crate::outcome::Outcome;
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, Two, VIP, VRID, ms, script, start};
use crate::scenarios::soak::Census;
use crate::table::{Context, Scenario, withstands};
use crate::wire::Forged;

pub const SCENARIOS: &[Scenario] = &[
    withstands("F37", "a hundred thousand strange frames a second: no advert late, nothing grows", junk),
    withstands(
        "F48",
        "a switch that forgets in three seconds knows a quiet virtual MAC all the time, without bursts",
        forgetful,
    ),
    withstands(
        "F50",
        "forty combinations of priorities, weights and nopreempt: each failure moves what it must",
        weights,
    ),
];

/// Adverts of routers that are none of ours, ARP and RARP of strangers, packets too short to be anything.
fn strange() -> Vec<Vec<u8>> {
    let others = (1..=255).filter(|vrid| *vrid != VRID);
    let mut frames: Vec<Vec<u8>> =
        others.map(|vrid| Forged::new([10, 9, 0, 77], vrid, 250, &[VIP.octets()]).frame()).collect();
    for (last, kind) in (1..=100).flat_map(|last| [(last, [8, 6]), (last, [0x80, 0x35])]) {
        let mut frame = vec![255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, last];
        frame.extend(kind);
        frame.extend([
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, last, 10, 9, 9, last, 0, 0, 0, 0, 0, 0, 10, 9, 9, 1,
        ]);
        frame.resize(60, 0);
        frames.push(frame);
    }
    let whole = Single::forged(250).frame();
    frames.extend((14..38).map(|length| whole[..length].to_vec()));
    frames
}

/// What waits in the receive queues of all sockets that hear frames or raw packets, in octets.
fn waiting(host: &Host) -> u64 {
    let raw = host.read("/proc/net/raw");
    let queue = |line: &str| {
        let (_, received) = line.split_whitespace().nth(4)?.split_once(':')?;
        u64::from_str_radix(received, 16).ok()
    };
    let packets = host.must("cat /proc/net/packet").unwrap_or_default();
    let memory = |line: &str| line.split_whitespace().nth(6)?.parse::<u64>().ok();
    raw.lines().filter_map(queue).sum::<u64>() + packets.lines().filter_map(memory).sum::<u64>()
}

fn junk(context: &Context) -> Outcome {
    let lan = Single::set(context, &quick(150, ""))?;
    lan.start()?;
    lan.a.gains(VIP, quick_down(150) + ms(1500))?;
    thread::sleep(ms(1500));
    let (before, mark, begin) = (Census::of(&lan.a), lan.a.log.mark(), Instant::now());
    lan.injector.flood(&strange(), 100_000, Duration::from_secs(4));
    let queued = waiting(&lan.a);
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap <= ms(240) + SLACK / 4, "a gap of {gap:?} between adverts");
    ensure!(queued < 1 << 20, "{queued} octets wait to be read");
    ensure!(lan.a.log.mark() - mark < 50, "{} log lines", lan.a.log.mark() - mark);
    ensure!(lan.a.holds(VIP), "the address is gone");
    thread::sleep(ms(500));
    before.compare(&Census::of(&lan.a))?;
    sound(&lan.lab, &[&lan.a])
}

fn forgetful(context: &Context) -> Outcome {
    const ADDRESSES: u8 = 64;
    let list: String = (1..ADDRESSES).map(|last| format!("        10.9.7.{last}\n")).collect();
    let more = format!(
        "use_vmac\n    vmac_xmit_base\n    garp_master_delay 1\n    garp_master_refresh 1\n    \
         virtual_ipaddress_excluded {{\n{list}    }}"
    );
    let lan = Single::set(context, &quick(150, &more))?;
    // Hundredths of a second, as netlink has it.
    ip(&format!("link set {} type bridge ageing_time 300", lan.lab.switch()))?;
    lan.start()?;
    lan.a.gains(VIP, quick_down(150) + ms(2000))?;
    // The announcements of the takeover, and those a second later.
    thread::sleep(ms(2200));
    let begin = Instant::now();
    let known = || {
        let table =
            std::process::Command::new("bridge").args(["fdb", "show", "br", lan.lab.switch()]).output();
        table.is_ok_and(|shown| String::from_utf8_lossy(&shown.stdout).contains("00:00:5e:00:01:33"))
    };
    always(ms(5000), "the switch knows the virtual MAC", known)?;
    let garps = lan.lab.capture.garps("a", begin);
    let mut times: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    for garp in &garps {
        *times.entry(garp.address).or_default() += 1;
    }
    let least = times.values().min().copied().unwrap_or_default();
    ensure!(times.len() == usize::from(ADDRESSES) && least >= 3, "{} addresses, {least} times", times.len());
    let near = |at: Instant| garps.iter().filter(|one| one.at >= at && one.at < at + ms(20)).count();
    let most = garps.iter().map(|one| near(one.at)).max().unwrap_or_default();
    ensure!(most <= usize::from(ADDRESSES) * 3 / 4, "{most} announcements within 20 ms");
    sound(&lan.lab, &[&lan.a])
}

/// One pair of instances: how much stronger A is, what the script is worth, and whether both have nopreempt.
#[derive(Clone, Copy)]
struct Case {
    vrid: u8,
    gap: u8,
    weight: i16,
    nopreempt: bool,
}

const B_PRIORITY: u8 = 100;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for nopreempt in [false, true] {
        for gap in [1, 5, 20, 60] {
            for weight in [-60, -10, 10, 60, 0] {
                let vrid = u8::try_from(cases.len() + 1).unwrap_or_default();
                cases.push(Case { vrid, gap, weight, nopreempt });
            }
        }
    }
    cases
}

impl Case {
    fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 9, 1, self.vrid)
    }

    fn text(self, priority: u8) -> String {
        let weight = if self.weight == 0 { String::new() } else { format!(" weight {}", self.weight) };
        let nopreempt = if self.nopreempt { "nopreempt" } else { "" };
        quick(priority, &format!("{nopreempt}\n    track_script {{\n        chk{weight}\n    }}"))
            .replace("VI_1", &format!("VI_{}", self.vrid))
            .replace("_id 51", &format!("_id {}", self.vrid))
            .replace("10.9.0.100", &self.address().to_string())
    }

    /// What A advertises; nothing when it is in FAULT.
    fn priority_of_a(self, works: bool) -> Option<i16> {
        let base = i16::from(B_PRIORITY + self.gap);
        match (self.weight, works) {
            (0, false) => None,
            (weight, true) if weight > 0 => Some((base + weight).min(254)),
            (weight, false) if weight < 0 => Some((base + weight).max(1)),
            _ => Some(base),
        }
    }

    /// Whether the failure on A moves the address: the manual's arithmetic, B's script being content.
    fn moves(self) -> bool {
        let b = i16::from(B_PRIORITY) + self.weight.max(0);
        self.priority_of_a(false).is_none_or(|a| a < b && !self.nopreempt)
    }

    /// Whether A has it after its script recovered.
    fn comes_back(self) -> bool {
        !self.moves() || !self.nopreempt
    }
}

fn held(host: &Host) -> BTreeSet<Ipv4Addr> {
    let shown = host.must("ip -o -4 addr show dev eth0").unwrap_or_default();
    let words = shown.split_whitespace().filter_map(|word| word.strip_suffix("/32")?.parse().ok());
    words.collect()
}

fn weights(context: &Context) -> Outcome {
    let all = cases();
    let config = |priority: &dyn Fn(Case) -> u8| {
        let blocks: String = all.iter().map(|case| case.text(priority(*case))).collect();
        script("interval 1") + &blocks
    };
    let lan = Two::set(context, &config(&|case| B_PRIORITY + case.gap), &config(&|_| B_PRIORITY))?;
    let where_due = |with_a: &dyn Fn(Case) -> bool| {
        let (a, b) = (held(&lan.a), held(&lan.b));
        all.iter().all(|case| {
            let address = case.address();
            a.contains(&address) == with_a(*case) && b.contains(&address) != with_a(*case)
        })
    };
    let settle = |what: &str, with_a: &dyn Fn(Case) -> bool| {
        until(ms(2500) + quick_down(B_PRIORITY) + SLACK, what, || where_due(with_a))?;
        always(ms(800), what, || where_due(with_a))
    };
    for host in [&lan.a, &lan.b] {
        host.write("/tmp/ok", "", 0o644)?;
    }
    start(&lan.a)?;
    until(ms(2500) + quick_down(B_PRIORITY) + SLACK, "A has them all", || held(&lan.a).len() == all.len())?;
    start(&lan.b)?;
    thread::sleep(ms(1500));
    settle("A has them all", &|_| true)?;
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    settle("A keeps what the arithmetic leaves it", &|case| !case.moves())?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    settle("A has what it may take back", &|case| case.comes_back())?;
    sound(&lan.lab, &[&lan.a, &lan.b])
}
