//! The conformance suite: scenarios in network namespaces, for ours and for the original.
//!
//! The program starts itself again inside fresh namespaces (network, PID, mount, UTS). Everything it makes lives
//! in there; when it ends, however it ends, the kernel removes all of it.

mod bench;
mod both;
mod compare;
mod demo;
mod diary;
mod inside;
mod lab;
mod language;
mod outcome;
mod probe;
mod runner;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod subject;
mod table;
mod wire;

use std::env;
use std::process::ExitCode;

use crate::subject::Pair;
use crate::table::{Cast, Proves, Scenario};

const USAGE: &str =
    "usage: conformance [--list] [--only SUBSTRING] [--family NAME] [--except NAME] [--jobs N] [--chosen] | demo
       conformance --table [--only SUBSTRING] [--jobs N]
       conformance bench [--only SUBSTRING] [--rounds N]

Runs the scenarios against SUBJECT=theirs (default) or ours; SUBJECT_A and SUBJECT_B choose each box.
--chosen leaves out the scenarios that bring their own subjects. demo shows an example pair at work.
--table runs the faults of the family chaos on both programs and shows how they fare.
KEEPALIVED_BIN and KEEPALIVED_THEIRS name the binaries, KEEPALIVED_RS_SHARED the users' articles.";

/// Scenarios at a time. They wait for timers nearly all their time: with three of them two processors were idle for three
/// quarters of it.
const JOBS: usize = 6;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    list: bool,
    demo: bool,
    chosen: bool,
    only: Vec<String>,
    family: Vec<String>,
    except: Vec<String>,
    table: bool,
    jobs: Option<usize>,
    bench: bool,
    rounds: Option<usize>,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "host-init") {
        println!("ready");
        keepalived_sys::lab::reap_forever();
    }
    if words.first().is_some_and(|word| word == "fail-if-told") {
        return inside::fail_if_told();
    }
    if words.first().is_some_and(|word| word == bench::COST) {
        return bench::cost(&words[1..]);
    }
    if let [command, manners] = words.as_slice()
        && command == lab::mail_server::COMMAND
    {
        return lab::mail_server::serve(manners);
    }
    let inside = words.first().is_some_and(|word| word == inside::MARK);
    let options = match parse(&words[usize::from(inside)..]) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let chosen: Vec<&Scenario> =
        scenarios::ALL.iter().copied().flatten().filter(|one| options.wants(one)).collect();
    if options.list {
        for scenario in chosen {
            println!("{}: {} ({:?}, {:?})", scenario.family, scenario.name, scenario.proves, scenario.cast);
        }
        return ExitCode::SUCCESS;
    }
    if inside { run(chosen, &options) } else { inside::enter(&words) }
}

fn run(chosen: Vec<&Scenario>, options: &Options) -> ExitCode {
    if let Err(why) = inside::guard() {
        eprintln!("conformance: {why}");
        return ExitCode::from(2);
    }
    if options.bench {
        return if bench::run(&options.only, options.rounds.unwrap_or(5)) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let pair = match Pair::from_environment() {
        Ok(pair) => pair,
        Err(why) => {
            eprintln!("conformance: {why}");
            return ExitCode::from(2);
        }
    };
    if options.demo {
        return demo::play(pair);
    }
    let jobs = options.jobs.unwrap_or(JOBS);
    let tally = if options.table {
        runner::run_table(&chosen, jobs)
    } else {
        println!("box A: {}, box B: {}", pair.a, pair.b);
        runner::run(chosen, pair, jobs)
    };
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Options {
    fn wants(&self, scenario: &Scenario) -> bool {
        let title = format!("{}: {}", scenario.family, scenario.name);
        (self.only.is_empty() || self.only.iter().any(|part| title.contains(part)))
            && (!self.chosen || scenario.cast == Cast::Chosen)
            && (!self.table || matches!(scenario.proves, Proves::Withstands(_)))
            && !self.except.iter().any(|name| name == scenario.family)
            && (self.family.is_empty() || self.family.iter().any(|name| name == scenario.family))
    }
}

fn parse(words: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--list" => options.list = true,
            "--chosen" => options.chosen = true,
            "--table" => options.table = true,
            "demo" => options.demo = true,
            "bench" => options.bench = true,
            "--rounds" => {
                options.rounds = Some(value()?.parse().map_err(|_| "--rounds needs a number".to_owned())?);
            }
            "--only" => options.only.push(value()?),
            "--family" => options.family.push(value()?),
            "--except" => options.except.push(value()?),
            "--jobs" => {
                options.jobs = Some(value()?.parse().map_err(|_| "--jobs needs a number".to_owned())?);
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}
