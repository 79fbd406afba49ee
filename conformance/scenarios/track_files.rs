//! Tracked files: whatever can happen to a file and to the number in it.

use std::fs;
use std::time::Instant;

use super::lan::{Single, VIP, VRID, in_window, instance, ms, says};
use crate::lab::always;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "files";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a file's number is added to the priority", number_counts),
    decision("D15", F, "a file's new number is on the wire at once", number_at_once),
    original(F, "a file may be removed, come back, be replaced and be renamed away", fates),
    original(F, "a number may be written in every way C reads", spellings),
    original(F, "number times weight is clamped, and minus 254 is a fault", clamps),
    original(F, "with weight 0 any number but zero is a fault", weight_zero),
    original(F, "a file that is a fault at the start is said", fault_at_start),
    original(F, "a file is read before the first state is entered", read_first),
    original(F, "init_file makes what is missing and overwrites only where told to", init),
    original(F, "a reload keeps numbers, and reads new files before they count", reload),
    ours(F, "a file behind symbolic links is followed when they are exchanged", exchanged),
];

/// Blocks `f` and `g` for `/tmp/f` and `/tmp/g`, and an instance that tracks `f` this way.
fn tracking(settings: &str, line: &str) -> String {
    let block = |name: &str| format!("track_file {name} {{\n    file /tmp/{name}\n    {settings}\n}}\n");
    block("f") + &block("g") + &instance(100, &track(line))
}

fn track(line: &str) -> String {
    format!("track_file {{\n        {line}\n    }}")
}

/// A box with that number in the file, being master with that priority.
fn master(
    context: &Context,
    settings: &str,
    line: &str,
    number: &str,
    priority: u8,
) -> Result<Single, Fault> {
    let lan = Single::set(context, &tracking(settings, line))?;
    lan.a.write("/tmp/f", number, 0o644)?;
    lan.start_as_master(priority)?;
    Ok(lan)
}

/// Waits for an advert of this priority after something was done.
fn leads_to(lan: &Single, priority: u8, what: impl FnOnce() -> Outcome) -> Outcome {
    let at = Instant::now();
    what()?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(1000) + SLACK, |advert| advert.priority == priority)?;
    Ok(())
}

/// Writes the file.
fn put(lan: &Single, text: &str) -> Outcome {
    lan.a.write("/tmp/f", text, 0o644)
}

fn number_counts(context: &Context) -> Outcome {
    let lan = master(context, "", "f", "7\n", 107)?;
    says(&lan.a, "(VI_1) Changing effective priority from 100 to 107", ms(300))?;
    leads_to(&lan, 95, || put(&lan, "-5\n"))?;
    says(&lan.a, "(VI_1) Changing effective priority from 107 to 95", ms(300))?;
    leads_to(&lan, 100, || put(&lan, "0\n"))?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn number_at_once(context: &Context) -> Outcome {
    let lan = master(context, "", "f", "7\n", 107)?;
    for (round, text) in ["-5\n", "20\n", "3\n"].into_iter().enumerate() {
        // At another moment between two adverts each time.
        std::thread::sleep(ms(200 + 250 * round as u64));
        let at = Instant::now();
        put(&lan, text)?;
        let want = (100 + text.trim().parse::<i32>().unwrap_or(0)) as u8;
        let told = lan.lab.capture.wait_advert("a", VRID, at, ms(1200), |advert| advert.priority == want)?;
        in_window("the change was told", at, told.at, ms(0), ms(80))?;
    }
    Ok(())
}

fn fates(context: &Context) -> Outcome {
    let lan = master(context, "", "f", "7\n", 107)?;
    let path = |name: &str| lan.a.path(&format!("/tmp/{name}"));
    leads_to(&lan, 100, || Ok(fs::remove_file(path("f"))?))?;
    leads_to(&lan, 109, || put(&lan, "9\n"))?;
    leads_to(&lan, 104, || {
        lan.a.write("/tmp/new", "4\n", 0o644)?;
        Ok(fs::rename(path("new"), path("f"))?)
    })?;
    leads_to(&lan, 100, || Ok(fs::rename(path("f"), path("away"))?))?;
    leads_to(&lan, 104, || Ok(fs::rename(path("away"), path("f"))?))?;
    let mark = lan.a.log.mark();
    lan.a.write("/tmp/other", "50\n", 0o644)?;
    always(ms(1300), "other files do not matter", || {
        lan.a.log.since(mark, "Changing effective priority").is_empty()
    })
}

fn spellings(context: &Context) -> Outcome {
    let lan = master(context, "", "f", "7\n", 107)?;
    let rows =
        [("  12", 112), ("0x1f", 131), ("010", 108), ("5 trailing", 105), ("garbage", 100), ("+6", 106)];
    for (text, priority) in rows {
        leads_to(&lan, priority, || put(&lan, text))?;
    }
    let mark = lan.a.log.mark();
    put(&lan, "99999999999999999999\n")?;
    lan.a.log.wait(mark, "Invalid number 9223372036854775807 read from /tmp/f - ignoring", ms(500))?;
    always(ms(1300), "the number before stays", || {
        lan.a.log.since(mark, "Changing effective priority").is_empty()
    })
}

fn clamps(context: &Context) -> Outcome {
    let lan = master(context, "weight 10", "f", "2\n", 120)?;
    leads_to(&lan, 254, || put(&lan, "100\n"))?;
    leads_to(&lan, 1, || put(&lan, "-25\n"))?;
    ensure!(lan.a.holds(VIP), "-250 is no fault");
    leads_to(&lan, 0, || put(&lan, "-26\n"))?;
    lan.a.loses(VIP, ms(300))?;
    says(&lan.a, "(VI_1): tracked file f now FAULT state", ms(300))?;
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(300))?;
    // Back with another number than before: that one counts.
    let mark = lan.a.log.mark();
    put(&lan, "-3\n")?;
    lan.a.log.wait(mark, "(VI_1): tracked file f leaving FAULT state", ms(500))?;
    lan.a.gains(VIP, master_down(70) + SLACK)?;
    leads_to(&lan, 70, || Ok(()))
}

fn weight_zero(context: &Context) -> Outcome {
    for (line, good, bad) in [("f weight 0", "0\n", "1\n"), ("f weight 0 reverse", "3\n", "0\n")] {
        let lan = master(context, "", line, good, 100)?;
        leads_to(&lan, 0, || put(&lan, bad))?;
        lan.a.loses(VIP, ms(300))?;
        put(&lan, good)?;
        lan.a.gains(VIP, master_down(100) + SLACK)?;
    }
    Ok(())
}

fn fault_at_start(context: &Context) -> Outcome {
    let lan = Single::set(context, &tracking("", "f weight 0"))?;
    put(&lan, "5\n")?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1): entering FAULT state (tracked file f has status", ms(2000))?;
    always(ms(1500), "it is silent", || lan.adverts(begin).is_empty())?;
    put(&lan, "0\n")?;
    lan.a.gains(VIP, master_down(100) + SLACK)?;
    Ok(())
}

fn read_first(context: &Context) -> Outcome {
    let lan = Single::set(context, &tracking("", "f"))?;
    put(&lan, "7\n")?;
    lan.start()?;
    let entered = says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(2000))?;
    let changed = says(&lan.a, "(VI_1) Changing effective priority from 100 to 107", ms(100))?;
    ensure!(changed.at <= entered.at, "the priority was changed after the first state was entered");
    Ok(())
}

fn init(context: &Context) -> Outcome {
    let block = |name: &str, settings: &str| {
        format!("track_file {name} {{\n    file /tmp/{name}\n    init_file {settings}\n}}\n")
    };
    let config =
        block("f", "3") + &block("g", "4 overwrite") + &block("h", "5") + &instance(100, &track("f"));
    let lan = Single::set(context, &config)?;
    lan.a.write("/tmp/g", "77\n", 0o644)?;
    lan.a.write("/tmp/h", "78\n", 0o644)?;
    lan.start_as_master(103)?;
    let numbers = ["f", "g", "h"].map(|name| lan.a.read(&format!("/tmp/{name}")));
    ensure_same!(numbers, ["3\n", "4\n", "78\n"], "what is in the files");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(lan.a.path("/tmp/f"))?.permissions().mode() & 0o777;
    ensure_same!(mode, 0o600, "mode of a new file");
    let mark = lan.a.log.mark();
    put(&lan, "9\n")?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    lan.a.log.wait(mark, "Reloading", ms(1000))?;
    leads_to(&lan, 109, || Ok(()))?;
    ensure_same!(lan.a.read("/tmp/f"), "9\n", "the file after a reload");
    Ok(())
}

fn reload(context: &Context) -> Outcome {
    let lan = master(context, "", "f", "7\n", 107)?;
    lan.a.write("/tmp/g", "7\n", 0o644)?;
    let begin = Instant::now();
    for line in ["f\n        g weight -1", "g", "f"] {
        let mark = lan.a.log.mark();
        lan.a.configure(&tracking("", line))?;
        lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
        lan.a.log.wait(mark, "Reloading", ms(1000))?;
        let want = if line.contains("g weight") { 100 } else { 107 };
        leads_to(&lan, want, || Ok(()))?;
    }
    let others = lan.adverts(begin).iter().filter(|advert| ![100, 107].contains(&advert.priority)).count();
    ensure_same!(others, 0, "adverts with a priority that nobody configured");
    ensure!(lan.a.holds(VIP), "it stays master");
    leads_to(&lan, 112, || put(&lan, "12\n"))
}

fn exchanged(context: &Context) -> Outcome {
    let config = tracking("", "f").replace("/tmp/f", "/tmp/current/value");
    let lan = Single::set(context, &config)?;
    // As Kubernetes keeps its files: a directory is exchanged as a whole.
    let version = |name: &str, number: &str| {
        lan.a.must(&format!(
            "mkdir /tmp/{name} && echo {number} > /tmp/{name}/value && ln -s {name} /tmp/next && \
             mv -T /tmp/next /tmp/current"
        ))?;
        Ok(())
    };
    version("one", "7")?;
    lan.start_as_master(107)?;
    leads_to(&lan, 120, || version("two", "20"))?;
    leads_to(&lan, 100, || lan.a.must("rm -r /tmp/two").map(drop))?;
    leads_to(&lan, 130, || version("three", "30"))
}
