"""The measurement of the usage function compares every total, and finds what is wrong."""

import pytest

from benchmarks import usage


def test_it_counts_and_compares(dynamodb_local_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = usage.run(dynamodb_local_endpoint, 1500)
    assert (result.exact, result.changes) == (True, 1500)
    assert 0 < result.units["write"] < 2.1 * 1500
    assert "totals              exact" in result.report()
    monkeypatch.setattr(usage, "SHARDS", 3)  # where it does not look at all parts
    assert not usage.run(dynamodb_local_endpoint, 1500).exact
