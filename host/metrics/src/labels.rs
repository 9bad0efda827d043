//! Label sets. Each is bounded: see the crate's documentation.

use prometheus_client::encoding::EncodeLabelSet;

/// Of one component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Component {
    pub(crate) component: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Call {
    pub(crate) component: String,
    pub(crate) end: &'static str,
}

/// How a component's load ended. Names of refused components are the choice of whoever made them, so they are no label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Load {
    pub(crate) outcome: &'static str,
}

/// A host call outside of a component's grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Denial {
    pub(crate) component: String,
    pub(crate) interface: String,
}

/// The status of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answer {
    pub(crate) code: u16,
}
