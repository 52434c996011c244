"""Experiments: systems x datasets x measures, from a YAML file to run files, tables and a manifest."""

from __future__ import annotations

from rankify.experiment.plan import Experiment as Experiment
from rankify.experiment.results import Results as Results
