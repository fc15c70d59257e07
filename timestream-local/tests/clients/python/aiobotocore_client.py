"""Writes three records and reads them back, a row on a page, with aiobotocore."""

import asyncio
import time

from aiobotocore.session import get_session

PLACE = {"DatabaseName": "clients", "TableName": "metrics"}


async def main():
    session = get_session()
    async with session.create_client("timestream-write") as write:
        await write.create_database(DatabaseName=PLACE["DatabaseName"])
        await write.create_table(**PLACE)
        now = int(time.time() * 1000)
        common = {"Dimensions": [{"Name": "job", "Value": "aio"}], "MeasureName": "cpu", "MeasureValueType": "DOUBLE"}
        records = [{"MeasureValue": value, "Time": str(now + at)} for at, value in enumerate(["1.5", "2.5", "3.5"])]
        await write.write_records(**PLACE, CommonAttributes=common, Records=records)
    sql = 'SELECT measure_value::double FROM "clients"."metrics" ORDER BY time'
    async with session.create_client("timestream-query") as query:
        pages = query.get_paginator("query").paginate(QueryString=sql, PaginationConfig={"PageSize": 1})
        async for page in pages:
            for row in page["Rows"]:
                print(row["Data"][0]["ScalarValue"])


asyncio.run(main())
