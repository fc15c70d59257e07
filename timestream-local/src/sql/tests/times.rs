//! Points and lengths of time.

use super::{check, check_refusals};

#[test]
fn iso_dates_are_read_in_all_their_forms() {
    check(&[
        (
            "SELECT from_iso8601_date('2020-05-11'), from_iso8601_date('2020-05'), from_iso8601_date('2020')",
            &["2020-05-11|2020-05-01|2020-01-01"],
        ),
        (
            "SELECT from_iso8601_date('2020-W10'), from_iso8601_date('2020-W10-3'), from_iso8601_date('2020-123')",
            &["2020-03-02|2020-03-04|2020-05-02"],
        ),
        ("SELECT from_iso8601_date('2021-W53')", &["error: Invalid format: \"2021-W53\""]),
        ("SELECT from_iso8601_date('2020-W10-8')", &["error: Invalid format: \"2020-W10-8\""]),
        ("SELECT from_iso8601_date('2021-366')", &["error: Invalid format: \"2021-366\""]),
        ("SELECT CAST('2020-W10-1' AS date)", &["error: Value cannot be cast to date: 2020-W10-1"]),
        (
            "SELECT parse_duration('42.8ms'), parse_duration('3.81 d'), parse_duration('5m'), localtimestamp = now()",
            &["0 00:00:00.043000000|3 19:26:24.000000000|0 00:05:00.000000000|true"],
        ),
        ("SELECT parse_duration('5 weeks')", &["error: Unknown time unit: weeks"]),
        (
            "SELECT human_readable_seconds(96), human_readable_seconds(3762), human_readable_seconds(56363463), human_readable_seconds(0.2)",
            &[
                "1 minute, 36 seconds|1 hour, 2 minutes, 42 seconds|93 weeks, 1 day, 8 hours, 31 minutes, 3 seconds|0 seconds",
            ],
        ),
    ]);
}

#[test]
fn times_are_made_and_taken_apart() {
    check(&[
        (
            "SELECT from_milliseconds(1620282938000), from_unixtime(1620282938.5), from_nanoseconds(1)",
            &["2021-05-06 06:35:38.000000000|2021-05-06 06:35:38.500000000|1970-01-01 00:00:00.000000001"],
        ),
        (
            "SELECT to_milliseconds(now()), to_nanoseconds(now()), to_unixtime(now()), to_milliseconds(2m), to_nanoseconds(1us)",
            &["1620282938000|1620282938000000000|1.620282938E9|120000|1000"],
        ),
        (
            "SELECT from_iso8601_timestamp('2021-05-06T08:35:38+02:00'), from_iso8601_date('2021-05-06'), to_iso8601(now())",
            &["2021-05-06 06:35:38.000000000|2021-05-06|2021-05-06T06:35:38.000000000Z"],
        ),
        (
            "SELECT current_date, current_timestamp, current_timezone(), date(now()), last_day_of_month(DATE '2020-02-03')",
            &["2021-05-06|2021-05-06 06:35:38.000000000|UTC|2021-05-06|2020-02-29"],
        ),
        (
            "SELECT extract(year FROM now()), extract(dow FROM now()), extract(doy FROM now()), quarter(now()), week(now()), year_of_week(now())",
            &["2021|4|126|2|18|2021"],
        ),
        (
            "SELECT hour(now()), minute(now()), second(now()), day(now()), month(now()), millisecond(now())",
            &["6|35|38|6|5|0"],
        ),
        (
            "SELECT TIMESTAMP '2021-05-06 01:02:03.5', DATE '2021-05-06', CAST('2021-05-06' AS timestamp), CAST(now() AS date)",
            &["2021-05-06 01:02:03.500000000|2021-05-06|2021-05-06 00:00:00.000000000|2021-05-06"],
        ),
        ("SELECT CAST('now' AS timestamp)", &["error: Value cannot be cast to timestamp: now"]),
        ("SELECT from_iso8601_timestamp('yesterday')", &["error: Invalid format: \"yesterday\""]),
        ("SELECT ago(20000d)", &["error: Timestamps before 1970 are not supported: 1966-08-03 06:35:38.000000000"]),
        ("SELECT CAST('1969-12-31' AS date)", &["error: Dates before 1970 are not supported: 1969-12-31"]),
        ("SELECT from_iso8601_date('1969')", &["error: Dates before 1970 are not supported: 1969-01-01"]),
        ("SELECT DATE '1970-01-01' - 1d", &["error: Dates before 1970 are not supported: 1969-12-31"]),
        ("SELECT from_milliseconds(9223372036855)", &["error: The timestamp is outside the years 1677 to 2262"]),
    ]);
    check_refusals(&[
        ("SELECT DATE 'x'", "line 1:13: Invalid literal: x"),
        ("SELECT DATE '1969-12-31'", "line 1:13: Invalid literal: 1969-12-31"),
        ("SELECT now() AT TIME ZONE 'CET'", "line 1:8: The expression 'now() AT TIME ZONE 'CET'' is not supported"),
    ]);
}

#[test]
fn times_before_1970_stand_in_queries_but_no_function_yields_them() {
    check(&[
        (
            "SELECT TIMESTAMP '1677-09-21 00:12:44', CAST('1969-07-20 20:17:40.5' AS timestamp)",
            &["1677-09-21 00:12:44.000000000|1969-07-20 20:17:40.500000000"],
        ),
        (
            "SELECT year(x), doy(x), hour(x), date_format(x, '%Y-%m-%d %H:%i'), to_milliseconds(x), to_iso8601(x), to_unixtime(x) \
             FROM (VALUES TIMESTAMP '1969-07-20 20:17:40.5') AS t (x)",
            &["1969|201|20|1969-07-20 20:17|-14182939500|1969-07-20T20:17:40.500000000Z|-1.41829395E7"],
        ),
        (
            "SELECT date_diff('day', TIMESTAMP '1960-01-01', TIMESTAMP '1970-01-01'), CAST(TIMESTAMP '1960-01-01' AS time), \
             date_diff('year', TIMESTAMP '1677-09-21 00:12:44', TIMESTAMP '2262-04-11 23:47:16.854775807')",
            &["3653|00:00:00.000000000|584"],
        ),
        ("SELECT count(*) FROM db.t WHERE time BETWEEN TIMESTAMP '1900-01-01' AND now()", &["4"]),
        ("SELECT date_diff('month', TIMESTAMP '1970-01-01', TIMESTAMP '1677-09-21 00:12:44')", &["-3507"]),
        ("SELECT TIMESTAMP '1969-12-31 23:59:59' + 1s", &["1970-01-01 00:00:00.000000000"]),
        (
            "SELECT TIMESTAMP '1969-12-31' + 1s",
            &["error: Timestamps before 1970 are not supported: 1969-12-31 00:00:01.000000000"],
        ),
        (
            "SELECT bin(TIMESTAMP '1969-12-31', 1h)",
            &["error: Timestamps before 1970 are not supported: 1969-12-31 00:00:00.000000000"],
        ),
        (
            "SELECT sequence(TIMESTAMP '1969-12-31', TIMESTAMP '1970-01-01', 1h)",
            &["error: Timestamps before 1970 are not supported: 1969-12-31 00:00:00.000000000"],
        ),
        ("SELECT CAST(TIMESTAMP '1969-12-31' AS date)", &["error: Dates before 1970 are not supported: 1969-12-31"]),
        (
            "SELECT CAST('1677-09-21 00:12:43.9' AS timestamp)",
            &["error: The timestamp is outside the years 1677 to 2262"],
        ),
    ]);
    check_refusals(&[
        ("SELECT TIMESTAMP '1677-09-21 00:12:43.9'", "line 1:18: Invalid literal: 1677-09-21 00:12:43.9"),
        ("SELECT TIMESTAMP '1600-01-01'", "line 1:18: Invalid literal: 1600-01-01"),
    ]);
}

#[test]
fn lengths_of_time_add_up() {
    check(&[
        (
            "SELECT 5m, 1h + 30s, 2 * 1d, -1h, INTERVAL '3' hour, 1ms, 1ns",
            &[
                "0 00:05:00.000000000|0 01:00:30.000000000|2 00:00:00.000000000|-0 01:00:00.000000000|0 03:00:00.000000000|\
             0 00:00:00.001000000|0 00:00:00.000000001",
            ],
        ),
        (
            "SELECT INTERVAL '1' day / 2, 1h * 1.5, 0.25 * 1h, INTERVAL '5' month / 2, 1ns / 2",
            &["0 12:00:00.000000000|0 01:30:00.000000000|0 00:15:00.000000000|0-2|0 00:00:00.000000000"],
        ),
        ("SELECT 1d / 0", &["error: Division by zero"]),
        (
            "SELECT greatest(NULL / y, 1), greatest(NULL * y, 1), greatest(y * NULL, 1) FROM (SELECT -0.5 AS y)",
            &["NULL|NULL|NULL"],
        ),
        ("SELECT 1d * 1e300", &["error: The interval is out of range"]),
        ("SELECT 1y, 14mo, INTERVAL '2' month * 3, 1w", &["1-0|1-2|0-6|7 00:00:00.000000000"]),
        (
            "SELECT ago(1h), now() - 1h, now() + 1mo, 1d + now()",
            &["2021-05-06 05:35:38.000000000|2021-05-06 05:35:38.000000000|2021-06-06 06:35:38.000000000|\
             2021-05-07 06:35:38.000000000"],
        ),
        (
            "SELECT DATE '2021-01-31' + 1mo, DATE '2021-01-01' + 1d, DATE '2021-01-01' - 1d",
            &["2021-02-28|2021-01-02|2020-12-31"],
        ),
        ("SELECT DATE '2021-01-01' + 1h", &["error: Cannot add hour, minutes or seconds to a date"]),
        (
            "SELECT bin(now(), 15m), bin(now(), 1d), bin(from_milliseconds(59999), 1m)",
            &["2021-05-06 06:30:00.000000000|2021-05-06 00:00:00.000000000|1970-01-01 00:00:00.000000000"],
        ),
        ("SELECT bin(now(), 0s)", &["error: The bin's width must be positive"]),
        (
            "SELECT date_trunc('hour', now()), date_trunc('week', now()), date_trunc('quarter', now()), date_trunc('month', current_date)",
            &["2021-05-06 06:00:00.000000000|2021-05-03 00:00:00.000000000|2021-04-01 00:00:00.000000000|2021-05-01"],
        ),
        (
            "SELECT date_add('day', -1, now()), date_add('month', 1, DATE '2021-01-31'), date_add('nanosecond', 5, from_milliseconds(0))",
            &["2021-05-05 06:35:38.000000000|2021-02-28|1970-01-01 00:00:00.000000005"],
        ),
        (
            "SELECT date_diff('hour', ago(90m), now()), date_diff('hour', now(), ago(90m)), date_diff('month', DATE '2021-01-31', DATE '2021-02-28')",
            &["1|-1|1"],
        ),
        ("SELECT date_trunc('eon', now())", &["error: 'eon' is not a valid Timestamp field"]),
        (
            "SELECT now() > ago(1h), time < '1970-01-01 00:00:01', DATE '2021-05-06' < now() FROM db.t LIMIT 1",
            &["true|true|true"],
        ),
        ("SELECT 1h > 59m, 1h = 60m", &["true|true"]),
    ]);
    // The guide's examples ("Date / time operators", "Supported data types").
    check(&[
        (
            "SELECT date '2022-05-21' + interval '2' day, date '2022-05-21' + 2d, date '2022-05-21' + 2day",
            &["2022-05-23|2022-05-23|2022-05-23"],
        ),
        (
            "SELECT interval '4' year + interval '2' month, typeof(interval '4' year + interval '2' month)",
            &["4-2|interval year to month"],
        ),
        (
            "SELECT timestamp '2022-06-17 01:00' - interval '7' hour, interval '6' day - interval '4' hour, 1y - 2mo",
            &["2022-06-16 18:00:00.000000000|5 20:00:00.000000000|0-10"],
        ),
        (
            "SELECT 17s, 12second, 21hour, 2d, 1month",
            &["0 00:00:17.000000000|0 00:00:12.000000000|0 21:00:00.000000000|2 00:00:00.000000000|0-1"],
        ),
    ]);
    check_refusals(&[
        // "A date or timestamp cannot be added to or subtracted from a date or timestamp."
        ("SELECT now() - ago(90m)", "line 1:8: '-' cannot be applied to timestamp, timestamp"),
        ("SELECT now() + 1", "line 1:8: '+' cannot be applied to timestamp, integer"),
        ("SELECT 1h > 1mo", "line 1:8: '>' cannot be applied to interval day to second, interval year to month"),
        (
            "SELECT bin(now(), 1mo)",
            "line 1:8: Unexpected parameters (timestamp, interval year to month) for function bin",
        ),
        ("SELECT now() > 'noon'", "line 1:8: '>' cannot be applied to timestamp, varchar"),
        ("SELECT ago('1h')", "line 1:8: Unexpected parameters (timestamp, varchar) for function subtract"),
    ]);
}

#[test]
fn times_are_written_and_read_by_pattern() {
    check(&[
        (
            "SELECT format_datetime(now(), 'yyyy-MM-dd''T''HH:mm:ss.SSSZZ'), format_datetime(now(), 'EEE, d MMM yy h a')",
            &["2021-05-06T06:35:38.000+00:00|Thu, 6 May 21 6 AM"],
        ),
        ("SELECT format_datetime(now(), 'EEEE MMMM D w x e')", &["Thursday May 126 18 2021 4"]),
        (
            "SELECT date_format(now(), '%Y-%m-%d %H:%i:%s.%f %W %b %j %p %l %%'), date_format(now(), '%T | %r')",
            &["2021-05-06 06:35:38.000000 Thursday May 126 AM 6 %|06:35:38 | 06:35:38 AM"],
        ),
        (
            "SELECT parse_datetime('2021-05-06 08:35:38 +0200', 'yyyy-MM-dd HH:mm:ss Z'), parse_datetime('6 May 2021 3 PM', 'd MMM yyyy h a')",
            &["2021-05-06 06:35:38.000000000|2021-05-06 15:00:00.000000000"],
        ),
        (
            "SELECT parse_datetime('20210506', 'yyyyMMdd'), date_parse('2021/05/06 01:02:03.25', '%Y/%m/%d %T.%f')",
            &["2021-05-06 00:00:00.000000000|2021-05-06 01:02:03.250000000"],
        ),
        (
            "SELECT CAST('2021-1-3' AS date), CAST('2021-1-03 4:05' AS timestamp)",
            &["error: Value cannot be cast to timestamp: 2021-1-03 4:05"],
        ),
        (
            "SELECT CAST('2021-1-3' AS date), CAST('2021-1-03 04:05' AS timestamp), DATE '2021-12-3'",
            &["2021-01-03|2021-01-03 04:05:00.000000000|2021-12-03"],
        ),
        (
            "SELECT CAST('2021-01-03T13:04:05' AS timestamp)",
            &["error: Value cannot be cast to timestamp: 2021-01-03T13:04:05"],
        ),
        ("SELECT from_iso8601_timestamp('2021-01-03T13:04:05')", &["2021-01-03 13:04:05.000000000"]),
        ("SELECT parse_datetime('2021-13-01', 'yyyy-MM-dd')", &["error: Invalid format: \"2021-13-01\" is no time"]),
        (
            "SELECT parse_datetime('2021-05-06x', 'yyyy-MM-dd')",
            &["error: Invalid format: \"2021-05-06x\" is malformed at \"x\""],
        ),
        ("SELECT parse_datetime('21', 'yy')", &["error: Reading a time by YearOfCentury is not supported"]),
        ("SELECT format_datetime(now(), 'GG')", &["error: The pattern component GG is not supported"]),
        ("SELECT date_format(now(), '%U')", &["error: %U not currently supported in date format string"]),
    ]);
}

#[test]
fn a_difference_that_is_no_bigint_is_an_error() {
    let (first, last) = ("TIMESTAMP '1677-09-21 00:12:44'", "TIMESTAMP '2262-04-11 23:47:16'");
    let refusal = |from, to| format!("error: bigint overflow: date_diff('nanosecond', {from}, {to})");
    let (one, two) = ("1677-09-21 00:12:44.000000000", "2262-04-11 23:47:16.000000000");
    check(&[
        (&format!("SELECT date_diff('nanosecond', {first}, {last})"), &[&refusal(one, two)]),
        (&format!("SELECT date_diff('nanosecond', {last}, {first})"), &[&refusal(two, one)]),
        (&format!("SELECT date_diff('microsecond', {last}, {first})"), &["-18446744072000000"]),
    ]);
}

#[test]
fn a_text_beside_a_time_is_one_from_1677_on() {
    check(&[
        ("SELECT TIMESTAMP '1970-01-01' > '1677-09-21 00:12:44'", &["true"]),
        ("SELECT TIMESTAMP '1970-01-01' BETWEEN '1969-12-31' AND '1970-01-02'", &["true"]),
    ]);
    check_refusals(&[(
        "SELECT TIMESTAMP '1970-01-01' > '1677-09-21 00:12:43.3'",
        "line 1:18: '>' cannot be applied to timestamp, varchar",
    )]);
}
