//! What a misspelt word may have meant (D7).

use crate::schema::{Status, TABLES, Table};

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

/// The keyword of this block that the word is a misspelling of, if there is one that is near enough.
pub(crate) fn meant(word: &str, table: &Table) -> Option<&'static str> {
    let names = || table.keywords.iter().map(|row| row.name);
    let shouted = || names().find(|name| name.eq_ignore_ascii_case(word) && *name != word);
    shouted().or_else(|| near(word, names()))
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

/// What an unknown keyword may have meant, if anything sensible can be said.
pub(crate) fn keyword(word: &str, table: &Table) -> Option<Hint> {
    if let Some(hint) = removed(word, table) {
        return Some(hint);
    }
    if let Some(with) = meant(word, table) {
        return Some(Hint::near(with));
    }
    if let Some(name) = glued(word, table) {
        let note = format!("a blank is missing between '{name}' and its value");
        return Some(Hint { code: "unknown-keyword", note, with: None });
    }
    let home = TABLES.iter().find(|other| {
        other.find(word).is_some_and(|row| row.status != Status::AcceptedAndIgnored)
            && other.block != table.block
    })?;
    let note = match home.block {
        "" => format!("'{word}' belongs outside of blocks"),
        block => format!("'{word}' belongs in a {block} block"),
    };
    Some(Hint { code: "misplaced-keyword", note, with: None })
}

/// Words of older versions that copied configurations are full of (`research` config-in-the-wild 6).
fn removed(word: &str, table: &Table) -> Option<Hint> {
    let (with, note) = match (word, table.block) {
        ("lvs_id", "global_defs") => {
            (Some("router_id"), "'lvs_id' was removed long ago; 'router_id' names this host")
        }
        ("smtp_connection_timeout", "global_defs") => return Some(Hint::near("smtp_connect_timeout")),
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
    let limit = (word.chars().count() / 3).min(3);
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance > 0 && *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
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
            assert_eq!(keyword(word, table).map(|hint| hint.note).as_deref(), note, "{word}")
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
