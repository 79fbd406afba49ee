//! Times and retries, which virtual servers hand down to real servers and these to checkers (`spec` lvs 1.5).

use keepalived_model::time::Micros;

use crate::lower::context::Context;
use crate::tree::Statement;

/// What is written in one block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    pub delay_loop: Option<Micros>,
    pub warmup: Option<Micros>,
    pub delay_before_retry: Option<Micros>,
    pub connect_timeout: Option<Micros>,
    pub retry: Option<u32>,
}

impl Pace {
    /// One of the keywords; false if it is another.
    pub fn set(&mut self, cx: &mut Context<'_>, statement: &Statement<'_>) -> bool {
        let slot = match statement.row.name {
            "delay_loop" => &mut self.delay_loop,
            "warmup" => &mut self.warmup,
            "delay_before_retry" => &mut self.delay_before_retry,
            "connect_timeout" => &mut self.connect_timeout,
            "retry" | "nb_get_retry" => {
                let read = cx.integer(statement, "").and_then(|count| u32::try_from(count).ok());
                self.retry = read.or(self.retry);
                return true;
            }
            _ => return false,
        };
        let read = cx.decimal(statement, "").and_then(|micros| u64::try_from(micros).ok());
        *slot = read.map(Micros).or(*slot);
        true
    }

    /// What is not written here comes from the block around.
    pub fn or(self, outer: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(outer.delay_loop),
            warmup: self.warmup.or(outer.warmup),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
            retry: self.retry.or(outer.retry),
        }
    }
}
