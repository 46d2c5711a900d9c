"""Mean waits in the long run, by formula: what the engine is held against, and first answers without a simulation.

Rates are per unit of time and waits in that unit (customers an hour: hours). A wait is the time before service begins.
Where the servers cannot keep up (utilisation 1 or more) the wait has no bound and the answer is infinite.
"""

from __future__ import annotations

from math import inf


def mm1_mean_wait(arrival_rate: float, service_rate: float) -> float:
    """Mean wait with one server, Poisson arrivals and exponential service.

    rho / (1 - rho) * mean service: Pollaczek–Khinchine (`mg1_mean_wait`) at coefficient of variation 1.

    >>> mm1_mean_wait(0.5, 1.0)
    1.0
    """
    return mg1_mean_wait(arrival_rate, 1 / service_rate, 1.0)


def erlang_c(servers: int, offered_load: float) -> float:
    """Probability that an arrival has to wait with ``servers`` servers; ``offered_load``: arrival rate / service rate.

    C = c B / (c - a (1 - B)) with Erlang's loss probability B by its recursion B_k = a B_(k-1) / (k + a B_(k-1)), which
    does not overflow. 1 where the load is too much. Raises ValueError for fewer than one server or a negative load.
    Source: Erlang's delay formula (Erlang C).

    >>> round(erlang_c(3, 2.0), 4)
    0.4444
    """
    if servers < 1 or not offered_load >= 0:
        raise ValueError("fewer than one server, or a negative load")
    if offered_load >= servers:
        return 1.0
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered_load * blocked / (k + offered_load * blocked)
    return servers * blocked / (servers - offered_load * (1 - blocked))


def mmc_mean_wait(arrival_rate: float, service_rate: float, servers: int) -> float:
    """Mean wait with ``servers`` servers and one line, Poisson arrivals and exponential service.

    Erlang C / (servers * service rate - arrival rate). The example is the textbook eye clinic (three doctors, 6 patients
    an hour, 20 minutes each), by hand: nobody there with probability 1/9, so 8/9 of a patient waits, 8/54 hours each.

    >>> round(60 * mmc_mean_wait(6.0, 3.0, servers=3), 1)
    8.9
    """
    spare = servers * service_rate - arrival_rate
    return erlang_c(servers, arrival_rate / service_rate) / spare if spare > 0 else inf


def mg1_mean_wait(arrival_rate: float, mean_service: float, service_cv: float) -> float:
    """Mean wait with one server, Poisson arrivals and any service with this mean and coefficient of variation.

    Pollaczek–Khinchine: rho / (1 - rho) * (1 + cv²) / 2 * mean service. Constant service (cv 0) waits half as long as
    exponential (cv 1). Raises ValueError for a negative argument. Source: the Pollaczek–Khinchine mean-value formula.

    >>> mg1_mean_wait(0.5, 1.0, 0.0)
    0.5
    """
    if not (arrival_rate >= 0 and mean_service >= 0 and service_cv >= 0):
        raise ValueError("a rate, a mean or a coefficient of variation is negative")
    load = arrival_rate * mean_service
    return load / (1 - load) * (1 + service_cv**2) / 2 * mean_service if load < 1 else inf


def gg1_wait_bound(
    arrival_rate: float, arrival_variance: float, mean_service: float, service_variance: float
) -> float:
    """Upper bound of the mean wait with one server and any independent gaps and services (Kingman).

    rate * (variance of gaps + variance of service) / (2 (1 - rho)); close to the mean wait where the server is nearly
    always busy. Raises ValueError for a negative argument. Source: Kingman 1962, Biometrika 49:315.

    >>> gg1_wait_bound(0.5, 4.0, 1.0, 1.0) >= mm1_mean_wait(0.5, 1.0)
    True
    """
    if not (arrival_rate >= 0 and arrival_variance >= 0 and mean_service >= 0 and service_variance >= 0):
        raise ValueError("a rate, a mean or a variance is negative")
    load = arrival_rate * mean_service
    return arrival_rate * (arrival_variance + service_variance) / (2 * (1 - load)) if load < 1 else inf
