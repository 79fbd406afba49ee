//! Runs seeds: `keepalived-sim --seeds 10000 [--from N] [--jobs N]` (as many jobs as there are processors), or one of
//! them in full:
//! `keepalived-sim --seed N [--trace] [--shrink]`.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use keepalived_sim::{Plan, Summary, Violation, World, shrink};

thread_local! {
    /// The seed a thread is at, should it panic.
    static AT: Cell<u64> = const { Cell::new(0) };
}

struct Options {
    seed: Option<u64>,
    from: u64,
    seeds: u64,
    jobs: u64,
    trace: bool,
    shrink: bool,
}

fn options() -> Result<Options, String> {
    let mut options =
        Options { seed: None, from: 0, seeds: 1_000, jobs: processors(), trace: false, shrink: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let value = words.next().ok_or(format!("{word} needs a number"))?;
            value.parse().map_err(|_| format!("{word}: {value} is no number"))
        };
        match word.as_str() {
            "--seed" => options.seed = Some(number()?),
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--jobs" => options.jobs = number()?.max(1),
            "--trace" => options.trace = true,
            "--shrink" => options.shrink = true,
            _ => return Err(format!("{word}: no such option")),
        }
    }
    Ok(options)
}

fn processors() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| u64::try_from(count.get()).unwrap_or(1))
}

fn main() -> ExitCode {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        println!("seed {} panicked", AT.get());
        print(panic);
    }));
    match options() {
        Err(text) => {
            eprintln!("keepalived-sim: {text}");
            ExitCode::from(2)
        }
        Ok(options) => match options.seed {
            Some(seed) => one(seed, &options),
            None => many(&options),
        },
    }
}

fn one(seed: u64, options: &Options) -> ExitCode {
    AT.set(seed);
    let mut plan = Plan::draw(seed);
    println!("seed {seed}: {}", plan.describe());
    if options.shrink
        && let Err(violation) = World::new(plan.clone()).run()
    {
        let (less, _) = shrink::shrink(plan, violation);
        plan = less;
        println!("shrunk to {} operations", plan.ops.len());
    }
    if options.trace {
        println!("{:#?}", plan.nodes.iter().map(|node| &node.config).collect::<Vec<_>>());
    }
    let world = World::new(plan);
    let result = if options.trace { world.traced().run() } else { world.run() };
    report(result.as_ref().err().into_iter(), u64::from(result.is_ok()), &result.clone().unwrap_or_default())
}

fn many(options: &Options) -> ExitCode {
    println!("seeds {}..{}, {} jobs", options.from, options.from + options.seeds, options.jobs);
    let next = AtomicU64::new(options.from);
    let found: Mutex<(Vec<Violation>, u64, Summary)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.from + options.seeds {
                        return;
                    }
                    AT.set(seed);
                    let result = keepalived_sim::run(seed);
                    let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match result {
                        Ok(summary) => {
                            found.1 += 1;
                            found.2 = found.2.plus(summary);
                        }
                        Err(violation) => found.0.push(violation),
                    }
                }
            });
        }
    });
    let (mut failed, passed, summary) = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failed.sort_by_key(|violation| violation.seed);
    report(failed.iter(), passed, &summary)
}

fn report<'a>(failed: impl Iterator<Item = &'a Violation>, passed: u64, all: &Summary) -> ExitCode {
    let mut count = 0;
    for violation in failed {
        count += 1;
        println!("{violation}");
        println!("    replay: cargo run --release -p keepalived-sim -- --seed {} --trace", violation.seed);
    }
    println!(
        "{} simulated seconds, {} steps, {} adverts, {} new masters, {} gratuitous ARPs, {} wants, {} script runs",
        all.length / 1_000_000,
        all.steps,
        all.adverts,
        all.masters,
        all.garps,
        all.wants,
        all.runs
    );
    println!("{passed} passed, {count} failed");
    if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
