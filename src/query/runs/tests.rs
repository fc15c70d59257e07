//! Which samples come of rows.

use aws_sdk_timestreamquery::types::{ColumnInfo, TimeSeriesDataPoint, Type};

use super::super::columns::{BIN, SERIES};
use super::super::schema::Schema;
use super::*;

/// The samples that it is given, a series behind the other.
#[derive(Default)]
struct Recording(Vec<Vec<(i64, f64)>>);

impl SeriesSink for Recording {
    type Value = f64;

    fn start_series(&mut self, _: &[Label]) -> Result<(), Error> {
        self.0.push(Vec::new());
        Ok(())
    }

    fn push(&mut self, time: i64, value: f64) -> Result<(), Error> {
        self.0.last_mut().unwrap().push((time, value));
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// A job, a metric, the start of a bin, and points: their nanoseconds and values.
type Part<'a> = (&'a str, &'a str, &'a str, &'a [(i64, f64)]);

fn row((job, metric, bin, points): Part<'_>) -> Row {
    let point = |(time, value): &(i64, f64)| {
        let second = 1_000_000_000;
        let (seconds, rest) = (time.div_euclid(second), time.rem_euclid(second));
        let text = format!("{}.{rest:09}", if seconds < 0 { "1969-12-31 23:59:59" } else { "1970-01-01 00:00:00" });
        let value = Datum::builder().scalar_value(value.to_string()).build();
        TimeSeriesDataPoint::builder().time(text).value(value).build().unwrap()
    };
    let text = |text: &str| Datum::builder().scalar_value(text).build();
    let series = Datum::builder().set_time_series_value(Some(points.iter().map(point).collect())).build();
    Row::builder().set_data(Some(vec![text(job), text(metric), text(bin), series])).build().unwrap()
}

/// Samples series by series, their number, and that of those received.
type Made = (Vec<Vec<(i64, f64)>>, usize, u64);

/// What is made of pages.
fn runs(pages: &[&[Part<'_>]], most: usize) -> Result<Made, Error> {
    let info = |name| ColumnInfo::builder().name(name).r#type(Type::builder().build()).build();
    let columns = ["job", "measure_name", BIN, SERIES].map(info);
    let columns = Columns::new(&columns, &Schema::of_dimensions(["job"]))?;
    let mut runs = SeriesRuns::new(columns, Arc::new([]), most, Recording::default());
    for page in pages {
        runs.add_page(page.iter().map(|part| row(*part)).collect(), Points::default())?;
    }
    runs.finish()?;
    let (samples, received) = (runs.samples(), runs.received());
    Ok((std::mem::take(&mut runs.sink().0), samples, received))
}

#[test]
fn of_samples_within_a_millisecond_the_last_is_taken_wherever_they_stand() {
    let whole: &[(i64, f64)] = &[(1_000_000, 1.0), (1_000_001, 2.0), (2_000_000, 3.0), (2_999_999, 4.0)];
    let expected = || vec![vec![(1, 2.0), (2, 4.0)]];
    assert_eq!(runs(&[&[("a", "up", "", whole)]], 2).unwrap(), (expected(), 2, 4));
    for cut in 0..=whole.len() {
        let (one, other) = whole.split_at(cut);
        // In two bins on a page, and on two pages.
        let parts = [("a", "up", "0", one), ("a", "up", "1", other)];
        assert_eq!(runs(&[&parts], 2).unwrap(), (expected(), 2, 4), "{cut}");
        assert_eq!(runs(&[&parts[..1], &[], &parts[1..]], 2).unwrap(), (expected(), 2, 4), "{cut}");
        // In one bin under both names, in either order.
        let both = [("a", "a:b", "0", other), ("a", "z_aZ3aZb_z", "0", one)];
        assert_eq!(runs(&[&both], 2).unwrap(), (expected(), 2, 4), "{cut}");
    }
    assert_eq!(runs(&[&[("a", "up", "", whole)]], 1).unwrap_err().name(), "SampleLimitError");
    let later: &[(i64, f64)] = &[(2_000_000, 5.0)];
    let parts = [("a", "up", "0", whole), ("a", "up", "1", later)];
    assert_eq!(runs(&[&parts], 2).unwrap(), (vec![vec![(1, 2.0), (2, 5.0)]], 2, 5));
}

#[test]
fn series_follow_each_other_and_times_are_in_order() {
    let early: &[(i64, f64)] = &[(-1, 1.0), (0, -0.0), (1_500_000, 2.0)];
    let parts = [("a", "up", "0", early), ("a", "up", "1", &[]), ("b", "up", "0", &[]), ("c", "up", "0", &early[..1])];
    let (found, samples, received) = runs(&[&parts[..2], &parts[2..]], 4).unwrap();
    assert_eq!(found, [vec![(-1, 1.0), (0, 0.0), (1, 2.0)], vec![], vec![(-1, 1.0)]]);
    assert!(found[0][1].1.is_sign_negative());
    assert_eq!((samples, received), (4, 4));
    for parts in
        [[("a", "up", "1", early), ("a", "up", "0", early)], [("b", "up", "0", early), ("a", "up", "0", early)]]
    {
        assert_eq!(runs(&[&parts], 10).unwrap_err().name(), "UnexpectedAnswerError");
    }
}
