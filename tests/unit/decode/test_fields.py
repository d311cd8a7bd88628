"""What a schema's fields become."""

from __future__ import annotations

import pytest

from hailstream.decode.fields import Field, Kind, fields_of
from hailstream.errors import HailstreamError


@pytest.mark.parametrize("precision", range(1, 19))
def test_a_decimal_of_sure_bytes_fits_its_precision_and_one_more_byte_may_not(precision: int) -> None:
    field = Field("x", Kind.DECIMAL, True, precision)
    assert 2 ** (8 * field.sure_bytes) // 2 <= field.largest
    assert 2 ** (8 * (field.sure_bytes + 1)) // 2 > field.largest


def test_a_type_that_no_column_is_made_of_is_refused_by_name() -> None:
    array = {"type": "array", "items": "int"}
    with pytest.raises(HailstreamError, match="field stops of Trip"):
        fields_of({"type": "record", "name": "Trip", "fields": [{"name": "stops", "type": array}]})
