//! All virtual routers by their numbers, which are handed out in ascending order: whoever is asked for is usually found
//! at his place without a search.

use keepalived_model::InstanceId;

use crate::instance::Instance;

/// The virtual routers, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster(Vec<(InstanceId, Box<Instance>)>);

impl Roster {
    pub fn get(&self, id: &InstanceId) -> Option<&Instance> {
        self.0.get(self.place(*id).ok()?).map(|(_, instance)| &**instance)
    }

    pub fn get_mut(&mut self, id: &InstanceId) -> Option<&mut Instance> {
        let place = self.place(*id).ok()?;
        self.0.get_mut(place).map(|(_, instance)| &mut **instance)
    }

    /// In place of one with the same number.
    pub fn insert(&mut self, instance: Box<Instance>) {
        let id = instance.id;
        match self.place(id) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.1 = instance;
                }
            }
            Err(place) => self.0.insert(place, (id, instance)),
        }
    }

    pub fn remove(&mut self, id: &InstanceId) {
        if let Ok(place) = self.place(*id) {
            self.0.remove(place);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&InstanceId, &Instance)> {
        self.0.iter().map(|(id, instance)| (id, &**instance))
    }

    pub fn values(&self) -> impl Iterator<Item = &Instance> {
        self.0.iter().map(|(_, instance)| &**instance)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.0.iter_mut().map(|(_, instance)| &mut **instance)
    }

    /// Where it is, or would be. A reload that removes some leaves gaps in the numbers; then it is a search.
    fn place(&self, id: InstanceId) -> Result<usize, usize> {
        let first = self.0.first().map_or(0, |(first, _)| first.0);
        let guess = usize::try_from(id.0.wrapping_sub(first)).unwrap_or(usize::MAX);
        if self.0.get(guess).is_some_and(|(there, _)| *there == id) {
            return Ok(guess);
        }
        self.0.binary_search_by_key(&id, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keepalived_model::{Instant, Vrid, vrrp};

    use super::*;

    fn instance(number: u32) -> Box<Instance> {
        let config = vrrp::Instance::new("VI", Vrid::try_from(1).unwrap(), "eth0");
        Box::new(Instance::new(InstanceId(number), Arc::new(config), Instant(0)))
    }

    #[test]
    fn everybody_is_found_with_gaps_and_without() {
        let mut roster = Roster::default();
        (5..15).map(instance).for_each(|instance| roster.insert(instance));
        let found = |roster: &Roster| -> Vec<u32> {
            (0..20).filter_map(|number| roster.get(&InstanceId(number))).map(|it| it.id.0).collect()
        };
        assert_eq!(found(&roster), (5..15).collect::<Vec<_>>());
        for gone in [5, 9, 14, 3] {
            roster.remove(&InstanceId(gone));
        }
        assert_eq!(found(&roster), [6, 7, 8, 10, 11, 12, 13]);
        roster.insert(instance(9));
        roster.insert(instance(17));
        assert_eq!(found(&roster), [6, 7, 8, 9, 10, 11, 12, 13, 17]);
        assert_eq!(roster.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), found(&roster));
    }
}
