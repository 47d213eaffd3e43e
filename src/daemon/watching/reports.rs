//! What the loop of a service that reports does with what it hears, and with what it must know after a restart.

use super::Watching;
use crate::daemon::heart::{Heard, Sent};
use crate::model::observation::Observation;

impl Watching {
    /// Notes for others what is waited for of a service that reports.
    pub(super) fn say_awaited(&self) {
        if let Some(heart) = &self.heart {
            self.shared.seen.awaits(&self.name, heart.awaited());
        }
    }

    /// Takes in what the service reports.
    pub(super) async fn hear(&mut self, sent: Sent) {
        let now = self.shared.clock.now();
        let Some(heart) = &mut self.heart else {
            return;
        };
        let observation = heart.hear(&sent.report, now);
        let answer = Heard {
            service: self.name.clone(),
            late_at: heart.late_at(),
        };
        self.keep_heart();
        if let Some(mut observation) = observation {
            self.redact(&mut observation);
            self.take(&observation).await;
        }
        self.say_awaited();
        // Whoever reported may be gone.
        sent.heard.send(answer).unwrap_or_default();
    }

    /// Hides secrets in what is said of a job: it may print what it knows.
    pub(super) fn redact(&self, observation: &mut Observation) {
        let redaction = &self.watched.redaction;
        redaction.apply_judgement(&mut observation.judgement);
    }

    /// Writes down what is known of the beats of a service that reports.
    pub(super) fn keep_heart(&mut self) {
        let now = self.shared.clock.now();
        if let Some(heart) = &mut self.heart {
            let write = |news| self.shared.history.write_memory(&self.name, news);
            heart.keep(now, &mut self.past.lock().memory, write);
            self.due = heart.due(now);
        }
    }

    /// Writes down until when beats were heard, for the next start.
    pub(super) fn stop_heart(&mut self) {
        let now = self.shared.clock.now();
        if let Some(heart) = &mut self.heart {
            let write = |news| self.shared.history.write_memory(&self.name, news);
            heart.stop(now, &mut self.past.lock().memory, write);
        }
    }
}
