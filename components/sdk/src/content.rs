//! Blocks of content: what a tool gives to a model.
use crate::bindings::types::content as wit;

pub use wit::{Annotations, Body, Icon, ResourceEntry, Role, Severity};

/// One block of content: text, an image, a sound, a link to a resource or a resource with its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Content(pub wit::Content);

impl Content {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self(wit::Content::Text(wit::Text { text: text.into(), annotations: None, meta: None }))
    }

    /// An image; `data` is not encoded.
    pub fn image(data: Vec<u8>, mime_type: impl Into<String>) -> Self {
        Self(wit::Content::Image(media(data, mime_type.into())))
    }

    /// A sound; `data` is not encoded.
    pub fn audio(data: Vec<u8>, mime_type: impl Into<String>) -> Self {
        Self(wit::Content::Audio(media(data, mime_type.into())))
    }

    /// A resource that the client may read. Fill in the rest of the entry with struct update syntax on [`entry`].
    #[must_use]
    pub fn link(entry: ResourceEntry) -> Self {
        Self(wit::Content::Link(entry))
    }

    /// A resource with its text.
    pub fn embedded_text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        Self::embedded(uri.into(), mime_type.into(), Body::Text(text.into()))
    }

    /// A resource with its bytes, not encoded.
    pub fn embedded_blob(uri: impl Into<String>, mime_type: impl Into<String>, data: Vec<u8>) -> Self {
        Self::embedded(uri.into(), mime_type.into(), Body::Blob(data))
    }

    fn embedded(uri: String, mime_type: String, body: Body) -> Self {
        let contents = wit::ResourceContents { uri, mime_type: Some(mime_type), body, meta: None };
        Self(wit::Content::Embedded(wit::Embedded { contents, annotations: None }))
    }

    /// Says for whom the block is and how much it matters (`priority` from 0.0 to 1.0).
    #[must_use]
    pub fn annotated(mut self, annotations: Annotations) -> Self {
        match &mut self.0 {
            wit::Content::Text(text) => text.annotations = Some(annotations),
            wit::Content::Image(media) | wit::Content::Audio(media) => media.annotations = Some(annotations),
            wit::Content::Link(entry) => entry.annotations = Some(annotations),
            wit::Content::Embedded(embedded) => embedded.annotations = Some(annotations),
        }
        self
    }

    /// The text, if this is a block of text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            wit::Content::Text(text) => Some(&text.text),
            _ => None,
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

fn media(data: Vec<u8>, mime_type: String) -> wit::Media {
    wit::Media { data, mime_type, annotations: None, meta: None }
}

/// An entry of a resource with nothing but an address and a name.
pub fn entry(uri: impl Into<String>, name: impl Into<String>) -> ResourceEntry {
    ResourceEntry {
        uri: uri.into(),
        name: name.into(),
        title: None,
        description: None,
        mime_type: None,
        size: None,
        annotations: None,
        icons: Vec::new(),
        meta: None,
    }
}
