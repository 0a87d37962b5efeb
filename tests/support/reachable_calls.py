"""Which AWS calls a Lambda function can make, read from its code: what can be reached from its handler, by name.

A name stands for every function, method, or class of that name in the modules that the handler imports: wider than what
runs, so that no call is missed. Four rules keep it narrow enough to compare with a role:

- a private name (`_x`) is one of its own module;
- a method counts where its class is named somewhere that can be reached;
- an attribute that is not called is the property of that name, if there is one, and else a function that is handed on;
- what is called by a name that is defined here is that, and not an AWS operation.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

import botocore.session
from botocore import xform_name

from tests.support.emulators import ROOT

PACKAGES: Final = ("authorizer", "entitlements", "token_service")
SERVICES: Final = (
    "apigateway", "apigatewayv2", "cloudwatch", "cognito-idp", "dynamodb", "events", "kms", "secretsmanager"
)  # fmt: skip
"""Those that functions call: a test compares this with the clients that they make (`clients`)."""
PARTS: Final = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
"""The parts of a transaction, and what each needs:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""
Node = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class Definition(NamedTuple):
    """A function, class, or variable of a module. `owner` is the class of a method."""

    module: str
    node: Node
    owner: str = ""


class Place(NamedTuple):
    """A definition in its module, with all that it contains but other definitions' bodies."""

    module: str
    nodes: tuple[ast.AST, ...]


TREES: dict[str, ast.Module | None] = {}
"""The parsed modules, by name; None for what is no module of ours."""


def source(module: str) -> str | None:
    """The text of a module of ours; None if there is no such module."""
    path = ROOT / (module.replace(".", "/") + ".py")
    path = path if path.exists() else ROOT / module.replace(".", "/") / "__init__.py"
    return path.read_text() if path.exists() else None


def _tree(module: str) -> ast.Module | None:
    if module not in TREES:
        text = source(module)
        TREES[module] = None if text is None else ast.parse(text)
    return TREES[module]


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(_tree(module) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules(handler: str) -> frozenset[str]:
    """The modules of ours that a handler's module imports, at any time, itself included."""
    found, left = set[str](), [handler]
    while left:
        module = left.pop()
        if module not in found and module.partition(".")[0] in PACKAGES and _tree(module) is not None:
            found.add(module)
            left += _imports(module)
    return frozenset(found)


@cache
def operations() -> dict[str, str]:
    """The IAM action of each operation, by its name in Python and in the API. Those of API Gateway are HTTP methods."""
    session, found = botocore.session.get_session(), dict[str, str]()
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            action = f"{service}:{name}"
            if service.startswith("apigateway"):
                action = f"apigateway:{model.operation_model(name).http['method']}"
            found |= {name: action, xform_name(name): action}
    return found


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module or class is made: everything but functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _statements(child)


@cache
def _contents(node: Node) -> tuple[ast.AST, ...]:
    """What runs when a function is called, nested functions included; when a class is made and instantiated; or what a
    variable holds.
    """
    if isinstance(node, ast.FunctionDef):
        defaults = [one for one in (*node.args.defaults, *node.args.kw_defaults) if one]
        return tuple(found for part in (*node.body, *defaults) for found in ast.walk(part))
    if isinstance(node, ast.ClassDef):
        special = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name.startswith("__")]
        return (*_statements(node), *(found for one in special for found in ast.walk(one)))
    return tuple(ast.walk(node.value)) if node.value else ()


def _is_property(node: Node) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return bool({one.id for one in decorators if isinstance(one, ast.Name)} & {"property", "cached_property"})


@cache
def _defined(module: str, tree: ast.Module) -> tuple[tuple[str, Definition], ...]:
    """All names that a module and its classes define. Functions inside of functions belong to those."""
    return tuple(_definitions(module, tree))


def _definitions(module: str, tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in (tree, *_statements(tree)):
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield child.name, Definition(module, child, owner)
    tried = [inner for one in tree.body if isinstance(one, ast.Try) for inner in one.body]
    for statement in (*tree.body, *tried):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            yield from ((name, Definition(module, statement)) for name in names)


class Reached:
    """All that can be reached from a handler."""

    def __init__(self, handler: str) -> None:
        """`handler` is as in the template: a module with `lambda_handler`."""
        self.module = handler.rpartition(".")[0]
        self.definitions: dict[str, list[Definition]] = defaultdict(list)
        for module in sorted(modules(self.module)):
            for name, definition in _defined(module, TREES[module] or ast.Module([], [])):
                self.definitions[name].append(definition)
        tree = _tree(self.module)
        assert tree is not None
        self.places = [Place(self.module, tuple(_statements(tree)))]
        self._done, self._alive = set[int](), set[str]()
        self._named = {id(one.node): one for one in self._referred(self.places[0])}
        self._follow([one for one in self.definitions["lambda_handler"] if one.module == self.module])

    def _follow(self, first: list[Definition]) -> None:
        """Add places until there are no more. A class that becomes alive may bring methods that were named before."""
        left = first
        while left:
            new = [Place(one.module, _contents(one.node)) for one in left]
            self._done |= {id(one.node) for one in left}
            self._named |= {id(one.node): one for place in new for one in self._referred(place)}
            self.places += new
            self._alive |= {one.node.name for one in self._named.values() if isinstance(one.node, ast.ClassDef)}
            left = [
                one for key, one in self._named.items()
                if key not in self._done and (not one.owner or one.owner in self._alive)
            ]  # fmt: skip

    def _referred(self, place: Place) -> Iterator[Definition]:
        called = {id(node.func) for node in place.nodes if isinstance(node, ast.Call)}
        for node in place.nodes:
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                found = self.definitions.get(name, [])
                if name.startswith("_"):
                    found = [one for one in found if one.module == place.module]
                is_value = isinstance(node, ast.Attribute) and id(node) not in called
                if is_value and any(_is_property(one.node) for one in found):
                    found = [one for one in found if _is_property(one.node)]
                yield from found

    def actions(self) -> set[str]:
        """The IAM actions of all calls."""
        return set(self.with_places())

    def with_places(self) -> dict[str, set[str]]:
        """The same, each with the modules that make the calls."""
        found: dict[str, set[str]] = defaultdict(set)
        for place in self.places:
            for action in self._actions_of(place):
                found[action].add(place.module)
        if found.pop("dynamodb:TransactWriteItems", None):
            for place in self.places:
                for node in place.nodes:
                    match node:
                        case ast.Tuple(elts=[ast.Constant(value=str(part)), *_]) if part in PARTS:
                            found[PARTS[part]].add(place.module)
        if at := found.pop("dynamodb:TransactGetItems", None):
            found["dynamodb:GetItem"] |= at
        return found

    def _actions_of(self, place: Place) -> Iterator[str]:
        """Of calls on a client, and of names of operations that are given to a function that makes the call."""
        if place.module.startswith("entitlements."):
            return  # makes no calls, which tests/test_architecture.py holds
        imported = set(_imports(place.module))
        for node in place.nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in operations():
                    of_a_module = isinstance(value, ast.Name) and value.id in imported
                    if name not in self.definitions and not of_a_module:
                        yield operations()[name]
                case ast.Constant(value=str(name)) if name in operations():
                    yield operations()[name]


def clients(handler: str) -> set[str]:
    """The services of which the modules of a handler make a client: names given to a call of `client`."""
    found = set()
    for module in modules(handler.rpartition(".")[0]):
        for node in ast.walk(_tree(module) or ast.Module([], [])):
            match node:
                case ast.Call(func=ast.Attribute(attr="client"), args=[ast.Constant(value=str(name)), *_]):
                    found.add(name)
                case ast.Call(func=ast.Name(id="client"), args=[ast.Constant(value=str(name)), *_]):
                    found.add(name)
    return found


def difference(needed: Iterable[str], granted: Iterable[str]) -> tuple[set[str], set[str]]:
    """What is missing in a role, and what is more than is needed."""
    return set(needed) - set(granted), set(granted) - set(needed)
