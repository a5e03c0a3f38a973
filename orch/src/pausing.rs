//! `state.pause`, `state.resume` and `state.soft_kill` for a run: it holds, or ends, before a step.
//!
//! What is at work goes on; only what has not begun is held. A pause with a duration counts from
//! when the run comes to the step, and is over once it was served.

use model::Timestamp;

use crate::plan::PlannedStep;
use crate::record::{Pause, RunRecord};
use crate::run::Run;
use crate::turn::Turn;

/// Who ended a pause that had a duration.
const TIME: &str = "time";

impl Run {
    /// Gives what a person asked for before a step: under its own id, or under none.
    pub(crate) fn pause_of(&self, step: usize) -> Option<&(Option<String>, Pause)> {
        let planned = &self.started.plan.steps[step];
        if planned.is_finally {
            return None;
        }
        let id = planned.chunk.id.as_str();
        let mut pauses = self.pauses.iter();
        let own = pauses.find(|(asked, _)| asked.as_deref() == Some(id));
        own.or_else(|| self.pauses.iter().find(|(asked, _)| asked.is_none()))
    }

    /// Says what a person asked for before a step, if it is the next one of the body.
    pub(crate) fn held_note(&self, planned: &PlannedStep) -> Option<String> {
        let place = |other: &PlannedStep| other.chunk.key() == planned.chunk.key();
        let step = self.started.plan.steps.iter().position(place)?;
        let held = self.held.filter(|(held, _)| *held == step);
        let own = Some(planned.chunk.id.as_str());
        let (_, pause) = self.pause_of(step).filter(|(id, _)| id.as_deref() == own)?;
        let how = match (pause, held) {
            (Pause::Kill, _) => "the run ends before it (state.soft_kill)".into(),
            (_, Some((_, until))) => format!("held until {}", until.clock()),
            _ => "held until told to go on: state.resume".to_owned(),
        };
        Some(how)
    }

    /// Gives what is paused, for people: the id (`None` for whichever is next) and how.
    pub fn pauses(&self) -> &[(Option<String>, Pause)] {
        &self.pauses
    }
}

impl Turn<'_, '_> {
    pub(crate) fn on_pause(&mut self, id: &Option<String>, pause: Pause, by: &str) {
        let is_known = |(other, asked): &(Option<String>, Pause)| other == id && *asked == pause;
        if self.run.pauses.iter().any(is_known) {
            return;
        }
        self.record(RunRecord::Paused {
            id: id.clone(),
            pause,
            by: by.to_owned(),
            at: self.context.now,
        });
        self.advance();
    }

    pub(crate) fn on_unpause(&mut self, id: &Option<String>, by: &str) {
        if self.run.pauses.iter().any(|(other, _)| other == id) {
            self.record(RunRecord::Unpaused {
                id: id.clone(),
                by: by.to_owned(),
                at: self.context.now,
            });
            self.advance();
        }
    }

    /// Notes that the run came to a step that is held for a time, and sets the timer.
    pub(crate) fn hold(&mut self, step: usize) {
        let Some((id, Pause::For(millis))) = self.run.pause_of(step).cloned() else {
            return;
        };
        if self.run.held.is_some_and(|(held, _)| held == step) {
            return;
        }
        let until = self.context.now.plus_millis(millis);
        self.record(RunRecord::Held {
            id,
            held: step,
            until,
        });
        self.set_timer(step, 0, until);
    }

    pub(crate) fn on_held_long_enough(&mut self, step: usize, until: Timestamp) {
        if self.context.now < until {
            return self.set_timer(step, 0, until);
        }
        if let Some((id, _)) = self.run.pause_of(step).cloned() {
            self.on_unpause(&id, TIME);
        }
    }
}
