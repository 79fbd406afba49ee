//! What is explored: routers by their configurations, and how much may go wrong.

use std::sync::Arc;

use keepalived_model::track::{File, Tracked, Trackers};
use keepalived_model::vrrp::{self, Garp, Preempt, SyncGroup, Version, VirtualAddress};
use keepalived_model::{Micros, Priority, Vrid, Weight};

/// How often things may happen that are not the routers' doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Datagrams may get lost, without a limit.
    pub loses: bool,
    /// Times a process may die.
    pub crashes: u8,
    /// Times a process may be asked to end.
    pub stops: u8,
    /// Times a process may be started, first times included.
    pub starts: u8,
    /// A dead process's successor may take up its role.
    pub adopts: bool,
    /// Times the number in a tracked file may change between 0 and 1.
    pub writes: u8,
}

/// Some routers, and what may happen to them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Says what it is about.
    pub name: &'static str,
    /// One for each machine.
    pub configs: Vec<Arc<vrrp::Config>>,
    /// What may happen.
    pub limits: Limits,
}

/// A virtual router as the cases vary it; all of them advertise once a second.
#[derive(Clone, Copy, Debug)]
struct Sketch {
    version: Version,
    preempt: Preempt,
    interval: Micros,
    adverts: u32,
    /// What a one in the tracked file adds; zero: it is a fault then.
    weight: Option<i16>,
}

const PLAIN: Sketch = Sketch {
    version: Version::V2,
    preempt: Preempt::Always,
    interval: Micros::from_secs(1),
    adverts: 3,
    weight: None,
};

impl Sketch {
    fn instance(self, vrid: u8, priority: u8) -> vrrp::Instance {
        let vrid = Vrid::try_from(vrid).expect("cases name VRIDs");
        let ip = [10, 0, 0, vrid.number()];
        let address = VirtualAddress::plain(ip, 32);
        let tracked = self
            .weight
            .map(|amount| Tracked { name: "number".into(), weight: Weight { amount, reverse: false } });
        vrrp::Instance {
            version: self.version,
            preempt: self.preempt,
            priority: Priority::try_from(priority).expect("cases name priorities"),
            advert_interval: self.interval,
            down_timer_adverts: self.adverts,
            addresses: vec![address],
            track: Trackers { files: tracked.into_iter().collect(), ..Trackers::default() },
            // Announcements have no part in elections; their timers would only make more states.
            garp: Garp { repeat: 1, delay: Micros::ZERO, lower_prio_delay: Micros::ZERO, ..Garp::default() },
            ..vrrp::Instance::new(&format!("VI_{vrid}"), vrid, "eth0")
        }
    }

    fn config(self, priority: u8) -> Arc<vrrp::Config> {
        let config = vrrp::Config {
            instances: vec![Arc::new(self.instance(51, priority))],
            ..vrrp::Config::default()
        };
        Arc::new(self.with_file(config))
    }

    /// Two routers in one group, of which only the first one tracks the file.
    fn group(self, priority: u8) -> Arc<vrrp::Config> {
        let plain = Self { weight: None, ..self };
        let instances = [self.instance(51, priority), plain.instance(52, priority)].map(Arc::new).to_vec();
        let members = instances.iter().map(|instance| instance.name.clone()).collect();
        let group = SyncGroup { name: "G".into(), members, ..SyncGroup::default() };
        Arc::new(self.with_file(vrrp::Config { groups: vec![group], instances, ..vrrp::Config::default() }))
    }

    fn with_file(self, mut config: vrrp::Config) -> vrrp::Config {
        let (path, weight) = (b"/number".to_vec(), Weight::default());
        let file = File { name: "number".into(), path, weight, init: None };
        config.files = self.weight.map(|_| file).into_iter().collect();
        config
    }
}

/// Everything healthy but the machines.
const HEALTHY: Limits = Limits { loses: false, crashes: 1, stops: 1, starts: 4, adopts: true, writes: 0 };
/// The network loses whatever it likes, and a machine is started anew.
const LOSSY: Limits = Limits { loses: true, crashes: 0, stops: 1, starts: 3, adopts: false, writes: 0 };
/// Priorities or causes of FAULT change.
const WRITTEN: Limits = Limits { loses: false, crashes: 0, stops: 0, starts: 2, adopts: false, writes: 2 };

impl Case {
    fn new(name: &'static str, configs: Vec<Arc<vrrp::Config>>, limits: Limits) -> Self {
        Self { name, configs, limits }
    }

    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut cases = Self::small();
        cases.extend(Self::large());
        cases
    }

    /// Those that take a moment even without optimizations.
    pub fn small() -> Vec<Self> {
        let routers = || vec![PLAIN.config(192), PLAIN.config(128)];
        let once = Limits { starts: 2, crashes: 0, adopts: false, ..HEALTHY };
        vec![
            Self::new("two routers, once", routers(), once),
            Self::new("two routers, once, loss", routers(), Limits { loses: true, ..once }),
        ]
    }

    fn large() -> Vec<Self> {
        let never = Sketch { preempt: Preempt::Never, ..PLAIN };
        let later = Sketch { preempt: Preempt::After(Micros::from_secs(1)), ..PLAIN };
        let (slow, quick) = (
            Sketch { version: Version::V3, interval: Micros::from_secs(2), ..PLAIN },
            Sketch { version: Version::V3, ..PLAIN },
        );
        let weighed = Sketch { weight: Some(-128), ..PLAIN };
        let faulty = Sketch { weight: Some(0), ..PLAIN };
        let few = Sketch { adverts: 1, ..PLAIN };
        let two = |one: Sketch, other: Sketch| vec![one.config(192), other.config(128)];
        let alike = |sketch: Sketch| vec![sketch.config(128), sketch.config(128)];
        let groups = |one: Sketch, other: Sketch| vec![one.group(192), other.group(128)];
        let three = |sketch: Sketch| vec![sketch.config(192), sketch.config(128), sketch.config(64)];
        let crash = Limits { stops: 0, starts: 3, ..HEALTHY };
        vec![
            Self::new("two routers", two(PLAIN, PLAIN), HEALTHY),
            Self::new("two routers, loss", two(PLAIN, PLAIN), LOSSY),
            Self::new("two routers, loss, crash", two(PLAIN, PLAIN), Limits { loses: true, ..crash }),
            Self::new("a tie", alike(PLAIN), HEALTHY),
            Self::new("a tie, loss", alike(PLAIN), LOSSY),
            Self::new("nopreempt", two(never, never), HEALTHY),
            Self::new("nopreempt, loss", two(never, never), LOSSY),
            Self::new("preempt_delay", two(later, later), HEALTHY),
            Self::new("preempt_delay, loss", two(later, later), LOSSY),
            Self::new("learned intervals", two(slow, quick), HEALTHY),
            Self::new("learned intervals, loss", two(slow, quick), LOSSY),
            Self::new("weights", two(weighed, weighed), WRITTEN),
            Self::new("weights, loss", two(weighed, weighed), Limits { loses: true, ..WRITTEN }),
            Self::new("groups", groups(faulty, PLAIN), WRITTEN),
            Self::new("groups, crash", groups(PLAIN, PLAIN), crash),
            Self::new("groups, loss", groups(few, few), Limits { stops: 0, starts: 2, ..LOSSY }),
            Self::new("three routers", three(PLAIN), Limits { adopts: false, ..crash }),
            Self::new("three routers, stop", three(few), Limits { loses: false, ..LOSSY }),
            Self::new("three routers, loss", three(few), Limits { stops: 0, ..LOSSY }),
        ]
    }
}
