//! The netlink thread's loop.

mod links;

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use keepalived_model::LinkId;
use keepalived_model::kernel::{AddressKey, AddressSpec, Change, Key, Refusal, Snapshot, Spec};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::encode;
use crate::firewall::Firewall;
use crate::mirror::{Detection, Entry, Fact, Mirror, Origin, Verb};
use crate::reconcile::{self, Step};
use crate::routing::{List, Routing};
use crate::settings::Settings;
use crate::socket::{Drained, Events, Reply, Requests};
use crate::{Options, Told};

/// How often a want is tried when the reason against it may pass.
const ATTEMPTS_MAX: u32 = 3;
/// Time between such attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(10);
/// How often a full reading starts over because something changed meanwhile. After that the changes are
/// applied on top of it.
const QUIET_ATTEMPTS_MAX: u32 = 3;
/// Time between attempts to open the sockets or to read everything again after they failed. After so many
/// attempts the thread gives up, which its owner learns from the closed channel.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);
/// See [`REOPEN_PAUSE`].
const REOPEN_ATTEMPTS_MAX: u32 = 50;

/// Time to the next full reading when events were lost even during the last one.
const STALE_PAUSE: Duration = Duration::from_millis(50);

/// One call of [`crate::Handle::want`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Which thing.
    pub key: Key,
    /// How it shall look, or that it shall not be there.
    pub spec: Option<Spec>,
}

/// What the engine asks of the thread.
#[derive(Debug)]
pub enum Asked {
    /// A change.
    Want(Want),
    /// To be awake when the next change is wanted.
    GetReady,
}

/// How long the thread stays awake for a want that does not come.
const READY: Duration = Duration::from_micros(500);

/// The thread's state.
pub struct Actor {
    events: Events,
    requests: Requests,
    mirror: Mirror,
    routing: Routing,
    firewall: Firewall,
    told: mpsc::Sender<Told>,
    options: Options,
    /// Events were lost; everything has to be read again.
    stale: bool,
    settings: Settings,
    /// Links we made.
    made: BTreeSet<LinkId>,
    /// Addresses put there whose neighbors are still being asked; their wants are not answered yet.
    detecting: BTreeSet<AddressKey>,
}

/// Why the thread ends.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// The kernel cannot be talked to.
    Broken,
}

impl Actor {
    /// Subscribes first and reads everything then, so that nothing falls between.
    pub async fn open(options: Options, told: mpsc::Sender<Told>) -> io::Result<Self> {
        let events = Events::open(options.event_buffer)?;
        let requests = Requests::open()?;
        let (mirror, settings, made) = (Mirror::default(), Settings::default(), BTreeSet::new());
        let (routing, detecting) = (Routing::default(), BTreeSet::new());
        let firewall = Firewall::new(options.tables.clone());
        let mut actor = Self {
            events,
            requests,
            mirror,
            routing,
            firewall,
            told,
            options,
            stale: false,
            settings,
            made,
            detecting,
        };
        actor.mirror = actor.read_everything().await?.0;
        Ok(actor)
    }

    /// What is there.
    pub fn snapshot(&self) -> Snapshot {
        self.mirror.snapshot()
    }

    /// Works until the last handle or the listener is gone. The order of the three sources does not matter:
    /// before a want is acted on, all events are read.
    pub async fn run(mut self, asked: mpsc::UnboundedReceiver<Asked>) {
        self.serve(asked).await;
        if self.firewall.is_written() {
            // Nobody is left who could be told.
            let _refusal = self.firewall.remove();
        }
    }

    async fn serve(&mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let mut tick = Instant::now() + self.options.tick;
        loop {
            let result = tokio::select! {
                () = self.events.ready() => self.look().await,
                one = asked.recv() => match one {
                    Some(Asked::Want(want)) => self.fulfil(want).await,
                    Some(Asked::GetReady) => match await_want(&mut asked) {
                        Some(want) => self.fulfil(want).await,
                        None => Ok(()),
                    },
                    None => return,
                },
                () = sleep(STALE_PAUSE), if self.stale => self.resync(None).await,
                () = sleep_until(tick) => {
                    tick = Instant::now() + self.options.tick;
                    // What cannot be restored now is tried again at the next tick.
                    let _refusal = self.firewall.restore();
                    self.resync(None).await
                }
            };
            if result.is_err() {
                return;
            }
        }
    }

    /// Answers for addresses whose neighbors have been asked. That one was lost, the mirror has told.
    async fn tell_detected(&mut self) -> Result<(), End> {
        for key in self.detecting.clone() {
            let found = self.mirror.find(&key).map(|entry| entry.detection);
            let outcome = match found {
                Some(Detection::Running) => continue,
                Some(Detection::Passed) => Ok(()),
                Some(Detection::Failed) => Err(duplicate()),
                None => Err(unanswered()),
            };
            self.detecting.remove(&key);
            self.tell(Told::Settled { key: Key::Address(key), outcome }).await?;
        }
        Ok(())
    }

    /// Reads events and tells what is news, repairing what was lost.
    async fn look(&mut self) -> Result<(), End> {
        let changes = self.drain().map_err(|_| End::Broken)?;
        self.tell_all(changes).await?;
        self.tell_detected().await?;
        if self.stale {
            self.resync(None).await
        } else if self.routing.doubtful {
            self.reread_routing().await
        } else {
            Ok(())
        }
    }

    async fn fulfil(&mut self, want: Want) -> Result<(), End> {
        self.look().await?;
        let mut attempt = 1;
        let outcome = loop {
            let outcome = self.try_once(&want).await?;
            match outcome {
                Err(refusal) if attempt < ATTEMPTS_MAX && may_pass(&refusal) => sleep(ATTEMPT_PAUSE).await,
                outcome => break outcome,
            }
            attempt += 1;
        };
        if let Key::Address(key) = want.key {
            // Whoever waited for the same address before has an answer now.
            if self.detecting.remove(&key) {
                self.tell(Told::Settled { key: Key::Address(key), outcome: Ok(()) }).await?;
            }
            let detection = self.mirror.find(&key).map(|entry| entry.detection);
            if outcome.is_ok() && want.spec.is_some() && detection == Some(Detection::Running) {
                self.detecting.insert(key);
                return self.tell_detected().await;
            }
        }
        self.tell(Told::Settled { key: want.key, outcome }).await
    }

    async fn try_once(&mut self, want: &Want) -> Result<Result<(), Refusal>, End> {
        match (&want.key, &want.spec) {
            (Key::Barred(barred), Some(_)) => Ok(self.firewall.bar(*barred)),
            (Key::Barred(barred), None) => Ok(self.firewall.admit(*barred)),
            (Key::Address(key), Some(Spec::Address(spec))) => self.try_address(*key, Some(spec)).await,
            (Key::Address(key), None) => self.try_address(*key, None).await,
            (Key::Link(name), Some(Spec::Link(spec))) => self.try_link(*name, Some(spec)).await,
            (Key::Link(name), None) => self.try_link(*name, None).await,
            (Key::Setting(id, setting), Some(Spec::Setting(value))) => {
                Ok(self.settings.apply((*id, self.mirror.name(*id)), *setting, Some(*value)))
            }
            (Key::Setting(id, setting), None) => {
                Ok(self.settings.apply((*id, self.mirror.name(*id)), *setting, None))
            }
            (Key::OwnReversePaths, spec) => Ok(self.settings.own_reverse_paths(spec.is_some())),
            (key @ (Key::Route(_) | Key::Rule(_)), spec) => self.try_routing(key, spec.as_ref()).await,
            (Key::Address(_) | Key::Link(_) | Key::Setting(..), Some(_)) => Ok(Err(senseless())),
        }
    }

    async fn try_address(
        &mut self,
        key: AddressKey,
        spec: Option<&AddressSpec>,
    ) -> Result<Result<(), Refusal>, End> {
        let there = self.mirror.find(&key);
        let step = reconcile::decide(there.as_ref(), spec);
        let old = there.map(|entry| entry.spec).unwrap_or_default();
        let new = spec.cloned().unwrap_or_default();
        match step {
            Step::Nothing => Ok(Ok(())),
            Step::Add => self.ask(key, Verb::Add, new).await,
            Step::Remove => self.ask(key, Verb::Remove, old).await,
            Step::Renew => match self.ask(key, Verb::Remove, old).await? {
                Ok(()) => self.ask(key, Verb::Add, new).await,
                refused => Ok(refused),
            },
        }
    }

    async fn try_routing(&mut self, key: &Key, spec: Option<&Spec>) -> Result<Result<(), Refusal>, End> {
        if let Some(list) = List::of(key)
            && self.routing.watched.insert(list)
        {
            self.events.listen(list).map_err(|_| End::Broken)?;
            self.reread_routing().await?;
        }
        for (verb, request) in self.routing.plan(key, spec) {
            match self.requests.ask(request) {
                Reply::Done => {}
                Reply::Refused(refusal) if reconcile::is_so_already(verb, &refusal) => {}
                Reply::Refused(refusal) => return Ok(Err(refusal)),
                Reply::Lost => {
                    self.reopen().await?;
                    self.resync(None).await?;
                    return Ok(Err(unanswered()));
                }
            }
        }
        self.routing.settle(key, spec);
        let changes = self.drain().map_err(|_| End::Broken)?;
        self.tell_all(changes).await?;
        Ok(Ok(()))
    }

    /// Reads what is ours of routes and rules again, and tells what is missing.
    async fn reread_routing(&mut self) -> Result<(), End> {
        let Ok(fresh) = self.requests.dump_marked(&self.routing.watched).await else {
            // With everything else, after a pause.
            self.stale = true;
            return Ok(());
        };
        let lost = self.routing.replace(fresh);
        self.tell_all(lost).await
    }

    /// One request and the events it caused.
    async fn ask(
        &mut self,
        key: AddressKey,
        verb: Verb,
        spec: AddressSpec,
    ) -> Result<Result<(), Refusal>, End> {
        self.mirror.expect(key, verb);
        let outcome = match self.requests.ask(encode::request(verb, &key, &spec)) {
            Reply::Done => Ok(()),
            Reply::Refused(refusal) if reconcile::is_so_already(verb, &refusal) => Ok(()),
            Reply::Refused(refusal) => {
                self.mirror.forget(key, verb);
                Err(refusal)
            }
            Reply::Lost => {
                self.reopen().await?;
                self.resync(Some(key)).await?;
                return Ok(Err(unanswered()));
            }
        };
        let changes = self.drain().map_err(|_| End::Broken)?;
        if outcome.is_ok() {
            let detection = match spec.detects_duplicates {
                true => Detection::Running,
                false => Detection::Passed,
            };
            self.mirror.settle(Entry { key, spec, ours: true, secondary: false, detection }, verb);
        }
        self.tell_all(changes).await?;
        Ok(outcome)
    }

    fn drain(&mut self) -> io::Result<Vec<Change>> {
        let Self { events, requests, mirror, routing, .. } = self;
        let ours = requests.port();
        let mut changes = Vec::new();
        let drained = events.drain(|port, fact| {
            let origin = if port == ours { Origin::Us } else { Origin::Unknown };
            match fact {
                Fact::Routing(trace) if origin == Origin::Unknown => routing.doubt(&trace),
                fact => changes.extend(mirror.apply(fact, origin)),
            }
        })?;
        let takes_routes = |change: &Change| match change {
            Change::Link(link) => !link.up,
            Change::LinkGone(_) | Change::AddressGone(_) => true,
            Change::Address(_) | Change::Lost(_) => false,
        };
        if changes.iter().any(takes_routes) {
            routing.doubt_routes();
        }
        self.stale |= drained == Drained::Lost;
        Ok(reconcile::without_orphans(changes))
    }

    /// Reads everything again and tells the differences, except about the address that is being worked on.
    async fn resync(&mut self, except: Option<AddressKey>) -> Result<(), End> {
        let lost = std::mem::take(&mut self.stale);
        let (fresh, stale) = self.read_everything_patiently().await?;
        let mut changes = self.mirror.replace(fresh);
        changes.retain(|change| match change {
            Change::Address(address) => Some(address.key) != except,
            Change::AddressGone(key) => Some(*key) != except,
            Change::Link(_) | Change::LinkGone(_) | Change::Lost(_) => true,
        });
        self.stale = stale;
        if !self.routing.watched.is_empty() {
            match self.requests.dump_marked(&self.routing.watched).await {
                Ok(fresh) => changes.extend(self.routing.replace(fresh)),
                Err(_) => self.stale = true,
            }
        }
        let news = lost || !changes.is_empty();
        self.tell_all(changes).await?;
        if news { self.tell(Told::Resynced { lost }).await } else { Ok(()) }
    }

    async fn read_everything_patiently(&mut self) -> Result<(Mirror, bool), End> {
        for _ in 0..REOPEN_ATTEMPTS_MAX {
            match self.read_everything().await {
                Ok(read) => return Ok(read),
                Err(_) if self.told.is_closed() => return Err(End::Unheard),
                Err(_) => {
                    sleep(REOPEN_PAUSE).await;
                    self.reopen().await?;
                }
            }
        }
        Err(End::Broken)
    }

    /// Everything there is, and whether something may be missing in it all the same. Events from before the
    /// reading say nothing new after it, so they are thrown away; when some came during it, it starts over.
    async fn read_everything(&mut self) -> io::Result<(Mirror, bool)> {
        for _ in 1..QUIET_ATTEMPTS_MAX {
            self.events.drain(|_, _| ())?;
            let mirror = self.requests.dump().await?;
            let mut quiet = true;
            let drained = self.events.drain(|_, fact| quiet &= matches!(fact, Fact::Routing(_)))?;
            if quiet && drained == Drained::Complete {
                return Ok((mirror, false));
            }
        }
        self.events.drain(|_, _| ())?;
        let mut mirror = self.requests.dump().await?;
        let drained = self.events.drain(|_, fact| drop(mirror.apply(fact, Origin::Unknown)))?;
        Ok((mirror, drained == Drained::Lost))
    }

    async fn reopen(&mut self) -> Result<(), End> {
        for _ in 0..REOPEN_ATTEMPTS_MAX {
            match Requests::open() {
                Ok(requests) => {
                    self.requests = requests;
                    return Ok(());
                }
                Err(_) => sleep(REOPEN_PAUSE).await,
            }
        }
        Err(End::Broken)
    }

    async fn tell_all(&mut self, changes: Vec<Change>) -> Result<(), End> {
        for change in changes {
            if let Change::LinkGone(id) = change {
                self.settings.forget(id);
                self.made.remove(&id);
                self.firewall.forget(id);
            }
            self.tell(Told::Change(change)).await?;
        }
        Ok(())
    }

    async fn tell(&self, told: Told) -> Result<(), End> {
        self.told.send(told).await.map_err(|_| End::Unheard)
    }
}

/// The next want, if it comes soon. Whoever else can use the processor meanwhile gets it.
fn await_want(asked: &mut mpsc::UnboundedReceiver<Asked>) -> Option<Want> {
    let until = Instant::now() + READY;
    loop {
        match asked.try_recv() {
            Ok(Asked::Want(want)) => return Some(want),
            Ok(Asked::GetReady) => {}
            Err(mpsc::error::TryRecvError::Empty) if Instant::now() < until => std::thread::yield_now(),
            Err(_) => return None,
        }
    }
}

fn may_pass(refusal: &Refusal) -> bool {
    reconcile::is_passing(refusal) || *refusal == unanswered()
}

/// A key with what belongs to another kind of key.
fn senseless() -> Refusal {
    Refusal { errno: 0, text: "wanted in a way that makes no sense".to_owned() }
}

/// What the kernel found out about an address it had taken.
fn duplicate() -> Refusal {
    const EADDRINUSE: i32 = 98;
    Refusal { errno: EADDRINUSE, text: "another host has this address".to_owned() }
}

fn unanswered() -> Refusal {
    Refusal { errno: 0, text: "no answer from the kernel".to_owned() }
}
