//! Enrolment: which strangers become minions without a person's word, and why the others wait.
//!
//! Under `enrolment: policy` every configured clause must hold. What was looked up for a sign-in is
//! [`Evidence`]; [`clauses`] judges it against what is known; what was decided is a record, shown
//! on the bus. A grain is a stranger's claim: a clause narrows who may try, it proves nothing. Keys
//! themselves are `keys`', the order of a sign-in is `auth`'s.

pub mod clauses;
pub mod decide;
pub mod inventory;
pub mod published;
mod record;
pub mod settings;
pub mod view;

#[cfg(test)]
mod tests;

pub use clauses::{Evidence, Judgement, Listed, Terms};
pub use inventory::Inventory;
pub(crate) use record::shown;
pub use record::{Decided, EnrolmentRecord, Failed, Verdict, Window};
pub use view::View;
