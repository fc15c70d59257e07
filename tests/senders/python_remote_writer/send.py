"""Sends once: send.py URL."""

import sys
import time

from prometheus_remote_writer import RemoteWriter

now = int(time.time() * 1000)
with RemoteWriter(sys.argv[1]) as writer:
    done = writer.send([
        # It sends labels as they are given.
        {
            "metric": {"room": "küche", "job": "demo", "__name__": "demo_temperature_celsius"},
            "values": [20, 21.5],
            "timestamps": [now - 1000, now],
        },
        {"metric": {"__name__": "job:demo:count"}, "values": [2], "timestamps": [now]},
    ])
print(done)
