//! Composite rules: which of their parts are true, and whether together they are.

use crate::plan::Plan;

/// The most parts of a composite.
pub(crate) const MOST_LEAVES: usize = 8;

/// A composite: all or any of groups, each all or any of parts.
#[derive(Debug)]
pub(super) struct Composite {
    /// The rule.
    pub(super) slot: u32,
    pub(super) leaves: Box<[u32]>,
    /// The bits of the parts that are true.
    pub(super) truth: u8,
    /// It was true when it was last looked at.
    pub(super) met: bool,
    /// It was armed here, and does not go on from a stored state: first values of its parts are those at arming.
    pub(super) is_new: bool,
    pub(super) shape: Shape,
}

/// Boolean combination of the parts of a rule, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    any: bool,
    groups: Box<[(u8, bool)]>,
}

impl Shape {
    /// The shape of a plan, and its thresholds in the order of their bits.
    pub(super) fn of(plan: &Plan) -> (Self, Vec<&Plan>) {
        let (parts, any) = match plan {
            Plan::All(parts) => (parts.as_slice(), false),
            Plan::Any(parts) => (parts.as_slice(), true),
            other => (std::slice::from_ref(other), false),
        };
        let mut leaves = Vec::new();
        let mut groups = Vec::new();
        for part in parts {
            let (inner, any) = match part {
                Plan::All(parts) => (parts.as_slice(), false),
                Plan::Any(parts) => (parts.as_slice(), true),
                other => (std::slice::from_ref(other), false),
            };
            let mut mask = 0;
            for leaf in inner {
                mask |= 1_u8.unbounded_shl(u32::try_from(leaves.len()).unwrap_or(u32::MAX));
                leaves.push(leaf);
            }
            groups.push((mask, any));
        }
        let groups = groups.into();
        (Self { any, groups }, leaves)
    }

    pub(super) fn is_met(&self, truth: u8) -> bool {
        let group = |&(mask, any): &(u8, bool)| {
            if any {
                truth & mask != 0
            } else {
                truth & mask == mask
            }
        };
        if self.any {
            self.groups.iter().any(group)
        } else {
            self.groups.iter().all(group)
        }
    }
}
