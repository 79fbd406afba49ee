//! The beats of links: they are asked each second whether they have carrier, in the way that was told or in one that
//! works (`spec` config 3.4). Asking takes the kernel's lock of all links, so nobody else waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use keepalived_model::link::{Polled, Polling};
use keepalived_model::track::{Reading, Watch};
use keepalived_sys::{interfaces, wait_readable};

use super::{Desk, Order};

/// From one question to the next.
const EVERY: Duration = Duration::from_secs(1);

/// All links that are polled, each with what was last seen.
#[derive(Debug, Default)]
pub struct Beats(BTreeMap<Polled, Option<Seen>>);

/// How a link was asked, and whether it had a beat.
type Seen = (Polling, bool);

impl Beats {
    /// From now on these; what is seen of those that are new.
    pub fn watch(&mut self, links: BTreeSet<Polled>) -> Vec<Reading> {
        self.0.retain(|link, _| links.contains(link));
        let new: Vec<Polled> = links.into_iter().filter(|link| !self.0.contains_key(link)).collect();
        let look = |link: Polled| {
            let seen = ask(&link);
            let reading = reading(&link, seen);
            self.0.insert(link, seen);
            reading
        };
        new.into_iter().map(look).collect()
    }

    /// The life of the thread.
    pub fn serve(mut self, desk: &Desk<Polled>) {
        let mut next = Instant::now() + EVERY;
        loop {
            let patience = (!self.0.is_empty()).then(|| next.saturating_duration_since(Instant::now()));
            let _ready = wait_readable(&[desk.bell()], patience);
            let mut news = match desk.order() {
                Order::Watch(links) => self.watch(links),
                Order::Nothing => Vec::new(),
                Order::End => return,
            };
            news.extend(self.look());
            if !desk.tell(news) {
                return;
            }
            if next <= Instant::now() {
                next = Instant::now() + EVERY;
            }
        }
    }

    /// Asks all of them; those that are not as before.
    fn look(&mut self) -> Vec<Reading> {
        let changed = self.0.iter_mut().filter_map(|(link, before)| {
            let seen = ask(link);
            (std::mem::replace(before, seen) != seen).then(|| reading(link, seen))
        });
        changed.collect()
    }
}

fn ask(link: &Polled) -> Option<Seen> {
    let others = Polling::ALL.into_iter().filter(|by| Some(*by) != link.by);
    let up = |by| match by {
        Polling::Mii => interfaces::has_link_by_mii(&link.name),
        Polling::Ethtool => interfaces::has_link_by_ethtool(&link.name),
        Polling::Flags => interfaces::is_running(&link.name),
    };
    link.by.into_iter().chain(others).find_map(|by| Some((by, up(by)?)))
}

fn reading(link: &Polled, seen: Option<Seen>) -> Reading {
    let by = seen.map(|(by, _)| by);
    let watch = Watch::Link(Polled { name: link.name.clone(), by });
    Reading { watch, number: seen.map_or(0, |(_, up)| i64::from(up)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_asked_in_another_way_where_the_one_told_does_not_work() {
        let link = |name: &str, by| Polled { name: name.into(), by };
        let mut beats = Beats::default();
        // The loopback has no transceiver.
        let first = beats.watch([link("lo", Some(Polling::Mii)), link("nobody", None)].into());
        let by = |reading: &Reading| match &reading.watch {
            Watch::Link(polled) => polled.by,
            other => panic!("{other:?}"),
        };
        assert_eq!(first.iter().map(by).collect::<Vec<_>>(), [Some(Polling::Ethtool), None]);
        assert!(beats.look().is_empty(), "nothing changed");
        assert_eq!(beats.watch([link("lo", Some(Polling::Flags))].into()).len(), 1);
        assert!(beats.watch([link("lo", Some(Polling::Flags))].into()).is_empty());
    }
}
