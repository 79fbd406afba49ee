//! A short queue of lines between those who speak and the one who carries away.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

/// One thing said.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub at: SystemTime,
    /// By which process.
    pub pid: u32,
    /// How bad: a syslog severity, 0 to 7.
    pub severity: u8,
    /// What.
    pub text: String,
}

/// A bounded queue. The speaker's side never waits for the carrier's.
#[derive(Debug, Default)]
pub struct Ring {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Lines that did not even get in, see [`Ring::push`].
    turned_away: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Line>,
    /// Lines that had to go since the last one that was taken.
    lost: u64,
    /// A line was taken and is not delivered yet.
    in_flight: bool,
    /// A thread carries away.
    claimed: bool,
}

/// What the carrier gets.
#[derive(Debug)]
pub struct Taken {
    /// So many lines are missing before this one.
    pub lost: u64,
    /// The line.
    pub line: Line,
}

/// About two minutes of a busy start with `-D`; older lines go when it is full.
pub const LINES_MAX: usize = 1024;

/// Some tens of microseconds: more than anybody needs who is not preempted.
const SPINS_MAX: usize = 2000;

impl Ring {
    /// Adds a line; the oldest goes if there is no room.
    ///
    /// The carrier holds the lock for nanoseconds, unless it is preempted just then by a speaker of higher
    /// priority. That one must not wait: its line is lost, and counted.
    pub fn push(&self, line: Line) {
        let Some(mut queue) = self.lock_soon() else {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if queue.lines.len() >= LINES_MAX {
            queue.lines.pop_front();
            queue.lost += 1;
        }
        queue.lines.push_back(line);
        let wake = queue.claimed && !queue.in_flight;
        drop(queue);
        if wake {
            self.changed.notify_all();
        }
    }

    /// The next line, as soon as there is one. To be followed by [`Ring::delivered`] or [`Ring::put_back`].
    pub fn take(&self) -> Taken {
        let mut queue = self.lock();
        loop {
            if let Some(taken) = queue.take(&self.turned_away) {
                return taken;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next line, if there is one.
    pub fn try_take(&self) -> Option<Taken> {
        self.lock().take(&self.turned_away)
    }

    /// What was taken last has arrived.
    pub fn delivered(&self) {
        self.lock().in_flight = false;
        self.changed.notify_all();
    }

    /// What was taken last could not be delivered; it is next again, or lost if others have filled its place.
    pub fn put_back(&self, taken: Taken) {
        let mut queue = self.lock();
        queue.in_flight = false;
        if queue.lines.len() >= LINES_MAX {
            queue.lost += taken.lost + 1;
        } else {
            queue.lost += taken.lost;
            queue.lines.push_front(taken.line);
        }
    }

    /// Waits until nothing is under way any more, or until `end`.
    pub fn wait_empty(&self, end: Instant) {
        let mut queue = self.lock();
        while !queue.lines.is_empty() || queue.in_flight {
            let left = end.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return;
            }
            (queue, _) = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A thread carries away from now on.
    pub fn claimed(&self) {
        self.lock().claimed = true;
    }

    /// No thread could be had after all.
    pub fn unclaimed(&self) {
        self.lock().claimed = false;
    }

    /// Whether a thread carries away.
    pub fn is_claimed(&self) -> bool {
        self.lock().claimed
    }

    fn lock_soon(&self) -> Option<MutexGuard<'_, Queue>> {
        for _ in 0..SPINS_MAX {
            match self.queue.try_lock() {
                Ok(queue) => return Some(queue),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }

    /// Nobody panics while holding it; if somebody did, the lines would still be whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take(&mut self, turned_away: &AtomicU64) -> Option<Taken> {
        let line = self.lines.pop_front()?;
        self.in_flight = true;
        let lost = std::mem::take(&mut self.lost) + turned_away.swap(0, Ordering::Relaxed);
        Some(Taken { lost, line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Line {
        Line { at: SystemTime::UNIX_EPOCH, pid: 1, severity: 6, text: number.to_string() }
    }

    #[test]
    fn a_full_ring_loses_the_oldest_lines_and_counts_them() {
        let ring = Ring::default();
        (0..LINES_MAX + 3).for_each(|number| ring.push(line(number)));
        let first = ring.try_take().expect("a line");
        assert_eq!((first.lost, first.line.text.as_str()), (3, "3"));
        ring.delivered();
        let second = ring.try_take().expect("a line");
        assert_eq!((second.lost, second.line.text.as_str()), (0, "4"));
    }

    #[test]
    fn a_line_that_could_not_be_delivered_is_next_again() {
        let ring = Ring::default();
        (0..LINES_MAX + 1).for_each(|number| ring.push(line(number)));
        let taken = ring.try_take().expect("a line");
        ring.put_back(taken);
        let again = ring.try_take().expect("a line");
        assert_eq!((again.lost, again.line.text.as_str()), (1, "1"));
    }

    #[test]
    fn a_line_put_back_into_a_full_ring_is_counted_as_lost() {
        let ring = Ring::default();
        ring.push(line(0));
        let taken = ring.try_take().expect("a line");
        (1..=LINES_MAX).for_each(|number| ring.push(line(number)));
        ring.put_back(taken);
        let next = ring.try_take().expect("a line");
        assert_eq!((next.lost, next.line.text.as_str()), (1, "1"));
    }

    #[test]
    fn a_speaker_does_not_wait_for_a_carrier_that_stands_still_with_the_lock() {
        let ring = Ring::default();
        ring.push(line(0));
        let held = ring.lock();
        ring.push(line(1));
        drop(held);
        ring.push(line(2));
        let first = ring.try_take().expect("a line");
        assert_eq!((first.lost, first.line.text.as_str()), (1, "0"));
        assert_eq!(ring.try_take().expect("a line").line.text, "2");
    }

    #[test]
    fn waiting_for_an_empty_ring_has_an_end() {
        let ring = Ring::default();
        ring.push(line(0));
        let begin = Instant::now();
        ring.wait_empty(begin + Duration::from_millis(5));
        assert!(begin.elapsed() >= Duration::from_millis(5));
        ring.try_take().expect("a line");
        ring.delivered();
        let begin = Instant::now();
        ring.wait_empty(begin + Duration::from_secs(60));
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}
