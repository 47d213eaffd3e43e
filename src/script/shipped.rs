//! The scripts that are part of the binary: `scripts/matchers/` and `scripts/channels/` as they were when it was built.

/// A script in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name: the file's stem.
    pub name: &'static str,
    /// Its file in the repository.
    pub file: &'static str,
    /// Its source.
    pub text: &'static str,
}

/// Matcher scripts, by name.
pub const MATCHERS: &[Shipped] = &[
    Shipped {
        name: "node_height",
        file: "scripts/matchers/node_height.rhai",
        text: include_str!("../../scripts/matchers/node_height.rhai"),
    },
    Shipped {
        name: "orders_api",
        file: "scripts/matchers/orders_api.rhai",
        text: include_str!("../../scripts/matchers/orders_api.rhai"),
    },
    Shipped {
        name: "price_chart_matcher",
        file: "scripts/matchers/price_chart_matcher.rhai",
        text: include_str!("../../scripts/matchers/price_chart_matcher.rhai"),
    },
    Shipped {
        name: "price_sanity",
        file: "scripts/matchers/price_sanity.rhai",
        text: include_str!("../../scripts/matchers/price_sanity.rhai"),
    },
    Shipped {
        name: "utxo_executor",
        file: "scripts/matchers/utxo_executor.rhai",
        text: include_str!("../../scripts/matchers/utxo_executor.rhai"),
    },
];

/// Channel scripts, by name.
pub const CHANNELS: &[Shipped] = &[
    Shipped {
        name: "alertmanager",
        file: "scripts/channels/alertmanager.rhai",
        text: include_str!("../../scripts/channels/alertmanager.rhai"),
    },
    Shipped {
        name: "discord",
        file: "scripts/channels/discord.rhai",
        text: include_str!("../../scripts/channels/discord.rhai"),
    },
    Shipped {
        name: "googlechat",
        file: "scripts/channels/googlechat.rhai",
        text: include_str!("../../scripts/channels/googlechat.rhai"),
    },
    Shipped {
        name: "gotify",
        file: "scripts/channels/gotify.rhai",
        text: include_str!("../../scripts/channels/gotify.rhai"),
    },
    Shipped {
        name: "incidentio",
        file: "scripts/channels/incidentio.rhai",
        text: include_str!("../../scripts/channels/incidentio.rhai"),
    },
    Shipped {
        name: "matrix",
        file: "scripts/channels/matrix.rhai",
        text: include_str!("../../scripts/channels/matrix.rhai"),
    },
    Shipped {
        name: "mattermost",
        file: "scripts/channels/mattermost.rhai",
        text: include_str!("../../scripts/channels/mattermost.rhai"),
    },
    Shipped {
        name: "ntfy",
        file: "scripts/channels/ntfy.rhai",
        text: include_str!("../../scripts/channels/ntfy.rhai"),
    },
    Shipped {
        name: "opsgenie",
        file: "scripts/channels/opsgenie.rhai",
        text: include_str!("../../scripts/channels/opsgenie.rhai"),
    },
    Shipped {
        name: "pagerduty",
        file: "scripts/channels/pagerduty.rhai",
        text: include_str!("../../scripts/channels/pagerduty.rhai"),
    },
    Shipped {
        name: "pushover",
        file: "scripts/channels/pushover.rhai",
        text: include_str!("../../scripts/channels/pushover.rhai"),
    },
    Shipped {
        name: "rocketchat",
        file: "scripts/channels/rocketchat.rhai",
        text: include_str!("../../scripts/channels/rocketchat.rhai"),
    },
    Shipped {
        name: "slack",
        file: "scripts/channels/slack.rhai",
        text: include_str!("../../scripts/channels/slack.rhai"),
    },
    Shipped {
        name: "teams",
        file: "scripts/channels/teams.rhai",
        text: include_str!("../../scripts/channels/teams.rhai"),
    },
    Shipped {
        name: "telegram",
        file: "scripts/channels/telegram.rhai",
        text: include_str!("../../scripts/channels/telegram.rhai"),
    },
    Shipped {
        name: "webhook",
        file: "scripts/channels/webhook.rhai",
        text: include_str!("../../scripts/channels/webhook.rhai"),
    },
    Shipped {
        name: "zulip",
        file: "scripts/channels/zulip.rhai",
        text: include_str!("../../scripts/channels/zulip.rhai"),
    },
];

/// Returns the shipped script of this name; the suffix `_matcher` may be left out.
pub fn find(list: &'static [Shipped], name: &str) -> Option<&'static Shipped> {
    list.iter().find(|script| script.name == name).or_else(|| {
        list.iter()
            .find(|script| script.name.strip_suffix("_matcher") == Some(name))
    })
}
