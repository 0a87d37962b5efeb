"""What a template uses of an authorizer's context is found, however it is spelled."""

import pytest

from gatepass.attach.context_uses import ContextUse, uses_of_integration


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$context.authorizer.a $context.authorizer.b.c", ["a", "b.c"]),
        ("${context.authorizer.a}", ["a"]),
        ("$context.authorizer['a-b'] $context.authorizer[\"c\"]", ["a-b", "c"]),
        ("$context.authorizer.get('a')", ["get('a')"]),
        ("#set($a = $context.authorizer)", ["(all of it)"]),
        ("$context.authorizer.a. $context.authorizer.a", ["a"]),
        ("$context.requestId $input.path('$.authorizer.a')", []),
    ],
)
def test_uses_are_found_however_they_are_spelled(text: str, names: list[str]) -> None:
    found = uses_of_integration({"requestTemplates": {"application/json": text}})
    assert found == [ContextUse("request template application/json", name) for name in names]
