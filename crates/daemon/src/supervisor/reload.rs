//! Taking up a changed configuration while everything runs (`spec` runtime 1.11, with D2: one that cannot be
//! used changes nothing).
//!
//! A new plan is on trial until the engine has confirmed it. Should the engine refuse it, or die of it, the old
//! one is still there.

use keepalived_conf::Pass;

use crate::handoff::{Generation, ToEngine};
use crate::log;

use super::engine::Vrrp;
use super::plan::{self, Plan};
use super::{Supervisor, acceptance, outcome, start, traces};

/// How a reload stands.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// The plan before the one on trial, and the number of the one on trial.
    trial: Option<(Plan, Generation)>,
    /// HUP came meanwhile.
    queued: bool,
    /// How often the configuration was read again.
    count: u32,
}

impl Supervisor {
    /// Reads the configuration again. While a reload is going on, one more is remembered, not several.
    pub(super) fn reload(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        if self.reload_must_wait() {
            self.reload.queued = true;
            return;
        }
        self.service.reloading();
        log::info("Reloading ...");
        match self.read_again() {
            Some(plan) => self.try_plan(plan),
            None => self.end_reload(Err("configuration cannot be used")),
        }
    }

    /// An engine that is starting for the first time has not seen the first plan yet. One that died may have
    /// died of it, and waits for a better one.
    fn reload_must_wait(&self) -> bool {
        self.reload.trial.is_some()
            || !self.hooks.has_begun()
            || (!self.up && matches!(self.vrrp, Vrrp::Running(_)))
    }

    /// A plan that could be run, or none; what is wrong is in the log.
    fn read_again(&mut self) -> Option<Plan> {
        let reading = self.reader.read();
        self.reload.count = self.reload.count.wrapping_add(1);
        traces::unmark(&reading);
        if let Some(file) = &self.plan.global.reload.check_log {
            log::info("validate conf before Reload");
            let shown = file.display();
            match acceptance::validate(&reading, file) {
                Ok(true) => {}
                Ok(false) => {
                    log::error(format_args!("New config failed validation, see {shown} for details"));
                    return None;
                }
                Err(error) => {
                    log::error(format_args!("Unable to write {shown} - {}", super::kind(&error)));
                    return None;
                }
            }
        }
        start::log_reading(&self.reader, &reading);
        start::log_summaries(&reading);
        if let Some(what) = acceptance::unchangeable(&self.plan.global, reading.global()) {
            log::error(format_args!("Cannot change {what} at a reload - please restart keepalived"));
            return None;
        }
        if reading.any_refusal().is_some() {
            // The engine will not get to see it, so its lines come from here.
            plan::log_lines(&reading.diagnostics, Pass::Vrrp).for_each(log::info);
            return None;
        }
        traces::keep(&reading, self.reload.count);
        reading
            .into_plan()
            .map_err(|error| {
                log::error(format_args!("Unable to keep the configuration - {}", super::kind(&error)))
            })
            .ok()
    }

    fn try_plan(&mut self, plan: Plan) {
        let old = std::mem::replace(&mut self.plan, plan);
        self.generation = self.generation.next();
        self.pipes.expect(&self.plan.global.fifos);
        let wanted = self.plan.wants_vrrp(&self.options);
        match (&self.vrrp, wanted) {
            (Vrrp::Running(child), true) => {
                let config = match self.plan.config.try_clone() {
                    Ok(config) => config,
                    Err(error) => return self.take_back(old, &error),
                };
                if let Err(error) = child.tell(&ToEngine::Config { generation: self.generation, config }) {
                    return self.take_back(old, &error);
                }
                self.reload.trial = Some((old, self.generation));
            }
            (Vrrp::Running(_), false) => {
                self.dismiss_vrrp();
                self.end_reload(Ok(()));
            }
            (Vrrp::Gone, true) => {
                self.start_vrrp();
                self.reload.trial = Some((old, self.generation));
            }
            // The next start, if there is one, takes the new plan.
            (Vrrp::Gone, false) | (Vrrp::Leaving(_) | Vrrp::Releasing { .. } | Vrrp::Pausing(_), _) => {
                self.end_reload(Ok(()));
            }
        }
    }

    fn take_back(&mut self, old: Plan, error: &std::io::Error) {
        log::error(format_args!("The VRRP process does not listen - {}", super::kind(error)));
        self.plan = old;
        self.end_reload(Err("the VRRP process does not listen"));
    }

    pub(super) fn on_applied(&mut self, generation: Generation) {
        self.pipes.look();
        if self.on_trial(generation) {
            self.reload.trial = None;
            self.end_reload(Ok(()));
        }
    }

    pub(super) fn on_refused(&mut self, generation: Generation) {
        if self.on_trial(generation) {
            self.fall_back();
        }
    }

    /// Does what HUP asked for while something else was going on.
    pub(super) fn queued_reload(&mut self) {
        if self.reload.queued && !self.reload_must_wait() {
            self.reload.queued = false;
            log::info("Processing queued reload");
            self.reload();
        }
    }

    /// The plan on trial, if there is one, came to nothing; whether there was one.
    pub(super) fn fall_back(&mut self) -> bool {
        let Some((old, _)) = self.reload.trial.take() else { return false };
        self.plan = old;
        self.end_reload(Err("the VRRP process cannot use the configuration"));
        true
    }

    fn on_trial(&self, generation: Generation) -> bool {
        self.reload.trial.as_ref().is_some_and(|(_, trial)| *trial == generation)
    }

    fn end_reload(&mut self, result: Result<(), &str>) {
        self.appointments.follow(&self.plan.global.reload);
        outcome::tell(self.pid_file.path(), result);
        match result {
            Ok(()) => {
                log::info("Reload complete");
                self.service.ready_with("");
            }
            Err(reason) => {
                log::error(format_args!(
                    "Reload failed ({reason}), the running configuration stays in force"
                ));
                self.service
                    .ready_with(&format!("Reload failed: {reason}; the old configuration is in force"));
            }
        }
    }
}
