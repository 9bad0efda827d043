//! `[[grant]]`: for whom, and which items.

use tidegate_grant::{Grant, Granted, LIMITS};
use toml::de::DeTable;

use super::{Kind, Reader, Use, component_pattern, limit};
use crate::claims::{Claim, Claimed};
use crate::document::Value;
use crate::policy::{ComponentPattern, Rule};

const KEYS: &[&str] = &[
    "signer",
    "component",
    "directories",
    "network",
    "environment",
    "kv",
    "secrets",
    "config",
    "system",
    "gateway",
    "models",
    "limits",
];

impl Reader<'_, '_> {
    pub(super) fn grant(&mut self, value: &Value<'_>) {
        let Some(table) = self.document.table(value, "grant") else { return };
        self.document.check_keys(table, "[[grant]]", KEYS);
        let signer = self.document.required_string(table, "signer", "[[grant]]", value.span());
        let component = self.document.required_string(table, "component", "[[grant]]", value.span());
        let component = component.and_then(|(text, span)| {
            component_pattern(text).map_err(|message| self.document.problem(span, message)).ok()
        });
        if let Some((name, span)) = &signer {
            let at = self.document.problem_at(span, "");
            self.collected.uses.push(Use { name: (*name).to_owned(), kind: Kind::Signer, at });
        }
        // Items are read even if it is not known for whom, so that their problems are found too.
        let mut rule = Rule {
            signer: signer.map(|(name, _)| name.to_owned()).unwrap_or_default(),
            component: component.unwrap_or(ComponentPattern::Any),
            grant: Grant::default(),
            limits: Vec::new(),
            origin: self.document.origin(&value.span()),
        };
        self.items(table, &mut rule);
        self.collected.policy.rules.push(rule);
    }

    fn items(&mut self, table: &DeTable<'_>, rule: &mut Rule) {
        for item in self.list(table, "directories") {
            self.directory(item, rule);
        }
        for item in self.list(table, "network") {
            self.destination(item, rule);
        }
        for item in self.list(table, "kv") {
            self.namespace(item, rule);
        }
        for item in self.list(table, "secrets") {
            self.granted_secret(item, rule);
        }
        for item in self.list(table, "models") {
            self.granted_model(item, rule);
        }
        if let Some(value) = table.get("environment") {
            self.environment(value, rule);
        }
        if let Some(value) = table.get("config") {
            self.config(value, rule);
        }
        if let Some(value) = table.get("limits") {
            self.limits(value, rule);
        }
        if let Some(value) = table.get("system") {
            rule.grant.system = self.flag(value, "system");
        }
        if let Some(value) = table.get("gateway") {
            rule.grant.gateway = self.flag(value, "gateway");
            if rule.component == ComponentPattern::Any && rule.grant.gateway.is_some() {
                let message = "`gateway` cannot be granted to `*`: it lets a component call every tool; \
                    name the protocol component";
                self.document.problem(value.span(), message);
            }
        }
    }

    fn list<'t, 'v>(&mut self, table: &'t DeTable<'v>, key: &str) -> &'t [Value<'v>] {
        table.get(key).and_then(|value| self.document.array(value, key)).unwrap_or_default()
    }

    /// `true`; anything else is a problem, `false` too: it would look like a refusal and be none.
    fn flag(&mut self, value: &Value<'_>, key: &str) -> Option<tidegate_grant::Origin> {
        if self.document.boolean(value, key)? {
            return Some(self.document.origin(&value.span()));
        }
        let message = format!("`{key} = false` refuses nothing, another [[grant]] may grant it: remove the line");
        self.document.problem(value.span(), message);
        None
    }

    fn limits(&mut self, value: &Value<'_>, rule: &mut Rule) {
        let Some(table) = self.document.table(value, "limits") else { return };
        let keys: Vec<&str> = LIMITS.iter().map(|limit| limit.key).collect();
        self.document.check_keys(table, "`limits`", &keys);
        for key in keys {
            let Some(value) = table.get(key) else { continue };
            if let Some(setting) = limit(&mut self.document, key, value) {
                self.claim(value, rule, Claimed::Single { kind: "limit", name: key.to_owned() });
                rule.limits.push(Granted { value: setting, origin: self.document.origin(&value.span()) });
            }
        }
    }

    /// Notes that a rule claims something, for the comparison with all other rules.
    pub(super) fn claim(&mut self, value: &Value<'_>, rule: &Rule, claimed: Claimed) {
        let at = self.document.problem_at(&value.span(), "");
        let (signer, component) = (rule.signer.clone(), rule.component.clone());
        self.collected.claims.push(Claim { signer, component, claimed, at });
    }
}
