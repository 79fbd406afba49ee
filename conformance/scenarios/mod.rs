//! All scenarios, one file per topic.

mod articles;
mod examples;
mod stage;

use crate::table::Scenario;

/// The one table.
pub const ALL: &[&[Scenario]] = &[articles::SCENARIOS, examples::SCENARIOS];
