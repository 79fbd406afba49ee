//! Sync groups: instances that hold MASTER only together (`spec` runtime 4.7).

use keepalived_model::InstanceId;
use keepalived_model::vrrp;

use crate::event::{Action, Actions, Occasion, Subject};
use crate::notices::Scripts;
use crate::report::{Name, State};

/// One sync group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub name: Name,
    pub members: Vec<InstanceId>,
    pub state: State,
    scripts: Scripts,
}

impl Group {
    pub fn new(config: &vrrp::SyncGroup, members: Vec<InstanceId>, state: State) -> Self {
        let (name, scripts) = (Name::from(config.name.as_str()), Scripts::new(&config.notify));
        Self { name, members, state, scripts }
    }

    /// All members have entered `state`. Tells the outside if that is news.
    pub fn enter(&mut self, state: State, out: &mut Actions) {
        if std::mem::replace(&mut self.state, state) != state {
            self.notify(Occasion::Entered(state), out);
        }
    }

    /// The daemon stops.
    pub fn stop(&self, out: &mut Actions) {
        self.notify(Occasion::Stopped, out);
    }

    fn notify(&self, occasion: Occasion, out: &mut Actions) {
        out.push(Action::Notify(self.scripts.notice(Subject::Group, &self.name, occasion, 0)));
    }
}
