//! Pipes that get a line for every change, and what reads them.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::thread;
use std::time::Instant;

use super::lan::{Single, VIP, VRID, instance, ms, says};
use crate::both::of_both;
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::wire::Forged;
use crate::{ensure, ensure_same};

const F: &str = "fifo";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "FIFO lines of a life are the same for both", same_lines),
    original(F, "a FIFO is made for its owner and goes with the daemon", made),
    original(F, "a FIFO that is there keeps its owner and its mode, and stays", found),
    original(F, "what reads a FIFO gets its path as last word and TERM before the stop", reader),
    original(F, "a FIFO that cannot be made is said, and everything else goes on", impossible),
    original(F, "a full FIFO does not delay adverts", full),
    ours(F, "a full FIFO loses its oldest lines and the log says so", lost),
    ours(F, "a reload writes all states where that is asked for", states_on_reload),
    ours(F, "a FIFO that does not change stays open over a reload", kept),
    ours(F, "the next engine goes on with the FIFO of one that was killed", successor),
    ours(F, "what is no FIFO is not written to", no_fifo),
];

/// Made by the test and held open by a reader of its own, so that both programs' lines are seen to the last.
fn with_reader(lan: &Single) -> Outcome {
    lan.a.must("mkfifo /tmp/fifo")?;
    lan.a.background("exec cat <>/tmp/fifo >/tmp/lines")?;
    until(ms(2000), "the reader", || lan.a.has_file("/tmp/lines"))?;
    Ok(())
}

fn lines(lan: &Single) -> Vec<String> {
    lan.a.read("/tmp/lines").lines().map(str::to_owned).collect()
}

fn globals(more: &str) -> String {
    format!(
        "global_defs {{\n    script_user root\n    enable_script_security\n    \
         vrrp_notify_priority_changes on\n    {more}\n}}\n"
    )
}

fn named(number: u8, priority: u8, more: &str) -> String {
    instance(priority, more)
        .replace("VI_1", &format!("VI_{number}"))
        .replace("_id 51", &format!("_id {}", 50 + number))
        .replace("0.100", &format!("0.{}", 99 + number))
}

/// A group of two, one with a weighted script, one whose removal is told.
fn family() -> [String; 5] {
    let script =
        "vrrp_script chk {\n    script \"/usr/bin/test -e /tmp/ok\"\n    interval 1\n    weight 20\n}\n";
    let group = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";
    [
        format!("{script}{group}"),
        named(1, 200, ""),
        named(2, 160, ""),
        named(3, 100, "track_script {\n        chk\n    }"),
        named(4, 50, "notify_deleted"),
    ]
}

/// Waits for that many lines and a little longer; which are new.
fn chapter(lan: &Single, seen: &mut usize, count: usize, within: u64) -> Result<Vec<String>, Fault> {
    let all = || lines(lan);
    until(ms(within), &format!("{count} lines after {:?}", all()), || all().len() >= *seen + count)?;
    thread::sleep(ms(200));
    let fresh = all().split_off(*seen);
    *seen += fresh.len();
    Ok(fresh)
}

fn life(subject: Subject) -> Result<Vec<Vec<String>>, Fault> {
    let parts = family();
    let lan = Single::of(subject, &(globals("notify_fifo /tmp/fifo") + &parts.concat()))?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    with_reader(&lan)?;
    lan.start()?;
    let mut seen = 0;
    let mut chapters = vec![chapter(&lan, &mut seen, 6, 3000)?, chapter(&lan, &mut seen, 5, 6000)?];
    lan.injector.send(&Single::forged(50).frame())?;
    chapters.push(chapter(&lan, &mut seen, 1, 1000)?);
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    chapters.push(chapter(&lan, &mut seen, 1, 3000)?);
    lan.a.write("/tmp/ok", "", 0o644)?;
    chapters.push(chapter(&lan, &mut seen, 1, 3000)?);
    lan.a.pull_cable()?;
    chapters.push(chapter(&lan, &mut seen, 5, 2000)?);
    lan.a.push_cable()?;
    chapters.push(chapter(&lan, &mut seen, 5, 2000)?);
    chapters.push(chapter(&lan, &mut seen, 5, 6000)?);
    lan.injector.send(&Forged::new(super::lan::STRANGER, 52, 250, &[[10, 9, 0, 101]]).frame())?;
    chapters.push(chapter(&lan, &mut seen, 3, 1000)?);
    chapters.push(chapter(&lan, &mut seen, 3, 6000)?);
    lan.a.configure(&(globals("notify_fifo /tmp/fifo") + &parts[..4].concat()))?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    // 2.2.7 tells of a priority that did not change.
    let told = chapter(&lan, &mut seen, 1, 3000)?.into_iter().filter(|line| !line.contains("_PRIORITY "));
    chapters.push(told.collect());
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    chapters.push(chapter(&lan, &mut seen, 4, 1000)?);
    Ok(chapters)
}

fn same_lines(_: &Context) -> Outcome {
    let [theirs, ours] = of_both(life)?;
    let start = ["GROUP \"G1\" BACKUP 0", "INSTANCE \"VI_1\" BACKUP 200"];
    ensure_same!(theirs[0][..2], start, "first lines");
    ensure_same!(ours, theirs, "lines of ours and theirs");
    Ok(())
}

fn made(context: &Context) -> Outcome {
    let globals = globals("notify_fifo /run/all\n    vrrp_notify_fifo /run/vrrp nobody");
    let lan = Single::set(context, &(globals + &instance(150, "")))?;
    lan.start_as_master(150)?;
    for (path, owner) in [("/run/all", 0), ("/run/vrrp", 65534)] {
        let found = lan.a.path(path).metadata()?;
        ensure!(found.file_type().is_fifo(), "{path} is a FIFO");
        ensure_same!((found.uid(), found.permissions().mode() & 0o777), (owner, 0o600), "{path}");
        // Nobody read so far: the lines wait in the pipe.
        let kept = lan.a.must(&format!("timeout 1 head -n 2 {path}"))?;
        ensure_same!(kept, "INSTANCE \"VI_1\" BACKUP 150\nINSTANCE \"VI_1\" MASTER 150\n", "{path}");
    }
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    ensure!(!lan.a.has_file("/run/all") && !lan.a.has_file("/run/vrrp"), "the FIFOs are gone");
    Ok(())
}

fn found(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("notify_fifo /tmp/fifo nobody") + &instance(150, "")))?;
    lan.a.must("mkfifo -m 0644 /tmp/fifo")?;
    lan.start_as_master(150)?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    let found = lan.a.path("/tmp/fifo").metadata()?;
    ensure_same!((found.uid(), found.permissions().mode() & 0o777), (0, 0o644), "owner and mode");
    Ok(())
}

/// Writes down its words, its lines and its end.
const READER: &str = "#!/bin/bash
echo \"words $*\" >> /tmp/read
trap 'echo TERM >> /tmp/read; exit 0' TERM
exec 3<>\"$2\"
while true; do read -t 0.1 -r line <&3 && echo \"$line\" >> /tmp/read; done
";

/// A master whose pipe is read by a script, which has heard of it.
fn read_by_script(context: &Context) -> Result<Single, Fault> {
    let globals = globals("notify_fifo /run/all\n    notify_fifo_script \"/opt/reader one\"");
    let lan = Single::set(context, &(globals + &instance(150, "")))?;
    lan.a.write("/opt/reader", READER, 0o755)?;
    lan.start_as_master(150)?;
    until(ms(1500), "the line of the master", || lan.a.read("/tmp/read").contains("MASTER"))?;
    Ok(lan)
}

fn reader(context: &Context) -> Outcome {
    let lan = read_by_script(context)?;
    let read = || lan.a.read("/tmp/read");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    until(ms(1500), "the end of the reader", || read().contains("TERM"))?;
    let expected = "words one /run/all\nINSTANCE \"VI_1\" BACKUP 150\nINSTANCE \"VI_1\" MASTER 150\nTERM\n";
    ensure_same!(read(), expected, "what the reader saw");
    Ok(())
}

fn impossible(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("notify_fifo /run/nowhere/all") + &instance(150, "")))?;
    lan.start_as_master(150)?;
    says(&lan.a, "Unable to create notify fifo /run/nowhere/all", ms(500))?;
    Ok(())
}

/// A pipe in which there is no room.
fn filled(lan: &Single) -> Outcome {
    lan.a.must("mkfifo /tmp/fifo")?;
    lan.a.background("exec 3<>/tmp/fifo; head -c 65536 /dev/zero >&3; touch /tmp/filled; exec sleep 1000")?;
    until(ms(3000), "a full pipe", || lan.a.has_file("/tmp/filled"))?;
    Ok(())
}

fn full(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("notify_fifo /tmp/fifo") + &instance(150, "")))?;
    filled(&lan)?;
    lan.start_as_master(150)?;
    let begin = Instant::now();
    for _ in 0..5 {
        lan.injector.send(&Single::forged(50).frame())?;
        thread::sleep(ms(500));
    }
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1000) + SLACK, "a gap of {gap:?} between adverts");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    Ok(())
}

fn lost(context: &Context) -> Outcome {
    let many: String = (1..=200_u32)
        .map(|number| {
            let [high, low] = [number / 100 + 1, number % 100];
            instance(150, "")
                .replace("VI_1", &format!("VI_{number}"))
                .replace("_id 51", &format!("_id {number}"))
                .replace("9.0.100", &format!("{}.{}.7", 10 + high, low + 1))
        })
        .collect();
    let lan = Single::set(context, &(globals("notify_fifo /tmp/fifo") + &many))?;
    filled(&lan)?;
    lan.start()?;
    let holds = || lan.a.holds([10, 12, 1, 7].into());
    for _ in 0..3 {
        until(master_down(150) + ms(2500), "an address", holds)?;
        thread::sleep(ms(500));
        lan.a.pull_cable()?;
        until(ms(2000), "no address", || !holds())?;
        lan.a.push_cable()?;
    }
    says(&lan.a, "notify fifo /tmp/fifo is full and nobody reads it - losing lines", ms(3000))?;
    lan.a.background("exec cat <>/tmp/fifo >/tmp/lines")?;
    says(&lan.a, "notify fifo /tmp/fifo lost ", ms(3000))?;
    until(ms(2000), "the newest line", || lan.a.read("/tmp/lines").contains("\"VI_200\" BACKUP 150"))?;
    Ok(())
}

fn reloaded(lan: &Single) -> Outcome {
    let mark = lan.a.log.mark();
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    lan.a.log.wait(mark, "Reload complete", ms(3000))?;
    Ok(())
}

fn states_on_reload(context: &Context) -> Outcome {
    let globals = globals("notify_fifo /tmp/fifo\n    fifo_write_vrrp_states_on_reload");
    let lan = Single::set(context, &(globals + &family().concat()))?;
    with_reader(&lan)?;
    lan.start()?;
    let mut seen = 0;
    chapter(&lan, &mut seen, 10, 8000)?;
    reloaded(&lan)?;
    let expected = [
        "GROUP \"G1\" MASTER 0",
        "INSTANCE \"VI_1\" MASTER 200",
        "INSTANCE \"VI_2\" MASTER 160",
        "INSTANCE \"VI_3\" MASTER 100",
        "INSTANCE \"VI_4\" MASTER 50",
    ];
    ensure_same!(chapter(&lan, &mut seen, 5, 1000)?, expected, "lines of the reload");
    Ok(())
}

fn kept(context: &Context) -> Outcome {
    let config = |more: &str| globals(more) + &instance(150, "");
    let fifo = "notify_fifo /run/all\n    notify_fifo_script \"/opt/reader one\"";
    let lan = Single::set(context, &config(fifo))?;
    lan.a.write("/opt/reader", READER, 0o755)?;
    lan.start_as_master(150)?;
    let read = || lan.a.read("/tmp/read");
    until(ms(1500), "the line of the master", || read().contains("MASTER"))?;
    let inode = |path: &str| lan.a.path(path).metadata().map(|found| found.ino());
    let before = inode("/run/all")?;
    reloaded(&lan)?;
    ensure_same!(inode("/run/all")?, before, "the file");
    lan.injector.send(&Single::forged(50).frame())?;
    until(ms(1500), "one more line", || read().contains("MASTER_RX_LOWER_PRI 150"))?;
    ensure_same!(read().matches("words").count(), 1, "readers");
    // Somebody cleaned up: the next reload makes it again, with a reader that reads the new one.
    std::fs::remove_file(lan.a.path("/run/all"))?;
    reloaded(&lan)?;
    until(ms(1500), "another reader", || read().matches("words").count() == 2)?;
    thread::sleep(ms(300));
    lan.injector.send(&Single::forged(50).frame())?;
    until(ms(1500), "one more line", || read().matches("MASTER_RX_LOWER_PRI 150").count() == 2)?;
    lan.a.configure(&config("vrrp_notify_fifo /run/other"))?;
    reloaded(&lan)?;
    until(ms(1500), "the end of the reader", || read().matches("TERM").count() == 2)?;
    ensure!(!lan.a.has_file("/run/all") && lan.a.has_file("/run/other"), "the FIFO moved");
    ensure!(lan.a.holds(VIP), "still master");
    Ok(())
}

fn successor(context: &Context) -> Outcome {
    let lan = read_by_script(context)?;
    let read = || lan.a.read("/tmp/read");
    lan.a.signal(lan.a.pid_file("/run/vrrp.pid").unwrap_or(0), 9)?;
    until(ms(3000), "another reader", || read().matches("words").count() == 2)?;
    thread::sleep(ms(300));
    ensure!(lan.a.holds(VIP), "still master");
    lan.injector.send(&Single::forged(50).frame())?;
    until(ms(1500), "one more line", || read().contains("MASTER_RX_LOWER_PRI 150"))?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    ensure!(!lan.a.has_file("/run/all"), "the FIFO that the killed engine made is left behind");
    Ok(())
}

fn no_fifo(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("notify_fifo /tmp/file") + &instance(150, "")))?;
    lan.a.write("/tmp/file", "precious\n", 0o644)?;
    lan.start_as_master(150)?;
    says(&lan.a, "Unable to use notify fifo /tmp/file - it is not a named pipe", ms(500))?;
    ensure_same!(lan.a.read("/tmp/file"), "precious\n", "the file");
    Ok(())
}
