"""Fusion: runs, or the stages that make them, into one; and routes, which send each query to one of several.

`rrf(run, other)` fuses runs now; `rrf(bm25 % 100, dense)` is a stage that searches with both and fuses what they find.
"""

from __future__ import annotations

from rankify.fuse.fitting import Preset, fitted
from rankify.fuse.fusion import Fuser, Fusion
from rankify.fuse.norms import NORMS
from rankify.fuse.ranks import (
    Borda,
    Condorcet,
    InverseSquareRank,
    LogInverseSquareRank,
    NormalisedLogInverseSquareRank,
    RankBiasedCentroid,
    ReciprocalRank,
)
from rankify.fuse.route import Route
from rankify.fuse.sums import (
    CombANZ,
    CombGMNZ,
    CombMAX,
    CombMED,
    CombMIN,
    CombMNZ,
    CombSUM,
    Mixed,
    WeightedMNZ,
    WeightedSum,
)
from rankify.fuse.trained import BayesFuse, MAPFuse, PosFuse, ProbFuse, SegFuse, SlideFuse

rrf = Fuser(ReciprocalRank)
isr = Fuser(InverseSquareRank)
log_isr = Fuser(LogInverseSquareRank)
logn_isr = Fuser(NormalisedLogInverseSquareRank)
rbc = Fuser(RankBiasedCentroid)
borda = Fuser(Borda)
condorcet = Fuser(Condorcet)
weighted = Fuser(WeightedSum)
combsum = Fuser(CombSUM)
combmnz = Fuser(CombMNZ)
combgmnz = Fuser(CombGMNZ)
combanz = Fuser(CombANZ)
combmin = Fuser(CombMIN)
combmax = Fuser(CombMAX)
combmed = Fuser(CombMED)
wmnz = Fuser(WeightedMNZ)
mixed = Fuser(Mixed)
bayesfuse = Fuser(BayesFuse)
mapfuse = Fuser(MAPFuse)
probfuse = Fuser(ProbFuse)
segfuse = Fuser(SegFuse)
slidefuse = Fuser(SlideFuse)
posfuse = Fuser(PosFuse)

__all__ = [
    "NORMS", "Fuser", "Fusion", "Preset", "Route", "bayesfuse", "borda", "combanz", "combgmnz", "combmax", "combmed",
    "combmin", "combmnz", "combsum", "condorcet", "fitted", "isr", "log_isr", "logn_isr", "mapfuse", "mixed", "posfuse",
    "probfuse", "rbc", "rrf", "segfuse", "slidefuse", "weighted", "wmnz",
]  # fmt: skip
