"""A solution's configuration: read from a mapping, every fault named by its key."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from entitlements.costs import cost_of
from entitlements.identifiers import PLAN_NAME, SOLUTION_ID
from entitlements.mapping_reader import MAX_COUNT, MappingReader
from entitlements.plans import ANONYMOUS, Plan, Price
from entitlements.rules import RULES, AtMost
from entitlements.windows import WINDOWS, zone

MAX_PLANS: Final = 100
"""The most operands that DynamoDB's IN accepts."""
MAX_GRACE_DAYS: Final = 30
DEFAULT_GRACE_DAYS: Final = 4
"""Razorpay retries a failed charge on each of the three days after it (T+3), so a user who is cut off before the fourth
may still pay: https://razorpay.com/docs/payments/subscriptions/payment-retries/
"""
METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE: Final = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*|\$connect)")


class ConfigError(ValueError):
    """A configuration is not valid. `faults` maps each key's path (`plans.pro.price`) to what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep every fault, so that all can be corrected at once."""
        self.faults = dict(faults)
        super().__init__("; ".join(f"{path}: {fault}" for path, fault in self.faults.items()))


class Solution(NamedTuple):
    """A valid configuration, as `read_solution` makes it.

    `upgrade_url` is where a user can upgrade: the marketplace's URL with the solution's id. `grace_days` is how long a
    recurring plan continues after the end of the time that was paid for.
    """

    solution_id: str
    name: str
    plans: Mapping[str, Plan]
    default_plan: str
    marketplace_url: str
    upgrade_url: str
    status: str = "active"
    frontend_url: str = ""
    return_urls: tuple[str, ...] = ()
    timezone: str = "UTC"
    costs: Mapping[str, int] | None = None
    token_delivery: str = "query"
    allow_query_token: bool = False
    trusted_proxies: int = 0
    origin_secret_sha256: str = ""
    grace_days: int = DEFAULT_GRACE_DAYS

    @property
    def active(self) -> bool:
        """Whether it is switched on."""
        return self.status == "active"

    @property
    def anonymous_plan(self) -> Plan | None:
        """The plan of visitors without a token, if there is one."""
        return self.plans.get(ANONYMOUS)

    def upgrade_url_after(self, refusal: str) -> str:
        """`upgrade_url` with the reason of a refusal, by which a registration is counted as coming from it."""
        return _with_query(self.upgrade_url, **{"from": refusal})

    def cost_of(self, method: str, path: str) -> int:
        """The cost of a request: of the route in `costs` that its path matches most closely, else 1.

        A path is matched as API Gateway routes it, `{name}` for one segment and `{name+}` for the rest. A path that
        backends may read in several ways (dot segments, encoded slashes, `;`, double encoding) costs the dearest entry
        of its method, and at least 1; case and percent-encoding within a segment are read both ways.
        """
        return cost_of(self.costs or {}, method, path)

    def origin_secret_matches(self, presented: str) -> bool:
        """Whether the header that the solution's proxy adds holds its secret."""
        digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
        return bool(self.origin_secret_sha256) and hmac.compare_digest(digest, self.origin_secret_sha256)

    def to_document(self) -> str:
        """The JSON text that the table keeps."""
        return json.dumps(self.to_mapping(), separators=(",", ":"), ensure_ascii=True)

    def to_mapping(self) -> dict[str, Any]:
        """The configuration's settings, as in YAML; `read_solution` is its inverse."""
        return {
            "solution_id": self.solution_id,
            "name": self.name,
            "status": self.status,
            "frontend_url": self.frontend_url,
            "return_urls": list(self.return_urls),
            "marketplace_url": self.marketplace_url,
            "timezone": self.timezone,
            "default_plan": self.default_plan,
            "plans": {name: plan.to_mapping() for name, plan in self.plans.items()},
            "costs": dict(self.costs or {}),
            "token_delivery": self.token_delivery,
            "allow_query_token": self.allow_query_token,
            "trusted_proxies": self.trusted_proxies,
            "origin_secret_sha256": self.origin_secret_sha256,
            "grace_days": self.grace_days,
        }


def read_solution(data: object, strict: bool = True) -> Solution:
    """Read and check a configuration; raises `ConfigError` with every fault. Without `strict`, unknown settings
    are ignored: see `solution_from_document`.
    """
    reader = _Reader(strict)
    solution = reader.solution(data)
    if reader.faults or solution is None:
        raise ConfigError(reader.faults)
    return solution


def solution_from_document(document: str) -> Solution:
    """Read a stored configuration; raises `ConfigError` if it is damaged.

    A later version may have written settings that this one does not know. They are ignored, so that requests still
    pass after a rollback. An unknown value is a fault: it may forbid what the known values allow. For the same reason,
    a plan that has only limits unknown to this version is left out.
    """
    try:
        data = json.loads(document)
    except (ValueError, RecursionError) as error:  # the latter where it is nested too deeply
        raise ConfigError({"document": f"not JSON: {error}"}) from error
    return read_solution(data, strict=False)


def _given(data: Mapping[Any, Any], key: str, default: object) -> object:
    """A setting; an empty one (YAML's null) counts as absent."""
    value = data.get(key)
    return default if value is None else value


def _with_query(url: str, **parameters: str) -> str:
    parts = urlsplit(url)
    query = urlencode(parameters)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


class _Reader(MappingReader):
    """Reads a solution."""

    KEYS: Final = (
        "solution_id", "name", "status", "frontend_url", "return_urls", "marketplace_url", "timezone", "default_plan",
        "plans", "costs", "token_delivery", "allow_query_token", "trusted_proxies", "origin_secret",
        "origin_secret_sha256", "grace_days",
    )  # fmt: skip

    def solution(self, data: object) -> Solution | None:
        if not isinstance(data, Mapping):
            self.faults["(top)"] = "must be a mapping of settings"
            return None
        self.known(data, "", self.KEYS)
        plans = self._plans(data.get("plans"))
        costs = self._costs(_given(data, "costs", {}), plans)
        timezone = self.text(data, "timezone", "UTC")
        try:
            zone(timezone)
        except ValueError as error:
            self.faults["timezone"] = str(error)
        proxies = self.up_to(data, "trusted_proxies", 10, 0)
        secret = self._origin_secret(data)
        if proxies and not secret:
            self.faults["trusted_proxies"] = "needs origin_secret: without it direct callers could forge addresses"
        solution_id = self.pattern(data, "solution_id", SOLUTION_ID, "2 to 63 of a-z, 0-9 and -")
        marketplace_url = self.url(data.get("marketplace_url"), "marketplace_url")
        if "marketplace_url" not in data:
            self.faults["marketplace_url"] = (
                "is missing: give the URL of the marketplace, such as https://example.com/, or deploy a stack with a "
                "portal, which is the default"
            )
        frontend_url = _given(data, "frontend_url", "")
        return Solution(
            solution_id=solution_id,
            name=self.text(data, "name"),
            status=self.choice(data, "status", ("active", "disabled"), "active"),
            plans=plans,
            default_plan=self._default_plan(data, plans),
            marketplace_url=marketplace_url,
            upgrade_url=_with_query(marketplace_url, solution_id=solution_id),
            frontend_url=self.url(frontend_url, "frontend_url") if frontend_url != "" else "",
            return_urls=self._return_urls(_given(data, "return_urls", [])),
            timezone=timezone,
            costs=costs,
            token_delivery=self.choice(data, "token_delivery", ("query", "fragment", "code"), "query"),
            allow_query_token=self.flag(data, "allow_query_token"),
            trusted_proxies=proxies,
            origin_secret_sha256=secret,
            grace_days=self.up_to(data, "grace_days", MAX_GRACE_DAYS, DEFAULT_GRACE_DAYS),
        )

    def _plans(self, data: object) -> dict[str, Plan]:
        if not isinstance(data, Mapping) or not data or len(data) > MAX_PLANS:
            self.faults["plans"] = f"must be a mapping of 1 to {MAX_PLANS} plans"
            return {}
        plans = {}
        for name, value in data.items():
            path = f"plans.{name}"
            if not isinstance(name, str) or not PLAN_NAME.fullmatch(name):
                self.faults[path] = "the name must be 1 to 63 of a-z, 0-9 and -"
            elif not isinstance(value, Mapping):
                self.faults[path] = "must be a mapping, for example {limits: {day: 10}}"
            elif plan := self._plan(name, value, path):
                plans[name] = plan
        return plans

    def _plan(self, name: str, data: Mapping[Any, Any], path: str) -> Plan | None:
        self.known(data, f"{path}.", tuple(RULES))
        rules = [rule for kind in RULES.values() for rule in kind.read(data, self, path)]
        bounded = any(rule.highest_cost for rule in rules)
        if "limits" not in data and not bounded:
            self.faults[f"{path}.limits"] = "is missing: write limits: {} for an unlimited plan"
        if data.get("limits") and not bounded and not self.strict:
            return None  # limits that only a later version knows: ignoring them all would make the plan unlimited
        # Of rules with equally much left, the first explains a decision: one that resets within a day comes last.
        brief = {window.name for window in WINDOWS if not window.everywhere}
        rules.sort(key=lambda rule: isinstance(rule, AtMost) and rule.window in brief)
        price = Price.read(data["price"], self, f"{path}.price", "credits" in data) if "price" in data else None
        plan = Plan(name, tuple(rules), price)
        if name == ANONYMOUS and not plan.free:
            self.faults[path] = "the anonymous plan can have neither price nor credits: a visitor cannot pay"
        return plan

    def _default_plan(self, data: Mapping[Any, Any], plans: Mapping[str, Plan]) -> str:
        if not plans and self.faults:
            return ""  # the faults of `plans` are reported instead
        choices = tuple(name for name in plans if name != ANONYMOUS)
        if not choices:
            self.faults["default_plan"] = "needs a plan other than anonymous"
            return ""
        name = self.choice(data, "default_plan", choices, None)
        if name and not plans[name].free:
            self.faults["default_plan"] = "must be a plan without price and credits: lapsed payments fall back to it"
        return name

    def _costs(self, data: object, plans: Mapping[str, Plan]) -> dict[str, int]:
        if not isinstance(data, Mapping):
            self.faults["costs"] = 'must be a mapping such as {"POST /search": 1}'
            return {}
        costs = {}
        rules = [rule for plan in plans.values() for rule in plan.rules]
        highest = min((highest for rule in rules if (highest := rule.highest_cost)), default=None)
        for route, cost in data.items():
            path = f"costs.{route}"
            match = _ROUTE.fullmatch(route) if isinstance(route, str) else None
            if not match or match["method"] not in METHODS:
                self.faults[path] = 'the key must be a method and a path, such as "POST /search"'
            elif type(cost) is not int or cost < 0 or cost > MAX_COUNT:
                self.faults[path] = "must be a whole number, 0 or more"
            elif highest and cost > highest[0]:
                self.faults[path] = highest[1]
            else:
                costs[route] = cost
        return costs

    def _origin_secret(self, data: Mapping[Any, Any]) -> str:
        if "origin_secret" in data:
            secret = data["origin_secret"]
            if not isinstance(secret, str) or len(secret) < 16:
                self.faults["origin_secret"] = "must be a string of at least 16 characters"
                return ""
            return hashlib.sha256(secret.encode()).hexdigest()
        digest = data.get("origin_secret_sha256", "")
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}|", digest):
            self.faults["origin_secret_sha256"] = "must be 64 hexadecimal digits"
            return ""
        return digest

    def _return_urls(self, values: object) -> tuple[str, ...]:
        if not isinstance(values, list):
            self.faults["return_urls"] = "must be a list of URLs"
            return ()
        return tuple(self.url(value, f"return_urls[{n}]") for n, value in enumerate(values))
