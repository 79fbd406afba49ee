//! Scripts to call, ready to be handed out by reference.

use std::sync::Arc;

use keepalived_model::notify::{Command, Notifications};

use crate::event::{Notice, Occasion, Subject};
use crate::report::{Name, State};

/// The scripts of one instance or group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripts {
    master: Option<Arc<Command>>,
    backup: Option<Arc<Command>>,
    fault: Option<Arc<Command>>,
    stop: Option<Arc<Command>>,
    any: Option<Arc<Command>>,
}

impl Scripts {
    pub fn new(config: &Notifications) -> Self {
        let shared = |command: &Option<Command>| command.clone().map(Arc::new);
        Self {
            master: shared(&config.master),
            backup: shared(&config.backup),
            fault: shared(&config.fault),
            stop: shared(&config.stop),
            any: shared(&config.any),
        }
    }

    pub fn notice(&self, subject: Subject, name: &Name, occasion: Occasion, priority: u8) -> Notice {
        let specific = match occasion {
            Occasion::Entered(State::Master) => &self.master,
            Occasion::Entered(State::Backup | State::Init) => &self.backup,
            Occasion::Entered(State::Fault) => &self.fault,
            Occasion::Stopped => &self.stop,
        };
        Notice {
            subject,
            name: name.clone(),
            occasion,
            priority,
            specific: specific.clone(),
            any: self.any.clone(),
        }
    }
}
