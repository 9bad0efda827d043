//! Pages of lists: cursors that mean nothing to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::bindings::tidegate::gateway::catalog::Range;
use crate::errors::RpcError;
use crate::json::{Writer, text};

/// Entries on a page unless the setting `page-size` says otherwise: catalogs of most nodes fit on one page, and clients
/// that do not turn pages still see them whole.
const PAGE: u32 = 250;
/// The gateway gives no more at once.
const LARGEST_PAGE: u32 = 1_000;

/// A page of one list.
pub(crate) struct Page {
    list: &'static str,
    range: Range,
}

impl Page {
    /// The page that a request asks for; `list` keeps cursors of different lists apart.
    ///
    /// # Errors
    /// -32602 for a cursor which we did not make.
    pub(crate) fn read(
        list: &'static str,
        cursor: Option<&RawValue>,
        setting: Option<String>,
    ) -> Result<Self, RpcError> {
        let limit = setting.and_then(|text| text.parse().ok()).unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
        let offset = match cursor.filter(|raw| raw.get() != "null") {
            None => 0,
            Some(raw) => decode(list, &text("cursor", Some(raw))?)
                .ok_or_else(|| RpcError::params("`cursor` is not one that this server gave for this list"))?,
        };
        Ok(Self { list, range: Range { offset, limit } })
    }

    /// What to ask the catalog for.
    pub(crate) fn range(&self) -> Range {
        Range { offset: self.range.offset, limit: self.range.limit }
    }

    /// Writes `nextCursor` when the list of `total` entries goes on after `given` of them.
    pub(crate) fn write_next(&self, writer: &mut Writer, given: usize, total: u32) {
        let next = self.range.offset.saturating_add(u32::try_from(given).unwrap_or(u32::MAX));
        if given > 0 && next < total {
            writer.field("nextCursor", &URL_SAFE_NO_PAD.encode(format!("{}:{next}", self.list)));
        }
    }
}

fn decode(list: &str, cursor: &str) -> Option<u32> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let offset = text.strip_prefix(list)?.strip_prefix(':')?;
    // One spelling for each offset: what we did not write is refused.
    offset.parse::<u32>().ok().filter(|number| *number > 0 && number.to_string() == offset)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_cursor_leads_to_the_next_page_of_its_list_only() {
        let first = Page::read("tools", None, Some("2".into())).unwrap();
        let mut writer = Writer::default();
        writer.begin_object();
        first.write_next(&mut writer, 2, 5);
        writer.end_object();
        let written: serde_json::Value = serde_json::from_str(&writer.finish()).unwrap();
        let cursor = raw(&written.get("nextCursor").unwrap().to_string());
        assert_eq!(Page::read("tools", Some(&cursor), Some("2".into())).unwrap().range().offset, 2);
        assert!(Page::read("prompts", Some(&cursor), None).is_err());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let mut writer = Writer::default();
        Page::read("tools", None, None).unwrap().write_next(&mut writer, 5, 5);
        assert_eq!(writer.finish(), "");
    }

    #[test]
    fn bad_cursors_are_invalid_parameters() {
        for bad in ["\"\"", "\"zzz\"", "5", "{}", "\"dG9vbHM6MDI\"", "\"dG9vbHM6MA\"", "\"dG9vbHM6LTE\"", "\"!!\""] {
            let error = Page::read("tools", Some(&raw(bad)), None).err().unwrap();
            assert_eq!(error.code, -32602, "{bad}");
        }
    }
}
