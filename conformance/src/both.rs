//! The same done to both programs. At the same time: most of a scenario is waiting for timers, which two can do as
//! well as one.

use std::panic::resume_unwind;
use std::thread;

use crate::diary;
use crate::outcome::Fault;
use crate::subject::Subject;

/// What came of it, theirs first.
///
/// # Errors
/// It did not work with one of them.
pub fn of_both<T: Send>(play: impl Fn(Subject) -> Result<T, Fault> + Sync) -> Result<[T; 2], Fault> {
    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| (play(Subject::Theirs), diary::leave()));
        let ours = play(Subject::Ours);
        (theirs.join(), ours)
    });
    let (theirs, story) = theirs.unwrap_or_else(|panic| resume_unwind(panic));
    diary::join(story);
    Ok([theirs?, ours?])
}
