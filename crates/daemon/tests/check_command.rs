//! `keepalived check`: what scripts can rely on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory of its own for each test.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keepalived-check-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("create");
        Self(path)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.join(name), text).expect("write");
        self
    }

    fn check(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_keepalived"))
            .arg("check")
            .args(words)
            .current_dir(&self.0)
            .env_remove("NO_COLOR")
            .output()
            .expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const INSTANCE: &str = "vrrp_instance VI_1 {
    interface lo0
    virtual_router_id 51
    priority 150
    virtual_ipaddress {
        10.0.0.100/24
    }
}
";

fn guide() -> String {
    page("check-json.md")
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(name);
    std::fs::read_to_string(path).expect("the guide is there")
}

/// The code blocks of the guide by what stands behind their fence.
fn code_block(guide: &str, kind: &str) -> String {
    let start = format!("\n```{kind}\n");
    let inside = guide.split(&start).nth(1).expect("the guide has the block");
    inside.split("\n```").next().unwrap_or("").to_owned() + "\n"
}

#[test]
fn the_exit_status_says_how_bad_it_is() {
    let desk = Desk::new("status")
        .with("clean.conf", "global_defs {\n    router_id one\n}\n")
        .with("warning.conf", "global_defs {\n    notification_email {\n    }\n}\n")
        .with("error.conf", "global_defs {\n    bogus 1\n}\n");
    for (file, status, last) in [
        ("clean.conf", 0, "clean.conf: nothing to complain about\n"),
        ("warning.conf", 1, "warning.conf: 1 warning\n"),
        ("error.conf", 2, "error.conf: 1 error\n"),
        ("missing.conf", 2, "missing.conf: 1 error - the daemon does not start with it\n"),
    ] {
        let (found, out, err) = desk.check(&["--no-host", file]);
        assert_eq!((found, err.as_str()), (Some(status), ""), "{out}");
        assert!(out.ends_with(last), "{out}");
    }
    let (found, out, _) = desk.check(&["--no-host", "clean.conf", "error.conf"]);
    assert!(found == Some(2) && out.contains("clean.conf: nothing") && out.contains("error.conf: 1 error"));
    for words in [&["--bogus"][..], &["--pair", "clean.conf"], &["--explain", "KA9999"]] {
        let (found, out, err) = desk.check(words);
        assert!(found == Some(3) && out.is_empty() && !err.is_empty(), "{words:?}: {out}{err}");
    }
}

#[test]
fn a_file_for_another_machine_can_be_checked_here() {
    let desk = Desk::new("host").with("a.conf", INSTANCE);
    let (here, out, _) = desk.check(&["a.conf"]);
    assert!(here == Some(2) && out.contains("a.conf:2:15"), "{out}");
    assert_eq!(desk.check(&["--no-host", "a.conf"]).0, Some(0));
}

#[test]
fn two_files_are_compared_as_a_pair() {
    let text = |id: u8, priority: u8| {
        let numbered = INSTANCE.replace("virtual_router_id 51", &format!("virtual_router_id {id}"));
        numbered.replace("priority 150", &format!("priority {priority}"))
    };
    let desk = Desk::new("pair").with("a.conf", &text(51, 150)).with("b.conf", &text(52, 100));
    let desk = desk.with("c.conf", &text(51, 100));
    let (found, out, _) = desk.check(&["--no-host", "--pair", "a.conf", "b.conf"]);
    assert!(found == Some(1) && out.contains("lint KA1501") && out.contains("::: b.conf:3:"), "{out}");
    assert_eq!(desk.check(&["--no-host", "a.conf", "b.conf"]).0, Some(0));
    assert_eq!(desk.check(&["--no-host", "--pair", "a.conf", "c.conf"]).0, Some(0));
}

/// Of files on this machine the scripts are read, and what stands in their way is named.
#[test]
fn scripts_on_this_machine_are_looked_at() {
    let directory = Desk::new("script").with("check.sh", "#!/bin/no-such-shell\n");
    let script = directory.0.join("check.sh");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("chmod");
    let text = format!("vrrp_script chk {{\n    script \"{}\"\n}}\n", script.display());
    let (_, out, _) = directory.with("a.conf", &text).check(&["a.conf"]);
    assert!(out.contains("/bin/no-such-shell, which is not there"), "{out}");
}

#[test]
fn conditions_follow_the_id() {
    let text = "global_defs {\n    @lb1 bogus 1\n}\n";
    let desk = Desk::new("id").with("a.conf", text);
    assert_eq!(desk.check(&["--id", "lb1", "a.conf"]).0, Some(2));
    assert_eq!(desk.check(&["-i", "lb2", "a.conf"]).0, Some(0));
}

#[test]
fn colors_are_for_terminals_and_for_those_who_ask() {
    let desk = Desk::new("color").with("a.conf", "bogus\n");
    assert!(!desk.check(&["a.conf"]).1.contains('\u{1b}'));
    assert!(desk.check(&["--color", "always", "a.conf"]).1.contains("\u{1b}[1;31merror KA0101\u{1b}[0m"));
    assert!(!desk.check(&["--color=never", "a.conf"]).1.contains('\u{1b}'));
}

#[test]
fn codes_are_explained() {
    let desk = Desk::new("explain");
    let (status, list, _) = desk.check(&["--explain"]);
    assert!(status == Some(0) && list.lines().count() > 40 && list.contains("KA0101  error"), "{list}");
    for asked in
        ["KA0207", "password-truncated", "Nov 3 Keepalived_vrrp[8]: Truncating auth_pass to 8 characters"]
    {
        let (status, text, _) = desk.check(&["--explain", asked]);
        assert!(status == Some(0) && text.starts_with("KA0207 password-truncated (warning): "), "{text}");
        assert!(text.contains("\nWhat the daemon does\n") && text.contains("\nExample\n"), "{text}");
    }
}

#[test]
fn the_json_is_what_the_guide_shows() {
    let guide = guide();
    let (config, expected) = (code_block(&guide, ""), code_block(&guide, "json"));
    let desk = Desk::new("json").with("vip.conf", &config);
    let (status, found, _) = desk.check(&["--json", "--no-host", "vip.conf"]);
    assert_eq!((status, found), (Some(2), expected));
}

#[test]
fn what_was_understood_is_printed_as_the_guide_shows() {
    let guide = page("print.md");
    let mut desk = Desk::new("print");
    for name in ["keepalived.conf", "vips.conf"] {
        desk = desk.with(name, &code_block(&guide, name));
    }
    let traced = desk.check(&["--print", "--origins", "--no-host", "keepalived.conf"]);
    assert_eq!(traced, (Some(0), code_block(&guide, "print"), String::new()));
    let (_, plain, _) = desk.check(&["--print", "--no-host", "keepalived.conf"]);
    let lines = traced.1.lines().map(|line| line.split("  # ").next().unwrap_or(line));
    assert!(lines.eq(plain.lines()), "{plain}");
    let desk = desk.with("printed.conf", &plain);
    assert_eq!(desk.check(&["--print", "--no-host", "printed.conf"]).1, plain);
    let (status, both, _) = desk.check(&["--print", "--no-host", "printed.conf", "keepalived.conf"]);
    assert_eq!((status, both), (Some(0), format!("# printed.conf\n{plain}\n# keepalived.conf\n{plain}")));
    assert_eq!(desk.check(&["--origins", "printed.conf"]).0, Some(3));
}

/// Every field that is printed has a row in the guide, and is of the type that the row says.
#[test]
fn the_json_has_the_fields_of_the_guide() {
    let guide = guide();
    let desk = Desk::new("fields")
        .with("a.conf", "$A=1.2.3.4.5\ninclude b.conf\n")
        .with("b.conf", &INSTANCE.replace("10.0.0.100/24\n    }", "$A\n"));
    let (_, found, _) = desk.check(&["--json", "--no-host", "a.conf"]);
    let document: Value = serde_json::from_str(&found).expect("JSON");
    let described = |section: &str| -> Vec<(String, String)> {
        let text = guide.split(section).nth(1).and_then(|text| text.split("\n## ").next()).unwrap_or("");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
        let pairs = cells.flat_map(|cells| {
            let (names, kind) = (cells.get(1).copied().unwrap_or(""), cells.get(2).copied().unwrap_or(""));
            names.split(", ").map(|name| (name.replace('`', ""), kind.to_owned())).collect::<Vec<_>>()
        });
        pairs.collect()
    };
    let agrees = |section: &str, value: &Value| {
        let fields = value.as_object().expect("an object");
        let rows = described(section);
        let names: Vec<&String> = rows.iter().map(|(name, _)| name).collect();
        assert!(fields.keys().all(|key| names.contains(&key)), "{section}: {:?}", fields.keys());
        for (name, kind) in &rows {
            let value = fields.get(name).unwrap_or_else(|| panic!("{section}: no {name}"));
            let right = match kind.split(' ').next() {
                _ if kind == "string or null" => value.is_string() || value.is_null(),
                Some("string") => value.is_string(),
                Some("number") => value.is_u64(),
                Some("boolean") => value.is_boolean(),
                Some("list") => value.is_array(),
                _ => value.is_object() || value.is_null(),
            };
            assert!(right, "{section}: {name} is {value}, not {kind}");
        }
    };
    agrees("\n## The document", &document);
    let file = &document["files"][0];
    agrees("\n## A file", file);
    let findings = file["findings"].as_array().expect("a list");
    assert!(findings.len() >= 2, "{found}");
    for finding in findings {
        agrees("\n## A finding", finding);
        agrees("\n## A place", &finding["at"]);
    }
    assert!(findings.iter().any(|one| one["definition"]["name"] == "A" && one["included"][0]["line"] == 2));
    assert!(findings.iter().any(|one| one["suggestion"]["with"] == "}" && !one["labels"][0].is_null()));
}

/// The original's options keep their meaning, and other first words stay stray.
#[test]
fn check_is_a_command_only_as_the_first_word() {
    let desk = Desk::new("words").with("a.conf", "global_defs {\n    router_id one\n}\n");
    let output = Command::new(env!("CARGO_BIN_EXE_keepalived"))
        .args(["-t", "-f"])
        .arg(desk.0.join("a.conf"))
        .arg("check")
        .output()
        .expect("the binary runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Unexpected argument(s): check \n");
    assert_eq!(output.status.code(), Some(0));
}
