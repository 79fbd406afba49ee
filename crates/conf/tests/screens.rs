//! What `keepalived check` shows of typical broken files.
//!
//! Each `screens/NAME.conf` stands next to `NAME.screen`; `UPDATE_EXPECT=1` writes the latter anew. Read it as
//! somebody who was woken up by it.

mod common;

use std::path::Path;

use common::{FILE, Machine, Memory, conditions};
use keepalived_conf::check::check;
use keepalived_conf::read;
use keepalived_conf::render::screen::{self, Paint};

/// What the file with includes includes.
const INCLUDED: &[(&str, &str)] = &[
    (
        "/etc/keepalived/conf.d/vi_1.conf",
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    priorty 150\n    \
         virtual_ipaddress {\n        $FRONT\n    }\n}\n",
    ),
    ("/etc/keepalived/conf.d/vi_2.conf", "include /etc/keepalived/inner.conf\n"),
    ("/etc/keepalived/inner.conf", "vrrp_script chk {\n    script \"/usr/bin/true\"\n    wieght 2\n}\n"),
];

fn screen(name: &str, text: Vec<u8>, paint: Paint) -> String {
    let mut files = Memory::default().with(FILE, text);
    if name.starts_with("10") {
        files = INCLUDED.iter().fold(files, |files, (path, text)| files.with(path, text));
    }
    let sourced = read(&files, Path::new(FILE), &conditions());
    let report = check(&sourced, &Machine::default());
    screen::report(&report, &sourced.origins, paint) + &screen::summary(&report, FILE, paint)
}

#[test]
fn every_screen_is_as_expected() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let found = screen(&name, std::fs::read(&path).unwrap(), Paint::Plain);
        let expected = path.with_extension("screen");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(count >= 10 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text is the same, and control characters of a file reach no terminal.
#[test]
fn colors_are_only_added() {
    let text = b"vrrp_instance V {\n\tpriorty \x1b[2J100\n}\n".to_vec();
    let plain = screen("", text.clone(), Paint::Plain);
    let colored = screen("", text, Paint::Colored);
    assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}[1;31merror KA0101\u{1b}[0m"));
    let mut stripped = String::new();
    let mut inside = false;
    for c in colored.chars() {
        match c {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            c => stripped.push(c),
        }
    }
    assert_eq!(stripped, plain);
}
