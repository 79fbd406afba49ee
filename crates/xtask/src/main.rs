//! `cargo xtask`: everything one does with this repository, one word each.
//!
//! ```text
//! cargo xtask demo                two routers, two web servers, one client, six disasters
//! cargo xtask test                every check there is, in one run
//! cargo xtask ci                  the same, plus a minute of every fuzz target and the documentation
//! cargo xtask tidy                the house rules alone
//! cargo xtask bench               both programs measured side by side
//! cargo xtask vm [theirs] [WORDS] scenarios that need another kernel, in a machine of their own
//! cargo xtask install --root DIR  binary and files where Debian's package has them
//! ```

mod examples;
mod fuzz;
mod install;
mod machine;
mod packages;
mod plan;
mod run;
mod tally;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask demo | test | ci | tidy | bench | vm [theirs] | install --root DIR";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = match run::workspace_root() {
        Ok(root) => root,
        Err(why) => return complain(&why),
    };
    match words.as_slice() {
        ["test"] => plan::carry_out(&root, plan::TEST),
        ["ci"] => plan::carry_out(&root, &[plan::TEST, plan::MORE].concat()),
        ["tidy"] => plan::carry_out(&root, plan::TIDY),
        [word @ ("demo" | "bench"), rest @ ..] => answer(plan::show(&root, word, rest)),
        ["vm", rest @ ..] => answer(machine::asked(&root, rest)),
        ["install", "--root", to] => answer(install::install(&root, &PathBuf::from(to))),
        _ => complain(USAGE),
    }
}

fn answer(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

fn complain(why: &str) -> ExitCode {
    eprintln!("xtask: {why}");
    ExitCode::FAILURE
}
