//! What minions ask, family by family. Each function answers one request; identity comes from the
//! opened message, never from what the load says beyond it.

pub(crate) mod events;
pub(crate) mod files;
mod large;
pub(crate) mod mine;
pub(crate) mod opts;
pub(crate) mod peer;
pub(crate) mod pillar;
pub(crate) mod returns;
