//! What every page has around it.

use jiff::Timestamp;

use super::links::Links;
use super::moment::Moment;
use super::present::Audience;
use super::state::State;

/// What every page has around it.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// What the page as a whole is called.
    pub title: String,
    /// What this page is called.
    pub heading: String,
    /// Which part of the menu it belongs to.
    pub here: Here,
    /// How the others are reached.
    pub links: Links,
    /// Who looks.
    pub audience: Audience,
    /// How everything stands.
    pub state: State,
    /// When the page was made.
    pub at: Timestamp,
}

/// The parts of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    /// The services.
    Services,
    /// The incidents.
    Incidents,
    /// The planned mutes.
    Maintenance,
    /// How OES itself is doing.
    Health,
    /// Where scripts are tried.
    Playground,
}

/// One entry of the menu.
#[derive(Debug)]
pub(super) struct Item {
    /// Its address.
    pub href: String,
    /// What it is called.
    pub words: &'static str,
    /// Whether this page belongs to it.
    pub is_here: bool,
}

impl Frame {
    /// Returns the menu.
    pub(super) fn menu(&self) -> Vec<Item> {
        let page = |name| self.links.page(name);
        let mut items = vec![
            (Here::Services, "Services", self.links.home()),
            (Here::Incidents, "Incidents", page("incidents")),
            (Here::Maintenance, "Maintenance", page("maintenance")),
        ];
        if self.audience.is_private() && !self.links.is_copy() {
            items.push((Here::Health, "Health", page("health")));
            items.push((Here::Playground, "Playground", page("playground")));
        }
        let item = |(here, words, href)| Item {
            href,
            words,
            is_here: here == self.here,
        };
        items.into_iter().map(item).collect()
    }

    /// Tells whether the page stays as it is while it is open, since somebody writes in it.
    pub(super) fn stays(&self) -> bool {
        self.here == Here::Playground
    }

    /// Returns the icon for the tab, in the colour of the state.
    pub(super) fn icon(&self) -> String {
        icon(self.state)
    }

    /// Returns when the page was made, for people.
    pub(super) fn moment(&self) -> String {
        self.at.strftime("%-d %b %Y, %H:%M UTC").to_string()
    }

    /// Returns when the page was made, for machines.
    pub(super) fn machine_time(&self) -> String {
        self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Returns when the page was made, to the second.
    pub(super) fn as_of(&self) -> Moment {
        Moment(self.at)
    }
}

/// Returns an icon for a tab, in the colour of a state.
pub(super) fn icon(state: State) -> String {
    let colour = match state {
        State::Operational => "2f9e64",
        State::Maintenance => "3d73d9",
        State::NoData => "8c9199",
        State::Degraded => "c07c00",
        State::PartialOutage => "d9610f",
        State::MajorOutage => "c8261d",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' \
             r='7' fill='%23{colour}'/%3E%3C/svg%3E"
    )
}
