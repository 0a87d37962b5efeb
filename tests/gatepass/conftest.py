"""AWS as commands that attach APIs need it."""

import pytest

from tests.gatepass.attach.conftest import make_function


@pytest.fixture(scope="session")
def aws_endpoint(moto_endpoint: str) -> str:
    """With the gate's function."""
    make_function(moto_endpoint)
    return moto_endpoint
