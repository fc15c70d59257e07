//! FORMAT and CONCAT_WS, and times of the day.

use super::arrays::values;
use super::{check, check_refusals};

#[test]
fn numbers_and_texts_are_formatted_as_java_does() {
    values(&[
        // The examples of Trino's documentation.
        ("format('%s%%', 123)", "123%"),
        ("format('%.5f', pi())", "3.14159"),
        ("format('%03d', 8)", "008"),
        ("format('%,.2f', 1234567.89)", "1,234,567.89"),
        ("format('%-7s,%7s', 'hello', 'world')", "hello  ,  world"),
        ("format('%2$s %3$s %1$s', 'a', 'b', 'c')", "b c a"),
        ("format('%s %s %s %S', true, 1.5, NULL, 'é')", "true 1.5 null É"),
        ("format('[%5.2s]', 'abc')", "[   ab]"),
        ("format('%b %b %b', NULL, false, 'x')", "false false true"),
        ("format('%d %+d % d %(d %,d', -5, 5, 5, -5, -1234567)", "-5 +5  5 (5) -1,234,567"),
        ("format('%08d|%-6d|%06d|%(6d', -42, 42, 42, -42)", "-0000042|42    |000042|  (42)"),
        ("format('%,08d', 1234)", "0001,234"),
        ("format('%d', -9223372036854775807 - 1)", "-9223372036854775808"),
        ("format('%x %X %06x %x', 255, 255, 255, -1)", "ff FF 0000ff ffffffffffffffff"),
        ("format('%f %f %f', 1.5, -0.0, 1e10)", "1.500000 -0.000000 10000000000.000000"),
        ("format('%.0f %.0f %.0f %.0f', 0.5, 1.5, 2.5, 0.4)", "1 2 3 0"),
        // Halves of the shortest decimal go up, unlike those of the binary number.
        ("format('%.1f %.2f %.1f', 0.15, 1.005, 0.05)", "0.2 1.01 0.1"),
        ("format('%.3f %.3f %.1f', 0.0004, 0.0005, 99.95)", "0.000 0.001 100.0"),
        ("format('%09.2f|%+.1f|%(.1f', -1.5, 1.5, -1.5)", "-00001.50|+1.5|(1.5)"),
        ("format('%e %.2e %E %.0e', 12345.678, 0.00012345, 0.0, 9.5)", "1.234568e+04 1.23e-04 0.000000E+00 1e+01"),
        ("format('%12.3e|', -1e100)", " -1.000e+100|"),
        (
            "format('%f %5.1f %05.1f %+f', nan(), infinity(), -infinity(), infinity())",
            "NaN Infinity -Infinity +Infinity",
        ),
        ("format('%8f|%-8f|', nan(), nan())", "     NaN|NaN     |"),
        ("format('%5d|%f|%x', NULL, NULL, NULL)", " null|null|null"),
        ("format('a%nb', 1) = 'a' || chr(10) || 'b'", "true"),
        ("format(NULL, 1)", "NULL"),
        ("format('%d', 1.5)", "error: Invalid format string: %d (IllegalFormatConversion: d != java.lang.Double)"),
        ("format('%f', 1)", "error: Invalid format string: %f (IllegalFormatConversion: f != java.lang.Long)"),
        ("format('%d', 'x')", "error: Invalid format string: %d (IllegalFormatConversion: d != java.lang.String)"),
        ("format('%s %s', 1)", "error: Invalid format string: %s %s (MissingFormatArgument: Format specifier '%s')"),
        ("format('%', 1)", "error: Invalid format string: % (UnknownFormatConversion: Conversion = '%')"),
        ("format('%.2d', 1)", "error: Invalid format string: %.2d (IllegalFormatPrecision: 2)"),
        ("format('%-d', 1)", "error: Invalid format string: %-d (MissingFormatWidth: %-d)"),
        (
            "format('%,x', 1)",
            "error: Invalid format string: %,x (FormatFlagsConversionMismatch: Conversion = x, Flags = ,)",
        ),
        ("format('%++d', 1)", "error: Invalid format string: %++d (DuplicateFormatFlags: Flags = '+')"),
        ("format('%+ d', 1)", "error: Invalid format string: %+ d (IllegalFormatFlags: Flags = '+ ')"),
        ("format('%h', 1)", "error: Invalid format string: %h (The specifier '%h' is not supported)"),
        ("format('%99999d', 1)", "error: Invalid format string: %99999d (The specifier '%99999d' is not supported)"),
    ]);
    check_refusals(&[
        ("SELECT format('%s', now())", "line 1:8: FORMAT of timestamp is not supported"),
        ("SELECT format('%s')", "line 1:8: Unexpected parameters (varchar) for function format"),
        ("SELECT format(1, 2)", "line 1:8: Unexpected parameters (integer, integer) for function format"),
    ]);
}

#[test]
fn texts_are_joined_with_a_separator() {
    values(&[
        ("concat_ws('-', 'a', NULL, '', 'b')", "a--b"),
        ("concat_ws('-', NULL, NULL)", ""),
        ("concat_ws(NULL, 'a', 'b')", "NULL"),
        ("concat_ws(',', ARRAY['a', NULL, 'b'])", "a,b"),
        ("concat_ws(',', split('a b', ' '))", "a,b"),
    ]);
    check_refusals(&[
        ("SELECT concat_ws('-', 1)", "line 1:8: Unexpected parameters (varchar, integer) for function concat_ws"),
        ("SELECT concat_ws('-')", "line 1:8: Unexpected parameters (varchar) for function concat_ws"),
    ]);
}

#[test]
fn times_of_the_day_are_values() {
    check(&[
        ("SELECT current_time, localtime, typeof(current_time)", &["06:35:38.000000000|06:35:38.000000000|time"]),
        (
            "SELECT TIME '01:02', TIME '17:02:07.496', CAST('23:59:59.999999999' AS time), CAST(now() AS time)",
            &["01:02:00.000000000|17:02:07.496000000|23:59:59.999999999|06:35:38.000000000"],
        ),
        (
            "SELECT TIME '01:02' < TIME '01:03', CAST(TIME '01:02' AS varchar), max(CAST(time AS time)) FROM db.t",
            &["true|01:02:00.000000000|00:01:00.000000000"],
        ),
        ("SELECT CAST('24:00' AS time)", &["error: Value cannot be cast to time: 24:00"]),
    ]);
    check_refusals(&[
        ("SELECT TIME '1:02'", "line 1:13: Invalid literal: 1:02"),
        ("SELECT TIME '01:02' = now()", "line 1:13: '=' cannot be applied to timestamp, time"),
        ("SELECT current_time + 1h", "line 1:8: '+' cannot be applied to time, interval day to second"),
    ]);
}
