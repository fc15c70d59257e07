"""Times as text, by format strings and ISO 8601, and units of time."""

from .values import POOLS

MYSQL = [
    "%Y-%m-%d %H:%i:%s", "%Y-%m-%d %H:%i:%s.%f", "%y", "%c/%e", "%M %b", "%j", "%x-%v", "%W %a", "%k:%l", "%h %I %p", "%r", "%T", "%S", "100%%", "%z", "é%d", "",
    "%D", "%U", "%u", "%V", "%w", "%X", "%", "%Yx%m", "%f",
]
JODA = [
    "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS", "y", "yy", "yyy", "YYYY", "M", "MM", "MMM", "MMMM", "d", "dd", "D", "DDD", "xxxx-'W'ww-e", "w", "ww", "e", "E", "EEE",
    "EEEE", "H", "h a", "hh:mm a", "m:s", "S", "SS", "SSSSSS", "SSSSSSSSS", "Z", "ZZ", "''", "'it''s' yyyy", "'open", "k K", "C", "G", "z", "ZZZ", "b", "é", "x", "xx", "",
]
PARSED_MYSQL = [
    ("2021-05-06 07:08:09", "%Y-%m-%d %H:%i:%s"), ("2021-05-06 07:08:09.25", "%Y-%m-%d %H:%i:%s.%f"), ("2021-05-06", "%Y-%m-%d"), ("2021-5-6", "%Y-%c-%e"), ("5/6/2021", "%m/%d/%Y"),
    ("2021", "%Y"), ("May 6 2021", "%M %e %Y"), ("may 06 2021", "%b %d %Y"), ("11:30 PM", "%h:%i %p"), ("11:30:15 pm", "%r"), ("23:15:01", "%T"), ("2021-13-01", "%Y-%m-%d"),
    ("2021-02-29", "%Y-%m-%d"), ("x", "%Y"), ("", "%Y"), ("2021-05-06x", "%Y-%m-%d"), ("20210506", "%Y%m%d"), ("2021 5%", "%Y %c%%"), ("24:00", "%H:%i"), ("12 AM", "%h %p"), ("12 PM", "%I %p"),
    ("2021-05-06", "%Y-%m-%d %H"), ("1", "%D"), ("2021-126", "%Y-%j"), ("Thursday 2021-05-06", "%W %Y-%m-%d"), ("Friday 2021-05-06", "%W %Y-%m-%d"), ("7:5:3", "%k:%i:%s"), (" 2021", "%Y"),
    ("2021-05-06 07:08:09.123456789", "%Y-%m-%d %H:%i:%s.%f"), ("0099", "%Y"), ("10000-01-01", "%Y-%m-%d"), ("2021 ", "%Y"), ("13 AM", "%h %p"), ("0 AM", "%h %p"),
]
PARSED_JODA = [
    ("2021-05-06 07:08:09", "yyyy-MM-dd HH:mm:ss"), ("2021-05-06T07:08:09.123", "yyyy-MM-dd'T'HH:mm:ss.SSS"), ("2021-5-6", "y-M-d"), ("6 May 2021", "d MMM yyyy"), ("6 may 2021", "d MMMM yyyy"),
    ("2021-05-06 07:08 +02:00", "yyyy-MM-dd HH:mm ZZ"), ("2021-05-06 07:08 +0200", "yyyy-MM-dd HH:mm Z"), ("07:08 PM", "hh:mm a"), ("20210506", "yyyyMMdd"), ("2021-02-30", "yyyy-MM-dd"), ("x", "yyyy"),
    ("2021-05-06 24:00", "yyyy-MM-dd HH:mm"), ("2021x", "yyyy'x'"), ("2021", "yyyy'x'"), ("Thu 2021-05-06", "EEE yyyy-MM-dd"), ("Fri 2021-05-06", "EEE yyyy-MM-dd"), ("12", "hh"), ("2021-126", "yyyy-DDD"),
    ("2021-05-06 07:08:09.5", "yyyy-MM-dd HH:mm:ss.S"), ("2021-05-06 07:08:09.55", "yyyy-MM-dd HH:mm:ss.S"), ("2021-05-06 07:08 -1130", "yyyy-MM-dd HH:mm Z"), ("2021-05-06 Z", "yyyy-MM-dd ZZ"),
]
ISO_TIMES = [
    "2021-05-06", "2021-05-06T07:08", "2021-05-06T07:08:09", "2021-05-06T07:08:09Z", "2021-05-06T07:08:09.5Z", "2021-05-06T07:08:09+02:00", "2021-05-06T07:08:09.123456789-05:30", "2021-05",
    "2021", "2021-126", "2021-W18-4", "2021-W18", "2021-05-06 07:08:09", "T07:08", "2021-05-06T", "2021-05-06T07", "2021-02-29", "20210506", "2021-05-06T24:00:00", "2021-5-6", "x", "2021-05-06T07:08:09+0200",
    "2021-05-06T07:08:09+02", "2021-05-06T07:08:09,5", "+2021-05-06", "2021-05-06T25:00", "2021-05-06z", "2021-05-06T07.5", "2021-05-06T07:08.5",
]
DURATIONS = ["42.8ms", "3.81 d", "5m", "1h", "0s", "1.5us", "900000ns", "x", "5", "-1s", "1 week", "2.5h", "1e3s", "5 M", "", ".5s", "7d", "1  s", "100000d"]
UNITS = ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"]
FIELDS = ["year", "quarter", "month", "week", "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy", "year_of_week", "yow", "hour", "minute", "second"]
SHORT = ["1s", "90m", "36h", "2d", "1mo", "13mo", "1y", "500ms"]
BINS = ["1s", "1m", "1h", "1d"]
OLD = [
    "TIMESTAMP '1677-09-21 00:12:44'", "CAST('1899-12-31 23:59:59.999' AS timestamp)", "TIMESTAMP '1969-12-31 23:59:59.999'", "TIMESTAMP '1900-03-01 00:00:00'", "CAST('1752-09-14' AS timestamp)",
    "TIMESTAMP '1968-02-29 12:30:00.25'",
]


def statements(rng):
    """Statements about times."""
    moments = POOLS["timestamp"]
    for name, formats in (("date_format", MYSQL), ("format_datetime", JODA)):
        for text in formats:
            for moment in rng.sample(moments, 3):
                yield f"SELECT {name}({moment}, '{text}')" if "'" not in text else f"SELECT {name}({moment}, '{quoted(text)}')"
            yield f"SELECT {name}({rng.choice(POOLS['date'])}, '{quoted(text)}')"
    for name, cases in (("date_parse", PARSED_MYSQL), ("parse_datetime", PARSED_JODA)):
        for subject, text in cases:
            yield f"SELECT {name}('{subject}', '{quoted(text)}')"
            yield f"SELECT year(try({name}('{subject}', '{quoted(text)}')))"
    for text in ISO_TIMES:
        yield f"SELECT from_iso8601_timestamp('{text}')"
        yield f"SELECT from_iso8601_date('{text}')"
        yield f"SELECT date('{text}')"
    for text in DURATIONS:
        yield f"SELECT parse_duration('{text}')"
    for moment in moments:
        yield f"SELECT {', '.join(f'extract({field} FROM {moment})' for field in FIELDS)}"
        yield f"SELECT {', '.join(f'date_trunc({unit!r}, {moment})' for unit in UNITS)}"
        amount = rng.choice([1, -1, 3, 13])
        yield f"SELECT {', '.join(f'date_add({unit!r}, {amount}, {moment})' for unit in UNITS)}"
        other = rng.choice(moments)
        yield f"SELECT {', '.join(f'date_diff({unit!r}, {moment}, {other})' for unit in UNITS)}"
        yield f"SELECT date({moment}), CAST({moment} AS date), CAST({moment} AS varchar), last_day_of_month({moment})"
        yield f"SELECT {', '.join(f'bin({moment}, {width})' for width in BINS)}"
        for length in rng.sample(SHORT, 3):
            yield f"SELECT {moment} + {length}, {moment} - {length}"
    for length in SHORT:
        yield f"SELECT {length}, {length} * 2, -{length}"
    for moment in OLD:
        yield f"SELECT {moment}, {moment} < TIMESTAMP '1970-01-01 00:00:00'"
        yield f"SELECT {', '.join(f'extract({field} FROM {moment})' for field in FIELDS)}"
        yield f"SELECT date_format({moment}, '%Y-%m-%d %H:%i:%s %a %j'), format_datetime({moment}, 'yyyy-MM-dd''T''HH:mm:ss.SSS EEEE w')"
        for other in [rng.choice(OLD), rng.choice(moments)]:
            yield f"SELECT {', '.join(f'date_diff({unit!r}, {moment}, {other})' for unit in UNITS)}"
            yield f"SELECT {', '.join(f'date_diff({unit!r}, {other}, {moment})' for unit in UNITS)}"
            yield f"SELECT {moment} < {other}, greatest({moment}, {other}), nullif({moment}, {other})"
        yield f"SELECT to_unixtime({moment}), {moment} + INTERVAL '250' year"
        yield f"SELECT date_trunc('second', {moment}), date_add('second', 1, {moment})"
    old = ", ".join(OLD)
    yield f"SELECT x FROM (VALUES {old}, {', '.join(moments)}) AS t (x) ORDER BY x DESC"
    yield f"SELECT min(x), max(x), count(DISTINCT x) FROM (VALUES {old}) AS t (x)"


def quoted(text):
    """A text for a literal."""
    return text.replace("'", "''")
