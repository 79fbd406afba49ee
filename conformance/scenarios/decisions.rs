//! Where we differ from the original on purpose (`docs/compat/differences.md`), as far as no other file shows it.

use std::thread;
use std::time::Instant;

use super::lan::{A, Single, TRACK, Two, VIP, VRID, in_window, instance, ms, says, script, start};
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::subject::project_root;
use crate::table::{Context, Scenario, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "decisions";

pub const SCENARIOS: &[Scenario] = &[
    decision("D4", F, "who loses a contest sends one last advert, who wins it back announces", contest),
    original(F, "a master that was frozen ends the double mastership at once and says how long", frozen),
    decision("D7", F, "ignored words are summed up in one line at start", summary),
    decision("D9", F, "-t of a missing file exits 6", missing_file),
    decision("D10", F, "unicast_ttl without peers does not silence the instance", mute),
    decision("D11", F, "a byte order mark is skipped", byte_order_mark),
    decision("D13", F, "a missing word is one complaint among all the others", missing_word),
    decision("D14", F, "the engine runs at the lowest real-time priority, its scripts do not", real_time),
    decision("D14", F, "vrrp_rt_priority 0 turns real time off", no_real_time),
    ours(F, "the articles' files cut at any octet are accepted or refused, never a crash", cut_files),
    ours(F, "a console that nobody reads makes no advert late", blocked_console),
];

fn contest(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let begin = lan.start_as_master(150)?;
    thread::sleep(ms(300));
    let at = Instant::now();
    lan.injector.send(&Single::forged(200).frame())?;
    let last = lan.lab.capture.wait_advert("a", VRID, at, ms(200), |_| true)?;
    ensure_same!(last.priority, 150, "priority of the last advert");
    lan.a.loses(VIP, ms(200))?;
    let before = lan.lab.capture.garps("a", begin).len();
    lan.injector.send(&Single::forged(0).frame())?;
    lan.a.gains(VIP, skew(150) + SLACK)?;
    until(ms(300), "a whole burst", || lan.lab.capture.garps("a", begin).len() >= before + 5)?;
    Ok(())
}

/// Sends a signal to every process of keepalived, parents first; says when the first one was sent.
fn signal_all(host: &Host, number: i32) -> Result<Instant, Fault> {
    let at = Instant::now();
    for process in host.keepalived() {
        host.signal(process.pid, number)?;
    }
    Ok(at)
}

fn frozen(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + ms(1000))?;
    thread::sleep(ms(500));
    let frozen = signal_all(&lan.a, 19)?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    thread::sleep(ms(1500));
    let mark = lan.a.log.mark();
    let thawed = signal_all(&lan.a, 18)?;
    until(ms(500), "one holder", || lan.a.holds(VIP) != lan.b.holds(VIP))?;
    always(ms(1500), "one holder", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    ensure!(!lan.lab.capture.garps("a", thawed).is_empty(), "A did not announce its address again");
    let line = lan.a.log.wait(mark, "timer expired", ms(500))?;
    let seconds: f64 = line.text.split(' ').find_map(|word| word.parse().ok()).unwrap_or_default();
    let slept = thawed.saturating_duration_since(frozen).as_secs_f64();
    ensure!(seconds > slept - 1.3 && seconds < slept + 0.5, "it slept {slept:.1} s and says: {}", line.text);
    Ok(())
}

fn summary(context: &Context) -> Outcome {
    let config = instance(255, "no_such_word 5\n    nor_this\n    nopreemt").replace("BACKUP", "MASTER");
    let lan = Single::set(context, &config)?;
    lan.start()?;
    for word in ["no_such_word", "nor_this", "nopreemt"] {
        says(&lan.a, &format!("Unknown keyword '{word}'"), ms(1000))?;
    }
    says(&lan.a, "3 directives ignored, run keepalived -t for details", ms(1000))?;
    lan.a.gains(VIP, ms(1000))?;
    Ok(())
}

fn byte_order_mark(context: &Context) -> Outcome {
    let config = format!("\u{feff}{}", instance(255, "").replace("BACKUP", "MASTER"));
    let lan = Single::set(context, &config)?;
    let test = lan.a.run("keepalived -t")?;
    ensure_same!((test.code, test.err.as_str()), (0, ""), "keepalived -t");
    lan.start()?;
    lan.a.gains(VIP, ms(1500))?;
    Ok(())
}

fn mute(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "unicast_ttl 5"))?;
    let begin = lan.start_as_master(150)?;
    let advert = lan.lab.capture.wait_advert("a", VRID, begin, ms(1200), |_| true)?;
    ensure_same!(advert.bytes.get(22), Some(&255), "time to live");
    Ok(())
}

fn missing_file(context: &Context) -> Outcome {
    let lan = Single::set(context, "")?;
    let test = lan.a.run("keepalived -t -f /not/there")?;
    ensure_same!(test.code, 6, "exit code");
    ensure!(test.err.contains("/not/there"), "the file is not named: {}", test.err);
    Ok(())
}

fn missing_word(context: &Context) -> Outcome {
    let config = instance(100, "no_such_word").replace("priority 100", "priority").replace("0.100", "0.999");
    let lan = Single::set(context, &config)?;
    let test = lan.a.run("keepalived -t")?;
    ensure_same!(test.code, 2, "exit code of -t");
    for part in ["priority", "no_such_word", "10.9.0.999"] {
        ensure!(test.err.contains(part), "-t does not mention {part}: {}", test.err);
    }
    let run = lan.a.run("keepalived -n")?;
    ensure_same!(run.code, 2, "exit code of a start");
    says(&lan.a, "no_such_word", ms(500))?;
    Ok(())
}

/// Scheduling policy of a process: 0 normal, 2 round robin.
fn policy(host: &Host, pid: u32) -> Option<u32> {
    let stat = host.read(&format!("/proc/{pid}/stat"));
    let (_, tail) = stat.rsplit_once(')')?;
    tail.split_whitespace().nth(38)?.parse().ok()
}

fn real_time(context: &Context) -> Outcome {
    let config =
        script("interval 1").replace("/usr/bin/test -e /tmp/ok", "/opt/slow") + &instance(150, TRACK);
    let lan = Single::set(context, &config)?;
    lan.a.write("/opt/slow", "#!/bin/sh\nsleep 0.5\n", 0o755)?;
    lan.start()?;
    says(&lan.a, "realtime priority 1", ms(1500))?;
    let engine = lan.a.pid_file("/run/vrrp.pid").unwrap_or(0);
    ensure_same!(policy(&lan.a, engine), Some(2), "policy of the engine");
    let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
    ensure_same!(policy(&lan.a, parent), Some(0), "policy of the parent");
    let running = || lan.a.processes().into_iter().find(|process| process.comm == "sleep");
    until(ms(2500), "a script runs", || running().is_some())?;
    if let Some(process) = running() {
        ensure_same!(policy(&lan.a, process.pid).unwrap_or(0), 0, "policy of a script");
    }
    Ok(())
}

fn no_real_time(context: &Context) -> Outcome {
    let config = "global_defs {\n    vrrp_rt_priority 0\n}\n".to_owned() + &instance(150, "");
    let lan = Single::set(context, &config)?;
    lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let engine = lan.a.pid_file("/run/vrrp.pid").unwrap_or(0);
    ensure_same!(policy(&lan.a, engine), Some(0), "policy of the engine");
    Ok(())
}

/// Tests the file cut at each of some lengths; says what ended otherwise than `-t` may end.
const CUTTER: &str = "#!/bin/bash
size=$(stat -c %s /tmp/whole)
for ((length = $1; length < size; length += $2)); do
    head -c $length /tmp/whole > /tmp/cut
    keepalived -t -f /tmp/cut > /tmp/said 2>&1
    code=$?
    case $code in
        0 | 2 | 5 | 6) ;;
        *) echo \"cut at $length: exit $code: $(tail -1 /tmp/said)\" ;;
    esac
    if [ $code = 5 ] && ! grep -q . /tmp/said; then echo \"cut at $length: exit 5 without a word\"; fi
done
";

fn cut_files(context: &Context) -> Outcome {
    let lan = Single::set(context, "")?;
    lan.a.write("/opt/cutter", CUTTER, 0o755)?;
    let mut files = Vec::new();
    for article in ["000/master.conf", "002/master.conf", "003/150.conf", "004/one.conf"] {
        match context.article(article) {
            Ok(path) => files.push(path),
            // The examples remain when the articles are not here.
            Err(Fault::Skipped(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    for example in ["examples/nginx-pair/a.conf", "examples/dual-master/a.conf"] {
        files.push(project_root().join(example));
    }
    for file in files {
        std::fs::copy(&file, lan.a.path("/tmp/whole"))?;
        // Four sweeps, so that none of them takes long on a slow machine.
        for first in 0..4 {
            let said = lan.a.must(&format!("/opt/cutter {first} 4"))?;
            ensure!(said.is_empty(), "{}: {said}", file.display());
        }
    }
    Ok(())
}

fn blocked_console(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    // A pipe that nobody reads stands for a terminal that was stopped with Ctrl-S.
    lan.a.must("mkfifo /tmp/console")?;
    let mut reader = lan.a.background("exec 3<>/tmp/console; exec sleep 1000")?;
    until(ms(1000), "the far end is open", || {
        lan.a.processes().iter().any(|process| process.comm == "sleep")
    })?;
    let mut daemon = lan.a.background("exec keepalived -n -l -D 2> /tmp/console")?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    let begin = Instant::now();
    for _ in 0..1000 {
        lan.injector.send(&Single::forged(50).frame())?;
        thread::sleep(ms(5));
    }
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1050), "a gap of {gap:?} between adverts");
    ensure!(lan.a.holds(VIP) && lan.a.holds(A.into()), "an address is gone");
    let at = signal_all(&lan.a, 15)?;
    let gone = lan.a.quiet(ms(3000))?;
    in_window("it ended", at, gone, ms(0), ms(1500))?;
    daemon.wait()?;
    reader.kill()?;
    reader.wait()?;
    Ok(())
}
