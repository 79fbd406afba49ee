//! The edges between our crates, and what the pure ones may not pull in (docs/ARCHITECTURE.md, "Invariants").

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may use whom among our crates. Everything not listed is forbidden.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("conf", &["model"]),
    ("core", &["model", "wire"]),
    ("sys", &["model"]),
    ("netlink", &["model"]),
    ("sim", &["model", "wire", "core"]),
    ("exhaust", &["model", "wire", "core"]),
    ("daemon", &["model", "wire", "conf", "core", "sys", "netlink"]),
    ("conformance", &["model", "wire", "conf", "sys"]),
    ("xtask", &[]),
];

/// The crates that decide and compute, and nothing else.
const PURE: &[&str] = &["model", "wire", "conf", "core"];

/// What only somebody who touches the world needs.
const WORLDLY: &[&str] = &["tokio", "nix", "libc", "rtnetlink"];

/// Asks the processor what it can do, for which the system is asked on ARM; nothing else comes from there.
const PROCESSOR: &str = "cpufeatures";

/// Package name to the names of its dependencies (development dependencies excluded).
type Graph = BTreeMap<String, BTreeSet<String>>;

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .expect("cargo runs, for it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A dependency counts when it is used in a normal or build context.
fn is_used(dependency: &Value) -> bool {
    list(dependency, "dep_kinds").iter().any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev"))
}

/// Several versions of one package share a node: for finding a name anywhere below, that is enough.
fn graph(metadata: &Value) -> Graph {
    let names: BTreeMap<&str, &str> = list(metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let mut graph = Graph::new();
    for node in list(&metadata["resolve"], "nodes") {
        let used = list(node, "deps").iter().filter(|dependency| is_used(dependency));
        graph
            .entry(names[text(node, "id")].to_owned())
            .or_default()
            .extend(used.map(|dependency| names[text(dependency, "pkg")].to_owned()));
    }
    graph
}

fn package(directory: &str) -> String {
    format!("keepalived-{directory}")
}

fn everything_below(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in graph.get(&name).into_iter().flatten().filter(|_| name != PROCESSOR) {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

#[test]
fn our_crates_use_each_other_only_along_the_drawn_edges() {
    let graph = graph(&metadata());
    let drawn: BTreeMap<String, BTreeSet<String>> = ALLOWED
        .iter()
        .map(|(name, uses)| (package(name), uses.iter().map(|used| package(used)).collect()))
        .collect();
    let ours = graph.iter().filter(|(name, _)| name.starts_with("keepalived-"));
    for (name, uses) in ours {
        let allowed = drawn.get(name).unwrap_or_else(|| panic!("{name} is not in the drawing"));
        let found: BTreeSet<_> =
            uses.iter().filter(|used| used.starts_with("keepalived-")).cloned().collect();
        let undrawn: Vec<_> = found.difference(allowed).collect();
        assert!(undrawn.is_empty(), "{name} uses {undrawn:?}, which is not in the drawing");
    }
    assert!(drawn.keys().all(|name| graph.contains_key(name)), "the drawing names a crate that is not there");
}

#[test]
fn nothing_below_the_pure_crates_touches_the_world() {
    let graph = graph(&metadata());
    for name in PURE.iter().map(|name| package(name)) {
        let below = everything_below(&graph, &name);
        let worldly: Vec<_> = WORLDLY.iter().filter(|worldly| below.contains(**worldly)).collect();
        assert!(worldly.is_empty(), "{name} pulls in {worldly:?}");
    }
}

#[test]
fn the_search_would_find_what_it_searches() {
    let below = everything_below(&graph(&metadata()), "keepalived-daemon");
    assert!(below.contains("tokio") && below.contains("libc"), "{below:?}");
}

#[test]
fn the_pure_crates_forbid_clocks_and_sleeps() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in PURE {
        let path = root.join("crates").join(name).join("clippy.toml");
        let rules =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for method in ["Instant::now", "SystemTime::now", "thread::sleep", "env::var"] {
            assert!(rules.contains(&format!("std::{}", qualified(method))), "{name} may call {method}");
        }
    }
}

fn qualified(method: &str) -> String {
    match method {
        "Instant::now" | "SystemTime::now" => format!("time::{method}"),
        other => other.to_owned(),
    }
}
