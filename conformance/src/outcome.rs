//! How a scenario ends.

use std::fmt;
use std::io;

/// What a scenario returns.
pub type Outcome = Result<(), Fault>;

/// Why a scenario did not pass.
#[derive(Debug)]
pub enum Fault {
    /// The subject, or the lab, did not do what the scenario says.
    Failed(String),
    /// The scenario cannot be run here, and why.
    Skipped(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => write!(out, "{why}"),
            Self::Skipped(why) => write!(out, "skipped: {why}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("the lab itself: {error}"))
    }
}

/// A failure with this text.
pub fn failed<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Failed(why.into()))
}

/// A skip with this reason.
pub fn skipped<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Skipped(why.into()))
}

/// Fails the scenario with a formatted text unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::outcome::Fault::Failed(format!($($text)+)));
        }
    };
}

/// Fails the scenario unless both sides are equal, and shows them.
#[macro_export]
macro_rules! ensure_same {
    ($got:expr, $want:expr, $($text:tt)+) => {{
        let (got, want) = (&$got, &$want);
        if got != want {
            return Err($crate::outcome::Fault::Failed(format!(
                "{}: got {got:?}, want {want:?}", format!($($text)+))));
        }
    }};
}
