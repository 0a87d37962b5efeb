"""Random calls to DynamoDB, such as Gatepass makes, on a few items: for comparing two stores."""

from random import Random
from typing import Any

ITEMS = 4
KEYS = [{"pk": {"S": f"user#{n % 2}"}, "sk": {"S": f"solution#{n // 2}"}} for n in range(ITEMS)]
NAMES = ("status", "plan", "total", "granted", "d20261124", "jti")
NUMBERS = {"total", "granted", "d20261124"}


def value(random: Random, name: str) -> dict[str, Any]:
    """Mostly of the attribute's own type."""
    if random.random() < 0.08:
        return random.choice([{"S": "3"}, {"N": "3"}, {"BOOL": True}])
    if name in NUMBERS:
        return {"N": str(random.randint(-2, 5))}
    return {"S": random.choice(["active", "revoked", "a", "ab", ""])}


class Expressions:
    """Writes expressions with their names and values."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, name: str = "") -> str:
        name = name or self.random.choice(NAMES)
        placeholder = f"#{name}"
        self.names[placeholder] = name
        return placeholder

    def value(self, wire: dict[str, Any]) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = wire
        return placeholder

    def condition(self, depth: int = 2) -> str:
        random, chance = self.random, self.random.random()
        if depth and chance < 0.4:
            word = random.choice((" AND ", " OR "))
            parts = [self.condition(depth - 1) for _ in range(random.randint(2, 3))]
            return word.join(f"({part})" if " AND " in part or " OR " in part else part for part in parts)
        if depth and chance < 0.5:
            return f"NOT {self._simple()}"
        return self._simple()

    def _simple(self) -> str:
        random = self.random
        name = random.choice(NAMES)
        path, kind = self.name(name), random.randrange(7)
        if kind == 0:
            return f"attribute_exists({path})"
        if kind == 1:
            return f"attribute_not_exists({path})"
        if kind == 2:
            return f"begins_with({path}, {self.value({'S': random.choice(('a', 'act', 'x'))})})"
        if kind == 3 and name in NUMBERS:
            return f"{path} BETWEEN {self.value({'N': '0'})} AND {self.value({'N': '3'})}"
        if kind == 4:
            return f"{path} IN ({', '.join(self.value(self._ordered(name)) for _ in range(random.randint(1, 3)))})"
        sign = random.choice(("=", "<>", "<", "<=", ">", ">="))
        other = random.random() < 0.25
        right = self.name(random.choice(sorted(NUMBERS))) if other else self.value(self._ordered(name))
        if other and right == path:
            return f"attribute_exists({path})"  # DynamoDB refuses to compare an attribute with itself
        return f"{path} {sign} {right}"

    def _ordered(self, name: str) -> dict[str, Any]:
        """A value of a type that can be compared."""
        found = value(self.random, name)
        return {"N": "3"} if "BOOL" in found else found

    def update(self) -> str:
        random = self.random
        names = random.sample(NAMES, random.randint(1, 4))
        parts: dict[str, list[str]] = {"SET": [], "ADD": [], "REMOVE": []}
        for name in names:
            path, chance = self.name(name), random.random()
            if chance < 0.2:
                parts["REMOVE"].append(path)
            elif chance < 0.5 and name in NUMBERS:
                parts["ADD"].append(f"{path} {self.value({'N': str(random.randint(-2, 3))})}")
            elif chance < 0.6:
                parts["SET"].append(f"{path} = if_not_exists({path}, {self.value(value(random, name))})")
            elif chance < 0.7 and name in NUMBERS:
                other = self.name(random.choice(sorted(NUMBERS)))
                parts["SET"].append(f"{path} = {other} {random.choice('+-')} {self.value({'N': '2'})}")
            else:
                parts["SET"].append(f"{path} = {self.value(value(random, name))}")
        if random.random() < 0.02:
            parts["SET"].append(f"{self.name(names[0])} = {self.value({'S': 'twice'})}")
        clauses = [clause for clause in parts if parts[clause]]
        random.shuffle(clauses)
        return " ".join(f"{clause} {', '.join(parts[clause])}" for clause in clauses)

    def parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = {"ExpressionAttributeNames": self.names} if self.names else {}
        values = dict(self.values)
        if self.random.random() < 0.01:
            values[":unused"] = {"S": "x"}
        return found | ({"ExpressionAttributeValues": values} if values else {})


def write(random: Random, kinds: tuple[str, ...], key: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """One write, as an action of a transaction is."""
    kind, expressions = random.choice(kinds), Expressions(random)
    request: dict[str, Any] = {}
    if kind == "Put":
        names = random.sample(NAMES, random.randint(0, 4))
        request["Item"] = key | {name: value(random, name) for name in names}
        if random.random() < 0.5:
            request["Item"] |= {"solution_id": {"S": request["Item"]["sk"]["S"]}, "user_id": request["Item"]["pk"]}
    else:
        request["Key"] = key
    if kind == "Update":
        request["UpdateExpression"] = expressions.update()
    if kind == "ConditionCheck" or random.random() < 0.6:
        request["ConditionExpression"] = expressions.condition()
        if random.random() < 0.6:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return kind, request | expressions.parameters()


def call(random: Random, table: str) -> tuple[str, dict[str, Any]]:
    """A call: its name as a method of boto3's client, and its parameters."""
    chance = random.random()
    if chance < 0.45:
        kind, request = write(random, ("Put", "Update", "Update", "Delete"), random.choice(KEYS))
        returned = {"Put": ("NONE", "ALL_OLD"), "Delete": ("NONE", "ALL_OLD"), "Update": ("NONE", "ALL_OLD", "ALL_NEW")}
        request |= {"TableName": table, "ReturnValues": random.choice(returned[kind])}
        return f"{kind.lower()}_item", request
    if chance < 0.75:
        kinds = ("Put", "Update", "Update", "Delete", "ConditionCheck")
        # Several actions on one item are refused by DynamoDB, and not by DynamoDB Local.
        actions = [write(random, kinds, one) for one in random.sample(KEYS, random.randint(1, 4))]
        return "transact_write_items", {"TransactItems": [{k: {"TableName": table, **r}} for k, r in actions]}
    if chance < 0.8:
        return "get_item", {"TableName": table, "Key": random.choice(KEYS), "ConsistentRead": True}
    if chance < 0.85:
        keys = random.sample(KEYS, random.randint(1, 3))
        return "transact_get_items", {"TransactItems": [{"Get": {"TableName": table, "Key": one}} for one in keys]}
    if chance < 0.88:
        keys = random.sample(KEYS, random.randint(1, 3))
        return "batch_get_item", {"RequestItems": {table: {"Keys": keys, "ConsistentRead": True}}}
    if chance < 0.96:
        return "query", {"TableName": table, "ConsistentRead": True} | _range(random)
    if chance < 0.98:
        return "query", {
            "TableName": table,
            "IndexName": "by_solution",
            "KeyConditionExpression": "solution_id = :s",
            "ExpressionAttributeValues": {":s": {"S": "solution#0"}},
        }
    return "scan", {
        "TableName": table,
        "FilterExpression": "(begins_with(pk, :pk0) AND begins_with(sk, :sk0)) OR (begins_with(pk, :pk1))",
        "ExpressionAttributeValues": {":pk0": {"S": "user#"}, ":sk0": {"S": "solution#0"}, ":pk1": {"S": "user#1"}},
        **({"ProjectionExpression": "pk, sk, jti"} if random.random() < 0.5 else {}),
    }


def _range(random: Random) -> dict[str, Any]:
    pk = {":pk": {"S": random.choice(KEYS)["pk"]["S"]}}
    if random.random() < 0.5:
        start = random.choice(("solution#", "solution#1", "a"))
        return {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": pk | {":sk": {"S": start}},
        }
    return {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": pk | {":first": {"S": "solution#0"}, ":last": {"S": "solution#0z"}},
    }
