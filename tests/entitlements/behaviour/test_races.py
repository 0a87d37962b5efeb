"""Races on DynamoDB Local: several processes, one item, a limit of 100; exactly 100 pass, for each kind of quota."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.emulators import ROOT
from tests.support.table import Table

PROCESSES, THREADS, REQUESTS = 4, 8, 5  # 160 requests

RACER = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from entitlements.gate import Gate, Request
from tests.support.signer import Signer
from tests.support.table import PatientDynamoDB

endpoint, table, anonymous, now, threads, requests = json.loads(sys.argv[1])
gate = Gate(PatientDynamoDB(endpoint, table))
authorization = () if anonymous else (f"Bearer {Signer().token()}",)
request = Request("POST", "/search", authorization=authorization, source_ip="198.51.100.7")
barrier = threading.Barrier(threads)

def race(_):
    barrier.wait()
    return sum(gate.decide("faiss-search", request, now).allowed for _ in range(requests))

with ThreadPoolExecutor(threads) as pool:
    print(sum(pool.map(race, range(threads))))
"""

KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hour": ({"limits": {"hour": 100}}, {}),
    "day": ({"limits": {"day": 100}}, {}),
    "month": ({"limits": {"month": 100}}, {}),
    "lifetime": ({"limits": {"lifetime": 100}}, {}),
    "prepaid": ({"credits": 100}, {"granted": 100}),
}


def race(table: Table, anonymous: bool) -> int:
    arguments = [table.client.meta.endpoint_url, table.name, anonymous, 1_795_478_400, THREADS, REQUESTS]
    command = [sys.executable, "-c", RACER, json.dumps(arguments)]
    racers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    return sum(int(racer.communicate(timeout=120)[0]) for racer in racers)


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_limit_passes(real_table: Table, kind: str) -> None:
    plan, attributes = KINDS[kind]
    real_table.put_ring()
    real_table.put_solution(plans={"registered": {"limits": {"day": 1}}, "raced": plan}, costs={})
    real_table.put_entitlement(plan="raced", **attributes)
    assert race(real_table, anonymous=False) == 100


def test_exactly_the_limit_passes_for_one_address(real_table: Table) -> None:
    real_table.put_ring()
    plans = {"anonymous": {"limits": {"lifetime": 100}}, "registered": {"limits": {"day": 1}}}
    real_table.put_solution(plans=plans, costs={})
    assert race(real_table, anonymous=True) == 100
