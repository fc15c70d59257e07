"""What the tables of options and metrics say, which the connector's own tests hold against its code."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(page, start):
    """The cells of the page's table rows that start so."""
    lines = (DOCS / page).read_text().splitlines()
    found = [line.strip("| ").split(" | ") for line in lines if line.startswith(start)]
    assert len(found) > 30
    return found


def option_rows():
    """Flags, environment variables, default and meaning of each option of the daemon."""
    # Those of a command for a person at a terminal have no variable.
    return [row for row in rows("configuration.md", "| `--") if row[1] != "none"]


def options():
    """Every flag of the binary."""
    return {flag for row in option_rows() for flag in re.findall(r"`(--[a-z0-9.-]+)`", row[0])}


def environment_variables():
    """Every variable that the binary reads."""
    return {name for row in option_rows() for name in re.findall(r"`([^`]+)`", row[1])}


def default_of(flag):
    """The default of an option, as its table writes it."""
    (default,) = [row[2].strip("`") for row in option_rows() if f"`{flag}`" in row[0]]
    return default


def reasons(outcome):
    """Every value of the label reason of the samples with this outcome."""
    lines = (DOCS / "metrics.md").read_text().split(f"| `reason`, {outcome} |")[1].splitlines()
    cells = [lines[0].split("|")[0]]
    for line in lines[1:]:
        if not line.startswith("| | "):
            break
        cells.append(line.split("|")[2])
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


def metrics():
    """Every name on /metrics, those of a histogram's series included."""
    names = [row[0].strip("`") for row in rows("metrics.md", "| `") if re.fullmatch(r"`\w+_\w+`", row[0])]
    return {name + suffix for name in names for suffix in ("", "_bucket", "_count", "_sum")}
