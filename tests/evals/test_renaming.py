"""A renamed copy changes whole words everywhere, and the truth with them."""

from __future__ import annotations

from pathlib import Path

from evals.renamed import Renaming, copied, renamings
from evals.systems import Shelf
from testmesh.guard.git import Repository

CARTS = Renaming("carts", {"cart": "basket", "cart-db": "store", "CART_ADDR": "BASKET_AT", "8080": "18081"}, ())


def test_words_are_renamed_only_where_they_stand_alone() -> None:
    assert CARTS.text("http://cart:8080/cart?x=CART_ADDR") == "http://basket:18081/basket?x=BASKET_AT"
    assert CARTS.text("cartoon cart_id cart-db 80800") == "cartoon cart_id store 80800"


def test_the_truth_is_renamed_but_not_its_vocabulary() -> None:
    row = {"repo": "a/cart", "service": "cart", "protocol": "http", "more": ["src/cart/a.py:8"]}
    assert CARTS.row(row) == {"repo": "a/cart", "service": "basket", "protocol": "http", "more": ["src/basket/a.py:8"]}


def test_a_copy_holds_every_file_under_its_new_name(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "from")
    commit = shelf.commit({"cart/app.py": "CART_ADDR = 'cart'\n", "readme": "x"})
    folder, made = copied(CARTS, shelf.path, commit, tmp_path / "to")
    entries = {e.path: e.oid for e in Repository(folder).tree(made)}
    assert set(entries) == {"basket/app.py", "readme"}
    blob = next(iter(Repository(folder).blobs([entries["basket/app.py"]], limit=99)))
    assert blob.data == b"BASKET_AT = 'basket'\n"


def test_no_new_name_is_an_old_one() -> None:
    for renaming in renamings():
        assert not set(renaming.words.values()) & set(renaming.words)
        assert len(set(renaming.words.values())) == len(renaming.words)
        assert renaming.aliases
