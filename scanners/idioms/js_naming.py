"""Table and collection names that JavaScript libraries make of class and model names when the code gives none."""

from __future__ import annotations

import re

_RULES = (
    (r"human$", "humans"),
    (r"(m)an$", r"\1en"),
    (r"(pe)rson$", r"\1ople"),
    (r"(child)$", r"\1ren"),
    (r"^(ox)$", r"\1en"),
    (r"(ax|test)is$", r"\1es"),
    (r"(octop|cact|foc|fung|nucle)us$", r"\1i"),
    (r"(alias|status|virus)$", r"\1es"),
    (r"(bu)s$", r"\1ses"),
    (r"(buffal|tomat|potat)o$", r"\1oes"),
    (r"([ti])um$", r"\1a"),
    (r"sis$", "ses"),
    (r"(?:([^f])fe|([lr])f)$", r"\1\2ves"),
    (r"([^aeiouy]|qu)y$", r"\1ies"),
    (r"(x|ch|ss|sh)$", r"\1es"),
    (r"(matr|vert|ind)ix|ex$", r"\1ices"),
    (r"([m|l])ouse$", r"\1ice"),
    (r"(kn|w|l)ife$", r"\1ives"),
    (r"(quiz)$", r"\1zes"),
    (r"^goose$", "geese"),
    (r"s$", "s"),
    (r"([^a-z])$", r"\1"),
    (r"$", "s"),
)
"""Rules of mongoose-legacy-pluralize, in its order."""
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), to) for pattern, to in _RULES)
_WORDS_ALONE = """advice energy excretion digestion cooperation health justice labour machinery equipment information
pollution sewage paper money species series rain rice fish sheep moose deer news expertise status media"""
_UNCOUNTABLE = frozenset(_WORDS_ALONE.split())
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def collection(model: str) -> str:
    """The collection of a mongoose model without a name of its own.

    Args:
        model: name of the model.
    """
    return plural(model.lower())


def plural(word: str) -> str:
    """An English plural by the rules mongoose and Sequelize's inflection share for ordinary words.

    Args:
        word: singular or plural.
    """
    if word.lower() in _UNCOUNTABLE:
        return word
    for pattern, to in _COMPILED:
        if pattern.search(word):
            return pattern.sub(to, word, count=1)
    return word


def snake(name: str) -> str:
    """``OrderItem`` as ``order_item``, TypeORM's and MikroORM's naming.

    Args:
        name: of a class or property.
    """
    return _WORDS.sub("_", name).lower()
