use serde::{Deserialize, Serialize};

use super::limit::{ErrorStatus, Line, Millis, PerSecond};

/// What a rule does to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Effect {
    /// The call is answered with an error of the service, and the service does not see it.
    Error(ErrorAnswer),
    /// Calls beyond a rate get the service's own answer to too many of them.
    Throttle(Throttle),
    /// The call waits before the service sees it.
    Latency(Latency),
    /// The connection ends without an answer.
    Unreachable,
    /// There is never an answer; the connection stays until the client leaves.
    Hang,
    /// The connection is reset within the body.
    Reset(At),
    /// The connection ends in good order, and too early, within the body.
    Truncate(At),
    /// The body stands still.
    Stall(Stall),
    /// Some bytes of the body are not what they should be.
    Flip(Flip),
    /// The connection ends within the body of a presigned URL, which has expired from then on.
    Expire(At),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: ErrorStatus,
    /// AWS's code; where nothing is said, the one that the service has for this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Line>,
    /// AWS's message; where nothing is said, the one that goes with the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Throttle {
    pub(crate) per_second: PerSecond,
    /// How many calls may come at once; as many as in a second, where nothing is said, and at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) burst: Option<std::num::NonZeroU32>,
}

/// Always the same time, or one between two, drawn anew for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenLatency", into = "WrittenLatency")]
pub(crate) struct Latency {
    min: Millis,
    max: Millis,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenLatency {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    millis: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Millis>,
}

/// An offset in the object, whichever part of it the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct At {
    pub(crate) at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stall {
    pub(crate) at: u64,
    /// For how long; for ever, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) millis: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Flip {
    pub(crate) at: Offsets,
}

/// One offset or a list of them, in order and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenOffsets", into = "WrittenOffsets")]
pub(crate) struct Offsets(Vec<u64>);

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "an offset or a list of offsets is expected")]
enum WrittenOffsets {
    One(u64),
    Several(Vec<u64>),
}

impl Effect {
    /// Whether it strikes the body of an answer rather than the call.
    pub(crate) fn is_of_body(&self) -> bool {
        match self {
            Self::Error(_) | Self::Throttle(_) | Self::Latency(_) | Self::Unreachable | Self::Hang => false,
            Self::Reset(_) | Self::Truncate(_) | Self::Stall(_) | Self::Flip(_) | Self::Expire(_) => true,
        }
    }
}

impl Latency {
    /// The time for a call, by a number drawn for it.
    pub(crate) fn drawn(self, number: u64) -> std::time::Duration {
        let (min, max) = (self.min.get(), self.max.get());
        std::time::Duration::from_millis(min + number % (max - min + 1))
    }
}

impl Offsets {
    const MAX: usize = 64;

    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

impl TryFrom<WrittenLatency> for Latency {
    type Error = String;

    fn try_from(written: WrittenLatency) -> Result<Self, String> {
        let (min, max) = match (written.millis, written.min, written.max) {
            (Some(millis), None, None) => (millis, millis),
            (None, Some(min), Some(max)) => (min, max),
            _ => return Err("either `millis` alone is expected, or `min` and `max`".to_owned()),
        };
        if min > max {
            return Err(format!("`min` {} must not be above `max` {}", min.get(), max.get()));
        }
        Ok(Self { min, max })
    }
}

impl From<Latency> for WrittenLatency {
    fn from(Latency { min, max }: Latency) -> Self {
        let fixed = min == max;
        Self {
            millis: fixed.then_some(min),
            min: (!fixed).then_some(min),
            max: (!fixed).then_some(max),
        }
    }
}

impl TryFrom<WrittenOffsets> for Offsets {
    type Error = String;

    fn try_from(written: WrittenOffsets) -> Result<Self, String> {
        let mut offsets = match written {
            WrittenOffsets::One(offset) => vec![offset],
            WrittenOffsets::Several(offsets) => offsets,
        };
        if offsets.is_empty() || offsets.len() > Self::MAX {
            return Err(format!(
                "{} offsets are given: 1 to {} are expected",
                offsets.len(),
                Self::MAX
            ));
        }
        offsets.sort_unstable();
        offsets.dedup();
        Ok(Self(offsets))
    }
}

impl From<Offsets> for WrittenOffsets {
    fn from(Offsets(offsets): Offsets) -> Self {
        match offsets[..] {
            [offset] => Self::One(offset),
            _ => Self::Several(offsets),
        }
    }
}
