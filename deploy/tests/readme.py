"""What the README's tables say, which the connector's own tests hold against its code."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def table(name):
    return re.search(rf"<!-- {name} -->(.*)<!-- /{name} -->", README, re.DOTALL)[1]


def options():
    """Every flag of the binary."""
    return set(re.findall(r"`(--[a-z0-9.-]+)`", table("options")))


def metrics():
    """Every series name on /metrics, those of histograms included."""
    names = set(re.findall(r"^\| `(\w+)`", table("metrics"), re.MULTILINE))
    histograms = {name + suffix for name in names for suffix in ("_bucket", "_count", "_sum")}
    return names | histograms
