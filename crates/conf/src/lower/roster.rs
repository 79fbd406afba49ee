//! Things of a file in their order, found by their names.

use std::collections::BTreeMap;

/// What has a name.
pub(super) trait Named {
    fn name(&self) -> &str;
}

/// Things in the order of the file. Of several with one name the first is found.
///
/// They are kept in batches, so that the memory of those that were taken out is free for what becomes of them: of ten
/// thousand instances, the drafts and the model together would be the largest thing in memory.
#[derive(Debug)]
pub(super) struct Roster<T> {
    batches: Vec<Vec<T>>,
    first: BTreeMap<Box<str>, u32>,
}

/// Things in a batch, except in the last one.
const BATCH: usize = 256;

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self { batches: Vec::new(), first: BTreeMap::new() }
    }
}

impl<T: Named> Roster<T> {
    pub fn push(&mut self, one: T) {
        let position = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.first.entry(one.name().into()).or_insert(position);
        match self.batches.last_mut().filter(|batch| batch.len() < BATCH) {
            Some(batch) => batch.push(one),
            None => self.batches.push(vec![one]),
        }
    }

    pub fn find(&self, name: &str) -> Option<&T> {
        let position = usize::try_from(*self.first.get(name)?).ok()?;
        self.batches.get(position / BATCH)?.get(position % BATCH)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.first.contains_key(name)
    }

    pub fn len(&self) -> usize {
        self.batches.last().map_or(0, |last| (self.batches.len() - 1) * BATCH + last.len())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.batches.iter_mut().flatten()
    }
}

impl<T: Named> Extend<T> for Roster<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        more.into_iter().for_each(|one| self.push(one));
    }
}

impl<T> IntoIterator for Roster<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for (String, usize) {
        fn name(&self) -> &str {
            &self.0
        }
    }

    #[test]
    fn the_first_of_a_name_is_found_and_the_order_is_kept() {
        let mut roster = Roster::default();
        roster.extend((0..1000).map(|number| (format!("{}", number % 700), number)));
        assert_eq!(roster.len(), 1000);
        assert_eq!(roster.find("299").map(|one| one.1), Some(299));
        assert_eq!(roster.find("699").map(|one| one.1), Some(699));
        assert_eq!(roster.find("700"), None);
        assert!(roster.into_iter().map(|one| one.1).eq(0..1000));
    }
}
