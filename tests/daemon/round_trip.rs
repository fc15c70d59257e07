//! What is written comes back, value for value and label for label.

use timestream_prometheus_connector::proto::label_matcher::Type;

use super::connector::{Connector, Scratch};
use super::remote::{eq, matcher, now_ms, query, read, series, write};

#[test]
fn values_come_back_bit_for_bit() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let values = [0.1 + 0.2, 1e-9, 1e300, -0.0, 5e-324, 9007199254740993.0, f64::MAX];
    let samples: Vec<(f64, i64)> = values.iter().zip(now..).map(|(&value, time)| (value, time)).collect();
    let sent = series(&[("__name__", "exact"), ("job", "test")], &samples);
    assert_eq!(write(&connector.address, std::slice::from_ref(&sent)).status, 204);

    let answer = read(&connector.address, &[query(now, now + 100, &[eq("__name__", "exact")])]);
    assert_eq!(answer[0].len(), 1);
    assert_eq!(answer[0][0].0, sent.0);
    let bits =
        |samples: &[(f64, i64)]| samples.iter().map(|(value, time)| (value.to_bits(), *time)).collect::<Vec<_>>();
    assert_eq!(bits(&answer[0][0].1), bits(&samples));
    assert_eq!(connector.assert_conserved(), (7.0, 7.0));
}

#[test]
fn non_finite_samples_are_ignored_and_counted_with_a_reason_each() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let values = [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, stale];
    let samples: Vec<(f64, i64)> = values.iter().zip(now..).map(|(&value, time)| (value, time)).collect();
    assert_eq!(write(&connector.address, &[series(&[("__name__", "up"), ("job", "a")], &samples)]).status, 204);
    for reason in ["nan", "inf", "negative_inf", "stale_marker"] {
        assert_eq!(connector.samples("ignored", reason), 1.0, "{reason}");
    }
    assert_eq!(connector.assert_conserved(), (5.0, 1.0));
    let answer = read(&connector.address, &[query(now, now + 100, &[eq("__name__", "up")])]);
    assert_eq!(answer[0][0].1, [(1.0, now)]);
}

#[test]
fn odd_labels_come_back_as_they_were() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let odd = [
        series(
            &[
                ("__name__", "odd"),
                ("_x", "1"),
                ("job", "it's \"quoted\"\n\\ back"),
                ("time", "5"),
                ("ts_a", "é"),
                ("x_", ""),
            ],
            &[(1.0, now)],
        ),
        series(&[("__name__", "odd"), ("grüße.utf8", "日本")], &[(2.0, now)]),
        series(&[("__name__", "odd")], &[(3.0, now)]),
        series(&[("__name__", "odd"), ("Job", "case")], &[(4.0, now)]),
    ];
    assert_eq!(write(&connector.address, &odd).status, 204);
    let mut answer = read(&connector.address, &[query(now, now, &[eq("__name__", "odd")])]).remove(0);
    answer.sort_by(|a, b| a.1[0].0.total_cmp(&b.1[0].0));
    let expected: Vec<_> = odd
        .iter()
        .map(|(labels, samples)| {
            let mut labels: Vec<_> = labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
            labels.sort();
            (labels, samples.clone())
        })
        .collect();
    assert_eq!(answer, expected);
}

#[test]
fn matchers_mean_what_they_mean_to_prometheus() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let with = |id: &str, labels: &[(&str, &str)]| {
        let mut all = vec![("__name__", "m"), ("id", id)];
        all.extend(labels);
        series(&all, &[(1.0, now)])
    };
    let stored = [
        with("a", &[("env", "prod")]),
        with("b", &[("env", "dev")]),
        with("c", &[]),
        with("d", &[("env", "prod2\nx")]),
    ];
    assert_eq!(write(&connector.address, &stored).status, 204);
    let found = |matchers: &[timestream_prometheus_connector::proto::LabelMatcher]| -> String {
        let mut all = vec![eq("__name__", "m")];
        all.extend(matchers.iter().cloned());
        let answer = read(&connector.address, &[query(now - 1000, now + 1000, &all)]).remove(0);
        let mut ids: Vec<String> = answer
            .into_iter()
            .map(|(labels, _)| labels.into_iter().find(|(name, _)| name == "id").unwrap().1)
            .collect();
        ids.sort();
        ids.concat()
    };
    for (kind, value, expected) in [
        (Type::Eq, "prod", "a"),
        (Type::Eq, "", "c"),
        (Type::Neq, "prod", "bcd"),
        (Type::Neq, "", "abd"),
        (Type::Re, "prod", "a"),
        (Type::Re, "prod.*", "ad"),
        (Type::Re, "pro", ""),
        (Type::Re, "dev|", "bc"),
        (Type::Re, ".*", "abcd"),
        (Type::Re, ".+", "abd"),
        (Type::Nre, "prod.*", "bc"),
        (Type::Nre, "", "abd"),
        (Type::Nre, "(?i)DEV", "acd"),
    ] {
        assert_eq!(found(&[matcher(kind, "env", value)]), expected, "{kind:?} {value:?}");
    }
    assert_eq!(found(&[eq("nowhere", "")]), "abcd");
    assert_eq!(found(&[matcher(Type::Neq, "nowhere", "x")]), "abcd");
    assert_eq!(found(&[eq("nowhere", "x")]), "");
    assert_eq!(found(&[eq("env", "' OR '1'='1")]), "");
}

#[test]
fn several_queries_are_answered_in_order_with_bounds_to_the_millisecond() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let samples: Vec<(f64, i64)> = (0..2500).map(|index| (index as f64, now - 2500 + index)).collect();
    let sent = [
        series(&[("__name__", "a"), ("job", "x")], &samples),
        series(&[("__name__", "b"), ("job", "x")], &samples[..3]),
    ];
    assert_eq!(write(&connector.address, &sent).status, 204);
    let answer = read(
        &connector.address,
        &[
            query(now - 2500, now - 2498, &[eq("__name__", "b")]),
            query(now - 2400, now - 2399, &[eq("__name__", "a")]),
            query(i64::MIN, i64::MAX, &[eq("__name__", "a")]),
            query(now, now - 1, &[eq("__name__", "a")]),
        ],
    );
    assert_eq!(answer[0], [sent[1].clone()]);
    assert_eq!(answer[1][0].1, samples[100..102]);
    assert_eq!(answer[2], [sent[0].clone()], "a series over several pages comes once, in time order");
    assert!(answer[3].is_empty());
    connector.assert_conserved();
}

#[test]
fn an_empty_table_answers_nothing() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    assert!(read(&connector.address, &[query(0, now_ms(), &[eq("__name__", "up")])])[0].is_empty());
}
