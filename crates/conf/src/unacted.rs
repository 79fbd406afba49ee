//! What a configuration asks for and this version does not do yet.
//!
//! The original acts upon all of it and says nothing, so `-t` says nothing either; each place is a diagnostic of
//! class [`Class::NotYet`] for whoever asks in detail. The log of a start gets one line that sums up:
//!
//! ```text
//! This version does not act upon: virtual_server (3), static_routes, use_vmac (VI_1, VI_2) - run keepalived check for details
//! ```

use crate::diag::{Class, Diagnostic};

/// What kind of thing is not acted upon, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacted {
    /// A keyword, or a few words in its place; the same for everything that is counted together.
    pub kind: String,
    /// The instance, group or script it belongs to; empty at the root and in `global_defs`.
    pub owner: String,
}

/// One line about everything that is not acted upon; none when everything is.
///
/// Judgements over whole instances come first, then kinds in the order of the file.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let unacted = || diagnostics.iter().filter(|d| d.class == Class::NotYet);
    let (whole, single): (Vec<_>, Vec<_>) = unacted().partition(|d| d.at.is_none());
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for found in whole.into_iter().chain(single).filter_map(|d| d.unacted.as_ref()) {
        match kinds.iter_mut().find(|kind| kind.name == found.kind) {
            Some(kind) => kind.add(&found.owner),
            None => kinds.push(Kind::new(found)),
        }
    }
    let hidden = kinds.len().saturating_sub(KINDS_MAX);
    let mut shown: Vec<String> = kinds.iter().take(KINDS_MAX).map(Kind::text).collect();
    if hidden > 0 {
        shown.push(format!("{hidden} more"));
    }
    let list = shown.join(", ");
    (!shown.is_empty())
        .then(|| format!("This version does not act upon: {list} - run keepalived check for details"))
}

/// Things that are counted together.
struct Kind<'a> {
    name: &'a str,
    count: usize,
    /// Each once.
    owners: Vec<&'a str>,
}

impl<'a> Kind<'a> {
    fn new(first: &'a Unacted) -> Self {
        let mut kind = Self { name: &first.kind, count: 0, owners: Vec::new() };
        kind.add(&first.owner);
        kind
    }

    fn add(&mut self, owner: &'a str) {
        self.count += 1;
        if !owner.is_empty() && !self.owners.contains(&owner) {
            self.owners.push(owner);
        }
    }

    /// The owners where they are few, else how many places there are, else nothing.
    fn text(&self) -> String {
        let name: String = self.name.chars().take(KIND_CHARS_MAX).collect();
        let owners = self.owners.join(", ");
        let few = self.owners.len() <= OWNERS_MAX && owners.len() <= OWNERS_BYTES_MAX;
        match self.count {
            _ if few && !owners.is_empty() => format!("{name} ({owners})"),
            1 => name,
            count => format!("{name} ({count})"),
        }
    }
}

/// Kinds that are named; the rest is counted. With the limits below the line stays under 700 bytes of text.
const KINDS_MAX: usize = 8;
/// Owners that are named; more are counted.
const OWNERS_MAX: usize = 3;
/// Room for their names; longer ones are counted.
const OWNERS_BYTES_MAX: usize = 40;
/// A kind is a keyword or a few words; this only guards the line.
const KIND_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Pass;

    fn line(found: &[(&str, &str)]) -> Option<String> {
        let one = |(kind, owner): &(&str, &str)| {
            let unacted = Unacted { kind: (*kind).to_owned(), owner: (*owner).to_owned() };
            Diagnostic {
                unacted: Some(unacted),
                ..Diagnostic::new(Class::NotYet, Pass::Vrrp, None, "not shown")
            }
        };
        summary(&found.iter().map(one).collect::<Vec<_>>())
    }

    #[test]
    fn few_owners_are_named_and_many_are_counted() {
        let servers = [("virtual_server", ""); 3];
        let mut found = servers.to_vec();
        found.push(("static_routes", ""));
        found.extend([("use_vmac", "VI_1"), ("use_vmac", "VI_2"), ("use_vmac", "VI_2")]);
        found.extend([
            ("IPv6 address", "A"),
            ("IPv6 address", "B"),
            ("IPv6 address", "C"),
            ("IPv6 address", "D"),
        ]);
        assert_eq!(
            line(&found).as_deref(),
            Some(
                "This version does not act upon: virtual_server (3), static_routes, use_vmac (VI_1, VI_2), \
                 IPv6 address (4) - run keepalived check for details"
            )
        );
        assert_eq!(line(&[]), None);
    }

    #[test]
    fn the_line_is_bounded() {
        let names: Vec<String> = (0..100).map(|n| format!("{}{n}", "x".repeat(900))).collect();
        let found: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
        let line = line(&found).unwrap();
        assert!(line.len() < 800 && line.contains(", 92 more - run"), "{line}");
    }
}
