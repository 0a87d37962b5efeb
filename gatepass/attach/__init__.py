"""Puts the gate in front of an API that exists, records what was there before, and takes it away again.

Everything an API has that attaching can change is a resource (`resources.py`): read in bulk, compared, written one by
one. That makes every step repeatable: whatever failed, the next reading tells what is done and what is left. Each part
has one place, and none of them prints or asks:

- `session.py` holds one run;
- `live_api.py` reads and writes, by `rest.py`, `v2.py` and `permission.py`, and deletes the deployments of ours that
  no stage runs;
- `attach_plan.py` and `detach_plan.py` plan, from what is there and what is `wanted.py` or recorded;
- `replaced.py` warns whoever loses an authorizer of their own;
- `executor.py` carries a plan out, or rolls it back, and `outcome.py` says how a run that failed has left the routes;
- `record.py` says in which states an attachment can be, and keeps what is needed to undo it;
- `drift.py` finds what is not as recorded.
"""
