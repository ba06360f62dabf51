use super::attributes::Attributes;
use crate::query::Fault;

/// How much of the space for session policies and tags a request takes, in percent.
///
/// AWS packs both in a way that it does not document. This is what it amounts to by the few sizes that were seen of it:
/// 16 % for a policy of 100 characters, 74 % for the six tags of an EKS pod identity. A policy as long as may be just fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedSize(u64);

/// The bytes of tags, keys and values, that fill the space.
const TAG_SPACE: u64 = 384;
/// What there is to any policy, and what the longest adds to that, in percent.
const POLICY_BASE: u64 = 10;
const POLICY_SPAN: u64 = 90;

impl PackedSize {
    /// The size of what a session is begun with; none where it is begun with nothing. `plain`: how long the policy and
    /// the ARNs are together, of `longest`.
    pub(super) fn of(plain: usize, longest: usize, attributes: &Attributes) -> Result<Option<Self>, Fault> {
        let tags = attributes.tags.iter().map(|(key, value)| key.len() + value.len());
        let tags = (tags.sum::<usize>() as u64 * 100).div_ceil(TAG_SPACE);
        let policies = match plain as u64 {
            0 => 0,
            plain => POLICY_BASE + (plain * POLICY_SPAN).div_ceil(longest as u64),
        };
        let size = tags + policies;
        if size > 100 {
            let message = if policies == 0 {
                format!("Packed size of session tags consumes {size}% of allotted space.")
            } else {
                format!("Packed policy consumes {size}% of allotted space, please use smaller policy.")
            };
            return Err(Fault::bad_request("PackedPolicyTooLarge", message));
        }
        Ok((plain > 0 || !attributes.tags.is_empty()).then_some(Self(size)))
    }

    pub(super) fn percent(self) -> String {
        self.0.to_string()
    }
}
