//! The last lines of the log.

use std::time::Duration;

use keepalived_sys::process;

use crate::compat::defaults;
use crate::log;

/// Nobody waits longer for the last lines to get away.
const LOG_PATIENCE: Duration = Duration::from_millis(25);

/// Says how much was used, and good-bye.
pub fn say() {
    let (own, children) = (process::usage(), process::usage_of_children());
    log::detail(format_args!(
        "CPU usage (self/children) user: {}/{} system: {}/{}",
        own.user, children.user, own.system, children.system
    ));
    stopped();
}

/// Says good-bye.
pub fn stopped() {
    log::info(format_args!("Stopped {}", defaults::VERSION_LINE));
    flush();
}

/// Gives the last lines a moment to get away.
pub fn flush() {
    log::flush(LOG_PATIENCE);
}
