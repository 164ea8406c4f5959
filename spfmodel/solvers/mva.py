"""Product-form networks: bounds, mean value analysis, birth-death chains. Pure functions of arrays.

Leading axes (...) are design points; K is the number of stations. Any unit of time will do: throughput
comes out per that unit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Bounds(NamedTuple):
    """Asymptotic bounds of a closed network, (...)."""

    throughput_high: Floats
    response_low: Floats


def asymptotic_bounds(n_threads: Floats | int, think: Floats | float, demand: Floats) -> Bounds:
    """X <= min(N / (Z + sum D), 1 / max D) and R >= max(sum D, N max D - Z).

    think: Z, (...); demand: D = visits x service, (..., K).
    """
    n, total, most = np.asarray(n_threads, float), demand.sum(axis=-1), demand.max(axis=-1)
    high = np.minimum(n / (think + total), 1 / most)
    return Bounds(high, np.maximum(total, n * most - think))


class Mva(NamedTuple):
    """Mean values at populations 1 to N: throughput (N, ...), and at N: (..., K) each."""

    throughput: Floats
    residence: Floats
    customers: Floats


def mva(n_threads: int, think: Floats | float, demand: Floats) -> Mva:
    """Exact mean value analysis of one class of customers with think time.

    R_k = D_k (1 + Q_k(n - 1)), X(n) = n / (Z + sum R), Q_k(n) = X R_k     (Reiser & Lavenberg 1980)
    think: Z, (...); demand: D, (..., K), at first-come-first-served stations with exponential service
    (or processor sharing); K may be 0.
    """
    columns = np.moveaxis(np.asarray(demand, float), -1, 0)
    base = np.asarray(think, float) + np.zeros(columns.shape[1:])
    queues, residence = np.zeros_like(columns), np.zeros_like(columns)
    throughput = np.empty((n_threads, *base.shape))
    for n in range(1, n_threads + 1):
        np.add(queues, 1.0, out=residence)
        residence *= columns
        cycle = np.add.reduce(residence, axis=0, initial=0.0) + base
        throughput[n - 1] = n / cycle
        np.multiply(residence, throughput[n - 1], out=queues)
    return Mva(throughput, np.moveaxis(residence, 0, -1), np.moveaxis(queues, 0, -1))


class BirthDeath(NamedTuple):
    """A birth-death chain over 0..n: probabilities (n + 1, ...), mean state, flow."""

    probability: Floats
    mean: Floats
    throughput: Floats


def birth_death(up: Floats, down: Floats) -> BirthDeath:
    """Stationary law of a birth-death chain.

    up: (n, ...) rates 0->1, ..., n-1->n; down: (n, ...) rates 1->0, ..., n->n-1; throughput: the mean
    downward flow. Works in logarithms, so that no product overflows.
    """
    with np.errstate(divide="ignore"):
        steps = np.log(up) - np.log(down)
    weights = np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
    probability = np.exp(weights - weights.max(axis=0))
    probability /= probability.sum(axis=0)
    states = np.arange(len(weights)).reshape(-1, *([1] * (steps.ndim - 1)))
    return BirthDeath(probability, (probability * states).sum(axis=0), (probability[1:] * down).sum(axis=0))


class Flow(NamedTuple):
    """What `flow_equivalent` finds, (...)."""

    throughput: Floats
    mean: Floats
    """mean number of customers at the station"""
    idle: Floats
    """probability that the station is empty"""


def flow_equivalent(arrival: Floats, service: Floats) -> Flow:
    """A station with rate service[n - 1] at n customers, fed by a closed complement (Norton).

    arrival: (N, ...) throughput of the complement with 1..N customers in it; service: (N, ...).
    The same chain as `birth_death`, as running means: about 12 operations per state and no logarithm,
    for many design points. The ratio arrival/service must fall with the number at the station.
    """
    n_threads = len(arrival)
    weight = np.ones_like(arrival[0])
    mean, idle = np.zeros_like(weight), np.ones_like(weight)
    rate = arrival[n_threads - 1]
    for n in range(1, n_threads + 1):
        ratio = weight * (arrival[n_threads - n] / service[n - 1])
        weight = ratio / (1 + ratio)
        mean = mean + weight * (n - mean)
        idle = idle * (1 - weight)
        inflow = arrival[n_threads - n - 1] if n < n_threads else 0.0
        rate = rate + weight * (inflow - rate)
    return Flow(rate, mean, idle)


def repairman(n_threads: int, think: Floats | float, rates: Floats) -> BirthDeath:
    """Machine repairman with load-dependent service: N customers, think Z, rate rates[n - 1] at n.

    think: (...); rates: (N, ...) per unit time. A ticket lock has rate 1 / (s + c n / 2).
    """
    thinking = np.arange(n_threads, 0, -1).reshape(-1, *([1] * (np.ndim(rates) - 1)))
    down = np.asarray(rates, float)
    return birth_death(np.broadcast_to(thinking / np.asarray(think, float), down.shape), down)


def servers(n_states: int, n_servers: int, service_rate: float) -> Floats:
    """Rates min(n, c) mu for n = 1..n_states."""
    return np.minimum(np.arange(1, n_states + 1), n_servers) * service_rate


class Queue(NamedTuple):
    """Mean values of one queue."""

    probability: Floats
    """(K + 1,) by number present"""
    customers: float
    waiting: float
    throughput: float
    response: float
    wait: float


def _queue(law: BirthDeath, n_servers: int) -> Queue:
    states = np.arange(len(law.probability))
    waiting = float(law.probability @ np.maximum(states - n_servers, 0))
    flow, customers = float(law.throughput), float(law.mean)
    return Queue(law.probability, customers, waiting, flow, customers / flow, waiting / flow)


def mmck(arrival_rate: float, service_rate: float, n_servers: int, capacity: int) -> Queue:
    """M/M/c/K: Poisson arrivals, c servers, at most K present; who finds K is lost."""
    return _queue(birth_death(np.full(capacity, arrival_rate), servers(capacity, n_servers, service_rate)), n_servers)


def mmcn(request_rate: float, service_rate: float, n_servers: int, n_threads: int) -> Queue:
    """M/M/c//N: N customers that each ask at `request_rate` while outside, c servers."""
    rates = servers(n_threads, n_servers, service_rate)
    return _queue(repairman(n_threads, 1 / request_rate, rates), n_servers)
