//! What a misspelt word may have meant (D7).

use crate::schema::{Keyword, ROOT, Status, TABLES, Table, Takes};

/// What can be said of a word that is no keyword where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The row of [`crate::codes`] it makes the complaint belong to.
    pub code: &'static str,
    /// The likely intention in words.
    pub note: String,
    /// The word that was meant.
    pub with: Option<&'static str>,
}

impl Hint {
    fn near(with: &'static str) -> Self {
        Self { code: "unknown-keyword", note: format!("did you mean '{with}'?"), with: Some(with) }
    }
}

/// The keyword of this block that the word is a misspelling of, if there is one that is near enough. Old spellings
/// count too, and come out as today's.
pub(crate) fn meant(word: &str, table: &Table) -> Option<&'static str> {
    nearest(word, table, |_| true)
}

/// The block of this table that the word in front of a brace is a misspelling of.
pub(crate) fn meant_block(word: &str, table: &Table) -> Option<&'static str> {
    nearest(word, table, |row| matches!(row.takes, Takes::Block(..) | Takes::Values | Takes::NamedValues))
}

fn nearest(word: &str, table: &Table, allowed: impl Fn(&Keyword) -> bool) -> Option<&'static str> {
    let rows = || table.keywords.iter().filter(|row| allowed(row));
    let spellings = || rows().flat_map(|row| std::iter::once(&row.name).chain(row.was).copied());
    let shouted = || spellings().find(|name| name.eq_ignore_ascii_case(word) && *name != word);
    let spelling = shouted().or_else(|| near(word, spellings()))?;
    table.find(spelling).map(|row| row.name)
}

/// The keyword that the word begins with, when its value sticks to it.
fn glued<'t>(word: &str, table: &'t Table) -> Option<&'t str> {
    let sticks = |name: &str| {
        let after = word.strip_prefix(name).and_then(|rest| rest.chars().next());
        after.is_some_and(|c| !c.is_ascii_alphabetic() && c != '_')
    };
    let names = table.keywords.iter().map(|row| row.name).filter(|name| name.len() > 3 && sticks(name));
    names.max_by_key(|name| name.len())
}

/// What an unknown keyword may have meant, if anything sensible can be said. Before a brace only blocks are meant.
pub(crate) fn keyword(word: &str, table: &Table, opens: bool) -> Option<Hint> {
    if let Some(hint) = removed(word, table) {
        return Some(hint);
    }
    if let Some(home) = home(word, table) {
        let note = match home {
            "" => format!("'{word}' belongs outside of blocks"),
            block => format!("'{word}' belongs in a {block} block"),
        };
        return Some(Hint { code: "misplaced-keyword", note, with: None });
    }
    let near = if opens { meant_block(word, table) } else { meant(word, table) };
    if let Some(with) = near {
        return Some(Hint::near(with));
    }
    if let Some(with) = meant_block(word, &ROOT).filter(|_| opens) {
        let note = format!("did you mean '{with}'? It belongs outside of blocks");
        return Some(Hint { code: "misplaced-keyword", note, with: None });
    }
    let name = glued(word, table)?;
    let note = format!("a blank is missing between '{name}' and its value");
    Some(Hint { code: "unknown-keyword", note, with: None })
}

/// A keyword with a blank inside.
pub(crate) fn split_keyword(word: &str, next: &str, table: &Table) -> Option<String> {
    let joined = format!("{word}{next}");
    table.find(&joined)?;
    Some(format!("did you mean '{joined}'? There is a blank in it"))
}

/// The block that knows a word which this one does not.
fn home(word: &str, table: &Table) -> Option<&'static str> {
    let knows = |other: &&&Table| {
        let row = other.find(word);
        row.is_some_and(|row| row.status != Status::AcceptedAndIgnored) && other.block != table.block
    };
    TABLES.iter().find(knows).map(|other| other.block)
}

/// Words of older versions that copied configurations are full of (`research` config-in-the-wild 6).
fn removed(word: &str, table: &Table) -> Option<Hint> {
    let (with, note) = match (word, table.block) {
        ("lvs_id", "global_defs") => {
            (Some("router_id"), "'lvs_id' was removed long ago; 'router_id' names this host")
        }
        ("smtp_connection_timeout", "global_defs") => return Some(Hint::near("smtp_connect_timeout")),
        ("nb_get_retry", _) if table.find("retry").is_some() => {
            (Some("retry"), "'nb_get_retry' is the old word for 'retry'")
        }
        ("net_mask", _) => (None, "probably 'nat_mask', which was removed long ago and has no successor"),
        ("nat_mask", _) => (None, "'nat_mask' was removed long ago and has no successor"),
        ("lvs_sync_daemon_inteface", _) => {
            (None, "a misspelling that old versions accepted; write 'lvs_sync_daemon' in global_defs instead")
        }
        _ => return None,
    };
    Some(Hint { code: "removed-keyword", note: note.into(), with })
}

/// The closest of the candidates, if it is close enough to be meant.
pub(crate) fn near<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let close = |(distance, candidate): &(usize, &str)| {
        *distance > 0 && *distance <= (length.max(candidate.len()) / 3).min(EDITS_MAX)
    };
    let alike = candidates.filter(|candidate| candidate.len().abs_diff(word.len()) <= LENGTHS_APART_MAX);
    let measured =
        alike.take(CANDIDATES_MAX).map(|candidate| (distance(word, candidate), candidate)).filter(close);
    measured.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// More slips than this make another word.
const EDITS_MAX: usize = 3;
/// Words of lengths in bytes that differ by more are never a slip apart.
const LENGTHS_APART_MAX: usize = 3;
/// Names that a word is compared with. In a larger crowd of such names many are near, and ten thousand words that all
/// ask would wait for minutes.
const CANDIDATES_MAX: usize = 1_000;

/// Edits (insert, delete, replace, swap neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, c) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, d) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let swapped =
                (j > 0 && Some(*d) == last && b.get(j - 1) == Some(&c)).then(|| at(&above, j - 1) + 1);
            let best = (at(&row, j) + usize::from(c != *d)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            next.push(best.min(swapped.unwrap_or(usize::MAX)));
        }
        last = Some(c);
        above = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{GLOBAL_DEFS, INSTANCE, ROOT, SCRIPT};

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let check = |word: &str, table: &Table, note: Option<&str>| {
            assert_eq!(keyword(word, table, false).map(|hint| hint.note).as_deref(), note, "{word}")
        };
        check("inteval", &SCRIPT, Some("did you mean 'interval'?"));
        check("vvrp_script", &ROOT, Some("did you mean 'vrrp_script'?"));
        check("macast_src_ip", &INSTANCE, Some("did you mean 'mcast_src_ip'?"));
        check("smtp_connection_timeout", &GLOBAL_DEFS, Some("did you mean 'smtp_connect_timeout'?"));
        check("priority", &ROOT, Some("'priority' belongs in a vrrp_instance block"));
        check("vrrp_script", &INSTANCE, Some("'vrrp_script' belongs outside of blocks"));
        check("–虚拟示例配置", &ROOT, None);
        check("}", &ROOT, None);
    }
}
