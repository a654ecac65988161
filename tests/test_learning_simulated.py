"""The simulated month: learning must earn what it costs, and never explore who is frustrated."""

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from simulated_month import MODELS, WORSE, WORSE_ON, Month  # noqa: E402
from simulated_routers import all_routers  # noqa: E402

OURS, DEAF = "ours, learning", "ours, not learning"


@pytest.fixture(scope="module")
def simulate():
    return SourceFileLoader("simulate_router", str(SCRIPTS / "simulate_router")).load_module()


@pytest.fixture(scope="module")
def months(simulate):
    """By router, a month for each of two seeds."""
    lived = {OURS: [], DEAF: []}
    for seed in (1, 2):
        month = Month(seed, turns=400)
        routers = all_routers(month, seed, explore=0.05)
        for name, each in lived.items():
            each.append(simulate.lived(month, routers[name]))
    return lived


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_in_a_month_of_changes_learning_earns_its_keep(months):
    regret, bad = (
        {name: sum(getattr(each, what).sum() for each in lived) for name, lived in months.items()}
        for what in ("regret", "bad")
    )
    assert regret[OURS] < 0.85 * regret[DEAF]
    assert bad[OURS] < 0.85 * bad[DEAF]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_the_model_that_got_worse_is_asked_less(months):
    at = [model.name for model in MODELS].index(WORSE)
    for sums in months[OURS]:
        share = sums.by_model[:, at] / sums.turns
        before = share[WORSE_ON - 5 : WORSE_ON].mean()
        assert before > 0.1
        assert share[WORSE_ON + 5 :].mean() < 0.5 * before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_exploring_leaves_frustrated_callers_alone(months):
    explored, turns, upset = (
        sum(getattr(sums, what).sum() for sums in months[OURS])
        for what in ("explored", "turns", "explored_frustrated")
    )
    assert 0.005 < explored / turns < 0.05
    assert upset <= 0.01 * explored + 1  # whose voice did not tell
    assert all(np.all(sums.explored == 0) for sums in months[DEAF])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_the_same_seed_makes_the_same_month(simulate):
    regrets = []
    for _ in range(2):
        month = Month(seed=5, turns=30)
        regrets.append(simulate.lived(month, all_routers(month, 5, 0.05)[OURS]).regret)
    assert np.array_equal(*regrets)
