//! Which hosts a script may ask.

use url::Url;

use super::Broker;
use crate::model::service::Grants;
use crate::script::host::Allowed;
use crate::script::source::ParamKind;

impl Broker {
    /// Returns every host that the script may ask, `host` or `host:port`: the origin of the service's own URL, what the
    /// config grants, and what the script's header and its parameters name.
    pub(super) fn hosts(&self) -> Vec<String> {
        let with_port = |url: &Url| {
            let port = url.port_or_known_default()?;
            Some(format!("{}:{port}", url.host_str()?))
        };
        let header = &self.source.header;
        let of_params = header
            .params
            .iter()
            .filter(|param| param.kind == ParamKind::Url)
            .filter_map(|param| header.param(&param.name, &self.params)?.as_str())
            .filter_map(|url| with_port(&Url::parse(url).ok()?));
        with_port(&self.rights.url)
            .into_iter()
            .chain(self.rights.grants.hosts.iter().cloned())
            .chain(header.hosts.iter().cloned())
            .chain(of_params)
            .collect()
    }

    /// Tells why a URL may be asked, absent if it may not. A look-up asks no port: whoever may ask a host at any may
    /// look it up.
    pub(super) fn allowed(&self, hosts: &[String], url: &Url, is_lookup: bool) -> Option<Allowed> {
        let own = &self.rights.url;
        if own.origin() == url.origin() || (is_lookup && own.host() == url.host()) {
            return Some(Allowed::OwnOrigin);
        }
        Grants::cover(hosts, url, is_lookup).then_some(Allowed::Granted)
    }
}
