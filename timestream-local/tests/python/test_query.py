"""Query, CancelQuery, PrepareQuery."""

import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import cell, now_ms, record

HOUR = 3_600_000
MANY = "SELECT n FROM UNNEST(sequence(1, 2500, 1)) AS t (n)"


def error_of(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def values(page):
    return [[cell(data) for data in row["Data"]] for row in page["Rows"]]


def test_pages_follow_each_other_without_gap_or_repeat(server):
    rows = server.rows(MANY, PaginationConfig={"PageSize": 1000})
    assert rows == [[str(n)] for n in range(1, 2501)]
    assert server.rows(MANY) == rows


def test_the_first_page_with_max_rows_has_only_a_token(server):
    query = server.query()
    first = query.query(QueryString=MANY, MaxRows=10)
    assert first["Rows"] == [] and first["ColumnInfo"] == [{"Name": "n", "Type": {"ScalarType": "BIGINT"}}]
    second = query.query(QueryString=MANY, MaxRows=10, NextToken=first["NextToken"])
    assert values(second) == [[str(n)] for n in range(1, 11)]
    assert second["QueryId"] == first["QueryId"]
    fits = query.query(QueryString="SELECT 1", MaxRows=10)
    assert values(fits) == [["1"]] and "NextToken" not in fits
    status = fits["QueryStatus"]
    assert status["ProgressPercentage"] == 100.0 and status["CumulativeBytesMetered"] == 10_000_000


def test_a_token_outlives_its_page_and_can_be_asked_again(server):
    query = server.query()
    page = query.query(QueryString=MANY, MaxRows=5)
    once, again = (query.query(QueryString=MANY, MaxRows=5, NextToken=page["NextToken"]) for _ in range(2))
    assert once["Rows"] == again["Rows"] and once["NextToken"] == again["NextToken"]
    later = query.query(QueryString=MANY, MaxRows=5, NextToken=once["NextToken"])
    assert values(later)[0] == ["6"]
    code, _ = error_of(query.query, QueryString=MANY, NextToken=page["NextToken"])
    assert code == "ValidationException"
    code, message = error_of(query.query, QueryString="SELECT 1", NextToken=later["NextToken"])
    assert code == "ValidationException" and message.startswith("Invalid pagination token")


def test_pages_stay_below_a_megabyte(server):
    query, text = server.query(), "SELECT rpad('x', 2000, 'x') FROM UNNEST(sequence(1, 2000, 1)) AS t (n)"
    pages = list(query.get_paginator("query").paginate(QueryString=text))
    assert len(pages) > 3 and sum(len(page["Rows"]) for page in pages) == 2000
    assert all(len(str(page["Rows"])) < 1_100_000 for page in pages)


def test_cancel(server):
    query = server.query()
    page = query.query(QueryString=MANY, MaxRows=5)
    assert "CancellationMessage" not in query.cancel_query(QueryId=page["QueryId"])
    assert query.cancel_query(QueryId=page["QueryId"])["CancellationMessage"]
    code, message = error_of(query.query, QueryString=MANY, NextToken=page["NextToken"])
    assert code == "ConflictException" and "cancelled" in message
    assert error_of(query.cancel_query, QueryId="nope")[0] == "ValidationException"


def test_a_client_token_stands_for_one_query(server):
    query, token = server.query(), uuid.uuid4().hex
    for _ in range(2):
        assert values(query.query(QueryString="SELECT 1", ClientToken=token)) == [["1"]]
    assert error_of(query.query, QueryString="SELECT 2", ClientToken=token)[0] == "ValidationException"


def test_prepare(server, table, put):
    put([record("m", 1.5, host="a")])
    text = f'SELECT host AS h, measure_value::double + @more FROM "{table[0]}".metrics WHERE time > @from'
    prepared = server.query().prepare_query(QueryString=text, ValidateOnly=True)
    assert prepared["QueryString"] == text
    assert prepared["Columns"] == [
        {
            "Name": "h",
            "Type": {"ScalarType": "VARCHAR"},
            "DatabaseName": table[0],
            "TableName": "metrics",
            "Aliased": True,
        },
        {"Name": "_col1", "Type": {"ScalarType": "DOUBLE"}, "Aliased": False},
    ]
    assert prepared["Parameters"] == [
        {"Name": "from", "Type": {"ScalarType": "TIMESTAMP"}},
        {"Name": "more", "Type": {"ScalarType": "DOUBLE"}},
    ]
    prepare = server.query().prepare_query
    assert error_of(prepare, QueryString=text)[0] == "ValidationException"
    code, message = error_of(prepare, QueryString="SELECT @x", ValidateOnly=True)
    assert (code, message) == ("ValidationException", "line 1:8: The type of the parameter @x cannot be told")


def test_columns_have_the_types_of_the_service(server):
    text = (
        "SELECT 1 AS t_int32, 'two' AS t_varchar, TIMESTAMP '2020-08-08 01:00' AS timestamp, "
        "INTERVAL '1' day + INTERVAL '21' hour AS interval_day_to_second, INTERVAL '2' year + INTERVAL '7' month AS "
        "interval_year_to_month, DATE '2020-08-08' AS date, 2.5 AS d, 3000000000 AS b, true AS yes, NULL AS nothing"
    )
    page = server.query().query(QueryString=text)
    types = [(column["Name"], column["Type"]["ScalarType"]) for column in page["ColumnInfo"]]
    assert types == [
        ("t_int32", "INTEGER"),
        ("t_varchar", "VARCHAR"),
        ("timestamp", "TIMESTAMP"),
        ("interval_day_to_second", "INTERVAL_DAY_TO_SECOND"),
        ("interval_year_to_month", "INTERVAL_YEAR_TO_MONTH"),
        ("date", "DATE"),
        ("d", "DOUBLE"),
        ("b", "BIGINT"),
        ("yes", "BOOLEAN"),
        ("nothing", "UNKNOWN"),
    ]
    # As Grafana's data source has recorded them from the service.
    expected = ["1", "two", "2020-08-08 01:00:00.000000000", "1 21:00:00.000000000", "2-7", "2020-08-08"]
    assert values(page) == [[*expected, "2.5", "3000000000", "true", None]]


def test_time_series_are_values_of_their_own(server, table, put):
    start = now_ms() - HOUR
    put([record("cpu", value, time=start + 1000 * place, host="a") for place, value in [(2, 3.5), (0, 1.5)]])
    text = f'SELECT host, create_time_series(time, measure_value::double) AS cpu FROM "{table[0]}".metrics GROUP BY host'
    page = server.query().query(QueryString=text)
    assert page["ColumnInfo"][1] == {
        "Name": "cpu",
        "Type": {"TimeSeriesMeasureValueColumnInfo": {"Type": {"ScalarType": "DOUBLE"}}},
    }
    [[host, points]] = values(page)
    assert host == "a" and [value for _, value in points] == ["1.5", "3.5"]
    filled = server.rows(
        f"WITH s AS ({text}) SELECT value FROM s CROSS JOIN UNNEST(interpolate_linear(cpu, "
        f"sequence(from_milliseconds({start}), from_milliseconds({start + 2000}), 1s)))"
    )
    assert filled == [["1.5"], ["2.5"], ["3.5"]]


def test_queries_over_single_and_multi_measures(server, table, put):
    time = now_ms() - HOUR
    multi = {
        "Dimensions": [{"Name": "host", "Value": "a"}],
        "MeasureName": "metrics",
        "MeasureValueType": "MULTI",
        "MeasureValues": [
            {"Name": "cpu", "Value": "40.5", "Type": "DOUBLE"},
            {"Name": "up", "Value": "true", "Type": "BOOLEAN"},
            {"Name": "seen", "Value": str(time), "Type": "TIMESTAMP"},
        ],
        "Time": str(time),
    }
    put([multi, record("load", 3, "BIGINT", time, host="a"), record("load", 5, "BIGINT", time, host="b")])
    name = f'"{table[0]}".metrics'
    assert server.rows(f"SELECT host, cpu, up, seen = time FROM {name} WHERE measure_name = 'metrics'") == [
        ["a", "40.5", "true", "true"]
    ]
    assert server.rows(f"SELECT host, max(cpu), sum(measure_value::bigint) FROM {name} GROUP BY host ORDER BY host") == [
        ["a", "40.5", "3"],
        ["b", None, "5"],
    ]
    joined = f"SELECT l.host, m.cpu FROM {name} l JOIN {name} m ON l.host = m.host AND m.measure_name = 'metrics' "
    assert server.rows(joined + "WHERE l.measure_name = 'load'") == [["a", "40.5"]]
    described = server.rows(f"DESCRIBE {name}")
    assert ["cpu", "double", "MULTI"] in described and ["host", "varchar", "DIMENSION"] in described
    assert server.rows(f"SELECT count(*) FROM {name}") == [["3"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT nope FROM {}.metrics", "line 1:8: Column 'nope' does not exist"),
        ("SELECT 1 FROM\n  {}.other", "line 2:3: Table '{}.other' does not exist"),
        ("SELECT 1 FROM abc.t", "Requested database 'abc' not found for identifier 'abc.t' at line 1:15"),
        ("SELECT 'a' + 1", "line 1:8: '+' cannot be applied to varchar, integer"),
        ("SELECT json_parse('1')", "line 1:8: The function json_parse is not supported"),
        ("SELECT host FROM {}.metrics GROUP BY time", "line 1:8: 'host' must be an aggregate expression or appear in GROUP BY clause"),
        ("DELETE FROM {}.metrics", "line 1:1: DELETE is not supported"),
        ("SELECT 1 WHERE job = @job", "line 1:16: Column 'job' does not exist"),
    ],
)
def test_refusals_say_where(server, table, put, text, message):
    put([record("m", 1, host="a")])
    found = error_of(server.query().query, QueryString=text.replace("{}", table[0]))
    assert found == ("ValidationException", message.replace("{}", table[0]))


def test_what_fails_while_it_runs(server):
    query = server.query().query
    assert error_of(query, QueryString="SELECT 1 / 0") == ("QueryExecutionException", "Division by zero")
    code, message = error_of(query, QueryString="SELECT CAST('a' AS bigint)")
    assert (code, message) == ("QueryExecutionException", "Cannot cast 'a' to BIGINT")


def test_requests_are_checked(server):
    query = server.query(retries=1).query
    for wrong in [{"MaxRows": 1001}, {"ClientToken": "x" * 129}]:
        code, _ = error_of(query, QueryString="SELECT 1", **wrong)
        assert code == "ValidationException", wrong
    code, message = error_of(query, QueryString="SELECT '" + "x" * 262_144 + "'")
    assert code == "ValidationException" and "queryString" in message


def test_the_cli_queries_and_prepares(server):
    text = "SELECT 1 AS one"
    answer = server.aws("timestream-query", "query", "--query-string", text)
    assert answer["Rows"] == [{"Data": [{"ScalarValue": "1"}]}]
    prepared = server.aws("timestream-query", "prepare-query", "--query-string", text, "--validate-only")
    assert prepared["Columns"] == [{"Name": "one", "Type": {"ScalarType": "INTEGER"}, "Aliased": True}]


def test_arrays_rows_and_lambdas_have_their_types_and_values(server, table, put):
    now = now_ms()
    put([record("cpu", value, time=now + index, job="a") for index, value in enumerate((1.5, 2.5, 3.5))])
    database, name = table
    text = f"""
        WITH x AS (
            SELECT job, CREATE_TIME_SERIES(time, measure_value::double) AS series FROM "{database}"."{name}" GROUP BY job
        )
        SELECT ARRAY[1, NULL] AS numbers, CAST(ROW(job, ARRAY[2.5]) AS ROW(name varchar, list array(double))) AS pair,
            FILTER(series, x -> x.value > 2) AS kept,
            REDUCE(series, CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)),
                (s, x) -> CAST(ROW(x.value + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)),
                s -> IF(s.count = 0, NULL, s.sum / s.count)) AS average
        FROM x
    """
    answer = server.query().query(QueryString=text)
    varchar, double, integer = ({"ScalarType": kind} for kind in ("VARCHAR", "DOUBLE", "INTEGER"))
    assert [column["Type"] for column in answer["ColumnInfo"]] == [
        {"ArrayColumnInfo": {"Type": integer}},
        {
            "RowColumnInfo": [
                {"Name": "name", "Type": varchar},
                {"Name": "list", "Type": {"ArrayColumnInfo": {"Type": double}}},
            ]
        },
        {"TimeSeriesMeasureValueColumnInfo": {"Type": double}},
        double,
    ]
    [[numbers, pair, kept, average]] = server.rows(text)
    assert (numbers, pair, average) == (["1", None], ["a", ["2.5"]], "2.5")
    assert [value for _, value in kept] == ["2.5", "3.5"]
