"""A client that a generator makes of the description registers somebody, as it stands."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gatepass.local.gateway import Api as GatewayApi
from gatepass.local.gateway import LambdaProxy, LocalGateway, Route
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.signer import SOLUTION
from token_service.web import openapi


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the package, as https://github.com/openapi-generators/openapi-python-client makes it."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(openapi.generated())
    command = ["openapi-python-client", "generate", "--meta", "none", "--path", "openapi.json"]
    done = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:], "--output-path", "gatepass_client"],
        cwd=folder, env={"PATH": str(Path(sys.executable).parent)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout.upper(), done.stdout
    sys.path.insert(0, str(folder))
    return "gatepass_client"


def test_it_registers_a_user_and_gets_the_decision_of_the_token(package: str, api: Api) -> None:
    def module(name: str) -> ModuleType:
        return importlib.import_module(f"{package}.{name}")

    models = module("models")
    with LocalGateway(GatewayApi("t", "HTTP", (Route("ANY", "$default", LambdaProxy(api.answer)),))) as server:
        client = module("client").Client(base_url=server.url, raise_on_unexpected_status=True)
        asked = models.RegistrationRequest(email=EMAIL, solution_id=SOLUTION)
        accepted = module("api.registration.register").sync(client=client, body=asked)
        assert accepted.status == "code_mailed"
        confirmation = models.ConfirmationRequest(email=EMAIL, solution_id=SOLUTION, code=api.code(), password=PASSWORD)
        welcome = module("api.registration.confirm_registration").sync(client=client, body=confirmation)
        assert welcome.token.startswith("gp1_")
        signed_in = module("client").AuthenticatedClient(base_url=server.url, token=welcome.token)
        question = models.ValidateRequest(solution_id=SOLUTION, spend=False)
        decision = module("api.validation.validate").sync(client=signed_in, body=question)
        assert (decision.reason, decision.remaining) == ("ok", 10)
        wrong = models.SessionRequest(email=EMAIL, solution_id=SOLUTION, password="wrong")
        refused = module("api.registration.sign_in").sync(client=client, body=wrong)
        assert (type(refused).__name__, refused.type_) == ("Problem", "urn:gatepass:credentials_invalid")
