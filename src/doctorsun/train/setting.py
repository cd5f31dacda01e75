"""What the objective of a stage works with, beside the model and the samples."""

from dataclasses import dataclass, field

from doctorsun.train.device import Compute
from doctorsun.train.features import FeatureCache
from doctorsun.train.originals import Originals
from doctorsun.train.parallel.team import Team
from doctorsun.train.views import PictureStore


@dataclass(frozen=True)
class Setting:
    """Device, precision, seed, pictures, ranks.

    `cache` is null unless the encoder is frozen; `originals` are the pictures of a model that is no LLaVA.
    """

    compute: Compute
    seed: int
    pictures: PictureStore | None = None
    cache: FeatureCache | None = None
    originals: Originals | None = None
    team: Team = field(default_factory=Team)
