"""A statement of Timestream's dialect as Trino has it."""

import re

UNITS = {"ns": 0.000_000_001, "us": 0.000_001, "ms": 0.001, "s": "SECOND", "m": "MINUTE", "h": "HOUR", "d": "DAY", "mo": "MONTH", "y": "YEAR"}
BINS = {"1s": "second", "1m": "minute", "1h": "hour", "1d": "day"}

# Names that differ, outside of texts. Timestream's times have nanoseconds, and no zone.
RULES = [
    (r"\bbin\((.+?), (1[smhd])\)", lambda found: f"date_trunc('{BINS[found[2]]}', {found[1]})"),
    (r"\btimestamp\b(?! *['(\x00])", "timestamp(9)"),
    (r"\bfrom_milliseconds\(", "from_unixtime_nanos(CAST(1000000 AS bigint) * "),
    (r"\bfrom_nanoseconds\(", "from_unixtime_nanos("),
    (r"\bany_value\(", "arbitrary("),
    (r"\bLIMIT (\w+) OFFSET (\w+)", r"OFFSET \2 LIMIT \1"),
    (r"(?<![\w'.])(\d+)(ns|us|ms|s|mo|m|h|d|y)\b", lambda found: interval(found[1], UNITS[found[2]])),
]
RULES = [(re.compile(pattern), replacement) for pattern, replacement in RULES]
# Literals have the precision of their digits.
MOMENT = re.compile(r"(TIMESTAMP '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?'")
TEXT = re.compile(r"'(?:[^']|'')*'")


def interval(amount, unit):
    """An interval of so many units, or of so many times this part of a second."""
    return f"INTERVAL '{amount}' {unit}" if isinstance(unit, str) else f"INTERVAL '{int(amount) * unit:.9f}' SECOND"


def of_trino(statement):
    """The statement for Trino."""
    texts = TEXT.findall(statement)
    # Texts are put aside, so that rules see the rest alone.
    bare = TEXT.sub("\x00", statement)
    for pattern, replacement in RULES:
        bare = pattern.sub(replacement, bare)
    parts = iter(texts)
    whole = re.sub("\x00", lambda _: next(parts), bare)
    return MOMENT.sub(lambda found: f"{found[1]}.{found[2] or '':<09}'", whole)
