"""What an operator asks for."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from entitlements.solution import Solution


@dataclass(frozen=True)
class AttachOptions:
    """The options of `attach`; kept in the record, so that `status` can ask the same again."""

    authorizer_arn: str
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    replace_auth: bool = False
    replace_responses: bool = False

    def or_those_of(self, earlier: "AttachOptions") -> "AttachOptions":
        """These, or where they ask for nothing, those of an earlier run, with this authorizer."""
        if self.only or self.except_ or self.replace_auth or self.replace_responses:
            return self
        return replace(earlier, authorizer_arn=self.authorizer_arn)

    def within(self, routes: Collection[str]) -> "AttachOptions":
        """The same without routes that the API does not have any more."""
        return replace(self, only=tuple(route for route in self.only if route in routes),
                       except_=tuple(route for route in self.except_ if route in routes))  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """An API of this solution, attached as the options say."""

    solution: Solution
    options: AttachOptions
