"""The licence gate: what a recipe accepts, and what a commercial one never does."""

import pytest

from doctorsun.core.errors import ConfigError
from doctorsun.data.config import DataConfig, LicenceConfig, SourceConfig
from doctorsun.data.licences import non_commercial


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("CC0-1.0", False),
        ("MIT", False),
        ("Apache-2.0", False),
        ("CC-BY-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", True),
        ("PhysioNet-Credentialed-1.5.0", True),
        ("hospital-private", True),
        ("unknown", True),
    ],
)
def test_what_no_list_knows_to_be_free_may_forbid_commercial_use(licence, forbidden):
    assert non_commercial(licence) is forbidden


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "unknown"])
def test_a_commercial_recipe_that_accepts_what_forbids_it_names_the_source(licence):
    config = DataConfig(
        sources={"busi": SourceConfig(accept=(licence,)), "idrid": SourceConfig()},
        licences=LicenceConfig(commercial=True),
    )
    with pytest.raises(ConfigError, match="busi") as caught:
        config.used()
    assert licence in str(caught.value)
    assert set(DataConfig(sources={"idrid": SourceConfig()}, licences={"commercial": True}).used()) == {
        "idrid"
    }
