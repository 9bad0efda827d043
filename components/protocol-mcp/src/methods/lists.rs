//! The four lists.

use crate::answer;
use crate::content;
use crate::errors::RpcError;
use crate::gateway::Gateway;
use crate::json::Request;
use crate::pages::Page;
use crate::revision::Revision;

/// How long a modern client may keep a list, in milliseconds.
pub(crate) const FRESH: u32 = 10_000;

/// Writes a list: its entries, the cursor of the next page, and how long all that holds.
macro_rules! list {
    ($name:ident, $member:literal, $fetch:ident, $total:ident, $write:expr) => {
        #[doc = concat!("The list `", $member, "`.")]
        pub(crate) fn $name<G: Gateway>(
            gateway: &G,
            revision: &Revision,
            request: &Request<'_>,
        ) -> Result<String, RpcError> {
            let page = Page::read($member, request.params.cursor, gateway.setting("page-size"))?;
            let total = gateway.overview().$total;
            let entries = gateway.$fetch(page.range());
            let mut writer = answer::begin(revision, &request.id, "complete");
            writer.key($member).begin_array();
            for entry in &entries {
                $write(&mut writer, entry, revision);
            }
            writer.end_array();
            page.write_next(&mut writer, entries.len(), total);
            answer::cache(&mut writer, revision, FRESH);
            Ok(answer::end(writer, revision, None))
        }
    };
}

list!(tools, "tools", tools, tools, |writer, entry: &crate::gateway::ToolEntry, revision| {
    content::tool(writer, &entry.definition, revision);
});
list!(resources, "resources", resources, resources, content::resource);
list!(templates, "resourceTemplates", templates, templates, content::template);
list!(prompts, "prompts", prompts, prompts, |writer, entry: &crate::gateway::PromptEntry, revision| {
    content::prompt(writer, &entry.definition, revision);
});
