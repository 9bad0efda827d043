//! `tidegate policy explain --client`: what a client may use, by which lines.

use std::collections::BTreeMap;

use clap::Args;
use tidegate::rules::{Admission, Identity, NotAdmitted, Policy, admit};

use crate::failure::{Result, fail};

/// A client as one describes it on the command line.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// A client in place of a component: `key:NAME`, `uid:NUMBER` or `uid:NUMBER,gid:NUMBER`, or `ISSUER|SUBJECT` of a token.
    #[arg(long, value_name = "CLIENT", conflicts_with_all = ["component", "signer"])]
    client: Option<String>,
    /// A claim of its token; several may be given.
    #[arg(long, value_name = "NAME=TEXT", requires = "client")]
    claim: Vec<String>,
    /// A scope of its token; several may be given.
    #[arg(long, value_name = "SCOPE", requires = "client")]
    scope: Vec<String>,
}

impl Client {
    /// The decision on the client that was named, if one was.
    pub(super) fn explain(&self, policy: &Policy) -> Result<Option<Result<Admission, NotAdmitted>>> {
        let Some(client) = &self.client else { return Ok(None) };
        if let Some(name) = client.strip_prefix("key:") {
            return Ok(Some(admit(policy, &Identity::Key { name })));
        }
        if let Some(rest) = client.strip_prefix("uid:") {
            let (uid, gid) = rest.split_once(",gid:").unwrap_or((rest, "4294967295"));
            let number =
                |text: &str| text.parse().map_err(|_| fail!(Usage, "`{text}` is no number of a user or group"));
            return Ok(Some(admit(policy, &Identity::Peer { uid: number(uid)?, gid: number(gid)? })));
        }
        let Some((issuer, subject)) = client.split_once('|') else {
            return Err(fail!(Usage, "`{client}` is no client: write `key:NAME`, `uid:NUMBER` or `ISSUER|SUBJECT`"));
        };
        let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for claim in &self.claim {
            let Some((name, text)) = claim.split_once('=') else {
                return Err(fail!(Usage, "`{claim}` is no claim: write `NAME=TEXT`"));
            };
            claims.entry(name.to_owned()).or_default().push(text.to_owned());
        }
        Ok(Some(admit(policy, &Identity::Token { issuer, subject, claims: &claims, scopes: &self.scope })))
    }
}
