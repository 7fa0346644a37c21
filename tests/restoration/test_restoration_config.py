"""The settings of a comparison of restorations: what a report lists."""

from latentinpaint.evaluation.benchmark_config import counts, recorded_settings
from latentinpaint.restoration.restoration_config import RestorationConfig

CONFIG = RestorationConfig(
    images="photos", output="out", prior="runs/prior", task="box:20", lpips_network="", features=""
)


def test_what_a_report_lists_is_what_decides_the_figures():
    assert recorded_settings(CONFIG, RestorationConfig) == {
        "images": "photos",
        "seed": 0,
        "prior": "runs/prior",
        "task": "box:20",
        "noise": 0.05,
        "validation": 8,
        "lpips": (),
        "features": (),
    }
    assert counts(CONFIG) == {"limit": None, "jobs": None}
