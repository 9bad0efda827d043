//! How a task stands.

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It runs.
    Working,
    /// It waits for answers: an object of requests.
    InputRequired(String),
    /// It ended with a tool's result.
    Completed(String),
    /// It ended with an error object.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

impl Status {
    /// Its name on the wire.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired(_) => "input_required",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// As a message of the task's mailbox.
    pub(super) fn encode(&self, now: u64) -> String {
        let json = match self {
            Self::InputRequired(json) | Self::Completed(json) | Self::Failed(json) => json,
            Self::Working | Self::Cancelled => "",
        };
        format!("S{now} {} {json}", self.name())
    }

    /// The reverse, without the letter.
    pub(super) fn decode(text: &str) -> Option<(u64, Self)> {
        let mut words = text.splitn(3, ' ');
        let since = words.next()?.parse().ok()?;
        let (name, json) = (words.next()?, words.next()?.to_owned());
        let status = match name {
            "working" => Self::Working,
            "input_required" => Self::InputRequired(json),
            "completed" => Self::Completed(json),
            "failed" => Self::Failed(json),
            "cancelled" => Self::Cancelled,
            _ => return None,
        };
        Some((since, status))
    }

    /// Whether nothing comes after it.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Working | Self::InputRequired(_))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn statuses_come_back() {
        let ask = Status::InputRequired("{\"a\": {}}".into());
        for status in
            [Status::Working, ask, Status::Completed("{}".into()), Status::Failed("{}".into()), Status::Cancelled]
        {
            assert_eq!(Status::decode(status.encode(7).strip_prefix('S').unwrap()), Some((7, status)));
        }
        assert_eq!(Status::decode("7 tired "), None);
    }
}
