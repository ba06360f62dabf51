//! The simulated AWS over real sockets: each check that it makes has a test in which it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a stage that cannot be set fails the test that wanted it"
)]

mod bucket;
mod containers;
mod control;
mod doors;
mod ecr;
mod ecr_deletion;
mod ecr_images;
mod ecr_layers;
mod ecr_repositories;
mod hops;
mod iam;
mod iam_boundaries;
mod iam_permissions;
mod iam_policies;
mod iam_profiles;
mod iam_providers;
mod iam_roles;
mod iam_simulation;
mod iam_stage;
mod iam_tags;
mod iam_users;
mod images;
mod imds;
mod issuer;
mod machines;
mod memory;
mod public;
mod pull;
mod push;
mod registry;
mod robustness;
mod signatures;
mod signing;
mod stage;
mod sts_attributes;
mod sts_certificates;
mod sts_chains;
mod sts_claims;
mod sts_key_sets;
mod sts_parameters;
mod sts_sessions;
mod sts_users;
mod trail;
mod trouble;
mod web_identity;
