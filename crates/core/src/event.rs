//! What the engine can be told, and what it can ask for in return.

use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::kernel::{Change, Key, Refusal, Spec};
use keepalived_model::notify::Command;
use keepalived_model::track::Reading;
use keepalived_model::vrrp::{self, Carrier};
use keepalived_model::{InstanceId, Instant, LinkId, MacAddr, Micros, RunId, Vrid};
use keepalived_wire::vrrp::Packet;

use crate::memory::Memory;
use crate::notices::Why;
use crate::report::{Report, State};

/// Something happened. Every event is legal in every state; stale ones are dropped.
#[derive(Debug)]
pub enum Event<'a> {
    /// The deadline may have passed. To be told only after everything that could be received was told.
    Due,
    /// Something came in that may be an advert.
    Received {
        /// The interface it came in on.
        link: LinkId,
        /// Exactly as received.
        packet: Packet<'a>,
    },
    /// Somebody on a link says to be the one who has an address that is watched ([`Action::WatchClaims`]).
    Claimed {
        /// The link it was heard on.
        link: LinkId,
        /// The address.
        ip: IpAddr,
        /// Who.
        by: MacAddr,
    },
    /// The wall clock, which nothing but signatures asks for, is this much ahead of the clock of all other events.
    /// To be told before the first [`Event::Due`], and whenever it was set.
    WallClock {
        /// From the epoch of the one to that of the other.
        ahead: Micros,
    },
    /// The kernel changed under us.
    Kernel(Change),
    /// A wanted thing is there now (or gone, where its absence was wanted), or the kernel refused.
    Settled {
        /// Which thing.
        key: Key,
        /// What became of it.
        outcome: Result<(), Refusal>,
    },
    /// A script run asked for with [`Action::Run`] ended.
    Exited {
        /// Which run.
        run: RunId,
        /// How.
        exit: Exit,
    },
    /// Somebody looked at a file or at processes that are tracked ([`vrrp::Config::watches`]).
    Reading(&'a Reading),
    /// An advert could not be sent.
    SendFailed {
        /// Whose.
        instance: InstanceId,
        /// To whom.
        destination: IpAddr,
        /// The kernel's errno.
        errno: i32,
    },
    /// A new configuration shall take effect.
    Config(Arc<vrrp::Config>),
    /// Every counter begins from zero.
    ClearCounters,
    /// Shut down: resign, remove, notify. Idempotent.
    Stop,
}

/// How a script run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It exited by itself with this status.
    Code(u8),
    /// A signal ended it.
    Signal(u8),
    /// It could not be started or executed; counts as success (`spec` runtime 4.1: the original's forked
    /// child exits 0 then, and a broken check must not make a working master fail).
    NotRun,
}

/// How to end a script run: to its whole process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kill {
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
}

/// Something to be done by the shell, in the order given. Requests; facts come back as events.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send an advert.
    Send {
        /// Whose.
        instance: InstanceId,
        /// The interface to send from; none: whatever the routes say.
        link: Option<LinkId>,
        /// Source address.
        source: IpAddr,
        /// Destination address, of the same family.
        destination: IpAddr,
        /// IPv6 only, since a datagram says it itself; none: the kernel's default.
        hop_limit: Option<u8>,
        /// A complete datagram of IPv4, or the message to be sent over IPv6.
        packet: Vec<u8>,
    },
    /// Send a complete Ethernet frame (gratuitous ARP, neighbor advertisement).
    Announce {
        /// The interface to send from.
        link: LinkId,
        /// Complete frame.
        frame: Vec<u8>,
    },
    /// Change the wanted table: `None` means that it must not be there.
    Want {
        /// Which thing.
        key: Key,
        /// How it shall look.
        spec: Option<Spec>,
    },
    /// Receive this multicast group on this interface. Idempotent.
    Join {
        /// The interface.
        link: LinkId,
        /// The group.
        group: IpAddr,
    },
    /// The counterpart of `Join`. Idempotent.
    Leave {
        /// The interface.
        link: LinkId,
        /// The group.
        group: IpAddr,
    },
    /// Of what travels like this, only packets with these VRIDs are of interest from now on.
    Admit {
        /// How it travels.
        carrier: Carrier,
        /// Ascending; none: nothing is of interest.
        vrids: Vec<Vrid>,
    },
    /// Listen for neighbors that claim one of these addresses, from now on, and for no others.
    WatchClaims {
        /// Ascending; none: nothing is of interest.
        addresses: Vec<IpAddr>,
    },
    /// Start a script. Its end comes back as [`Event::Exited`].
    Run {
        /// Which run this is.
        run: RunId,
        /// What to start.
        command: Arc<Command>,
    },
    /// End a script run's process group by force.
    Kill {
        /// Which run.
        run: RunId,
        /// How.
        how: Kill,
    },
    /// Tell the outside about a state change.
    Notify(Notice),
    /// Keep this for a successor of this process.
    Remember(Memory),
    /// A fact for the log and the counters.
    Report(Report),
}

/// What a [`Notice`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A virtual router (`INSTANCE`).
    Instance,
    /// A sync group (`GROUP`).
    Group,
}

/// A state change for notify scripts and whoever else listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Instance or group.
    pub subject: Subject,
    /// Its name.
    pub name: Arc<str>,
    /// What it did.
    pub occasion: Occasion,
    /// The state it was in before; where no state was entered, the one it is in.
    pub previous: State,
    /// Effective priority at that moment; zero for groups.
    pub priority: u8,
    /// Why it did that.
    pub why: Why,
    /// The script for this very occasion, started first, without further arguments.
    pub specific: Option<Arc<Command>>,
    /// The script for all occasions, started second with kind, name, state and priority appended.
    pub any: Option<Arc<Command>>,
    /// Mail is to be sent.
    pub mail: bool,
}

/// What somebody is notified of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A state was entered.
    Entered(State),
    /// The daemon stops.
    Stopped,
    /// A reload removed it, and `notify_deleted` asks for telling it so.
    Deleted,
    /// A reload removed it, which counts as FAULT otherwise; but no script for FAULT is called (scenario `a weaker
    /// router and a removal call the same scripts of both`).
    #[default]
    Dropped,
    /// As a master it heard a router of lower priority. For a script of its own and FIFOs only.
    HeardLower,
    /// In this state its priority became another one. For FIFOs only.
    Reprioritized(State),
    /// It is in this state, as before. For FIFOs only.
    Stands(State),
}

impl Occasion {
    /// The word the original's scripts and FIFOs get.
    pub fn word(self) -> &'static str {
        match self {
            Self::Entered(State::Master) | Self::Stands(State::Master) => "MASTER",
            Self::Entered(State::Backup | State::Init) | Self::Stands(State::Backup | State::Init) => {
                "BACKUP"
            }
            Self::Entered(State::Fault) | Self::Stands(State::Fault) | Self::Dropped => "FAULT",
            Self::Stopped => "STOP",
            Self::Deleted => "DELETED",
            Self::HeardLower => "MASTER_RX_LOWER_PRI",
            Self::Reprioritized(State::Master) => "MASTER_PRIORITY",
            // In FAULT as well (scenario `FIFO lines of a life are the same for both`).
            Self::Reprioritized(State::Init | State::Backup | State::Fault) => "BACKUP_PRIORITY",
        }
    }

    /// Whether it is a state that was entered, of which everybody is told.
    pub fn is_change(self) -> bool {
        match self {
            Self::Entered(_) | Self::Stopped | Self::Deleted | Self::Dropped => true,
            Self::HeardLower | Self::Reprioritized(_) | Self::Stands(_) => false,
        }
    }
}

/// The caller's reusable queue of actions; one total order of effects.
pub type Actions = Vec<Action>;

/// A deadline nobody ever waits for stands as none.
pub type Deadline = Option<Instant>;
