//! What others have to do with a service: those that it depends on and that need it, and who is on it.

use crate::model::service::{Service, ServiceName};
use crate::web::page::links::Links;
use crate::web::page::present::{Audience, Present, Stood};

/// Another service that this one has to do with.
pub(super) struct Tie {
    pub(super) name: String,
    pub(super) href: String,
}

/// Returns what a service depends on, and what depends on it, each with its words.
pub(super) fn of(
    service: &Service,
    present: &Present,
    (audience, links): (Audience, &Links),
) -> Vec<(&'static str, Vec<Tie>)> {
    if !audience.is_private() {
        return Vec::new();
    }
    let tie = |name: &ServiceName| Tie {
        name: name.to_string(),
        href: links.service(name),
    };
    let needs = service.depends_on.iter().map(tie).collect();
    let others = present.services.iter();
    let needed = others.filter(|one| one.depends_on.contains(&service.name));
    let needed = needed.map(|one| tie(&one.name)).collect();
    let both: [(_, Vec<Tie>); 2] = [("Depends on", needs), ("Needed by", needed)];
    let both = both.into_iter();
    both.filter(|(_, ties)| !ties.is_empty()).collect()
}

/// Returns what else those should know who run a service.
pub(super) fn besides(stood: &Stood<'_>, present: &Present, audience: Audience) -> Vec<String> {
    match audience {
        Audience::Private => present.muting(|muting| stood.besides(muting, present.at)),
        Audience::Public => Vec::new(),
    }
}
