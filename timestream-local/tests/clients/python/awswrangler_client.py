"""Writes three records of a data frame, single- and multi-measure, and reads them back with awswrangler."""

from datetime import datetime, timedelta, timezone

import awswrangler as wr
import pandas as pd

wr.timestream.create_database("clients")
wr.timestream.create_table("clients", "metrics", memory_retention_hours=24, magnetic_retention_days=7)
now = datetime.now(timezone.utc).replace(microsecond=0, tzinfo=None)
frame = pd.DataFrame(
    {"time": [now + timedelta(seconds=at) for at in range(3)], "job": "wr", "cpu": [1.5, 2.5, 3.5], "count": [1, 2, 3]}
)
place = {"df": frame, "database": "clients", "table": "metrics", "time_col": "time", "dimensions_cols": ["job"]}
refused = wr.timestream.write(**place, measure_col="cpu")
refused += wr.timestream.write(**place, measure_col=["cpu", "count"], measure_name="both")
assert not refused, refused
read = wr.timestream.query('SELECT time, job, cpu, "count" FROM "clients"."metrics" WHERE measure_name = \'both\' ORDER BY time')
assert read["time"].tolist() == frame["time"].tolist() and read["count"].tolist() == [1, 2, 3], read
single = 'SELECT measure_value::double AS cpu FROM "clients"."metrics" WHERE measure_name = \'cpu\' ORDER BY time'
for page in wr.timestream.query(single, chunked=True, pagination_config={"PageSize": 1}):
    for value in page["cpu"]:
        print(value)
assert wr.timestream.list_tables("clients") == ["metrics"]
