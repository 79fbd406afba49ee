//! What the command line prints where, and with which status it ends: scripts around the original rely on it.
//! Nothing here starts a daemon.

use std::path::PathBuf;
use std::process::{Command, Output};

fn keepalived(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keepalived")).args(words).output().expect("the binary runs")
}

fn check(words: &[&str], status: i32, stdout: &str, stderr: &str) {
    let output = keepalived(words);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let found = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(found, (Some(status), stdout.into(), stderr.into()), "{words:?}");
}

fn config(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("keepalived-{name}-{}.conf", std::process::id()));
    std::fs::write(&path, text).expect("write");
    path
}

/// Needs no interface, so that it is good on every machine.
const GOOD: &str = "global_defs {
    router_id one
}
";

#[test]
fn mistakes_go_to_standard_error_and_end_with_1() {
    check(&["--foo", "-Z"], 1, "", "Unknown option --foo\nUnknown option -Z\n");
    check(&["-f"], 1, "", "Missing parameter for option -f\n");
    check(&["--signum=FOO"], 1, "", "Unknown sigfunc FOO\n");
    check(&["-g"], 1, "", "-g requires configure option --enable-log-file\n");
    check(&["--foo", "extra"], 1, "Unexpected argument(s): extra \n", "Unknown option --foo\n");
}

#[test]
fn signal_numbers_go_to_standard_output() {
    for (name, number) in [
        ("STOP", "15\n"),
        ("RELOAD", "1\n"),
        ("DATA", "10\n"),
        ("STATS", "12\n"),
        ("STATS_CLEAR", "63\n"),
        ("JSON", "36\n"),
    ] {
        check(&[&format!("--signum={name}")], 0, number, "");
        check(&["--signum", name], 0, number, "");
    }
}

#[test]
fn the_version_is_the_first_line_on_standard_error() {
    let output = keepalived(&["-v"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().next(), Some("Keepalived v2.4.3 (keepalived-rs 0.1.0)"));
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn help_names_every_option_of_the_original() {
    let output = keepalived(&["--help"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0));
    for option in [
        "-f, --use-file",
        "-P, --vrrp",
        "-r, --vrrp_pid",
        "-t, --config-test",
        "    --signum",
        "-n, --dont-fork",
    ] {
        assert!(text.contains(option), "{option} is missing in\n{text}");
    }
}

#[test]
fn a_good_configuration_passes_the_test_in_silence() {
    let good = config("good", GOOD);
    check(&["-t", "-f", &good.display().to_string()], 0, "", "");
    check(&["stray", "-t", "-f", &good.display().to_string()], 0, "Unexpected argument(s): stray \n", "");
    check(&["-S", "9", "-t", "-f", &good.display().to_string()], 5, "", "Invalid log facility '9'\n");
    std::fs::remove_file(good).expect("remove");
}

#[test]
fn what_is_wrong_goes_to_standard_error_or_to_the_end_of_a_file() {
    let bad = config("bad", &GOOD.replace("one", "one\n    bogus 1"));
    let place = bad.display().to_string();
    let line = "(Line 3) Unknown keyword 'bogus'\n";
    check(&["-t", "-f", &place], 5, "", line);
    let log = config("log", "before\n");
    check(&[&format!("-t{}", log.display()), "-f", &place], 5, "", "");
    assert_eq!(std::fs::read_to_string(&log).expect("read"), format!("before\n{line}"));
    std::fs::remove_file(bad).expect("remove");
    std::fs::remove_file(log).expect("remove");
}

#[test]
fn a_missing_file_is_6_and_a_missing_word_2() {
    check(&["-t", "-f", "/nonexistent.conf"], 6, "", "Config files missing '/nonexistent.conf'.\n");
    let word = config("word", "vrrp_instance VI_1 {\n    interface lo\n    priority\n}\n");
    let output = keepalived(&["-t", "-f", &word.display().to_string()]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(word).expect("remove");
}
