//! Errors as the API sends them; the status is chosen here and nowhere else.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::Cursor;
use model::api::ErrorBody;

use crate::event_bus::LookBackError;
use crate::ledger::LedgerError;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request cannot be understood.
    Bad(String),
    /// There is no such thing.
    Missing(String),
    /// It is understood and cannot be done: what, and what to do next.
    Impossible(String, Option<String>),
    /// It was there once: what, and from where one can go on.
    Gone(String, String),
    /// The master cannot do it now.
    Unavailable(String),
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Refusal::Unavailable(error.to_string())
    }
}

impl From<LookBackError> for Refusal {
    fn from(error: LookBackError) -> Self {
        match error.oldest() {
            Some(oldest) => Refusal::gone(error.to_string(), oldest),
            None => Refusal::Unavailable(error.to_string()),
        }
    }
}

impl Refusal {
    fn gone(error: String, oldest: Cursor) -> Self {
        let hint = format!(
            "the oldest cursor one can read after is {oldest}; option keep_jobs_seconds says \
            how long events are kept"
        );
        Refusal::Gone(error, hint)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, hint) = match self {
            Refusal::Bad(error) => (StatusCode::BAD_REQUEST, error, None),
            Refusal::Missing(error) => (StatusCode::NOT_FOUND, error, None),
            Refusal::Impossible(error, hint) => (StatusCode::UNPROCESSABLE_ENTITY, error, hint),
            Refusal::Gone(error, hint) => (StatusCode::GONE, error, Some(hint)),
            Refusal::Unavailable(error) => (StatusCode::SERVICE_UNAVAILABLE, error, None),
        };
        (status, Json(ErrorBody { error, hint })).into_response()
    }
}
