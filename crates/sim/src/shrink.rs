//! Makes a failing run shorter: leaves out operations for as long as the same rule is broken.

use crate::plan::Plan;
use crate::verdict::Violation;
use crate::world::World;

/// A plan with as few operations as we could find that breaks the same rule, and how.
pub fn shrink(plan: Plan, violation: Violation) -> (Plan, Violation) {
    let (mut best, mut known) = (plan, violation);
    let mut size = best.ops.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let before = best.ops.len();
        while at < best.ops.len() {
            let mut less = best.clone();
            less.ops.drain(at..(at + size).min(best.ops.len()));
            match World::new(less.clone()).run() {
                Err(found) if found.rule == known.rule => (best, known) = (less, found),
                Ok(_) | Err(_) => at += size,
            }
        }
        if size == 1 && best.ops.len() == before {
            return (best, known);
        }
        size = (size / 2).max(1);
    }
}
