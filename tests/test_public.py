"""What ``import pcea`` gives."""

import pcea


def test_dir_lists_the_public_names_alone() -> None:
    assert dir(pcea) == sorted(pcea.__all__)
    assert {"read", "load_model", "train"} <= set(dir(pcea))


def test_every_public_name_can_be_had() -> None:
    for name in pcea.__all__:
        assert getattr(pcea, name) is not None
