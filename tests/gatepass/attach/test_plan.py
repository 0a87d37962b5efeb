"""A plan that was agreed to is carried out only while it is still the same."""

import pytest

from gatepass.attach.plan import AttachmentPlan, ResourceChange
from gatepass.attach.resources import (
    DEPLOYMENT,
    GATE,
    MARK,
    PreflightState,
    ResourceKey,
    ResourceKind,
    RouteAuthorization,
    RouteTarget,
    StageDeployment,
)
from gatepass.refusals import CommandError

SEARCH = ResourceKey(ResourceKind.ROUTE, "POST /search")
ROUTE = ResourceChange(
    SEARCH, RouteAuthorization("NONE"), RouteAuthorization("CUSTOM", GATE), RouteAuthorization("NONE")
)
THEIRS = StageDeployment("x9y8z7")


def ours(number: int) -> StageDeployment:
    return StageDeployment(f"{MARK}detach {number:08}")


def anew(number: int) -> AttachmentPlan:
    """The stage was deployed by others since: detaching deploys it anew, under a name that each plan draws."""
    return AttachmentPlan([ROUTE, ResourceChange(DEPLOYMENT, THEIRS, ours(number), ours(number))])


def test_the_name_of_a_deployment_makes_no_difference() -> None:
    anew(1).require_same(anew(2))


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [ROUTE],
        [ROUTE._replace(was=RouteAuthorization("AWS_IAM")), anew(1).changes[1]],
        [ROUTE, ResourceChange(DEPLOYMENT, StageDeployment("another"), ours(2), ours(2))],
        [ROUTE, ResourceChange(DEPLOYMENT, THEIRS, StageDeployment("before"), StageDeployment("before"))],
        list(reversed(anew(2).changes)),
    ],
)
def test_another_plan_is_refused(changes: list[ResourceChange]) -> None:
    with pytest.raises(CommandError, match="changed while the command waited for an answer"):
        anew(1).require_same(AttachmentPlan(changes))


def test_a_plan_deploys_where_it_makes_a_deployment_of_its_own() -> None:
    assert anew(1).deploys
    assert not AttachmentPlan([ROUTE]).deploys
    assert not AttachmentPlan([ResourceChange(DEPLOYMENT, ours(1), THEIRS, THEIRS)]).deploys


@pytest.mark.parametrize("origin", [None, RouteTarget("integrations/abc")])
def test_a_write_that_was_cut_off_explains_what_it_leaves(origin: "RouteTarget | None") -> None:
    change = ResourceChange(ResourceKey(ResourceKind.PREFLIGHT, "/search"), origin, PreflightState.GATE, origin)
    assert change.explains(PreflightState.PARTIAL)
    assert change.explains(None) == (origin is not None)
    assert not change.explains(PreflightState.KEPT)
