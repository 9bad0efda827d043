//! Writes JSON straight into one buffer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A JSON text that grows.
///
/// Commas come by themselves: a value never ends in `{`, `[` or `:`, so the last byte tells whether one is due.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    /// An empty text with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity) }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn comma(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }

    /// `{`
    pub(crate) fn begin_object(&mut self) -> &mut Self {
        self.comma();
        self.out.push('{');
        self
    }

    /// `}`
    pub(crate) fn end_object(&mut self) -> &mut Self {
        self.out.push('}');
        self
    }

    /// `[`
    pub(crate) fn begin_array(&mut self) -> &mut Self {
        self.comma();
        self.out.push('[');
        self
    }

    /// `]`
    pub(crate) fn end_array(&mut self) -> &mut Self {
        self.out.push(']');
        self
    }

    /// A member's name; a value must follow. Any text may be a name.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.out.push(':');
        self
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str) -> &mut Self {
        self.comma();
        self.out.push('"');
        let mut start = 0;
        for (at, byte) in value.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..=0x1f => "",
                _ => continue,
            };
            self.out.push_str(value.get(start..at).unwrap_or_default());
            self.out.push_str(escape);
            if escape.is_empty() {
                self.control(byte);
            }
            start = at + 1;
        }
        self.out.push_str(value.get(start..).unwrap_or_default());
        self.out.push('"');
        self
    }

    fn control(&mut self, byte: u8) {
        self.out.push_str("\\u00");
        for nibble in [byte >> 4, byte & 15] {
            self.out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }

    /// A text that is JSON already. Line breaks, which can only stand between tokens, become spaces: stdio frames and
    /// server-sent events end at a line break.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.comma();
        let mut parts = json.split(['\n', '\r']);
        self.out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            self.out.push(' ');
            self.out.push_str(part);
        }
        self
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// An integer.
    pub(crate) fn integer(&mut self, value: impl Into<i128>) -> &mut Self {
        self.raw(&value.into().to_string())
    }

    /// A number; JSON has no name for what is not finite, so that becomes `null`.
    pub(crate) fn number(&mut self, value: f64) -> &mut Self {
        if !value.is_finite() {
            return self.raw("null");
        }
        // `Display` of a whole number has no fraction: `50`, as a JSON writer in another language would put it.
        self.raw(&value.to_string())
    }

    /// Bytes as a base64 string.
    pub(crate) fn base64(&mut self, bytes: &[u8]) -> &mut Self {
        self.comma();
        self.out.push('"');
        STANDARD.encode_string(bytes, &mut self.out);
        self.out.push('"');
        self
    }

    /// A string member.
    pub(crate) fn field(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name).string(value)
    }

    /// A string member, if there is a value.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.field(name, value);
        }
        self
    }

    /// A member that is JSON already, if there is one.
    pub(crate) fn maybe_raw(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.key(name).raw(value);
        }
        self
    }
}
