//! Damaged texts: whatever comes out is complete, and nothing panics.

mod common;

use common::{Dice, configurations, run};
use keepalived_conf::{render, test_status};

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b" ",
    b"#",
    b"@main ",
    b"$A=",
    b"${A}",
    b"$A",
    b"~SEQ(A,1,3) ",
    b"~LST(A,1,2) ",
    b"include /etc/x*",
    b"-1",
    b"999999999999999999999",
    b"1.5.5",
    b"\xff",
    b"\0",
    b"fe80::1",
    "“".as_bytes(),
    b"/",
    b"</",
];

#[test]
fn damaged_texts_still_lower() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut dice = Dice(1);
    let mut runs = 0;
    let mut files = configurations(vec![data]);
    files.sort();
    for path in files {
        let text = std::fs::read(&path).unwrap();
        for _ in 0..60 {
            let mut damaged = text.clone();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(damaged.len());
                let end = (at + dice.roll(12)).min(damaged.len());
                let piece = PIECES[dice.roll(PIECES.len())];
                damaged.splice(at..end, piece.iter().copied());
            }
            let lowered = run(&damaged);
            let _ = test_status(&lowered.diagnostics);
            for diagnostic in &lowered.diagnostics {
                assert!(!render::keepalived::line(diagnostic).is_empty());
            }
            for instance in &lowered.config.vrrp.instances {
                let known = |name: &str| lowered.config.vrrp.scripts.iter().any(|script| script.name == name);
                assert!(instance.track.scripts.iter().all(|tracked| known(&tracked.name)));
                assert!(instance.addresses.len() <= 255 && !instance.advert_interval.is_zero());
            }
            for group in &lowered.config.vrrp.groups {
                let known = |name: &String| lowered.config.vrrp.instances.iter().any(|i| i.name == *name);
                assert!(!group.members.is_empty() && group.members.iter().all(known));
            }
            runs += 1;
        }
    }
    assert!(runs >= 900, "{runs}");
}
