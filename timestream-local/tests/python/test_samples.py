"""What the twelve queries of AWS' sample programs ask, on records of one measure and of many, with results by hand."""

import pytest

from conftest import now_ms

# Seconds, host and CPU.
CPU = [(0, "one", 10), (1, "one", 20), (2, "one", 30), (3, "one", 40), (60, "one", 100), (90, "one", 50)]
CPU += [(0, "two", 5), (90, "two", 5)]
# The column, and what the rows are told by.
MODELS = {
    "single": ("measure_value::double", "measure_name = 'cpu_utilization'"),
    "multi": ("cpu_utilization", "measure_name = 'metrics'"),
}


def records(model, start):
    for seconds, host, cpu in CPU:
        place = [{"Name": "region", "Value": "r"}, {"Name": "az", "Value": "r-1"}, {"Name": "hostname", "Value": host}]
        both = {"Dimensions": place, "Time": str(start + 1000 * seconds)}
        if model == "single":
            yield {**both, "MeasureName": "cpu_utilization", "MeasureValue": str(cpu), "MeasureValueType": "DOUBLE"}
            yield {**both, "MeasureName": "memory_utilization", "MeasureValue": "99", "MeasureValueType": "DOUBLE"}
        else:
            pairs = [("cpu_utilization", cpu), ("memory_utilization", 99)]
            values = [{"Name": name, "Value": str(value), "Type": "DOUBLE"} for name, value in pairs]
            yield {**both, "MeasureName": "metrics", "MeasureValues": values, "MeasureValueType": "MULTI"}


@pytest.fixture(params=MODELS)
def ask(server, put, table, request):
    """Runs a query over the table with `{cpu}`, `{rows}` (of the last two hours) and `{one}` (of these, one host's)."""
    start = now_ms() // 60_000 * 60_000 - 3_600_000
    put(list(records(request.param, start)))
    cpu, condition = MODELS[request.param]
    name = ".".join(table)
    rows = f"FROM {name} WHERE {condition} AND time > ago(2h)"
    names = {"cpu": cpu, "rows": rows, "one": f"{rows} AND hostname = 'one'", "table": name, "condition": condition}
    return lambda text: server.rows(text.format(**names))


def test_percentiles_of_a_host(ask):
    percentiles = ", ".join(f"round(approx_percentile({{cpu}}, {part}), 2)" for part in (0.9, 0.95, 0.99))
    found = ask(
        f"SELECT region, az, hostname, bin(time, 15s) AS bin, round(avg({{cpu}}), 2), {percentiles} {{one}} "
        "GROUP BY region, az, hostname, bin(time, 15s) ORDER BY bin"
    )
    place = ["r", "r-1", "one"]
    assert [row[:3] + row[4:] for row in found] == [
        place + ["25.0", "40.0", "40.0", "40.0"],
        place + ["100.0"] * 4,
        place + ["50.0"] * 4,
    ]


def test_hosts_above_the_fleet(ask):
    found = ask(
        "WITH fleet AS (SELECT count(DISTINCT hostname) AS hosts, avg({cpu}) AS mean {rows}), "
        "each AS (SELECT hostname, avg({cpu}) AS mean {rows} GROUP BY region, az, hostname) "
        "SELECT each.hostname, each.mean, fleet.mean, hosts FROM fleet, each WHERE each.mean > 1.1 * fleet.mean "
        "ORDER BY each.mean DESC"
    )
    assert found == [["one", str(250 / 6), "32.5", "2"]]


def test_bins_and_what_fills_their_gaps(ask):
    bins = "SELECT hostname, bin(time, 30s) AS bin, round(avg({cpu}), 2) AS mean {one} GROUP BY hostname, bin(time, 30s)"
    assert [row[2] for row in ask(f"{bins} ORDER BY bin")] == ["25.0", "100.0", "50.0"]

    def filled(function, more=""):
        return [
            float(value)
            for [value] in ask(
                f"WITH bins AS ({bins}), filled AS (SELECT {function}(create_time_series(bin, mean), "
                f"sequence(min(bin), max(bin), 15s){more}) AS series FROM bins GROUP BY hostname) "
                "SELECT round(value, 2) FROM filled CROSS JOIN UNNEST(series)"
            )
        ]

    assert filled("interpolate_linear") == [25, 43.75, 62.5, 81.25, 100, 75, 50]
    assert filled("interpolate_locf") == [25, 25, 25, 25, 100, 100, 50]
    assert filled("interpolate_fill", ", 10.0") == [25, 10, 10, 10, 100, 10, 50]
    # Natural, through three points: the second derivative is -17.5/180 in the middle, and none at the ends.
    assert filled("interpolate_spline_cubic") == [25, 57.42, 84.38, 100.39, 100, 80.47, 50]


def test_the_last_observation_of_each_second(ask):
    found = ask(
        "WITH ends AS (SELECT hostname, min(time) AS first, max(time) AS last {rows} GROUP BY hostname), "
        "filled AS (SELECT m.hostname, interpolate_locf(create_time_series(time, {cpu}), "
        "sequence(min(ends.first), max(ends.last), 1s)) AS series "
        "FROM {table} AS m JOIN ends ON m.hostname = ends.hostname WHERE {condition} AND time > ago(2h) GROUP BY m.hostname) "
        "SELECT hostname, avg(cpu) AS mean FROM filled CROSS JOIN UNNEST(series) AS t (time, cpu) GROUP BY hostname "
        "ORDER BY mean DESC"
    )
    assert [(host, float(mean)) for host, mean in found] == [("one", pytest.approx(5390 / 91)), ("two", 5.0)]


def test_series_are_filtered_and_reduced(ask):
    series = (
        "WITH x AS (SELECT min(time) AS oldest, interpolate_linear(create_time_series(time, round({cpu}, 2)), "
        "sequence(min(time), max(time), 10s)) AS cpu {one} GROUP BY hostname) SELECT"
    )
    rising, falling = [40 + 60 * (seconds - 3) / 57 for seconds in range(10, 60, 10)], [100, 100 - 50 / 3, 100 - 100 / 3, 50]
    points = [10.0, *rising, *falling]
    [[high, count, part]] = ask(
        f"{series} filter(cpu, x -> x.value > 70.0), reduce(filter(cpu, x -> x.value > 70.0), 0, (s, x) -> s + 1, s -> s), "
        "round(reduce(cpu, CAST(ROW(0, 0) AS ROW(high bigint, total bigint)), "
        "(s, x) -> CAST(ROW(s.high + if(x.value > 70.0, 1, 0), s.total + 1) AS ROW(high bigint, total bigint)), "
        "s -> if(s.total = 0, NULL, CAST(s.high AS double) / s.total)), 4) FROM x"
    )
    assert (len(high), count, part) == (4, "4", "0.4")
    [[low]] = ask(f"{series} filter(cpu, x -> x.value < 75 AND x.time > oldest + 1m) FROM x")
    assert len(low) == 2
    assert ask(f"{series} reduce(cpu, DOUBLE '0.0', (s, x) -> s + 1, s -> s) FROM x") == [["10.0"]]
    [[mean]] = ask(
        f"{series} reduce(cpu, CAST(ROW(0.0, 0) AS ROW(sum double, count integer)), "
        "(s, x) -> CAST(ROW(x.value + s.sum, s.count + 1) AS ROW(sum double, count integer)), "
        "s -> if(s.count = 0, NULL, s.sum / s.count)) FROM x"
    )
    assert float(mean) == pytest.approx(sum(points) / 10)
