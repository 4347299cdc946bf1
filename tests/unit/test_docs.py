"""The pages name what is there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def test_the_readme_has_its_figures() -> None:
    text = (PROJECT / "README.md").read_text()
    assert not re.search(r"\| [A-Z]{4,} \|", text), "a placeholder stands where a figure belongs"


def test_every_recipe_is_in_the_readme() -> None:
    text = (PROJECT / "README.md").read_text()
    for recipe in (PROJECT / "configs" / "pretrain").glob("*.yaml"):
        assert f"`{recipe.stem}`" in text
