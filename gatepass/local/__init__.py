"""All of Gatepass on one machine: emulators, gateway, gate, and a first solution."""
