"""What the suite's own settings promise."""

import numpy as np
import pytest


@pytest.mark.parametrize("name", ["assert_allclose", "assert_array_equal"])
def test_no_number_equals_no_number_only_where_that_is_said(name):
    compare = getattr(np.testing, name)
    row = np.array([1.0, np.nan])
    compare(row[:1], row[:1])
    with pytest.raises(AssertionError, match="not a number"):
        compare(row, row)
    with pytest.raises(AssertionError, match="not a number"):
        compare(row[1], np.float32(2))
    np.testing.assert_allclose(row, row, equal_nan=True)
