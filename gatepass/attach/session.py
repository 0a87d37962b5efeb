"""One run of `attach` or `detach`: read → plan → (agreed) → read again and compare → apply → verify.

The caller talks: it shows the plan, asks whether to go on, and is told of each resource that is written.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from entitlements.items import api_key
from entitlements.solution import Solution
from gatepass.attach import executor, snippets
from gatepass.attach import record as records
from gatepass.attach.api_state import ApiState, exists
from gatepass.attach.attach_plan import plan_attach
from gatepass.attach.detach_plan import plan_detach
from gatepass.attach.executor import OnWritten, ReadBack
from gatepass.attach.goal import AttachOptions, Goal
from gatepass.attach.live_api import LiveApi
from gatepass.attach.plan import AttachmentPlan, ResourceChange
from gatepass.attach.record import AttachRecord, AttachStatus
from gatepass.attach.resources import DEPLOYMENT, ResourceKey
from gatepass.aws_calls import CallFailed
from gatepass.environment import Environment
from gatepass.refusals import CommandError
from gatepass.stack_outputs import stack_outputs


class ManagedApi(CommandError):
    """CloudFormation manages the API. `snippet` is what its template needs instead."""

    def __init__(self, state: ApiState, solution_id: str, authorizer_arn: str) -> None:
        """Tell what to do."""
        super().__init__(f"the stack {state.stack} manages this API, and its next deployment would take "
                         "the gate away: put the lines above into its template, with preflight as "
                         "docs/infrastructure-as-code.md has it, and before you deploy it run gatepass solutions link "
                         f"{solution_id} {state.api_id}; or pass --force-managed")  # fmt: skip
        self.snippet = snippets.for_api(state.kind, authorizer_arn)


class AttachSession:
    """One run of `attach`. `old` is the record of earlier runs."""

    def __init__(self, live: LiveApi, goal: Goal, old: AttachRecord | None) -> None:
        """`open` makes one."""
        self.live, self._goal, self._old = live, goal, old

    @classmethod
    def open(cls, environment: Environment, api_id: str, solution: Solution, options: AttachOptions, stage: str | None,
             force_managed: bool = False) -> "AttachSession":  # fmt: skip
        """Read the API. An empty `authorizer_arn` means that of the record, or else the stack's; `stage` None that of
        the record, or else the only one. Raises `CommandError`; as `ManagedApi`, whose snippet the caller has to print.
        """
        old = records.load(environment.repository, api_id)
        arn = options.authorizer_arn or (old.options.authorizer_arn if old else _authorizer_of_stack(environment))
        if len(arn.split(":")) not in (7, 8) or ":function:" not in arn:
            raise CommandError(f"--authorizer-arn: {arn} is not the ARN of a Lambda function or alias")
        stage = stage or (old.stage if old else None)
        live = LiveApi(environment.aws, environment.repository, api_id, stage, arn)
        if live.state.stack and not force_managed:
            raise ManagedApi(live.state, solution.solution_id, arn)
        if old and old.stage != live.stage:
            raise CommandError(f"the API is attached at stage {old.stage}: detach it there first")
        options = replace(options, authorizer_arn=arn)
        if old and old.status is AttachStatus.ATTACHING:
            options = options.or_those_of(old.options)
        return cls(live, Goal(solution, options), old)

    def plan(self) -> AttachmentPlan:
        """What attaching would change; raises `CommandError`."""
        return plan_attach(self.live, self._goal, self._old)

    def is_done(self, plan: AttachmentPlan) -> bool:
        """Whether there is nothing to do."""
        return not plan.changes and (self._old is None or self._old.status is AttachStatus.ATTACHED)

    def require_nothing_pending(self, plan: AttachmentPlan) -> None:
        """Raise `CommandError` where the deployment would publish other people's changes."""
        if plan.pending:
            raise CommandError("a deployment would also publish changes that others have not deployed:\n"
                               + "\n".join(plan.pending) + "\nDeploy them first, or pass --deploy-pending")  # fmt: skip

    def require_unchanged(self, plan: AttachmentPlan) -> None:
        """Read again; raise `CommandError` where the plan would be another one by now."""
        self.live.read()
        plan.require_same(self.plan())

    def apply(self, plan: AttachmentPlan, done: OnWritten) -> ReadBack:
        """Write and verify; tells what is stored otherwise. Raises `RolledBack`, `Incomplete` or `TakenOver`."""
        state, kept = self.live.state, self._kept()
        changes = {**kept, **{change.key: change for change in plan.changes}}
        read_back = {key: value for key, value in self._old.read_back.items() if key in kept} if self._old else {}
        record = AttachRecord(
            state.api_id, self._goal.solution.solution_id, AttachStatus.ATTACHING, state.kind, state.stage,
            self._goal.options, secrets.token_hex(4), changes, read_back,
        )  # fmt: skip
        return executor.attach(self.live, plan.changes, record, self._old, done)

    def _kept(self) -> Mapping[ResourceKey, ResourceChange]:
        """The record's changes that still stand: those that a detach had undone before it was cut off are over."""
        if self._old is None:
            return {}
        if self._old.status is not AttachStatus.DETACHING:
            return self._old.changes
        return {
            key: change
            for key, change in self._old.changes.items()
            if key == DEPLOYMENT or self.live.state.get(key) != change.origin
        }


class DetachSession:
    """One run of `detach`."""

    def __init__(self, environment: Environment, record: AttachRecord) -> None:
        """`open` makes one."""
        self._environment, self._record = environment, record

    @classmethod
    def open(cls, environment: Environment, api_id: str) -> "DetachSession":
        """Read the record; raises `CommandError` where there is none."""
        record = records.load(environment.repository, api_id)
        if record is None:
            raise CommandError(f"{api_id} is not attached; to remove only a link, run gatepass solutions unlink")
        return cls(environment, record)

    @cached_property
    def live(self) -> LiveApi:
        """The API, which must exist."""
        record, environment = self._record, self._environment
        return LiveApi(environment.aws, environment.repository, record.api_id, record.stage,
                       record.options.authorizer_arn, stage_may_be_gone=True)  # fmt: skip

    def api_exists(self) -> bool:
        """Whether the API has not been deleted since."""
        return exists(self._environment.aws, self._record.api_id)

    def forget(self) -> None:
        """End the attachment of an API that was deleted: what is left of it is the link and the record."""
        self._environment.repository.delete_item(api_key(self._record.api_id))
        records.delete(self._environment.repository, self._record)

    def plan(self) -> AttachmentPlan:
        """What detaching would change; raises `CommandError`."""
        return plan_detach(self.live, self._record)

    def require_nothing_pending(self, plan: AttachmentPlan) -> None:
        """Raise `CommandError` where the deployment would publish other people's changes."""
        if plan.pending:
            raise CommandError("others have deployed the stage since, so that it needs a new deployment, "
                               "which would also publish changes that are not deployed:\n" + "\n".join(plan.pending)
                               + "\nDeploy them first, or pass --deploy-pending")  # fmt: skip

    def require_unchanged(self, plan: AttachmentPlan) -> None:
        """Read again; raise `CommandError` where the plan would be another one by now."""
        self.live.read()
        plan.require_same(self.plan())

    def apply(self, plan: AttachmentPlan, done: OnWritten) -> ReadBack:
        """Put everything back and verify; tells what is stored otherwise. Raises `Incomplete` or `TakenOver`."""
        return executor.detach(self.live, plan.changes, self._record, done)


def _authorizer_of_stack(environment: Environment) -> str:
    """The output of the stack that the table belongs to."""
    stack = environment.stack
    try:
        arn = stack_outputs(environment.aws, stack).get("AuthorizerArn")
    except CallFailed as error:
        raise CommandError(f"the stack {stack} cannot be read ({error}): pass --authorizer-arn "
                           "ARN") from error  # fmt: skip
    if arn is None:
        raise CommandError(f"the stack {stack} has no output AuthorizerArn: deploy it again, or pass "
                           "--authorizer-arn ARN")  # fmt: skip
    return arn
