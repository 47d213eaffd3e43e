//! What is muted, so that rules of others can be as quiet as OES is. What is not muted has no sample: `unless` asks whether
//! there is one.

use super::text::{Kind, Text, label};
use crate::model::incident::Ledger;
use crate::policy::mute::Muted;

pub(super) fn write(text: &mut Text<'_>, ledger: &Ledger, muted: &Muted) {
    let name = "oes_service_muted";
    let help = "Services of which OES tells nothing new now, whatever it is, by why: always 1, absent where nothing mutes";
    text.family(name, Kind::Gauge, help);
    for (service, cause) in &muted.services {
        let service = label("service", service.as_str());
        let why = label("why", cause.as_str());
        text.sample(name, &service, &why, 1_u64.into());
    }
    let name = "oes_violations_muted";
    let help = "Rules that services break now and that are muted, by why: always 1, absent where nothing mutes";
    text.family(name, Kind::Gauge, help);
    let incidents = muted.incidents.iter();
    let mut broken: Vec<_> = incidents
        .filter_map(|(id, cause)| {
            let incident = ledger.incidents.get(id)?;
            Some((&incident.service, &incident.violation, *cause))
        })
        .collect();
    broken.sort_unstable();
    broken.dedup();
    for (service, violation, cause) in broken {
        let service = label("service", service.as_str());
        let violation = label("violation", violation.as_str());
        let why = label("why", cause.as_str());
        text.sample(name, &service, &[violation, why].join(","), 1_u64.into());
    }
}
