"""What every registered thing of a kind must hold, for the tests of plug-ins too.

A check that fails raises an ``AssertionError`` that says what is wrong::

    from pcea.testing import check_attention

    def test_mine() -> None:
        check_attention("mine", heads=4)
"""

from pcea.testing.attention import ATTENTION_CHECKS, check_attention
from pcea.testing.dataset import check_dataset
from pcea.testing.model import MODEL_CHECKS, check_model
from pcea.testing.transform import TRANSFORM_CHECKS, check_corruption, check_transform

__all__ = [
    "ATTENTION_CHECKS",
    "MODEL_CHECKS",
    "TRANSFORM_CHECKS",
    "check_attention",
    "check_corruption",
    "check_dataset",
    "check_model",
    "check_transform",
]
