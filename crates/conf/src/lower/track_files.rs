//! Tracked files as checkers see them.

use keepalived_model::check::FileWeight;
use keepalived_model::track::File;

use crate::tree::Statement;

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
    /// The blocks that came to something.
    pub fn new(statements: &[Statement<'_>], files: &[File]) -> Self {
        let blocks = statements.iter().filter(|statement| statement.row.name == "track_file");
        let named = |statement: &Statement<'_>| {
            let file = files.iter().find(|file| Some(file.name.as_str()) == statement.word(1))?;
            let weight = FileWeight { amount: file.weight.amount.into(), reverse: file.weight.reverse };
            Some(Named { name: file.name.clone(), at: statement.at, weight })
        };
        Self(blocks.filter_map(named).collect())
    }

    /// The file of this name, if it stands before the line with this number.
    pub fn find(&self, name: &str, before: usize) -> Option<&Named> {
        self.0.iter().find(|file| file.name == name && file.at < before)
    }
}
