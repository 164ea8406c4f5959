"""A sequence count: the chance that it is odd, or moves, while a speculative fault relies on it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stays_unchanged(updates_per_ns: Floats | float, window_ns: Floats | float, window_scv: float = 0.0) -> Floats:
    """Chance that no update begins within a window: the Laplace transform of its length.

    L_S(lambda) = (1 + c2 lambda S)^(-1/c2), the gamma law; c2 = 0: e^(-lambda S); c2 = 1: exponential
    updates_per_ns: lambda, Poisson; window_ns: S, mean length; window_scv: c2. All (...).

    >>> float(stays_unchanged(0.001, 1000.0, 1.0))
    0.5
    """
    expected = updates_per_ns * window_ns
    exponent = -expected if window_scv <= 0 else -np.log1p(window_scv * expected) / window_scv
    share: Floats = np.exp(exponent)
    return share


def success_one_writer(
    updates_per_ns: Floats | float, odd_ns: Floats | float, window_ns: Floats | float, window_scv: float = 0.0
) -> Floats:
    """Chance that a fault succeeds against one writer that alternates gap and odd time, (...).

    P = E[(U - S)^+] / (E[H] + E[U]) = L_S(lambda) / (1 + lambda H), gaps U exponential, rate lambda;
    H: mean odd time, any law; S: the fault's window.
    """
    rate = np.asarray(updates_per_ns)
    return np.asarray(stays_unchanged(rate, window_ns, window_scv) / (1 + rate * odd_ns))


def success_many_writers(
    n_writers: Floats | int,
    updates_per_ns: Floats | float,
    odd_ns: Floats | float,
    window_ns: Floats | float,
    window_scv: float = 0.0,
) -> Floats:
    """As `success_one_writer` against K independent writers (no lock among them), (...).

    P = L_S(K lambda) / (1 + lambda H)^K
    """
    count, rate = np.asarray(n_writers, float), np.asarray(updates_per_ns)
    return np.asarray(stays_unchanged(count * rate, window_ns, window_scv) * (1 + rate * odd_ns) ** -count)


def success_regular_writer(
    gap_ns: Floats | float, odd_ns: Floats | float, window_ns: Floats | float, gap_scv: float = 0.0
) -> Floats:
    """As `success_one_writer` for an exponential window and gaps U that need not be exponential, (...).

    P = (E[U] - S (1 - L_U(1/S))) / (E[H] + E[U]); U: gamma with scv `gap_scv`, 0 constant; H, S: means.
    """
    gap, window = np.asarray(gap_ns, float), np.asarray(window_ns, float)
    lost = window * (1 - stays_unchanged(1 / window, gap, gap_scv))
    return np.asarray((gap - lost) / (gap + odd_ns))


def success_behind_lock(
    n_threads: int,
    p_update: float,
    think_ns: float,
    window_ns: float,
    writer_share: float,
    exponential: bool = False,
) -> float:
    """Chance that a fault succeeds where the n - 1 others update behind one lock, with one sequence for all.

    P = (1 - U_w) E[(alpha e^(A S) 1)^(n-1)],  A = ((-1/Z, q/Z), (1/S, -1/S)),  alpha ~ (Z, q S),  q = 1 - p
    Each other thread thinks (Z), then updates (p) or faults (S), all exponential. Given that nobody
    updates, each is thinking or faulting independently, and e^(A s) tells who has not begun an update by s.
    writer_share: U_w, share of time in which the n - 1 others hold the lock (machine repairman, delay
    (Z + q S) / p); window: exponential or constant. Exact while aborts do not slow the others down.

    >>> success_behind_lock(1, 0.5, 1.0, 1.0, 0.0)
    1.0
    """
    q = 1 - p_update
    pace = 1 / think_ns + 1 / window_ns
    root = math.sqrt((1 / think_ns - 1 / window_ns) ** 2 + 4 * q / (think_ns * window_ns))
    fast, slow = (pace + root) / 2, (pace - root) / 2
    leaving = p_update / (think_ns + q * window_ns)
    heavy = (fast - leaving) / (fast - slow)
    others = n_threads - 1
    if not exponential:
        calm = math.pow(heavy * math.exp(-slow * window_ns) + (1 - heavy) * math.exp(-fast * window_ns), others)
        return (1 - writer_share) * calm
    terms = (
        math.comb(others, k)
        * math.pow(heavy, others - k)
        * math.pow(1 - heavy, k)
        / (1 + window_ns * ((others - k) * slow + k * fast))
        for k in range(others + 1)
    )
    return (1 - writer_share) * math.fsum(terms)


def others_rate(updates_per_ns: Floats | float, n_threads: int, same_vma: Floats | float = 1.0) -> Floats:
    """Rate of updates by the other threads that hit the faulting VMA, per ns, (...).

    X' = psi X_w (N - 1) / N: nobody updates while in a fault of its own, so N = 1 gives 0.
    """
    rate: Floats = np.multiply(updates_per_ns * same_vma, (n_threads - 1) / n_threads)
    return rate


def abort_probability(
    updates_per_ns: Floats | float,
    odd_ns: Floats | float,
    window_ns: Floats | float,
    n_threads: int,
    same_vma: Floats | float = 1.0,
    window_scv: float = 0.0,
) -> Floats:
    """Chance that a fault aborts, updates serialised by the lock (approx), (...).

    p = 1 - (1 - X' H) L_S(X'), with X' of `others_rate`: PASTA with the finite-population correction.
    updates_per_ns: X_w of all threads; odd_ns: H; window_ns: S. Mean error against simulation .0015
    below 5 % aborts, .014 up to 20 %, .023 up to 50 %.

    >>> float(abort_probability(0.01, 10.0, 10.0, 1))
    0.0
    """
    rate = others_rate(updates_per_ns, n_threads, same_vma)
    even = 1 - np.minimum(rate * odd_ns, 1.0)
    return np.asarray(1 - even * stays_unchanged(rate, window_ns, window_scv))


def ended_by_section(
    odd_ns: Floats | float, window_ns: Floats | float, between_ns: Floats | float, between_scv: float = 0.0
) -> Floats:
    """Chance that one odd section ends an attempt of a thread that faults all the time, (...).

    P = 1 - E[(G - H)^+] / (S + G): the section misses if it fits between two windows. Never above 1, since
    who aborts waits for the lock until the section is over; that is what X (H + S) of independent
    arrivals forgets. odd_ns: H, constant; window_ns: S; between_ns: G, from a fault's end to the next
    attempt's first look, constant (scv 0) or exponential (scv 1).

    >>> ended_by_section(2.0, 1.0, [1.0, 3.0]).tolist()
    [1.0, 0.75]
    """
    odd, between = np.asarray(odd_ns, float), np.asarray(between_ns, float)
    fits = between * np.exp(-odd / between) if between_scv > 0 else np.maximum(between - odd, 0.0)
    return np.asarray(1 - fits / (window_ns + between))


def ended_by_vma_lock(odd_ns: Floats | float, window_ns: Floats | float, between_ns: Floats | float) -> Floats:
    """As `ended_by_section` where the writer waits for the fault in flight (per-VMA locks), (...).

    P = (S 1[H > G] + min(G, H)) / (S + G): only attempts that begin while the VMA is locked fail. If one is in
    flight the locked time begins at its end, and the next attempt comes G later. Times constant.
    """
    odd, between = np.asarray(odd_ns, float), np.asarray(between_ns, float)
    return np.asarray((window_ns * (odd > between) + np.minimum(between, odd)) / (window_ns + between))


def abort_share_per_update(
    faults_per_update: Floats | float,
    sections: Floats | float,
    ended: Floats | float,
    fault_ns: Floats | float,
    update_ns: Floats | float,
    n_threads: Floats | int = 2,
) -> Floats:
    """Aborts / attempts where each thread repeats K faults and an update (approx), (...).

    phi = (N - 1) m e f / K, at most 1;  f = K C / (K C + U): the chance that another thread is among its faults
    when a section begins. sections: m, those of one update that cover the VMA of the others; ended: e of
    `ended_by_section`; fault_ns: C, a fault and what goes with it; update_ns: U, one update without waiting.
    Against replay with two threads within a factor 1.25; with more an upper bound, since they wait for
    each other.
    """
    faults = np.asarray(faults_per_update, float)
    among = faults * fault_ns / (faults * fault_ns + update_ns)
    return np.asarray(np.minimum((np.asarray(n_threads) - 1) * sections * ended * among / faults, 1.0))


def even_faults_per_update(
    n_threads: Floats | int,
    sections: Floats | float,
    ended: Floats | float,
    abort_ns: Floats | float,
    own_ns: Floats | float,
) -> Floats:
    """Faults per update at which a counter per mm costs as much as one per VMA, (...).

    K = (N - 1) m e F / c: with fewer faults per update the counter per mm costs more. abort_ns: F, what one
    abort costs; own_ns: c, what a fault pays for a counter of its VMA (its atomics). Updates elsewhere only.
    """
    return np.asarray((np.asarray(n_threads, float) - 1) * sections * ended * abort_ns / own_ns)
