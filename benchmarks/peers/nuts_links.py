"""A full-Bayes fit of the design of known site links by NUTS, in the environment of nuts.lock: reads designs as JSON, prints answers.

The model is that of carewheel.science.flywheel.equation without season and shocks: level of a site (wide), its own trend and a common one,
a link of each site around the group's, AR(1) noise; the same priors. Input: list of {"x": sites × months, "y": the same with null,
"log_sigma": centre of its prior, "shock": size of the months' common shocks, which ours takes at its mode}. Output: mean and sd of the group's link, means of the sites' links, seconds of each fit.
"""

from __future__ import annotations

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

numpyro.enable_x64()


def model(x, y, seen, years, log_sigma, shock):
    sites = x.shape[0]
    b = numpyro.sample("b", dist.Normal(0.0, 1.0))
    # tau: density sqrt(tau) exp(-tau^2 / (2 * .18^2)), the prior of our grid.
    tau = numpyro.sample("tau", dist.HalfNormal(0.18))
    numpyro.factor("tau_prior", 0.5 * jnp.log(tau))
    sigma = jnp.exp(numpyro.sample("log_sigma", dist.Normal(log_sigma, 1.5)))
    phi = jnp.tanh(numpyro.sample("z", dist.Normal(0.3, 0.4)))
    common = numpyro.sample("common", dist.Normal(0.0, 0.3))
    with numpyro.plate("sites", sites):
        level = numpyro.sample("level", dist.Normal(0.0, 100.0))
        raw = numpyro.sample("raw", dist.Normal(0.0, 1.0))
        trend = numpyro.sample("trend", dist.Normal(0.0, 0.3))
    if shock > 0:
        with numpyro.plate("months", x.shape[1]):
            y = y - shock * numpyro.sample("shocks", dist.Normal(0.0, 1.0))
    links = numpyro.deterministic("links", b + tau * raw)
    u = y - level[:, None] - (common + trend)[:, None] * years - links[:, None] * x
    first = dist.Normal(0.0, sigma).log_prob(u[:, 0])
    later = dist.Normal(phi * u[:, :-1], sigma * jnp.sqrt(1 - phi**2)).log_prob(u[:, 1:])
    # Every site is seen from its first month to its last one without a gap.
    numpyro.factor(
        "cells", jnp.where(seen[:, 0], first, 0.0).sum() + jnp.where(seen[:, 1:], later, 0.0).sum()
    )


def main() -> None:
    answers = []
    for k, design in enumerate(json.load(sys.stdin)):
        x, raw = np.array(design["x"]), np.array(design["y"], dtype=float)
        seen = np.isfinite(raw)
        years = (np.arange(x.shape[1]) - (x.shape[1] - 1) / 2) / 12
        sampler = MCMC(
            NUTS(model, target_accept_prob=0.9), num_warmup=1000, num_samples=8000, progress_bar=False
        )
        began = time.process_time()
        sampler.run(
            jax.random.PRNGKey(k),
            x,
            np.where(seen, raw, 0.0),
            seen,
            years,
            design["log_sigma"],
            design["shock"],
        )
        draws = sampler.get_samples()
        links = np.asarray(draws["links"])
        answers.append(
            {
                "seconds": time.process_time() - began,
                "mean": float(np.mean(draws["b"])),
                "sd": float(np.std(draws["b"])),
                "tau": float(np.mean(draws["tau"])),
                "phi": float(np.mean(np.tanh(draws["z"]))),
                "sigma": float(np.mean(np.exp(draws["log_sigma"]))),
                "sites": links.mean(axis=0).tolist(),
                "site_sd": links.std(axis=0).tolist(),
            }
        )
    print("ANSWERS " + json.dumps(answers))


if __name__ == "__main__":
    main()
