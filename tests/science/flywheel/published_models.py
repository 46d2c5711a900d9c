"""Published models, written out from their equations."""

from __future__ import annotations

from carewheel.science.flywheel.stocks import Auxiliary, Constant, Flow, Model, Stock, build


def bass() -> Model:
    """Bass diffusion as in Schoenberg, Davidsen & Eberlein 2020, market of a million, Euler, dt 1/16 year."""
    return build(
        "bass",
        [
            Stock("potential_adopters", "market_size - 1", outflows=("adopting",), unit="people"),
            Stock("adopters", 1, inflows=("adopting",), unit="people"),
            Flow("adopting", "adoption_from_word_of_mouth", unit="people/year"),
            Constant("market_size", 1_000_000),
            Constant("contact_rate", 100),
            Constant("adoption_fraction", 0.015),
            Auxiliary("probability_of_contact", "potential_adopters / market_size"),
            Auxiliary("adopter_contacts", "adopters * contact_rate"),
            Auxiliary("contacts_with_potentials", "adopter_contacts * probability_of_contact"),
            Auxiliary("adoption_from_word_of_mouth", "contacts_with_potentials * adoption_fraction"),
        ],
        start=0,
        stop=15,
        dt=1 / 16,
        time_unit="year",
    )


def logistic_growth() -> Model:
    """The logistic-growth model whose loop scores Stella printed (simlin's ltm_logistic_growth.stmx)."""
    return build(
        "logistic growth",
        [
            Stock("population", 5, inflows=("net_birth_rate",)),
            Flow("net_birth_rate", "fractional_growth_rate * population"),
            Constant("maximum_growth_rate", 0.12),
            Constant("carrying_capacity", 1000),
            Auxiliary("fractional_growth_rate", "maximum_growth_rate * (1 - fraction_used)"),
            Auxiliary("fraction_used", "population / carrying_capacity"),
        ],
        start=0,
        stop=100,
        dt=1,
    )


def backlog_and_workforce() -> Model:
    """Backlog and workforce, Albany PAD624: 200 tasks, a step of 20 % in month 6, hiring over 12 months."""
    return build(
        "backlog and workforce",
        [
            Stock("backlog", "desired_backlog", ("orders",), ("completions",), unit="tasks"),
            Stock("workforce", "100 / productivity", ("net_hiring",), unit="people"),
            Flow("orders", "100 * (1 + step(0.2, 6))", unit="tasks/month"),
            Flow("completions", "productivity * workforce", unit="tasks/month"),
            Flow(
                "net_hiring",
                "(desired_workforce - workforce) / workforce_adjustment_time",
                unit="people/month",
            ),
            Auxiliary("desired_workforce", "desired_completion_rate / productivity"),
            Auxiliary("desired_completion_rate", "max(0, backlog_adjustment + orders)"),
            Auxiliary("backlog_adjustment", "(backlog - desired_backlog) / backlog_adjustment_time"),
            Constant("productivity", 10),
            Constant("desired_backlog", 200),
            Constant("backlog_adjustment_time", 1),
            Constant("workforce_adjustment_time", 12),
        ],
        start=0,
        stop=80,
        dt=1 / 16,
    )


def every_operation() -> Model:
    """A model that uses each operation, a lookup, delays, and a stock that must not go below nought."""
    from carewheel.science.flywheel.stocks import Lookup

    return build(
        "every operation",
        [
            Stock("tank", "3 * level", ("pouring",), ("leaking", "taking"), unit="l", non_negative=True),
            Stock("sink", 0, ("taking",), unit="l"),
            Flow("pouring", "delay3(wish, 2)", unit="l/month"),
            Flow("leaking", "0.1 * tank ^ 1.5 / (1 + abs(tank - 2))", unit="l/month"),
            Flow("taking", "curve(seen) * sqrt(tank + 1) - 0.2 * exp(-tank)", unit="l/month"),
            Auxiliary(
                "wish",
                "if time > 3 and not (tank < 0.5) then 1 + ramp(0.1, 4, 8) else max(0.3, log(tank + 2) / 2)",
            ),
            Auxiliary("seen", "smooth1(tank, 1.5)"),
            Auxiliary("slow", "smooth3(min(tank, 4), patience) + delay1(pouring, 0.5)"),
            Constant("level", 1.0),
            Constant("patience", 3.0),
            Lookup("curve", (0.0, 1.0, 2.5, 6.0), (0.1, 0.7, 0.9, 1.4)),
        ],
        start=0,
        stop=16,
        dt=1 / 8,
    )
