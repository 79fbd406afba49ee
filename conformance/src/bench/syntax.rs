//! `-t` of small, large and enormous configurations.
//!
//! Every instance has four addresses and a script of its own. Nothing is sent: both programs only read, and look at
//! interfaces and at the script.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use keepalived_sys::lab::cost_of;

use super::{Measure, Promise};
use crate::lab::ip;
use crate::outcome::{Fault, failed, skipped};
use crate::subject::Subject;

/// First word of the command line of the small process that starts a program and tells what it took.
pub const COST: &str = "cost-of";

pub const MEASURES: &[Measure] = &[
    Measure {
        name: "-t of 10 instances",
        rows: &[
            ("processor time", "ms", Promise::AtMostTimes(1.0)),
            ("peak memory", "MiB", Promise::AtMostTimes(1.0)),
        ],
        rounds: None,
        round: |subject| Ok(figures(&test(subject, 10)?)),
    },
    Measure {
        name: "-t of 1,000 instances",
        rows: &[
            ("processor time", "ms", Promise::AtMostTimes(0.5)),
            ("peak memory", "MiB", Promise::AtMostTimes(1.0)),
            ("time", "ms", Promise::AtMostTimes(0.5)),
        ],
        rounds: None,
        round: |subject| {
            let cost = test(subject, 1_000)?;
            Ok([figures(&cost), vec![cost.wall]].concat())
        },
    },
    Measure {
        name: "-t of 10,000 instances",
        rows: &[
            ("processor time", "ms", Promise::AtMostTimes(0.5)),
            ("peak memory", "MiB", Promise::AtMostTimes(1.0)),
            ("processor time, in times that of 1,000", "", Promise::AtMost(12.0)),
        ],
        rounds: None,
        round: |subject| {
            let (less, more) = (test(subject, 1_000)?, test(subject, 10_000)?);
            Ok([figures(&more), vec![more.cpu / less.cpu]].concat())
        },
    },
];

/// What a test took, in milliseconds and MiB.
struct Cost {
    wall: f64,
    cpu: f64,
    peak: f64,
}

fn figures(cost: &Cost) -> Vec<f64> {
    vec![cost.cpu, cost.peak]
}

fn test(subject: Subject, instances: usize) -> Result<Cost, Fault> {
    let Some(binary) = subject.binary() else {
        return skipped(format!("no binary of subject '{subject}' here"));
    };
    static LINKS: OnceLock<bool> = OnceLock::new();
    if !*LINKS.get_or_init(|| links().is_ok()) {
        return failed("no interfaces for the instances");
    }
    let file = Scratch::new(&configuration(instances))?;
    let measured =
        Command::new(env::current_exe()?).arg(COST).arg(binary).args(["-t", "-f"]).arg(&file.0).output()?;
    let told = String::from_utf8_lossy(&measured.stdout);
    let figures: Option<Vec<f64>> = told.split_whitespace().map(|word| word.parse().ok()).collect();
    match figures.as_deref() {
        Some([wall, cpu, peak, 0.0]) => Ok(Cost { wall: *wall, cpu: *cpu, peak: *peak }),
        _ => failed(format!("-t of {instances} instances: {told}")),
    }
}

/// A file that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> Result<Self, Fault> {
        let path = env::temp_dir().join(format!("keepalived-bench-{}.conf", std::process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Starts the program that the words name and tells on standard output what it took: milliseconds from start to
/// end, milliseconds of processor time, MiB, exit status. This is a small process on purpose: the kernel counts the
/// memory of who starts a program as the program's.
pub fn cost(words: &[String]) -> ExitCode {
    let Some((program, arguments)) = words.split_first() else { return ExitCode::from(2) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match cost_of(&mut command) {
        Ok(cost) => {
            let (wall, cpu) = (super::millis(cost.wall), super::millis(cost.cpu));
            let peak = cost.peak_bytes as f64 / f64::from(1 << 20);
            println!("{wall} {cpu} {peak} {}", cost.status.unwrap_or(-1));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("conformance: {program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Interfaces for the largest configuration, in pairs.
const LINKS: usize = 40;
/// Instances on one of them: a VRID is there once.
const PER_LINK: usize = 250;

fn links() -> Result<(), Fault> {
    for number in (0..LINKS).step_by(2) {
        let other = number + 1;
        ip(&format!("link add bench{number} type veth peer name bench{other}"))?;
        for number in [number, other] {
            ip(&format!("addr add 192.168.{number}.1/24 dev bench{number}"))?;
            ip(&format!("link set bench{number} up"))?;
        }
    }
    Ok(())
}

fn configuration(instances: usize) -> String {
    let mut text =
        "global_defs {\n    router_id bench\n    enable_script_security\n    script_user root\n}\n"
            .to_owned();
    for number in 0..instances {
        text += &format!(
            "vrrp_script check_{number} {{\n    script \"/bin/true\"\n    interval 2\n    weight -10\n    rise 2\n    \
             fall 3\n}}\n"
        );
    }
    for number in 0..instances {
        let (link, vrid) = (number / PER_LINK, number % PER_LINK + 1);
        text += &format!(
            "vrrp_instance VI_{number} {{\n    state BACKUP\n    interface bench{link}\n    virtual_router_id {vrid}\n    \
             priority 100\n    advert_int 1\n    virtual_ipaddress {{\n"
        );
        for address in number * 4..number * 4 + 4 {
            let (high, middle, low) = (address / 62_500, address / 250 % 250, address % 250 + 1);
            text += &format!("        10.{high}.{middle}.{low}/32\n");
        }
        text += &format!("    }}\n    track_script {{\n        check_{number}\n    }}\n}}\n");
    }
    text
}
