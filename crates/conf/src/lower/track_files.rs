//! Tracked files as checkers see them.

use keepalived_model::check::FileWeight;
use keepalived_model::track::File;

use super::roster::Roster;

/// The tracked files of a configuration, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackFiles(Vec<Named>);

/// A tracked file by name.
#[derive(Clone, Debug)]
pub(super) struct Named {
    name: String,
    /// Number of the logical line it stands at.
    at: usize,
    /// For those who name none of their own.
    pub weight: FileWeight,
}

impl TrackFiles {
    /// The blocks that came to something, from the names and lines of all.
    pub fn new(blocks: Vec<(String, usize)>, files: &Roster<File>) -> Self {
        let named = |(name, at): (String, usize)| {
            let file = files.find(&name)?;
            let weight = FileWeight { amount: file.weight.amount.into(), reverse: file.weight.reverse };
            Some(Named { name, at, weight })
        };
        Self(blocks.into_iter().filter_map(named).collect())
    }

    /// The file of this name, if it stands before the line with this number.
    pub fn find(&self, name: &str, before: usize) -> Option<&Named> {
        self.0.iter().find(|file| file.name == name && file.at < before)
    }
}
