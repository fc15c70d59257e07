//! Native histograms that are not stored, while the samples beside them may be, and the answer for them.

use super::histogram::Plan;
use crate::error::Error;
use crate::write_request::WriteRequest;

/// Native histograms that must not get a 2xx.
#[derive(Debug, Default)]
pub(super) struct NotStored {
    pub(super) histograms: u64,
    /// The fault of the first of them, if they were to be expanded.
    fault: Option<String>,
}

impl NotStored {
    /// All native histograms of a request or, with a `plan`, those that can't be expanded.
    pub(super) fn new(request: &WriteRequest, plan: Option<&Plan>) -> Self {
        NotStored {
            histograms: plan.map_or(request.histogram_count() as u64, |plan| plan.rejected),
            fault: plan.and_then(|plan| plan.first_fault.clone()),
        }
    }

    /// The error for a request with `written` samples written, and no sample rejected or failed.
    pub(super) fn error(&self, written: u64) -> Option<Error> {
        let NotStored { histograms, fault } = self;
        if *histograms == 0 {
            return None;
        }
        let fault = fault.as_ref().map_or(String::new(), |fault| format!(": {fault}"));
        let what = format!("{histograms} native histograms are not stored, the request's {written} other samples are");
        Some(Error::invalid("NativeHistogramsNotStored", format!("{what}{fault}")))
    }
}
