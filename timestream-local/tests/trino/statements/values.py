"""Values of each type to call functions with, as SQL: the ends of ranges, NULLs, empty and odd ones among plain ones."""

POOLS = {
    "double": [
        "0.0", "-0.0", "1.0", "1.5", "2.5", "-2.5", "-3.75", "0.1", "0.5", "1e7", "12345678.9", "1e-3", "9.99e-4", "1e15",
        "9.007199254740993e15", "9.223372036854776e18", "1e300", "-1e300", "5e-324", "1.7976931348623157e308", "infinity()",
        "-infinity()", "CAST(NULL AS double)",
    ],
    "bigint": [
        "0", "1", "2", "-1", "3", "7", "-7", "10", "64", "100", "255", "-128", "1000003", "2147483647", "2147483648",
        "-2147483649", "9223372036854775807", "-9223372036854775807", "-9223372036854775808", "CAST(5 AS bigint)",
        "CAST(-5 AS bigint)", "CAST(NULL AS bigint)",
    ],
    "integer": [
        "0", "1", "2", "-1", "3", "7", "-7", "10", "32", "100", "2147483647", "-2147483647", "-2147483648", "CAST(NULL AS integer)",
    ],
    "small": ["0", "1", "2", "3", "5", "-1", "-2", "10", "CAST(NULL AS integer)"],
    "varchar": [
        "''", "'a'", "'abc'", "'ABC'", "'a b'", "'  ab '", "'aXbXc'", "'é'", "'Straße'", "'日本語'", "'a😀b'", "'it''s'", "'1'",
        "'a,b,,c'", "'ab' || chr(9) || 'c'", "'x_y%z'", "'İ'", "'ΑΣ'", "CAST(NULL AS varchar)",
    ],
    "part": ["''", "'a'", "'b'", "'X'", "','", "' '", "'é'", "'😀'", "'abc'", "'本'", "'bX'", "CAST(NULL AS varchar)"],
    "boolean": ["true", "false", "CAST(NULL AS boolean)"],
    "timestamp": [
        "TIMESTAMP '1970-01-01 00:00:00'", "TIMESTAMP '1970-01-01 00:00:00.001'", "TIMESTAMP '1972-02-29 12:34:56'",
        "TIMESTAMP '1999-12-31 23:59:59.999999999'", "TIMESTAMP '2000-02-29 00:00:00'", "TIMESTAMP '2020-12-31 23:59:59.999'",
        "TIMESTAMP '2021-01-01 00:00:00'", "TIMESTAMP '2021-01-03 07:08:09.123456789'", "TIMESTAMP '2021-05-06 06:35:38.5'",
        "TIMESTAMP '2024-02-29 13:00:00'", "TIMESTAMP '2026-08-31 00:30:00.000000001'", "TIMESTAMP '2100-03-01 11:59:59'",
        "CAST(NULL AS timestamp)",
    ],
    "date": [
        "DATE '1970-01-01'", "DATE '1999-12-31'", "DATE '2000-02-29'", "DATE '2021-01-31'", "DATE '2024-02-29'",
        "DATE '2024-12-30'", "DATE '2100-02-28'", "CAST(NULL AS date)",
    ],
    "interval day to second": [
        "INTERVAL '0' second", "INTERVAL '1' second", "INTERVAL '-90' minute", "INTERVAL '36' hour", "INTERVAL '1' day",
        "INTERVAL '400' day",
    ],
    "interval year to month": ["INTERVAL '0' month", "INTERVAL '1' month", "INTERVAL '-13' month", "INTERVAL '2' year"],
    "array(bigint)": [
        "ARRAY[1, 2, 3]", "ARRAY[3, 1, 2, 3, NULL]", "ARRAY[NULL]", "ARRAY[-7]", "ARRAY[9223372036854775807, 0]",
        "CAST(ARRAY[] AS array(bigint))", "CAST(NULL AS array(bigint))", "sequence(1, 5)",
    ],
    "array(double)": ["ARRAY[1.5, -0.0, 0.0]", "ARRAY[2.5, NULL, 1e300]", "ARRAY[infinity(), 1.0]", "CAST(ARRAY[] AS array(double))"],
    "array(varchar)": [
        "ARRAY['a', 'b', 'a']", "ARRAY['é', NULL, '']", "ARRAY['']", "CAST(ARRAY[] AS array(varchar))",
        "CAST(NULL AS array(varchar))", "split('x,y,z', ',')",
    ],
    "array(boolean)": ["ARRAY[true, false]", "ARRAY[NULL, true]"],
    "array(timestamp)": ["ARRAY[TIMESTAMP '2021-01-01 00:00:00', TIMESTAMP '1999-12-31 23:59:59.5']"],
    "array(date)": ["ARRAY[DATE '2021-01-31', NULL, DATE '2000-02-29']"],
    "unit": [
        "'millisecond'", "'second'", "'minute'", "'hour'", "'day'", "'week'", "'month'", "'quarter'", "'year'", "'MONTH'", "'eon'",
    ],
    "pattern": [
        "'a'", "'[a-c]+'", "'\\d+'", "'(\\w)(\\w)'", "'^a'", "'c$'", "'x|b'", "'.'", "''", "'a*'", "'(?i)B'", "'\\s+'", "'[^a-z]'",
        "'(a)?b'", "'é'", "'('", "'\\bab'", "'a{2,}'", "'X'",
    ],
    "subject": [
        "'abc abd'", "'1a 2b 14m'", "''", "'aaa'", "'AbC'", "'aXbXc'", "'éa日'", "'x' || chr(10) || 'y'", "CAST(NULL AS varchar)",
    ],
}


def null(kind):
    """A NULL of the type."""
    return f"CAST(NULL AS {kind})"
