"""Every recipe of docs/jq.md does what it says, with the jq that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.recipes import Recipe, output_of, recipes

CHECKOUT = Path(__file__).resolve().parents[1]
RECIPES = list(recipes((CHECKOUT / "docs" / "jq.md").read_text(encoding="utf-8")))


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 8
    text = (CHECKOUT / "docs" / "jq.md").read_text(encoding="utf-8")
    assert text.count("```sh") == len(RECIPES), "one of them has no output"


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_a_recipe_prints_what_it_says(recipe: Recipe) -> None:
    assert output_of(recipe.command, CHECKOUT) == recipe.output
    assert recipe.output.strip()
