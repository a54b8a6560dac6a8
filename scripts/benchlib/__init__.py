"""What scripts/bench is made of.

`loads` and `servers` are the data: what is sent, and to whom. `clients` drives the programs that send it, `resp` is a
small client for preloading and INFO, `measure` runs the rounds, `summary` condenses them, `report` prints.
"""
