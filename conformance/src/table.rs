//! What a scenario is, and the one table of all of them.

use std::path::PathBuf;

use crate::outcome::{Fault, Outcome, skipped};
use crate::subject::{Pair, Subject, shared};

/// What a scenario shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proves {
    /// What the original does; it passes on the original first.
    Original,
    /// A decision to differ, by its number in `docs/compat/differences.md`.
    Decision(&'static str),
    /// Something of ours alone.
    Ours,
    /// That a fault users reported does no harm, by its number in the collection of faults (`conformance/README.md`). The
    /// original may fail.
    Withstands(&'static str),
}

/// Whom a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// The pair of the environment (`SUBJECT`, `SUBJECT_A`, `SUBJECT_B`).
    Chosen,
    /// These two, whatever the environment says.
    Fixed(Subject, Subject),
    /// Both programs in one run, compared.
    Both,
}

/// One scenario.
pub struct Scenario {
    /// A sentence.
    pub name: &'static str,
    /// Its topic.
    pub family: &'static str,
    /// What it shows.
    pub proves: Proves,
    /// Whom it is about.
    pub cast: Cast,
    /// What happens.
    pub run: fn(&Context) -> Outcome,
}

/// What a scenario gets.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Who plays which box.
    pub pair: Pair,
}

impl Context {
    /// The subject of scenarios with one box.
    pub fn subject(&self) -> Subject {
        self.pair.a
    }

    /// A file of the users' articles.
    ///
    /// # Errors
    /// The articles are not on this machine.
    pub fn article(&self, file: &str) -> Result<PathBuf, Fault> {
        match shared() {
            Some(shared) => Ok(shared.join("articles").join(file)),
            None => skipped("the articles are not here (KEEPALIVED_RS_SHARED)"),
        }
    }
}

impl Scenario {
    /// Who plays, or why the scenario is not for this run.
    ///
    /// # Errors
    /// A binary is missing, or the scenario proves something the chosen pair does not claim.
    pub fn pair(&self, chosen: Pair) -> Result<Pair, Fault> {
        let pair = match self.cast {
            Cast::Chosen => chosen,
            Cast::Fixed(a, b) => Pair { a, b },
            Cast::Both => Pair { a: Subject::Theirs, b: Subject::Ours },
        };
        for subject in [pair.a, pair.b] {
            if subject.binary().is_none() {
                return skipped(format!("no binary of subject '{subject}' here"));
            }
        }
        if self.cast == Cast::Chosen && pair.includes(Subject::Theirs) {
            match self.proves {
                Proves::Original => {}
                Proves::Decision(number) => {
                    return skipped(format!("the original does not do this (decision {number})"));
                }
                Proves::Ours => return skipped("something of ours that the original does not have"),
                Proves::Withstands(_) => return skipped("how the original fares is in the table of --table"),
            }
        }
        Ok(pair)
    }
}

/// A scenario of the chosen pair that shows what the original does.
pub const fn original(family: &'static str, name: &'static str, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family, proves: Proves::Original, cast: Cast::Chosen, run }
}

/// A scenario that proves a decision.
pub const fn decision(
    number: &'static str,
    family: &'static str,
    name: &'static str,
    run: fn(&Context) -> Outcome,
) -> Scenario {
    Scenario { name, family, proves: Proves::Decision(number), cast: Cast::Chosen, run }
}

/// A scenario that proves something of ours.
pub const fn ours(family: &'static str, name: &'static str, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family, proves: Proves::Ours, cast: Cast::Chosen, run }
}

/// A fault that ours has to withstand.
pub const fn withstands(number: &'static str, name: &'static str, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family: "chaos", proves: Proves::Withstands(number), cast: Cast::Chosen, run }
}

/// A scenario that compares both programs in one run.
pub const fn both(family: &'static str, name: &'static str, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family, proves: Proves::Original, cast: Cast::Both, run }
}

/// A scenario on a mixed LAN.
pub const fn mixed(name: &'static str, a: Subject, b: Subject, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family: "mixed", proves: Proves::Original, cast: Cast::Fixed(a, b), run }
}
