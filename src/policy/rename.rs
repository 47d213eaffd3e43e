//! A service that has another name from now on.

use std::collections::HashMap;

use crate::model::incident::Ledger;
use crate::model::service::ServiceName;

/// Gives everything that the ledger knows of services to their new names, each after its old one. Tells whether there was
/// anything.
pub fn rename(ledger: &mut Ledger, names: &[(ServiceName, ServiceName)]) -> bool {
    let new: HashMap<&ServiceName, &ServiceName> =
        names.iter().map(|(old, new)| (old, new)).collect();
    let mut any = false;
    let incidents = ledger
        .incidents
        .values_mut()
        .map(|incident| &mut incident.service);
    let letters = ledger
        .dead_letters
        .iter_mut()
        .map(|letter| &mut letter.service);
    for service in incidents.chain(letters) {
        if let Some(name) = new.get(service) {
            *service = ServiceName::clone(name);
            any = true;
        }
    }
    let announced = std::mem::take(&mut ledger.announced);
    for ((service, violation), at) in announced {
        let name = new
            .get(&service)
            .map_or(service, |name| ServiceName::clone(name));
        let known = ledger.announced.entry((name, violation)).or_insert(at);
        *known = at.max(*known);
    }
    any
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::violation::Violation;

    #[test]
    fn a_cool_down_goes_on_under_the_new_name() {
        let name = ServiceName::new;
        let mut ledger = Ledger::default();
        let of = |service: &str| (name(service.to_owned()), Violation::Error);
        ledger.announced.insert(of("old"), Timestamp::UNIX_EPOCH);
        ledger.announced.insert(of("other"), Timestamp::UNIX_EPOCH);
        rename(
            &mut ledger,
            &[(name("old".to_owned()), name("new".to_owned()))],
        );
        let left: Vec<_> = ledger.announced.into_keys().collect();
        assert_eq!(left, [of("new"), of("other")]);
    }
}
