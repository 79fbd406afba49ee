//! Links we make: created with their settings, then brought up.

use keepalived_model::LinkId;
use keepalived_model::kernel::{LinkName, LinkSpec, Refusal};
use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;

use super::{Actor, End, unanswered};
use crate::firewall::Hushed;
use crate::made::{self, Step, There};
use crate::settings;
use crate::socket::Reply;

/// What the kernel says of a link that is gone already.
const ENODEV: i32 = 19;

impl Actor {
    /// One attempt to have a link, or not to have it. What becomes of links is told like what others do to them.
    pub(super) async fn try_link(
        &mut self,
        name: LinkName,
        spec: Option<&LinkSpec>,
    ) -> Result<Result<(), Refusal>, End> {
        let there = self.mirror.named(name.as_str());
        let there = there.map(|it| There { ours: self.made.contains(&it.link.id), ..it });
        let step = made::decide(there, spec);
        match (step, spec) {
            (Step::Nothing, _) => Ok(Ok(())),
            (Step::Make, Some(spec)) => self.make(name, spec).await,
            (Step::Keep(id), Some(spec)) => self.activate(name, id, spec).await,
            (Step::Remake(id), Some(spec)) => match self.unmake(id).await? {
                Ok(()) => self.make(name, spec).await,
                refused => Ok(refused),
            },
            (Step::Remove(id), _) => self.unmake(id).await,
            (Step::Refuse(refusal), _) => Ok(Err(refusal)),
            // Nothing is made that is not wanted.
            (Step::Make | Step::Keep(_) | Step::Remake(_), None) => Ok(Ok(())),
        }
    }

    async fn make(&mut self, name: LinkName, spec: &LinkSpec) -> Result<Result<(), Refusal>, End> {
        if let Err(refusal) = self.ask_for_link(made::creation(name, spec)).await? {
            return Ok(Err(refusal));
        }
        match self.mirror.named(name.as_str()).map(|there| there.link.id) {
            Some(id) => {
                self.made.insert(id);
                self.activate(name, id, spec).await
            }
            // It came and went, or the news of it was lost.
            None => Ok(Err(unanswered())),
        }
    }

    /// Settings first: a link that is up without them answers for its base.
    async fn activate(
        &mut self,
        name: LinkName,
        id: LinkId,
        spec: &LinkSpec,
    ) -> Result<Result<(), Refusal>, End> {
        let mut written = Ok(());
        for (setting, value) in &spec.settings {
            written = written.and(settings::write(name.as_str(), *setting, *value));
        }
        let mut hushed = Ok(());
        for family in &spec.hushed {
            let one = Hushed { family: *family, link: id, base: spec.base };
            hushed = hushed.and(self.firewall.hush(one).map_err(not_hushed));
        }
        // Where settings cannot be written, as in some containers, or rules, it is better than nothing.
        let active = self.ask_for_link(made::activation(id, spec.group)).await?;
        Ok(active.and(written).and(hushed))
    }

    async fn unmake(&mut self, id: LinkId) -> Result<Result<(), Refusal>, End> {
        let outcome = self.ask_for_link(made::removal(id)).await?;
        Ok(outcome.or_else(|refusal| if refusal.errno == ENODEV { Ok(()) } else { Err(refusal) }))
    }

    async fn ask_for_link(
        &mut self,
        request: NetlinkMessage<RouteNetlinkMessage>,
    ) -> Result<Result<(), Refusal>, End> {
        let outcome = match self.requests.ask(request) {
            Reply::Done => Ok(()),
            Reply::Refused(refusal) => Err(refusal),
            Reply::Lost => {
                self.reopen().await?;
                self.resync(None).await?;
                return Ok(Err(unanswered()));
            }
        };
        self.look().await?;
        Ok(outcome)
    }
}

fn not_hushed(refusal: Refusal) -> Refusal {
    let text =
        format!("it is there, but its IGMP and MLD reports cannot be sent by its base: {}", refusal.text);
    Refusal { text, ..refusal }
}
