import pytest

from pcea.datasets import Taxonomy
from pcea.errors import InputError


def test_names_and_mask() -> None:
    taxonomy = Taxonomy(("Cup", "Hat"), ("Cup/body", "Cup/handle", "Hat/brim"), ((0, 1), (2,)))
    assert taxonomy.category_id("hat") == 1
    assert taxonomy.part_mask().tolist() == [[True, True, False], [False, False, True]]
    assert Taxonomy(("Cup",)).part_mask().shape == (1, 0)
    assert Taxonomy(taxonomy.categories, taxonomy.parts) == taxonomy


def test_repr_says_what_it_holds() -> None:
    assert repr(Taxonomy(("Cup", "Hat"))) == "Taxonomy(2 categories)"
    assert repr(Taxonomy(("Cup",), ("a", "b"), ((0, 1),))) == "Taxonomy(1 categories, 2 parts)"


def test_faults_are_named() -> None:
    with pytest.raises(InputError, match="parts_of has 3, but parts run from 0 to 0"):
        Taxonomy(("Cup",), ("Cup/body",), ((0, 3),))
    with pytest.raises(InputError, match="parts name 'Hat', which is no category"):
        Taxonomy(("Cup",), ("Cup/body", "Hat/brim"))
    with pytest.raises(InputError, match="2 parts_of for 1 categories"):
        Taxonomy(("Cup",), ("Cup/body",), ((0,), (0,)))
    with pytest.raises(InputError, match="'Cup' is named more than once"):
        Taxonomy(("Cup", "Cup"))
    with pytest.raises(InputError, match="did you mean 'Cup'"):
        Taxonomy(("Cup", "Hat")).category_id("Cop")
