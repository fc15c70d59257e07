"""What the documents say of the templates is so, and their links lead somewhere."""

import re
import subprocess

import pytest

from templates import PRIVATELINK, ROOT, SERVERLESS, load

SERVERLESS_PAGE = (ROOT / "docs/serverless.md").read_text()
PAGES = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def headings(text):
    """The anchors that a page's headings make."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name, template", [("serverless", SERVERLESS), ("privatelink", PRIVATELINK)])
def test_every_parameter_is_told_with_its_default(name, template):
    table = SERVERLESS_PAGE.split(f"<!-- {name} parameters -->")[1].split(f"<!-- /{name} parameters -->")[0]
    told = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (?:none|`([^`]*)`) \|", table, re.MULTILINE)}
    parameters = load(template)["Parameters"]
    assert told == {parameter: str(settings.get("Default", "")) for parameter, settings in parameters.items()}


@pytest.mark.parametrize("page", PAGES)
def test_the_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for link in links:
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in headings(target.read_text()), f"{page} links to {link}"


def test_the_errors_of_the_page_are_the_connectors_or_timestreams():
    table = SERVERLESS_PAGE.split("## Troubleshooting")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+(?:Error|Exception|Event|Timeout))`", table))
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    unknown = {name for name in named if f'"{name}"' not in source}
    assert len(named) > 12 and not unknown, unknown
