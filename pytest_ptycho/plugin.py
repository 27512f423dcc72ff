"""The hook functions of every pytest that has the plugin, nothing else.

Those of a session that judges a hub are in `judging`: any other loads little and pays for nothing.
"""

from __future__ import annotations

import pytest

from pytest_ptycho import hookspec, options
from pytest_ptycho.cases import parametrize
from pytest_ptycho.fixtures import (
    comparison,
    counted_run,
    dose_and_view,
    evidence,
    hub,
    networks,
    overlap_view,
    ptycho_evidence,
    ptycho_hub,
    ptycho_scores,
    ptycho_study,
    reconstructions,
    return_conditions,
    scores,
    study,
    study_dose,
)
from pytest_ptycho.marks import MEANINGS, registered

__all__ = [
    "comparison",
    "counted_run",
    "dose_and_view",
    "evidence",
    "hub",
    "networks",
    "overlap_view",
    "ptycho_evidence",
    "ptycho_hub",
    "ptycho_scores",
    "ptycho_study",
    "reconstructions",
    "return_conditions",
    "scores",
    "study",
    "study_dose",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--hub` and the `--ptycho-...` options."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks of a suite of one's own."""
    pluginmanager.add_hookspecs(hookspec)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Hear SIGTERM before the first file of the user's is loaded."""
    if options.names_a_hub(early_config):
        from pytest_ptycho.stopping import stopping_of

        stopping_of(early_config).hear()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, resolve the options, and load what judges a hub where one is judged."""
    for name, meaning in MEANINGS.items():
        for line in registered(name, meaning):
            config.addinivalue_line("markers", line)
    chosen = config.stash[options.OPTIONS] = options.resolve(config)
    if chosen.hub is not None or chosen.plan:
        from pytest_ptycho import judging

        judging.begin(config)


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn the study's comparisons, and its doses and views, into cases."""
    parametrize(metafunc)
