"""Answers of both sides in one form, and how they are compared.

An answer is {"types": [...], "rows": [...]} or {"error": ...}. Values are texts, NULLs, and lists of them.
"""

import datetime
import http.client
import json
import re
import struct

# What is not computed exactly: libraries of mathematics, and the order of sums, differ in the last bits.
INEXACT = re.compile(
    r"\b(acos|asin|atan|atan2|cbrt|cos|cosh|exp|ln|log|log2|log10|pow|power|sin|sinh|tan|tanh"
    r"|corr|covar_pop|covar_samp|geometric_mean|kurtosis|regr_intercept|regr_slope|skewness"
    r"|stddev|stddev_pop|stddev_samp|var_pop|var_samp|variance)\("
)
ULPS = 64


class Timestream:
    """The Query operation of a server."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def call(self, body):
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "Timestream_20181101.Query"}
        self.connection.request("POST", "/", json.dumps(body), headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def answer(self, statement):
        rows, request = [], {"QueryString": statement}
        while True:
            status, page = self.call(request)
            if status != 200:
                return {"error": page.get("__type", str(status)), "message": page.get("message", page.get("Message", ""))}
            rows += [[datum(value) for value in row["Data"]] for row in page["Rows"]]
            if "NextToken" not in page:
                return {"types": [type_name(column["Type"]) for column in page["ColumnInfo"]], "rows": rows}
            request = {"QueryString": statement, "NextToken": page["NextToken"]}


def datum(value):
    """A Datum of the API."""
    if value.get("NullValue"):
        return None
    if "ArrayValue" in value:
        return [datum(element) for element in value["ArrayValue"]]
    if "RowValue" in value:
        return [datum(field) for field in value["RowValue"]["Data"]]
    return value["ScalarValue"]


def type_name(kind):
    """A Type of the API."""
    if "ArrayColumnInfo" in kind:
        return f"array({type_name(kind['ArrayColumnInfo']['Type'])})"
    if "RowColumnInfo" in kind:
        return f"row({', '.join(type_name(field['Type']) for field in kind['RowColumnInfo'])})"
    return kind["ScalarType"].lower().replace("_", " ")


def normal(answer):
    """Trino's answer with Timestream's types and texts."""
    if "error" in answer:
        return answer
    kinds = [Kind.read(name) for name in answer["types"]]
    rows = [[kind.text(value) for kind, value in zip(kinds, row, strict=True)] for row in answer["rows"]]
    return {"types": [kind.name() for kind in kinds], "rows": rows}


class Kind:
    """A type, and its parts."""

    def __init__(self, base, parts=()):
        self.base, self.parts = base, list(parts)

    @staticmethod
    def read(name):
        kind, rest = Kind.first(name)
        if rest:
            raise ValueError(f"{name}: {rest}")
        return kind

    @staticmethod
    def first(name):
        """The type that a text begins with, and what is behind it."""
        if found := re.match(r"(array|row)\(", name):
            parts, rest = [], name[found.end() :]
            while True:
                # The name of a row's field.
                if found[1] == "row" and (field := re.match(r'(?!interval )("[^"]*"|\w+) ', rest)):
                    rest = rest[field.end() :]
                part, rest = Kind.first(rest)
                parts.append(part)
                if rest.startswith(")"):
                    return Kind(found[1], parts), rest[1:]
                rest = rest.removeprefix(", ")
        found = re.match(r"interval \w+ to \w+|[a-z]+(\(\d+(, ?\d+)?\))?( with time zone)?", name)
        base = re.sub(r"\(.*?\)| with time zone", "", found[0])
        base = {"char": "varchar", "smallint": "integer", "tinyint": "integer", "real": "double", "decimal": "double"}.get(base, base)
        return Kind(base), name[found.end() :]

    def name(self):
        return f"{self.base}({', '.join(part.name() for part in self.parts)})" if self.parts else self.base

    def text(self, value):
        """A value as Timestream writes it."""
        if value is None:
            return None
        if self.base == "array":
            return [self.parts[0].text(element) for element in value]
        if self.base == "row":
            return [part.text(field) for part, field in zip(self.parts, value, strict=True)]
        if self.base == "double":
            return java_double(float(value.replace("Infinity", "inf")))
        if self.base == "timestamp":
            return utc(value)
        if self.base == "interval day to second":
            whole, _, fraction = value.partition(".")
            return f"{whole}.{fraction:<09}"
        return value


def utc(value):
    """A timestamp, maybe with a zone, as one in UTC with nanoseconds."""
    date, clock, *zone = value.split(" ")
    clock, _, fraction = clock.partition(".")
    if found := re.fullmatch(r"([+-])(\d\d):(\d\d)", " ".join(zone)):
        shift = datetime.timedelta(hours=int(found[2]), minutes=int(found[3])) * (-1 if found[1] == "-" else 1)
        date, clock = (datetime.datetime.fromisoformat(f"{date} {clock}") - shift).isoformat(" ").split(" ")
    return f"{date} {clock}.{fraction:<09}"


def java_double(number):
    """The shortest decimal, as Java writes it."""
    if number != number:
        return "NaN"
    text = repr(number)
    if "inf" in text:
        return text.replace("inf", "Infinity")
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return sign + text
    if abs(number) < 2.2250738585072014e-308 and float(f"{abs(number):.1e}") == abs(number):
        # Java writes two digits at least.
        text = f"{abs(number):.1e}"
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = whole + fraction
    power = int(exponent or 0) + len(whole) - 1 - (len(digits) - len(digits.lstrip("0")))
    digits = digits.strip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"


def bits(text):
    """A double's place among all doubles."""
    try:
        number = float(text.replace("Infinity", "inf"))
    except ValueError:
        return None
    (place,) = struct.unpack("<q", struct.pack("<d", number))
    return place if place >= 0 else -(place & 0x7FFF_FFFF_FFFF_FFFF)


def are_close(one, two):
    """Whether values are the same, but for the last bits of doubles."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(are_close, one, two))
    if one == two or one is None or two is None or isinstance(one, list) or isinstance(two, list):
        return one == two
    if not re.search(r"[.IN]", one + two):
        return False
    first, second = bits(one), bits(two)
    return first is not None and second is not None and abs(first - second) <= ULPS


def is_exact(statement):
    """Whether the doubles of the statement's answer are the same on all machines."""
    return not INEXACT.search(statement)


def is_ordered(statement):
    """Whether the statement gives its rows an order."""
    depth, place = 0, -1
    for found in re.finditer(r"'(?:[^']|'')*'|[()]|ORDER BY", statement):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        place = found.start() if found[0] == "ORDER BY" and depth == 0 else place
    return place >= 0


def agree(statement, trino, ours):
    """Whether both sides answer the same. Two errors are the same."""
    if "error" in trino or "error" in ours:
        return "error" in trino and "error" in ours
    if trino["types"] != ours["types"] or len(trino["rows"]) != len(ours["rows"]):
        return False
    one, two = trino["rows"], ours["rows"]
    if not is_ordered(statement):
        one, two = sorted(one, key=json.dumps), sorted(two, key=json.dumps)
    return one == two or (not is_exact(statement) and are_close(one, two))
