//! Track scripts: weights, rise and fall, and everything a script can do wrong.

use std::thread;
use std::time::{Duration, Instant};

use super::lan::{Single, TRACK, VIP, VRID, in_window, instance, ms, says, script};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, decision, original};
use crate::{ensure, ensure_same};

const F: &str = "scripts";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a positive weight is added while the script succeeds", weight_positive),
    original(F, "a negative weight is taken off while the script fails", weight_negative),
    decision("D15", F, "a changed weight is on the wire at once", weight_at_once),
    original(F, "without a weight a failing script is a fault and priority 0 goes out", weight_zero),
    original(F, "fall 3 and rise 2 count what follows each other", rise_and_fall),
    original(F, "init_fail waits for the first success", init_fail),
    original(F, "a script that hangs is timed out and ended with its children", hangs),
    original(F, "a script that ignores TERM is killed two seconds later", ignores_term),
    original(F, "a script that floods its output costs nobody an advert", floods_output),
    original(F, "a missing script is said and ignored", missing),
    original(F, "a script runs as its user", runs_as_user),
    both(F, "a script finds the same world around it", same_world),
];

/// A box whose script succeeds, master with its weight applied.
fn master_with(context: &Context, settings: &str, up: u8) -> Result<Single, Fault> {
    let lan = Single::set(context, &(script(settings) + &instance(100, TRACK)))?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    let begin = lan.start()?;
    lan.lab
        .capture
        .wait_advert("a", VRID, begin, master_down(up) + ms(1500), |advert| advert.priority == up)?;
    Ok(lan)
}

/// Takes the script's success away or gives it back, and waits for the priority that follows.
fn turn(lan: &Single, good: bool, want: u8) -> Result<Duration, Fault> {
    let path = lan.a.path("/tmp/ok");
    let at = Instant::now();
    if good {
        std::fs::write(path, "")?
    } else {
        std::fs::remove_file(path)?
    }
    // The script's interval, then the next advert.
    let advert =
        lan.lab.capture.wait_advert("a", VRID, at, ms(2000) + SLACK, |advert| advert.priority == want)?;
    Ok(advert.at.saturating_duration_since(at))
}

fn weight_positive(context: &Context) -> Outcome {
    let lan = master_with(context, "interval 1\n    weight 20", 120)?;
    turn(&lan, false, 100)?;
    says(&lan.a, "VRRP_Script(chk) failed (exited with status 1)", ms(300))?;
    says(&lan.a, "Script `chk` now returning 1", ms(300))?;
    says(&lan.a, "(VI_1) Changing effective priority from 120 to 100", ms(300))?;
    turn(&lan, true, 120)?;
    says(&lan.a, "(VI_1) Changing effective priority from 100 to 120", ms(300))?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn weight_negative(context: &Context) -> Outcome {
    let lan = master_with(context, "interval 1\n    weight -30", 100)?;
    turn(&lan, false, 70)?;
    turn(&lan, true, 100)?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn weight_at_once(context: &Context) -> Outcome {
    let lan = master_with(context, "interval 0.3\n    weight 20", 120)?;
    for round in 0..4 {
        let good = round % 2 == 1;
        let mark = lan.a.log.mark();
        thread::sleep(ms(500));
        turn(&lan, good, if good { 120 } else { 100 })?;
        let line = lan.a.log.wait(mark, "(VI_1) Changing effective priority", ms(300))?;
        let adverts = lan.adverts(line.at - ms(100));
        let want = if good { 120 } else { 100 };
        let Some(told) = adverts.iter().find(|advert| advert.priority == want) else {
            return crate::outcome::failed("no advert with the new priority");
        };
        in_window("the change was told", line.at, told.at, ms(0), ms(40))?;
    }
    Ok(())
}

fn weight_zero(context: &Context) -> Outcome {
    let lan = Single::set(context, &(script("interval 1") + &instance(100, TRACK)))?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    lan.start()?;
    lan.a.gains(VIP, master_down(100) + ms(1500))?;
    let at = Instant::now();
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(1000) + SLACK, |advert| advert.priority == 0)?;
    lan.a.loses(VIP, ms(300))?;
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(300))?;
    thread::sleep(ms(200));
    let zeros = lan.adverts(at).iter().filter(|advert| advert.priority == 0).count();
    ensure_same!(zeros, 2, "adverts with priority 0");
    let mark = lan.a.log.mark();
    lan.a.write("/tmp/ok", "", 0o644)?;
    let backup = lan.a.log.wait(mark, "(VI_1) Entering BACKUP STATE", ms(1500))?;
    let back = lan.a.gains(VIP, master_down(100) + SLACK)?;
    in_window("took over", backup.at, back, master_down(100) - ms(100), master_down(100) + SLACK)
}

/// Writes down each run and exits with what `/tmp/code` says.
const COUNTING: &str = "#!/bin/sh\necho run >> /tmp/runs\nread code < /tmp/code\nexit $code\n";

fn rise_and_fall(context: &Context) -> Outcome {
    let block = "vrrp_script chk {\n    script /opt/counting\n    interval 1\n    weight 20\n    fall 3\n    rise 2\n}\n";
    let lan = Single::set(context, &(block.to_owned() + &instance(100, TRACK)))?;
    lan.a.write("/opt/counting", COUNTING, 0o755)?;
    lan.a.write("/tmp/code", "0\n", 0o644)?;
    lan.start()?;
    says(&lan.a, "VRRP_Script(chk) succeeded", ms(2000))?;
    let runs = || lan.a.read("/tmp/runs").lines().count();
    let counted = |code: &str, text: &str, seconds: u64| -> Result<usize, Fault> {
        let mark = lan.a.log.mark();
        let before = runs();
        until(ms(1500), "a run", || runs() > before)?;
        let before = runs();
        lan.a.write("/tmp/code", code, 0o644)?;
        lan.a.log.wait(mark, text, Duration::from_secs(seconds) + SLACK)?;
        Ok(runs() - before)
    };
    ensure_same!(counted("3\n", "VRRP_Script(chk) failed (exited with status 3)", 4)?, 3, "runs until down");
    ensure_same!(counted("0\n", "VRRP_Script(chk) succeeded", 3)?, 2, "runs until up");
    Ok(())
}

fn init_fail(context: &Context) -> Outcome {
    let lan = Single::set(context, &(script("interval 1\n    init_fail") + &instance(100, TRACK)))?;
    let begin = lan.start()?;
    always(ms(1500), "no advert before the first success", || lan.adverts(begin).is_empty())?;
    let mark = lan.a.log.mark();
    lan.a.write("/tmp/ok", "", 0o644)?;
    lan.a.log.wait(mark, "VRRP_Script(chk) succeeded", ms(1500))?;
    lan.a.gains(VIP, master_down(100) + SLACK)?;
    Ok(())
}

/// A box that tracks this script with weight 20 and a time limit of one second.
fn tracking(context: &Context, text: &str) -> Result<Single, Fault> {
    let block =
        "vrrp_script chk {\n    script /opt/script\n    interval 2\n    timeout 1\n    weight 20\n}\n";
    let lan = Single::set(context, &(block.to_owned() + &instance(100, TRACK)))?;
    lan.a.write("/opt/script", text, 0o755)?;
    Ok(lan)
}

fn named(lan: &Single, comm: &str) -> usize {
    lan.a.processes().iter().filter(|process| process.comm == comm && process.state != 'Z').count()
}

fn hangs(context: &Context) -> Outcome {
    let lan = tracking(context, "#!/bin/sh\nsleep 100 &\nsleep 200 &\nsleep 300\n")?;
    let begin = lan.start()?;
    until(ms(1500), "its children", || named(&lan, "sleep") == 3)?;
    says(&lan.a, "VRRP_Script(chk) timed_out", ms(2500))?;
    until(ms(900), "all its children are gone", || named(&lan, "sleep") == 0)?;
    lan.lab
        .capture
        .wait_advert("a", VRID, begin, master_down(100) + ms(1500), |advert| advert.priority == 100)?;
    Ok(())
}

fn ignores_term(context: &Context) -> Outcome {
    let lan = tracking(context, "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 30; done\n")?;
    lan.start_as_master(100)?;
    // Started at 0, TERM at 1 s, KILL at 3 s; the run of 2 s must not pile up for ever.
    let mark = Instant::now();
    always(ms(6000), "no more than three of it", || named(&lan, "script") <= 3)?;
    let gap = lan.lab.capture.worst_gap(VRID, mark, Instant::now());
    ensure!(gap < ms(1400), "a gap of {gap:?} between adverts");
    Ok(())
}

fn floods_output(context: &Context) -> Outcome {
    let lan = tracking(context, "#!/bin/sh\nexec timeout 0.9 yes 'a line nobody reads'\n")?;
    lan.start_as_master(100)?;
    let mark = Instant::now();
    thread::sleep(ms(5000));
    let gap = lan.lab.capture.worst_gap(VRID, mark, Instant::now());
    ensure!(gap < ms(1000) + SLACK, "a gap of {gap:?} between adverts");
    Ok(())
}

fn missing(context: &Context) -> Outcome {
    let block = "vrrp_script chk {\n    script \"/opt/not-there arg\"\n    interval 1\n}\n";
    let lan = Single::set(context, &(block.to_owned() + &instance(100, TRACK)))?;
    lan.start_as_master(100)?;
    says(&lan.a, "Disabling track script chk since not found/accessible", ms(100))?;
    Ok(())
}

fn runs_as_user(context: &Context) -> Outcome {
    let block = "vrrp_script chk {\n    script /opt/who\n    interval 1\n    user nobody\n}\n";
    let lan = Single::set(context, &(block.to_owned() + &instance(100, TRACK)))?;
    lan.a.write("/opt/who", "#!/bin/sh\nid -u >> /tmp/who\n", 0o755)?;
    lan.start()?;
    until(ms(2500), "it ran", || !lan.a.read("/tmp/who").is_empty())?;
    let who = lan.a.read("/tmp/who");
    ensure_same!(who.lines().next(), Some("65534"), "user of the script");
    Ok(())
}

/// What a script sees of itself, as text without numbers that differ from run to run.
const WORLD: &str = "#!/bin/bash
streams=$(for fd in /proc/$$/fd/*; do
    [ ${fd##*/} -lt 200 ] && target=$(readlink $fd) && echo fd ${fd##*/} $target
done | grep -v pipe:)
{
    echo \"$streams\"
    echo cwd $(pwd)
    echo umask $(umask)
    echo arguments $#
    grep -E '^(SigBlk|Uid|Gid|Groups|NoNewPrivs):' /proc/self/status
    ignored=$(sed -n 's/^SigIgn:.//p' /proc/$$/status)
    echo ignored ${ignored: -7}
    stat=($(cat /proc/$$/stat))
    [ ${stat[4]} = $$ ] && echo own process group
    echo nice ${stat[18]} policy ${stat[40]}
} > /tmp/world.new 2>&1
[ -e /tmp/world ] || mv /tmp/world.new /tmp/world
";

fn same_world(_: &Context) -> Outcome {
    for user in ["user nobody", ""] {
        let mut seen = Vec::new();
        for subject in [Subject::Theirs, Subject::Ours] {
            let block = format!(
                "vrrp_script chk {{\n    script \"/opt/world one two\"\n    interval 1\n    {user}\n}}\n"
            );
            let lan = Single::of(subject, &(block + &instance(100, TRACK)))?;
            lan.a.write("/opt/world", WORLD, 0o755)?;
            lan.start()?;
            until(ms(3000), "it ran", || lan.a.has_file("/tmp/world"))?;
            let text = lan.a.read("/tmp/world");
            // The original lets descriptors slip into its scripts now and then.
            let more = |line: &&str| {
                line.strip_prefix("fd ")
                    .is_some_and(|rest| !["0 ", "1 ", "2 "].iter().any(|fd| rest.starts_with(fd)))
            };
            let leaked = |line: &&str| subject == Subject::Theirs && more(line);
            seen.push(text.lines().filter(|line| !leaked(line)).collect::<Vec<_>>().join("\n"));
        }
        ensure_same!(seen[1], seen[0], "the world of a script of ours and theirs '{user}'");
    }
    Ok(())
}
