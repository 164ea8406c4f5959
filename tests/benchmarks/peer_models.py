"""The machine repairman and MVA in the peers' own words: a program that runs in the peers' environment.

peer_models.py simpy|ciw|salabim CYCLES SEED CUSTOMERS THINK SERVICE: one line of JSON with the completed cycles, the
events as the peer counts them (null: it does not), seconds of processor time without set-up, cycles per unit of time.
peer_models.py model FILE CUSTOMERS THINK SERVICE writes LINE's model; peer_models.py mva FILE.npz times LINE's MVA.
"""

from __future__ import annotations

import json
import random
import sys
from time import process_time


def simpy(cycles: int, seed: int, customers: int, think: float, service: float) -> dict[str, float]:
    """A process for each customer, and a Resource."""
    import simpy as peer

    env, draw, done = peer.Environment(), random.Random(seed).expovariate, 0
    server, stop = peer.Resource(env, 1), env.event()

    def customer():
        nonlocal done
        while True:
            yield env.timeout(draw(1 / think))
            with server.request() as mine:
                yield mine
                yield env.timeout(draw(1 / service))
            done += 1
            if done == cycles:
                stop.succeed()

    for _ in range(customers):
        env.process(customer())
    started = process_time()
    env.run(until=stop)
    spent = process_time() - started
    return {"cycles": done, "events": next(env._eid), "cpu_s": spent, "pace": done / env.now}


def ciw(cycles: int, seed: int, customers: int, think: float, service: float) -> dict[str, float]:
    """Two nodes, one of them with a server for each customer; all customers arrive at time 0."""
    import ciw as peer

    peer.seed(seed)
    dists = peer.dists
    network = peer.create_network(
        arrival_distributions=[dists.Sequential([0.0, float("inf")]), None],
        batching_distributions=[dists.Deterministic(customers), dists.Deterministic(1)],
        service_distributions=[dists.Exponential(1 / think), dists.Exponential(1 / service)],
        routing=[[0.0, 1.0], [1.0, 0.0]], number_of_servers=[float("inf"), 1],
    )  # fmt: skip
    run, horizon = peer.Simulation(network), horizon_of(cycles, customers, think, service)
    started = process_time()
    run.simulate_until_max_time(horizon)
    spent = process_time() - started
    done = sum(record.node == 2 for record in run.get_all_records())
    return {"cycles": done, "events": 2 * done, "cpu_s": spent, "pace": done / horizon}


def salabim(cycles: int, seed: int, customers: int, think: float, service: float) -> dict[str, float]:
    """A Component for each customer, and a Resource; generators, as its greenlets are another package."""
    import salabim as peer

    peer.yieldless(False)
    env, draw, done = peer.Environment(trace=False, random_seed=seed), random.Random(seed).expovariate, [0]
    server = peer.Resource(capacity=1)

    class Customer(peer.Component):
        def process(self):
            while True:
                yield self.hold(draw(1 / think))
                yield self.request(server)
                yield self.hold(draw(1 / service))
                self.release()
                done[0] += 1

    for _ in range(customers):
        Customer()
    horizon = horizon_of(cycles, customers, think, service)
    started = process_time()
    env.run(till=horizon)
    return {"cycles": done[0], "events": None, "cpu_s": process_time() - started, "pace": done[0] / horizon}


def horizon_of(cycles: int, customers: int, think: float, service: float) -> float:
    """How long so many cycles take on average, by mean value analysis."""
    queue = pace = 0.0
    for n in range(1, customers + 1):
        stay = service * (1 + queue)
        pace = n / (think + stay)
        queue = pace * stay
    return cycles / pace


def model(file: str, customers: int, think: float, service: float) -> dict[str, float]:
    """LINE's model of the repairman, for its simulator."""
    import line_solver as line
    from line_solver.io.linemodel_io import save_model

    network = line.Network("repairman")
    delay, queue = line.Delay(network, "Think"), line.Queue(network, "Repair", line.SchedStrategy.FCFS)
    jobs = line.ClosedClass(network, "Jobs", customers, delay, 0)
    delay.set_service(jobs, line.Exp.fit_mean(think))
    queue.set_service(jobs, line.Exp.fit_mean(service))
    network.link(line.Network.serial_routing(delay, queue))
    save_model(network, file)
    return {}


def mva(file: str) -> dict[str, object]:
    """LINE's exact MVA, one call of its function for each network of the file."""
    import numpy as np
    from line_solver.api.pfqn.mva import pfqn_mva

    with np.load(file) as given:
        demand, think, n = given["demand"], given["think"], np.array([int(given["n_threads"])])
    pfqn_mva(demand[0][:, None], n, think[:1])
    started = process_time()
    found = [float(pfqn_mva(d[:, None], n, np.array([z]))[0][0, 0]) for d, z in zip(demand, think, strict=True)]
    return {"cpu_s": process_time() - started, "pace": found}


def main(what: str, *given: str) -> None:
    """Run one of the above and print what it found."""
    if what in ("simpy", "ciw", "salabim"):
        run = {"simpy": simpy, "ciw": ciw, "salabim": salabim}[what]
        cycles, seed, customers = map(int, given[:3])
        found: dict[str, object] = {**run(cycles, seed, customers, float(given[3]), float(given[4]))}
    elif what == "model":
        found = {**model(given[0], int(given[1]), float(given[2]), float(given[3]))}
    else:
        found = mva(given[0])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
