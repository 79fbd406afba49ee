//! Who is told of what: commands ready to be handed out by reference, and whether mail is wanted.

use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::notify::{Command, Notifications};

use crate::event::{Notice, Occasion, Subject};
use crate::report::{Fault, Name, State};

/// Why something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It began to exist: at the start of the daemon, or with a reload.
    Begin,
    /// No advert came in time.
    MasterSilent,
    /// The master said farewell.
    MasterResigned,
    /// A router of higher priority is master.
    HigherPriority,
    /// A router of the same priority and a higher address is master.
    HigherAddress,
    /// A router of lower priority advertises.
    LowerPriority,
    /// Another address owner that listens to nobody.
    SecondOwner,
    /// It was asleep for so long that somebody else must be master by now.
    Late,
    /// The rest of its sync group.
    Group,
    /// This is in its way.
    Fault(Fault),
    /// Nothing is in its way any more.
    Recovered,
    /// Its trackers add up to something else.
    Trackers,
    /// A reload has no more use for it.
    Removed,
    /// The daemon ends.
    Stop,
}

/// Why something changed, and because of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What happened.
    pub cause: Cause,
    /// The other router, if there is one.
    pub peer: Option<IpAddr>,
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Self {
        Self { cause, peer: None }
    }
}

/// What happened to whom.
pub(crate) struct Happened<'a> {
    pub subject: Subject,
    pub name: &'a Name,
    pub occasion: Occasion,
    pub previous: State,
    pub priority: u8,
    pub why: Why,
}

/// Whom one instance or group tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audience {
    master: Option<Arc<Command>>,
    backup: Option<Arc<Command>>,
    fault: Option<Arc<Command>>,
    stop: Option<Arc<Command>>,
    deleted: Option<Arc<Command>>,
    lower_priority: Option<Arc<Command>>,
    any: Option<Arc<Command>>,
    /// What its removal counts as.
    pub removal: Occasion,
    mail: bool,
}

impl Audience {
    pub fn new(config: &Notifications, mail: bool) -> Self {
        let deleted = config.deleted.as_ref();
        Self {
            master: config.master.clone(),
            backup: config.backup.clone(),
            fault: config.fault.clone(),
            stop: config.stop.clone(),
            deleted: deleted.and_then(|deleted| deleted.command.clone()),
            lower_priority: config.lower_priority.clone(),
            any: config.any.clone(),
            removal: if deleted.is_some() { Occasion::Deleted } else { Occasion::Dropped },
            mail,
        }
    }

    /// Whether somebody wants to know of weaker routers.
    pub fn hears_lower(&self) -> bool {
        self.lower_priority.is_some()
    }

    pub fn notice(&self, happened: Happened<'_>) -> Notice {
        let Happened { subject, name, occasion, previous, priority, why } = happened;
        let specific = match occasion {
            Occasion::Entered(State::Master) => &self.master,
            Occasion::Entered(State::Backup | State::Init) => &self.backup,
            Occasion::Entered(State::Fault) => &self.fault,
            Occasion::Stopped => &self.stop,
            Occasion::Deleted | Occasion::Dropped => &self.deleted,
            Occasion::HeardLower => &self.lower_priority,
            Occasion::Reprioritized(_) | Occasion::Stands(_) => &None,
        };
        let any = if occasion.is_change() { &self.any } else { &None };
        Notice {
            subject,
            name: name.clone(),
            occasion,
            previous,
            priority,
            why,
            specific: specific.clone(),
            any: any.clone(),
            mail: self.mail && occasion.is_change(),
        }
    }
}
