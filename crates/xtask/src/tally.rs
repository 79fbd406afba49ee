//! Counting: what passed, what failed, what was skipped and why.

use std::fmt;

/// How one step, or one program's own count of its tests, came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests (or steps without tests of their own) that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that could not run here.
    pub skipped: usize,
    /// Those of the skipped ones that need something which this repository neither has nor could install.
    pub excused: usize,
}

/// What the reason of an excused skip contains: the users' articles, which are not ours to publish, and the
/// original's binary.
const EXCUSES: &[&str] = &["KEEPALIVED_RS_SHARED", "subject 'theirs'"];

impl Counts {
    /// One step without tests of its own.
    pub fn one(passed: bool) -> Self {
        Self { passed: usize::from(passed), failed: usize::from(!passed), ..Self::default() }
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.excused += other.excused;
    }

    /// Looks at a line that may say why something was skipped.
    pub fn note_excuse(&mut self, line: &str) {
        let reason = line.strip_prefix("SKIP ").unwrap_or_default();
        self.excused += usize::from(EXCUSES.iter().any(|excuse| reason.contains(excuse)));
    }

    /// Skips that nothing excuses.
    fn gaps(&self) -> usize {
        self.skipped.saturating_sub(self.excused)
    }

    /// Reads a summary line, be it libtest's or our own programs' (`3 passed, 0 failed, 1 skipped`).
    ///
    /// Libtest's "ignored" are known gaps with an issue; they are skips like any other.
    pub fn from_summary(line: &str) -> Option<Self> {
        let libtest = line.split_once("test result: ").and_then(|(_, rest)| rest.split_once(". "));
        let counts = libtest.map_or(line, |(_, counts)| counts);
        let mut parts = counts.split([',', ';']).map(str::trim);
        let passed = number_before(parts.next()?, "passed")?;
        let failed = number_before(parts.next()?, "failed")?;
        let skipped = parts
            .next()
            .and_then(|part| number_before(part, "skipped").or(number_before(part, "ignored")))
            .unwrap_or(0);
        Some(Self { passed, failed, skipped, excused: 0 })
    }
}

fn number_before(part: &str, word: &str) -> Option<usize> {
    let (number, rest) = part.split_once(' ')?;
    if rest.split_whitespace().next()? == word { number.parse().ok() } else { None }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Whom a step is about; a step about the original may be skipped anywhere, one about us not in CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This repository.
    Ours,
    /// The original, which need not be installed.
    Theirs,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran and all is well, with as many tests as counted.
    Passed(Counts),
    /// It ran and something is wrong.
    Failed(Counts, String),
    /// Something it needs is not here.
    Skipped(String),
}

/// The account of a whole run.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Counts,
    failures: Vec<String>,
    skips: Vec<String>,
    ours_skipped: bool,
}

impl Tally {
    /// Enters a step.
    pub fn enter(&mut self, step: &str, whose: Whose, outcome: Outcome) {
        match outcome {
            Outcome::Passed(counts) => {
                self.ours_skipped |= whose == Whose::Ours && counts.gaps() > 0;
                self.counts.add(&counts);
            }
            Outcome::Failed(mut counts, why) => {
                counts.failed = counts.failed.max(1);
                self.counts.add(&counts);
                self.failures.push(format!("{step}: {why}"));
            }
            Outcome::Skipped(why) => {
                self.counts.skipped += 1;
                self.ours_skipped |= whose == Whose::Ours;
                self.skips.push(format!("{step}: {why}"));
            }
        }
    }

    /// Whether the run is a success; in CI, what is ours must not be skipped.
    pub fn is_success(&self, in_ci: bool) -> bool {
        self.counts.failed == 0 && !(in_ci && self.ours_skipped)
    }

    /// Prints failures and skips again, and the one line everybody reads.
    pub fn conclude(&self, in_ci: bool) {
        for skip in &self.skips {
            println!("SKIP {skip}");
        }
        for failure in &self.failures {
            println!("FAIL {failure}");
        }
        if in_ci && self.ours_skipped {
            println!("FAIL a part of this repository was skipped, which CI does not accept");
        }
        println!("{}", self.counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts { passed, failed, skipped, excused: 0 }
    }

    #[test]
    fn libtest_and_our_own_summaries_are_understood() {
        let libtest = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(Counts::from_summary(libtest), Some(counts(12, 0, 1)));
        assert_eq!(Counts::from_summary("7 passed, 2 failed"), Some(counts(7, 2, 0)));
        assert_eq!(Counts::from_summary("7 passed, 2 failed, 3 skipped"), Some(counts(7, 2, 3)));
        assert_eq!(Counts::from_summary("running 12 tests"), None);
        assert_eq!(Counts::from_summary("he passed, she failed"), None);
    }

    #[test]
    fn a_step_that_fails_without_counting_counts_as_one_failure() {
        let mut tally = Tally::default();
        tally.enter("format", Whose::Ours, Outcome::Failed(Counts::default(), "exit 1".into()));
        assert_eq!(tally.counts, counts(0, 1, 0));
        assert!(!tally.is_success(false));
    }

    #[test]
    fn ci_accepts_a_missing_original_and_missing_articles_but_no_gap_of_ours() {
        let mut tally = Tally::default();
        tally.enter("theirs", Whose::Theirs, Outcome::Skipped("not installed".into()));
        assert!(tally.is_success(true));
        let mut away = counts(3, 0, 1);
        away.note_excuse("SKIP articles: 000: the articles are not here (KEEPALIVED_RS_SHARED)");
        tally.enter("articles", Whose::Ours, Outcome::Passed(away));
        assert!(tally.is_success(true));
        tally.enter("ours", Whose::Ours, Outcome::Passed(counts(3, 0, 1)));
        assert!(tally.is_success(false));
        assert!(!tally.is_success(true));
    }
}
