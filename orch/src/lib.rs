//! A compiled orchestration: what to do next, forever resumable.
