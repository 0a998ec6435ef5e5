"""How often each linking rule was right on systems read by hand: shown with the rule once judged often enough."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

ENOUGH = 20
_FILE = Path(__file__).with_name("judged.json")


@lru_cache(maxsize=1)
def counts() -> Mapping[str, tuple[int, int]]:
    """Right and wrong uses by rule, as ``python -m evals.scanning --all DIR --judged`` counted them."""
    if not _FILE.is_file():
        return {}
    return {str(rule): (int(right), int(wrong)) for rule, (right, wrong) in json.loads(_FILE.read_text()).items()}


def shown(rule: str) -> str:
    """A rule for people: its name, with how often it was right when it was judged on twenty uses or more.

    Args:
        rule: as in a resolution, e.g. ``host name+deployed-env``.
    """
    right, wrong = counts().get(rule.partition("+")[0], (0, 0))
    return f"{rule}, right {right} of {right + wrong} times" if right + wrong >= ENOUGH else rule
