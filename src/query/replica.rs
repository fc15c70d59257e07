//! Matchers on the replica label, which is not stored.

use crate::proto::ReadRequest;
use crate::proto::label_matcher::Type;

/// Lets matchers for one replica find series without the label, too. Prometheus adds its external labels as matchers to
/// what it reads (`filter_external_labels`), so a replica would find nothing of what it has written.
pub fn find_without_replica(request: &mut ReadRequest, replica_label: &str) {
    for matcher in request.queries.iter_mut().flat_map(|query| &mut query.matchers) {
        if matcher.name == replica_label && matcher.r#type == i32::from(Type::Eq) {
            matcher.r#type = Type::Re.into();
            matcher.value = format!("{}|", regex_syntax::escape(&matcher.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{LabelMatcher, Query};
    use crate::query::matcher::Matcher;

    #[test]
    fn only_matchers_for_one_replica_accept_that_there_is_none() {
        let matcher = |r#type: Type, name: &str, value: &str| LabelMatcher {
            r#type: r#type.into(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let accepts = |given: LabelMatcher, value: &str| {
            let query = Query { matchers: vec![given], ..Query::default() };
            let mut request = ReadRequest { queries: vec![query], ..ReadRequest::default() };
            find_without_replica(&mut request, "replica");
            Matcher::new(request.queries.remove(0).matchers.remove(0)).unwrap().accepts(value)
        };
        for replica in ["a", "a.b|c", "", "é\\-&~#"] {
            let equal = || matcher(Type::Eq, "replica", replica);
            assert!(accepts(equal(), replica) && accepts(equal(), ""), "{replica}");
            assert!(!accepts(equal(), "axb") && !accepts(equal(), "other"), "{replica}");
        }
        assert!(!accepts(matcher(Type::Eq, "job", "a"), ""));
        assert!(!accepts(matcher(Type::Neq, "replica", "a"), "a"));
        assert!(!accepts(matcher(Type::Re, "replica", "a"), ""));
    }
}
