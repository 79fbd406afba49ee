//! Files by pattern, as glob(3) without braces: `*`, `?`, `[…]`, and `\` before what stands for itself. A
//! leading dot is matched only by a dot.

use std::fs;
use std::path::{Path, PathBuf};

/// Existing paths that match, sorted.
pub fn matches(pattern: &str) -> Vec<PathBuf> {
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    let mut found = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let next = found.iter().flat_map(|directory| one_level(directory, part)).collect();
        found = next;
    }
    found.retain(|path| !path.as_os_str().is_empty());
    found.sort();
    found
}

fn one_level(directory: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[', '\\']) {
        let path = directory.join(part);
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = fs::read_dir(listed).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with('.') <= part.starts_with('.'))
        .filter(|name| fits(&part.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>()))
        .map(|name| directory.join(name))
        .collect()
}

/// Whether a name fits a pattern. Names are short, so that trying every length of a `*` is cheap enough.
fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            rest.is_empty()
                || (0..=name.len()).any(|taken| name.get(taken..).is_some_and(|left| fits(rest, left)))
        }
        (['?', rest @ ..], [_, name @ ..]) => fits(rest, name),
        (['[', rest @ ..], [first, name @ ..]) => match class(rest, *first) {
            Some((true, rest)) => fits(rest, name),
            Some((false, _)) => false,
            None => *first == '[' && fits(rest, name),
        },
        (['\\', literal, rest @ ..], [first, name @ ..]) => literal == first && fits(rest, name),
        ([literal, rest @ ..], [first, name @ ..]) => literal == first && fits(rest, name),
        (_, _) => false,
    }
}

/// Judges a character by the class that begins here; also what follows the class. `None` if it has no end.
fn class(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match pattern {
        ['!' | '^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut within, mut first) = (false, true);
    loop {
        match rest {
            [']', after @ ..] if !first => return Some((within != negated, after)),
            [low, '-', high, after @ ..] if *high != ']' => {
                within |= (*low..=*high).contains(&c);
                rest = after;
            }
            [one, after @ ..] => {
                within |= *one == c;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, name: &str) -> bool {
        fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
    }

    #[test]
    fn patterns_mean_what_the_shell_means() {
        for (pattern, name) in [
            ("*", ""),
            ("*.conf", "a.conf"),
            ("a**b", "a-b"),
            ("?[a-c]", "xb"),
            ("[!a]", "b"),
            ("[]]", "]"),
            ("\\*", "*"),
            ("[x", "[x"),
            ("[a-]", "-"),
            ("é?", "éé"),
        ] {
            assert!(fit(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.conf", "a.conf~"), ("?", ""), ("[a-c]", "d"), ("[^a]", "a"), ("\\*", "x")]
        {
            assert!(!fit(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn files_come_sorted_and_hidden_ones_only_when_asked_for() {
        let top = std::env::temp_dir().join(format!("keepalived-glob-{}", std::process::id()));
        fs::create_dir_all(top.join("d1")).expect("mkdir");
        fs::create_dir_all(top.join("d2")).expect("mkdir");
        for name in ["d2/b.conf", "d1/z.conf", "d1/.hidden.conf", "d1/a.txt"] {
            fs::write(top.join(name), "").expect("write");
        }
        let names = |pattern: &str| {
            let pattern = format!("{}/{pattern}", top.display());
            let strip = |path: PathBuf| path.strip_prefix(&top).expect("below").display().to_string();
            matches(&pattern).into_iter().map(strip).collect::<Vec<_>>()
        };
        assert_eq!(names("d*/*.conf"), ["d1/z.conf", "d2/b.conf"]);
        assert_eq!(names("d1/.*"), ["d1/.hidden.conf"]);
        assert_eq!(names("d1/a.txt"), ["d1/a.txt"]);
        assert_eq!(names("d3/*"), Vec::<String>::new());
        fs::remove_dir_all(&top).expect("remove");
    }
}
