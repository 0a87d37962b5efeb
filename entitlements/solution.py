"""A solution's configuration: read from a mapping, every fault named by its key."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from entitlements.costs import cost_of
from entitlements.identifiers import PLAN_NAME, SOLUTION_ID
from entitlements.plans import ANONYMOUS, Limits, Plan, Price
from entitlements.windows import zone

MAX_PLANS: Final = 100
"""Operands that DynamoDB's IN takes."""
MAX_COUNT: Final = 10**12
INTERVALS: Final = ("day", "week", "month", "year")
METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ROUTE: Final = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*|\$connect)")


class ConfigError(ValueError):
    """A configuration is not valid. `faults` maps each key's path (`plans.pro.price`) to what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep every fault, so that one look mends them all."""
        self.faults = dict(faults)
        super().__init__("; ".join(f"{path}: {fault}" for path, fault in self.faults.items()))


class Solution(NamedTuple):
    """A valid configuration, as `read_solution` makes it.

    `upgrade_url` is where a user gets more: the marketplace, told which solution it is about.
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

    @property
    def active(self) -> bool:
        """Whether it is switched on."""
        return self.status == "active"

    @property
    def anonymous_plan(self) -> Plan | None:
        """The plan of visitors without a token, if there is one."""
        return self.plans.get(ANONYMOUS)

    def cost_of(self, method: str, path: str) -> int:
        """The cost of a request: of the route in `costs` that its path matches most closely, else 1.

        A path is matched as API Gateway routes it, `{name}` for one segment and `{name+}` for the rest. What a backend
        may read in more than one way (encoded, with dots, in another case) costs the most of them: no other spelling
        of a path is cheaper than the route it reaches.
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
        """The configuration as YAML would say it; `read_solution` is its inverse."""
        plans: dict[str, Any] = {}
        for plan in self.plans.values():
            limits = {n: getattr(plan.limits, n) for n in ("day", "month", "lifetime")}
            plans[plan.name] = {"limits": {n: v for n, v in limits.items() if v is not None}}
            if plan.price:
                price = {"amount": plan.price.amount, "currency": plan.price.currency, "interval": plan.price.interval}
                plans[plan.name]["price"] = {n: v for n, v in price.items() if v is not None}
            if plan.credits is not None:
                plans[plan.name]["credits"] = plan.credits
        return {
            "solution_id": self.solution_id,
            "name": self.name,
            "status": self.status,
            "frontend_url": self.frontend_url,
            "return_urls": list(self.return_urls),
            "marketplace_url": self.marketplace_url,
            "timezone": self.timezone,
            "default_plan": self.default_plan,
            "plans": plans,
            "costs": dict(self.costs or {}),
            "token_delivery": self.token_delivery,
            "allow_query_token": self.allow_query_token,
            "trusted_proxies": self.trusted_proxies,
            "origin_secret_sha256": self.origin_secret_sha256,
        }


def read_solution(data: object) -> Solution:
    """Read and check a configuration; raises `ConfigError` with every fault."""
    reader = _Reader()
    solution = reader.solution(data)
    if reader.faults or solution is None:
        raise ConfigError(reader.faults)
    return solution


def solution_from_document(document: str) -> Solution:
    """Read a stored configuration; raises `ConfigError` if it is damaged."""
    try:
        return read_solution(json.loads(document))
    except json.JSONDecodeError as error:
        raise ConfigError({"document": f"not JSON: {error}"}) from error


def _given(data: Mapping[Any, Any], key: str, default: object) -> object:
    """A setting, where an empty one (YAML's null) is as good as none."""
    value = data.get(key)
    return default if value is None else value


def _with_query(url: str, **parameters: str) -> str:
    parts = urlsplit(url)
    query = urlencode(parameters)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


class _Reader:
    """Checks a mapping top down and collects the faults instead of stopping at the first."""

    KEYS: Final = (
        "solution_id", "name", "status", "frontend_url", "return_urls", "marketplace_url", "timezone", "default_plan",
        "plans", "costs", "token_delivery", "allow_query_token", "trusted_proxies", "origin_secret",
        "origin_secret_sha256",
    )  # fmt: skip

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    def solution(self, data: object) -> Solution | None:
        if not isinstance(data, Mapping):
            self.faults["(top)"] = "must be a mapping of settings"
            return None
        self._known(data, "", self.KEYS)
        plans = self._plans(data.get("plans"))
        costs = self._costs(_given(data, "costs", {}), plans)
        default = str(data.get("default_plan"))
        if plans:  # without any, that is the fault to name
            default = self._choice(data, "default_plan", tuple(p for p in plans if p != ANONYMOUS), None)
        chosen = plans.get(default)
        if chosen and (chosen.price or chosen.prepaid):
            self.faults["default_plan"] = "must be a plan without price and credits: lapsed payments fall back to it"
        timezone = self._text(data, "timezone", "UTC")
        try:
            zone(timezone)
        except ValueError as error:
            self.faults["timezone"] = str(error)
        proxies = data.get("trusted_proxies", 0)
        if type(proxies) is not int or not 0 <= proxies <= 10:
            self.faults["trusted_proxies"] = "must be a whole number from 0 to 10"
            proxies = 0
        secret = self._origin_secret(data)
        if proxies and not secret:
            self.faults["trusted_proxies"] = "needs origin_secret: without it direct callers could forge addresses"
        query_token = data.get("allow_query_token", False)
        if type(query_token) is not bool:
            self.faults["allow_query_token"] = "must be true or false"
        solution_id = self._pattern(data, "solution_id", SOLUTION_ID, "2 to 63 of a-z, 0-9 and -")
        marketplace_url = self._url(data.get("marketplace_url"), "marketplace_url")
        return Solution(
            solution_id=solution_id,
            name=self._text(data, "name"),
            status=self._choice(data, "status", ("active", "disabled"), "active"),
            plans=plans,
            default_plan=default,
            marketplace_url=marketplace_url,
            upgrade_url=_with_query(marketplace_url, solution_id=solution_id),
            frontend_url=self._url(frontend, "frontend_url")
            if (frontend := _given(data, "frontend_url", "")) != ""
            else "",
            return_urls=self._urls(_given(data, "return_urls", [])),
            timezone=timezone,
            costs=costs,
            token_delivery=self._choice(data, "token_delivery", ("query", "fragment", "code"), "query"),
            allow_query_token=query_token is True,
            trusted_proxies=proxies,
            origin_secret_sha256=secret,
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
            else:
                plans[name] = self._plan(name, value, path)
        return plans

    def _plan(self, name: str, data: Mapping[Any, Any], path: str) -> Plan:
        self._known(data, f"{path}.", ("limits", "price", "credits"))
        credits = self._count(data["credits"], f"{path}.credits") if "credits" in data else None
        if "limits" not in data and credits is None:
            self.faults[f"{path}.limits"] = "is missing: write limits: {} for an unlimited plan"
        limits = data.get("limits", {})
        if not isinstance(limits, Mapping):
            self.faults[f"{path}.limits"] = "must be a mapping of day, month or lifetime to a number"
            limits = {}
        self._known(limits, f"{path}.limits.", ("day", "month", "lifetime"))
        counts = {
            window: self._count(limits[window], f"{path}.limits.{window}")
            for window in ("day", "month", "lifetime")
            if window in limits
        }
        price = self._price(data["price"], f"{path}.price") if "price" in data else None
        if name == ANONYMOUS and (price or credits is not None):
            self.faults[path] = "the anonymous plan can have neither price nor credits: nobody is there to pay"
        return Plan(name, Limits(**counts), price, credits)

    def _price(self, data: object, path: str) -> Price | None:
        if not isinstance(data, Mapping):
            self.faults[path] = "must be a mapping, for example {amount: 49900, currency: INR, interval: month}"
            return None
        self._known(data, f"{path}.", ("amount", "currency", "interval"))
        currency = data.get("currency")
        if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
            self.faults[f"{path}.currency"] = "must be an ISO 4217 code such as INR"
            currency = ""
        interval = data.get("interval")
        if interval is not None and interval not in INTERVALS:
            self.faults[f"{path}.interval"] = f"must be one of {', '.join(INTERVALS)}"
        return Price(self._count(data.get("amount"), f"{path}.amount"), currency, interval)

    def _costs(self, data: object, plans: Mapping[str, Plan]) -> dict[str, int]:
        if not isinstance(data, Mapping):
            self.faults["costs"] = 'must be a mapping such as {"POST /search": 1}'
            return {}
        costs = {}
        limits = [x for p in plans.values() for x in (p.limits.day, p.limits.month, p.limits.lifetime) if x]
        for route, cost in data.items():
            path = f"costs.{route}"
            match = _ROUTE.fullmatch(route) if isinstance(route, str) else None
            if not match or match["method"] not in METHODS:
                self.faults[path] = 'the key must be a method and a path, such as "POST /search"'
            elif type(cost) is not int or cost < 0 or cost > MAX_COUNT:
                self.faults[path] = "must be a whole number, 0 or more"
            elif limits and cost > min(limits):
                self.faults[path] = f"must not be above the smallest limit of a plan ({min(limits)})"
            elif cost > 1 and any(p.prepaid for p in plans.values()):
                self.faults[path] = "must be 0 or 1 in a solution with a prepaid plan"
            else:
                costs[route] = cost
        return costs

    def _origin_secret(self, data: Mapping[Any, Any]) -> str:
        if "origin_secret" in data:
            secret = data["origin_secret"]
            if not isinstance(secret, str) or len(secret) < 16:
                self.faults["origin_secret"] = "must be a text of at least 16 characters"
                return ""
            return hashlib.sha256(secret.encode()).hexdigest()
        digest = data.get("origin_secret_sha256", "")
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}|", digest):
            self.faults["origin_secret_sha256"] = "must be 64 hexadecimal digits"
            return ""
        return digest

    def _known(self, data: Mapping[Any, Any], prefix: str, keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                self.faults[f"{prefix}{key}"] = f"is not a setting; known are {', '.join(keys)}"

    def _count(self, value: object, path: str) -> int:
        # bool is an int in Python, and YAML's `yes` is a bool.
        if type(value) is not int or not 1 <= value <= MAX_COUNT:
            self.faults[path] = "must be a whole number, 1 or more"
            return 1
        return value

    def _text(self, data: Mapping[Any, Any], key: str, default: str | None = None) -> str:
        value = data.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.faults[key] = "is missing" if key not in data else "must be a text"
            return ""
        return value

    def _pattern(self, data: Mapping[Any, Any], key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._text(data, key)
        if value and not pattern.fullmatch(value):
            self.faults[key] = f"must be {expected}"
        return value

    def _choice(self, data: Mapping[Any, Any], key: str, choices: tuple[str, ...], default: str | None) -> str:
        value = data.get(key, default)
        if value not in choices or not isinstance(value, str):
            self.faults[key] = (
                f"must be one of {', '.join(choices)}" if choices else "needs a plan other than anonymous"
            )
            return ""
        return value

    def _urls(self, values: object) -> tuple[str, ...]:
        if not isinstance(values, list):
            self.faults["return_urls"] = "must be a list of URLs"
            return ()
        return tuple(self._url(value, f"return_urls[{n}]") for n, value in enumerate(values))

    def _url(self, value: object, path: str) -> str:
        try:
            parts = urlsplit(value) if isinstance(value, str) else None
            local = parts is not None and parts.port != 0 and parts.hostname in ("localhost", "127.0.0.1", "::1")
        except ValueError:
            parts, local = None, False
        if not isinstance(value, str) or parts is None or not parts.hostname or parts.username is not None:
            self.faults[path] = "must be an absolute URL such as https://example.com/"
        elif parts.scheme != "https" and not (parts.scheme == "http" and local):
            self.faults[path] = "must begin with https:// (http:// only for this machine)"
        else:
            # API Gateway's templates escape nothing: a URL goes out in ASCII, percent-encoded.
            return quote(value, safe="%/:?#[]@!$&()*+,;=-._~")
        return ""
