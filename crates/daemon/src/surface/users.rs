//! Who tracks what: asked once for a whole dump, in which thousands of instances may track thousands of things.

use std::collections::BTreeMap;

use keepalived_core::view::View;
use keepalived_model::Weight;
use keepalived_model::track::TrackerKind;

/// Instances by what they track, by themselves or through their sync group.
pub struct Users<'a>(BTreeMap<(TrackerKind, &'a str), Lists<'a>>);

#[derive(Default)]
struct Lists<'a> {
    by_lines_of_its_own: Vec<(&'a str, Weight)>,
    by_its_group: Vec<(&'a str, Weight)>,
}

impl<'a> Users<'a> {
    /// Everybody's.
    pub fn of_all(all: &View<'a>) -> Self {
        let mut groups = BTreeMap::new();
        for group in &all.config.groups {
            for member in &group.members {
                groups.entry(member.as_str()).or_insert(&group.track);
            }
        }
        let mut found: BTreeMap<_, Lists<'a>> = BTreeMap::new();
        for instance in all.instances.iter().map(|view| view.config) {
            let group = groups.get(instance.name.as_str()).copied();
            for kind in [TrackerKind::Script, TrackerKind::File, TrackerKind::Process] {
                let own = instance.track.of(kind);
                for (tracker, weight) in instance.track.with(group, kind) {
                    let lists = found.entry((kind, tracker)).or_default();
                    let list = match own.iter().any(|tracked| tracked.name == tracker) {
                        true => &mut lists.by_lines_of_its_own,
                        false => &mut lists.by_its_group,
                    };
                    list.push((instance.name.as_str(), weight));
                }
            }
        }
        Self(found)
    }

    /// Who tracks something by a line of its own, then those whose group does, each with the weight that counts.
    pub fn of<'s>(&'s self, kind: TrackerKind, tracker: &'s str) -> impl Iterator<Item = (&'s str, Weight)> {
        let Self(found) = self;
        let lists = found.get(&(kind, tracker)).into_iter();
        lists.flat_map(|lists| lists.by_lines_of_its_own.iter().chain(&lists.by_its_group).copied())
    }
}
