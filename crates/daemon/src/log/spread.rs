//! From tracing events to the rings.

use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::ring::{Line, Ring};

/// The target of what is worse than an error.
pub const ALERT: &str = "keepalived::alert";

/// Everything of ours begins with this; libraries keep their talk to themselves.
const OURS: &str = "keepalived";

/// Hands every event to every ring.
pub struct Spread {
    rings: Vec<&'static Ring>,
}

impl Spread {
    /// For these rings.
    pub fn new(rings: Vec<&'static Ring>) -> Self {
        Self { rings }
    }
}

impl<S: Subscriber> Layer<S> for Spread {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with(OURS) {
            return;
        }
        let mut words = Words { text: String::new(), pid: std::process::id() };
        event.record(&mut words);
        let line = Line {
            at: SystemTime::now(),
            pid: words.pid,
            severity: severity(event.metadata()),
            text: words.text,
        };
        if let Some((last, others)) = self.rings.split_last() {
            others.iter().for_each(|ring| ring.push(line.clone()));
            last.push(line);
        }
    }
}

/// The syslog severity (RFC 3164 §4.1.1). Details are of level info like most of what the original says.
fn severity(metadata: &Metadata<'_>) -> u8 {
    match (metadata.target(), *metadata.level()) {
        (ALERT, _) => 1,
        (_, Level::ERROR) => 3,
        (_, Level::WARN) => 4,
        (_, _) => 6,
    }
}

struct Words {
    text: String,
    pid: u32,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{value:?}");
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if let ("pid", Ok(pid)) = (field.name(), u32::try_from(value)) {
            self.pid = pid;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn every_level_has_its_severity_and_strangers_are_not_heard() {
        let ring: &'static Ring = Box::leak(Box::default());
        let subscriber = tracing_subscriber::registry().with(Spread::new(vec![ring]));
        tracing::subscriber::with_default(subscriber, || {
            crate::log::info("one");
            crate::log::detail("two");
            crate::log::warning("three");
            crate::log::error("four");
            crate::log::alert("five");
            crate::log::alert_from(77, "six");
            tracing::info!(target: "netlink_proto", "noise");
        });
        let own = std::process::id();
        let heard: Vec<_> = std::iter::from_fn(|| ring.try_take())
            .map(|taken| (taken.line.severity, taken.line.pid, taken.line.text))
            .collect();
        let expected = [(6, own, "one"), (6, own, "two"), (4, own, "three"), (3, own, "four")];
        let expected = expected.into_iter().chain([(1, own, "five"), (1, 77, "six")]);
        assert_eq!(heard, expected.map(|(s, p, t)| (s, p, t.to_owned())).collect::<Vec<_>>());
    }
}
