//! What of a request is not stored whatever becomes of its samples, and how it is answered.

use super::content_type::Version;
use super::histogram::Plan;
use crate::error::Error;
use crate::write_request::WriteRequest;

/// Histograms and exemplars that must not get a 2xx.
#[derive(Debug, Default)]
pub(super) struct NotStored {
    pub(super) histograms: u64,
    /// What is wrong with the first of them, where they were to be expanded.
    fault: Option<String>,
    pub(super) exemplars: u64,
}

impl NotStored {
    /// Native histograms that are not expanded; and exemplars in remote write 2.0, which 1.0 ignores.
    pub(super) fn new(version: Version, request: &WriteRequest, plan: Option<&Plan>) -> Self {
        NotStored {
            histograms: plan.map_or(request.histogram_count() as u64, |plan| plan.rejected),
            fault: plan.and_then(|plan| plan.first_fault.clone()),
            exemplars: if version == Version::V2 { request.exemplars } else { 0 },
        }
    }

    /// The error to answer a request with of which `written` samples are written and none is rejected or failed.
    pub(super) fn error(&self, written: u64) -> Option<Error> {
        let (name, what) = match (self.histograms, self.exemplars) {
            (0, 0) => return None,
            (0, exemplars) => ("ExemplarsNotStored", format!("{exemplars} exemplars")),
            (histograms, 0) => ("NativeHistogramsNotStored", format!("{histograms} native histograms")),
            (histograms, exemplars) => {
                ("NativeHistogramsNotStored", format!("{histograms} native histograms and {exemplars} exemplars"))
            }
        };
        let fault = self.fault.as_ref().map_or(String::new(), |fault| format!(": {fault}"));
        Some(Error::invalid(name, format!("{what} are not stored, the request's {written} other samples are{fault}")))
    }
}
