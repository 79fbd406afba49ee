//! Seeds and a dictionary for the fuzz target `config`: `cargo run -p keepalived-conf --example fuzz_seeds -- DIRECTORY`.
//!
//! Every keyword in its block with a value it takes, models at random as they are printed, and the fixtures of the tests.
//! The dictionary has every word of the language.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/random/mod.rs"]
mod random;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use common::{Machine, configurations};
use keepalived_conf::print::print;
use keepalived_conf::schema::{GRAMMARS, Keyword, ROOT, TABLES, Table, Takes};
use keepalived_conf::{Recorder, text};
use random::Maker;

/// Models are printed until there are so many seeds of them.
const MODELS: usize = 200;
/// The target does not read further.
const BYTES_MAX: usize = 8192;

fn main() -> io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("say where the seeds shall be"));
    };
    let seeds = directory.join("seeds");
    fs::create_dir_all(&seeds)?;
    for (at, seed) in keywords().into_iter().enumerate() {
        fs::write(seeds.join(format!("keyword-{at}")), seed)?;
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (at, path) in configurations(vec![fixtures]).iter().enumerate() {
        fs::write(seeds.join(format!("fixture-{at}")), fs::read(path)?)?;
    }
    for (at, seed) in models().enumerate() {
        fs::write(seeds.join(format!("model-{at}")), seed)?;
    }
    fs::write(directory.join("dictionary"), dictionary())
}

fn models() -> impl Iterator<Item = Vec<u8>> {
    let printed = (0..).map(|seed| {
        let host = Machine::default();
        let recorder = Recorder::new(&host);
        let config = Maker::new(seed, &recorder).config();
        text::encode(&print(&config, &recorder.into_answers()).text())
    });
    printed.filter(|bytes| bytes.len() <= BYTES_MAX).take(MODELS)
}

/// One file for each row of each table, with the blocks around it.
fn keywords() -> Vec<String> {
    let mut found = Vec::new();
    block(&ROOT, "", "", &mut found);
    found
}

fn block(table: &'static Table, before: &str, after: &str, found: &mut Vec<String>) {
    for row in table.keywords {
        let title = title(row.name);
        match row.takes {
            Takes::Block(inner, _) => {
                let before = format!("{before}{} {title}{{\n", row.name);
                block(inner, &before, &format!("}}\n{after}"), found);
            }
            Takes::Values | Takes::NamedValues => {
                found.push(format!("{before}{} {title}{{\n{}\n}}\n{after}", row.name, item(row.name)));
            }
            _ => found.push(format!("{before}{} {}\n{after}", row.name, value(row))),
        }
    }
}

/// What stands behind the keyword of a block.
fn title(name: &str) -> &'static str {
    match name {
        "virtual_server" => "10.0.0.1 80 ",
        "real_server" => "10.0.0.2 80 ",
        "vrrp_script" | "vrrp_track_process" | "track_file" | "vrrp_sync_group" | "vrrp_instance" => "x ",
        "bfd_instance" | "virtual_server_group" | "track_group" => "x ",
        _ => "",
    }
}

fn item(name: &str) -> &'static str {
    match name {
        "virtual_ipaddress" | "virtual_ipaddress_excluded" | "static_ipaddress" => "10.0.0.1/24 dev eth0",
        "virtual_routes" | "static_routes" => "10.0.0.0/8 via 10.0.0.1 dev eth0",
        "virtual_rules" | "static_rules" => "from 10.0.0.0/8 table 100",
        "virtual_server_group" => "10.0.0.1-5 80",
        "interface_up_down_delays" => "eth0 1 2",
        "unicast_peer" => "10.0.0.2",
        _ => "eth0",
    }
}

fn value(row: &Keyword) -> String {
    match row.takes {
        Takes::Integer(number) | Takes::Decimal { number, .. } => number.range.min.max(1).to_string(),
        Takes::Command(_) => "\"/etc/x a\" root".to_owned(),
        Takes::Bool { .. } => "off".to_owned(),
        _ => row.args.split(['|', '[']).next().unwrap_or("").trim().to_ascii_lowercase(),
    }
}

/// In libFuzzer's form.
fn dictionary() -> String {
    let mut words: BTreeSet<String> = [
        "{\n",
        "}\n",
        " {\n",
        "\"",
        "$A=",
        "${_ENV ",
        "${A}",
        "~SEQ(A,1,3) ",
        "@a ",
        "include 1.conf\n",
        "\u{1c}",
    ]
    .map(str::to_owned)
    .into();
    for row in TABLES.iter().flat_map(|table| table.keywords) {
        words.extend(std::iter::once(&row.name).chain(row.was).map(|name| format!("{name} ")));
    }
    for row in GRAMMARS.iter().flat_map(|grammar| grammar.words) {
        words.extend(std::iter::once(&row.name).chain(row.was).map(|name| format!("{name} ")));
    }
    let quoted = |word: &String| {
        let escaped: String = word
            .chars()
            .map(|c| match c {
                '"' | '\\' => format!("\\{c}"),
                c if c.is_ascii_graphic() || c == ' ' => c.to_string(),
                c => format!("\\x{:02X}", u32::from(c)),
            })
            .collect();
        format!("\"{escaped}\"\n")
    };
    words.iter().map(quoted).collect()
}
