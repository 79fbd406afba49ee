//! The five articles that copied configurations come from.

mod common;

use std::path::PathBuf;

use common::{configurations, lines, run, shared};
use keepalived_conf::{start_refusal, test_status};

fn files() -> Vec<PathBuf> {
    let Some(root) = shared("articles") else { return Vec::new() };
    let mut found = configurations(vec![root]);
    found.sort();
    found
}

#[test]
fn every_article_starts_with_its_instances_addresses_and_scripts() {
    for path in files() {
        let text = std::fs::read(&path).unwrap();
        let lowered = run(&text);
        let name = path.display().to_string();
        println!("{name}: {}\n{:#?}", test_status(&lowered.diagnostics), lines(&lowered.diagnostics));
        assert_eq!(start_refusal(&lowered.diagnostics), None, "{name}");
        let vrrp = &lowered.config.vrrp;
        assert!(!vrrp.instances.is_empty() && lowered.uses.vrrp, "{name}");
        assert!(vrrp.instances.iter().all(|instance| instance.addresses.len() == 1), "{name}");
        let checked = !name.contains("simple") && !name.contains("/004/");
        assert_eq!(vrrp.scripts.len(), usize::from(checked), "{name}");
        assert_eq!(
            vrrp.instances.iter().map(|i| i.track.scripts.len()).sum::<usize>(),
            usize::from(checked),
            "{name}"
        );
    }
}

/// Every file, every length: a complete configuration and its diagnostics, never a panic.
#[test]
fn an_article_cut_at_any_byte_still_lowers() {
    for path in files() {
        let text = std::fs::read(&path).unwrap();
        for end in 0..text.len() {
            let lowered = run(&text[..end]);
            assert!(lowered.diagnostics.iter().all(|d| !d.text.is_empty()));
        }
    }
}
