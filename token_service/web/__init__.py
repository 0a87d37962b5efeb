"""The HTTP API: what happens to every request, and thin routes over the rooms beside this one."""
