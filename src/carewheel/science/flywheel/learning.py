"""All links of a wheel from one panel: sources freed of sampling noise, felt with a lag, one equation for each target.

A source that is only sampled (answers to a survey) is replaced by its expectation given all its months, the known noise of
each, and what pushes it (regression calibration: Carroll et al. 2006, Measurement Error in Nonlinear Models, ch. 4, the other
columns of the equation included): using the noisy values as they are would draw every link towards zero, and leaving out what
pushes the source would give its effect to those causes. A source that is counted in full is felt as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carewheel.science.flywheel.equation import Assumptions, EquationFit, fit_equation
from carewheel.science.flywheel.strength import Strength, posterior
from carewheel.science.flywheel.whitening import gains, smooth, whiten

Floats = NDArray[np.float64]
# Above this share of the posterior's precision a link is the prior's, and the estimate says so.
MOSTLY_PRIOR = 0.9
# How fast a link is felt is not known. The effect is spread over these spans of months (0 = the month itself) in these shares;
# how much each really has, the data may change, by a coefficient with this multiple of the link's likely size as its standard
# deviation. What is held equal may weigh `CAUSE_SD` (reference sd).
SPANS = ((0, 0), (1, 1), (2, 3), (4, 6), (7, 12))
SHARES = (0.4, 0.3, 0.3, 0.25, 0.15)
LAG_DOUBT = 0.6

CAUSE_SD = 0.3
MOST = 3.0
# A month farther than this from what is usual at its site, in reference sd, is taken as that far: a slip of the pen is not the practice.
FARTHEST = 10.0
# No link moves its target by more than this a year, in reference sd: an answer beyond it says that the equation failed.
STRONGEST = 5.0
# What was before the first month is taken as the mean of so many months from it on.
FIRST_MONTHS = 6


@dataclass(frozen=True, slots=True)
class PanelSeries:
    """One measure over sites and months in reference standard deviations from its reference: (N, T), NaN where missing.

    ``noise``: known sampling variance. ``sampled``: the values are answers of some, and what acts is how all are.
    ``trailing``: how many months each value looks back over (1: only its own). ``acts_over``: by the mean of how many months it
    acts: one month's rate of rare events (leavers of a small team) is none or absurd, and stars are read for a year.
    """

    values: Floats
    noise: Floats
    sampled: bool = False
    trailing: int = 1
    acts_over: int = 1


@dataclass(frozen=True, slots=True)
class LinkPrior:
    """One arrow to learn: names of its source and target in the panel, prior of its strength.

    ``part``: the component that the target belongs to. ``absent``: chance that the link is not there at all.
    ``same_month``: the effect may begin within the month itself (a wait and the answer after it), else from the next on.
    ``doubt``: what no number of months takes away, the standard deviation by which the equation itself may be wrong.
    """

    id: str
    source: str
    target: str
    mean: float
    sd: float
    part: str = ""
    absent: float = 0.1
    same_month: bool = False
    doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class LinkEstimate:
    """What is known of a link's strength: cumulative effect over 12 months, reference sd of target per reference sd of source.

    ``strength``: posterior. ``own_mean``, ``own_sd``: what the panel alone says (sd infinite: nothing). ``prior_weight``: share
    of the precision that is the prior's. ``site_mean``, ``site_sd``: by site, if the link is there. ``tau``: spread between sites.
    ``identified``: whether the panel says enough to be more than the prior. ``cells``: site-months used.
    """

    id: str
    strength: Strength
    own_mean: float
    own_sd: float
    prior_weight: float
    site_mean: Floats
    site_sd: Floats
    tau: float
    identified: bool
    cells: int


def learn_links(
    panel: Mapping[str, PanelSeries],
    links: Sequence[LinkPrior],
    months_of_year: NDArray[np.intp],
    assume: Assumptions | None = None,
) -> dict[str, LinkEstimate]:
    """Estimate every link in ``links``. Links whose source or target is not in the panel keep their prior.

    ``months_of_year``: 0 to 11, one for each month of the panel. All series of the panel have the same shape.
    Held equal in each equation: what pushes the sources themselves (the other causes that source and target may share).
    Raises `ValueError` on series of different shapes.

    >>> rng = np.random.default_rng(3)
    >>> wait = rng.normal(size=(20, 36)); nps = np.zeros((20, 36))
    >>> nps[:, 1:] = -0.5 * wait[:, :-1] + 0.5 * rng.normal(size=(20, 35))
    >>> none = np.zeros((20, 36))
    >>> found = learn_links({"wait": PanelSeries(wait, none), "nps": PanelSeries(nps, none)},
    ...                     [LinkPrior("C4-C1", "wait", "nps", -0.3, 0.3)], np.arange(36) % 12)
    >>> abs(found["C4-C1"].strength.mean + 0.5) < 0.1
    True
    """
    shapes = {series.values.shape for series in panel.values()}
    if len(shapes) > 1:
        raise ValueError("All series of a panel have the same sites and months.")
    sites, months = shapes.pop() if shapes else (0, 0)
    found = {link.id: _as_before(link, sites) for link in links}
    if not sites * months:
        return found
    acting = _acting_of(panel, links, months_of_year, assume)
    for target in sorted({link.target for link in links} & set(panel)):
        into = [link for link in links if link.target == target and link.source in panel]
        found |= _learn_equation(
            panel[target], into, _shared_causes(into, links, acting), acting, months_of_year, assume
        )
    return found


def _acting_of(
    panel: Mapping[str, PanelSeries],
    links: Sequence[LinkPrior],
    months_of_year: NDArray[np.intp],
    assume: Assumptions | None,
) -> dict[str, Floats]:
    """What acts of every source. Sampled ones twice: first each by itself, then given what pushes it as the first time shows it."""
    sources = sorted({link.source for link in links} & set(panel))
    alone = {name: _acting(panel[name], [], months_of_year, assume) for name in sources}
    found = dict(alone)
    for name in sources:
        pushing = sorted({link.source for link in links if link.target == name} & set(alone))
        if panel[name].sampled and pushing:
            found[name] = _acting(panel[name], [alone[cause] for cause in pushing], months_of_year, assume)
    return found


def _acting(
    series: PanelSeries,
    causes: Sequence[Floats],
    months_of_year: NDArray[np.intp],
    assume: Assumptions | None,
) -> Floats:
    """What can act of a source: (N, T). No reading counts for more than `MOST` reference standard deviations."""
    values = calibrated(series, months_of_year, assume, causes) if series.sampled else series.values
    if series.acts_over > 1:
        values = running_mean(values, series.noise, series.acts_over)
    return np.clip(values, -MOST, MOST)


def _shared_causes(
    into: Sequence[LinkPrior], links: Sequence[LinkPrior], acting: Mapping[str, Floats]
) -> list[str]:
    """Measures that may move a source and the target together: what pushes the sources, and what pushes the same part.

    The measures of one part share what moves them, so whatever pushes another measure of the target's part counts as well.
    """
    sources = {link.source for link in into}
    parts = {link.part for link in into}
    causes = {link.source for link in links if link.target in sources or link.part in parts}
    return sorted((causes & set(acting)) - sources - {link.target for link in into})


def _learn_equation(
    target: PanelSeries,
    into: Sequence[LinkPrior],
    causes: Sequence[str],
    acting: Mapping[str, Floats],
    months_of_year: NDArray[np.intp],
    assume: Assumptions | None,
) -> dict[str, LinkEstimate]:
    felts = [_averaged(felt(acting[link.source], lag_profile(link)[0]), target.trailing) for link in into]
    # A target that never changes is a field that is filled in by rule: it would say of every link, and surely, that it is not there.
    changes = _moves(target.values, target.values)
    usable = [k for k, x in enumerate(felts) if changes and _moves(x[0], target.values)]
    if not usable:
        return {}
    into, felts = [into[k] for k in usable], [felts[k] for k in usable]
    held: list[Floats] = []
    held_sd: list[float] = []
    mains = []
    for link, parts in zip(into, felts, strict=True):
        shares = lag_profile(link)[1]
        main = np.tensordot(shares, parts, axes=1)
        mains.append(main)
        # The coefficients of these sum to nothing: they move the effect in time and leave its size alone.
        held += [part - main for part in parts[1:]]
        held_sd += [LAG_DOUBT * float(np.hypot(link.mean, link.sd))] * (len(parts) - 1)
    beside = _causes([acting[name] for name in causes], target.trailing)
    held += beside
    held_sd += [CAUSE_SD] * len(beside)
    mean, sd = np.array([link.mean for link in into]), np.array([link.sd for link in into])
    fit = fit_equation(
        _bounded(target.values), target.noise, np.array(mains), mean, sd, months_of_year, assume,
        np.array(held).reshape(-1, *target.values.shape), np.array(held_sd),
    )  # fmt: skip
    return {link.id: _estimate(link, fit, at) for at, link in enumerate(into)}


def _causes(acting: Sequence[Floats], trailing: int = 1) -> list[Floats]:
    """Columns of what is held equal: each cause over each span of months."""
    columns = [column for one in acting for column in _averaged(felt(one, SPANS), trailing)]
    # A cause that is missing at a site must not cost its cells: there it is held at nothing.
    return [np.where(np.isfinite(column), column, 0.0) for column in columns]


def lag_profile(link: LinkPrior) -> tuple[tuple[tuple[int, int], ...], Floats]:
    """The spans of months over which a link is felt (first and last, 0 = the month itself), and the share of the effect expected in each.

    >>> spans, shares = lag_profile(LinkPrior("C4-C1", "wait", "nps", -0.3, 0.1))
    >>> spans, shares.round(2).tolist()
    (((1, 1), (2, 3), (4, 6), (7, 12)), [0.3, 0.3, 0.25, 0.15])
    """
    first = 0 if link.same_month else 1
    shares = np.array(SHARES[first:])
    return SPANS[first:], shares / shares.sum()


def felt(values: Floats, spans: Sequence[tuple[int, int]]) -> Floats:
    """What a target feels of a source: its mean over each span of months before (first and last, 0 = the month itself).

    ``values``: (N, T); returns (spans, N, T). A missing month is taken as the last known one, and the months before the first
    known one as the mean of the first six. NaN for a site without values.

    >>> felt(np.array([[1.0, 3.0, 5.0, np.nan]]), [(0, 0), (1, 2)]).tolist()
    [[[1.0, 3.0, 5.0, 5.0]], [[3.0, 2.0, 2.0, 4.0]]]
    """
    sites, months = values.shape
    before = max(last for _, last in spans)
    known = np.isfinite(values)
    some = known.any(axis=1)
    first = np.where(some, known.argmax(axis=1), 0)
    early = known & (np.arange(months) < first[:, None] + FIRST_MONTHS)
    count = early.sum(axis=1)
    opening = np.divide(
        np.where(early, values, 0.0).sum(axis=1), count, out=np.full(sites, np.nan), where=count > 0
    )
    at = np.maximum.accumulate(np.where(known, np.arange(months), -1), axis=1)
    filled = np.where(at >= 0, np.take_along_axis(values, np.maximum(at, 0), axis=1), opening[:, None])
    whole = np.concatenate([np.repeat(opening[:, None], before, axis=1), filled], axis=1)
    sums = np.concatenate([np.zeros((sites, 1)), np.cumsum(whole, axis=1)], axis=1)
    out = []
    for near, far in spans:
        ends = before + np.arange(months) - near + 1
        out.append((sums[:, ends] - sums[:, ends - (far - near + 1)]) / (far - near + 1))
    return np.array(out)


def running_mean(values: Floats, noise: Floats, months: int) -> Floats:
    """The mean of the last ``months`` months, weighted by how much each tells (1 / ``noise``): (N, T).

    Months without a value do not count; those before the first one are taken as the mean of its first half year. NaN for a site
    without values.

    >>> running_mean(np.array([[4.0, 1.0, np.nan]]), np.array([[1.0, 2.0, np.nan]]), 2).round(2).tolist()
    [[3.57, 3.0, 1.0]]
    """
    values, noise = (np.asarray(part, dtype=np.float64) for part in (values, noise))
    known = np.isfinite(values) & np.isfinite(noise)
    # Where nothing is known of the noise (one review a month), months count alike.
    weight = np.divide(1.0, np.where(noise > 0, noise, 1.0), out=np.zeros_like(values), where=known)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)[:, None]
    early = np.where(np.arange(values.shape[1]) < first + FIRST_MONTHS, weight, 0.0)
    full = np.where(known, values, 0.0)
    before, of = (early * full).sum(axis=1, keepdims=True), early.sum(axis=1, keepdims=True)
    count = np.maximum((early > 0).sum(axis=1, keepdims=True), 1)

    def sums(x: Floats, opening: Floats) -> Floats:
        whole = np.concatenate([np.repeat(opening / count, months - 1, axis=1), x], axis=1)
        return np.asarray(np.lib.stride_tricks.sliding_window_view(whole, months, axis=1).sum(axis=-1))

    total = sums(weight, of)
    return np.divide(sums(weight * full, before), total, out=np.full_like(values, np.nan), where=total > 0)


def calibrated(
    series: PanelSeries,
    months_of_year: NDArray[np.intp],
    assume: Assumptions | None = None,
    causes: Sequence[Floats] = (),
) -> Floats:
    """The expectation of a sampled series in each month given all its months and ``causes`` (each (N, T), felt over all spans).

    Returns (N, T), NaN for sites without values.
    """
    y, noise = series.values, series.noise
    none = np.empty((0, *y.shape))
    held = np.array(_causes(causes)).reshape(-1, *y.shape)
    fit = fit_equation(
        y, noise, none, np.empty(0), np.empty(0), months_of_year, assume, held, np.full(len(held), CAUSE_SD)
    )
    if not np.isfinite(fit.sigma):
        return np.full_like(y, np.nan)
    seen = np.isfinite(y) & np.isfinite(noise)
    beyond = fit.beyond + np.tensordot(fit.mean, held, axes=1)
    rest = np.where(seen, y - beyond, 0.0).T
    by = gains(np.where(seen, noise, 0.0).T, seen.T, fit.sigma, fit.phi)
    white = whiten(np.stack([np.ones_like(rest), rest], axis=2), by, fit.phi)
    weight = (white[:, :, 0] ** 2).sum(axis=0)
    level = np.divide(
        (white[:, :, 0] * white[:, :, 1]).sum(axis=0),
        weight,
        out=np.full_like(weight, np.nan),
        where=weight > 0,
    )
    process = smooth(np.where(seen.T, rest - level, 0.0), by, fit.phi)
    return np.asarray((process + level).T + beyond)


def _bounded(values: Floats) -> Floats:
    """No month farther than `FARTHEST` from the median of its site."""
    known = np.isfinite(values)
    usual = np.full((len(values), 1), np.nan)
    some = known.any(axis=1)
    usual[some, 0] = np.nanmedian(np.where(known, values, np.nan)[some], axis=1)
    return np.where(known, np.clip(values, usual - FARTHEST, usual + FARTHEST), np.nan)


def _averaged(x: Floats, months: int) -> Floats:
    """The mean of the last ``months`` months, where all are known."""
    if months <= 1:
        return x
    if x.shape[-1] < months:
        return np.full_like(x, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(x, months, axis=-1)
    out = np.full_like(x, np.nan)
    out[..., months - 1 :] = windows.mean(axis=-1)
    return out


def _moves(x: Floats, y: Floats) -> bool:
    """Whether a source changes within any site where it is seen with the target."""
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 6:
        return False
    z = np.where(both, x, np.nan)
    count = both.sum(axis=1)
    mean = np.divide(np.where(both, x, 0.0).sum(axis=1), count, out=np.zeros(len(count)), where=count > 0)
    return bool(np.nanmax(np.abs(z - mean[:, None])) > 1e-9)


def _as_before(link: LinkPrior, sites: int) -> LinkEstimate:
    return LinkEstimate(
        link.id, Strength(link.absent, link.mean, link.sd), float("nan"), float("inf"), 1.0, np.full(sites, link.mean), np.full(sites, link.sd),
        float("nan"), False, 0,
    )  # fmt: skip


def _estimate(link: LinkPrior, fit: EquationFit, at: int) -> LinkEstimate:
    mean, variance = float(fit.mean[at]), float(fit.covariance[at, at])
    own = 1 / variance - 1 / link.sd**2
    own_variance = 1 / own if own > 1e-6 / link.sd**2 else float("inf")
    own_mean = (
        own_variance * (mean / variance - link.mean / link.sd**2)
        if np.isfinite(own_variance)
        else float("nan")
    )
    if abs(own_mean) > STRONGEST:
        return replace(_as_before(link, len(fit.site_mean)), cells=fit.cells)
    # The equation is not the practice: however many months there are, what it leaves out stays.
    own_variance += link.doubt**2
    weight = own_variance / (own_variance + link.sd**2) if np.isfinite(own_variance) else 1.0
    return LinkEstimate(
        link.id, posterior(own_mean, own_variance**0.5, link.mean, link.sd, link.absent), own_mean, own_variance**0.5, weight,
        fit.site_mean[:, at], fit.site_sd[:, at], fit.tau, weight < MOSTLY_PRIOR, fit.cells,
    )  # fmt: skip
