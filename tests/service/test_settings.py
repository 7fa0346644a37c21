"""Settings that cannot be used are one sentence, by the caller's names."""

import pytest

from latentinpaint.errors import InputError
from latentinpaint.service.settings import ServiceLimits, ServiceSettings, SettingNames


@pytest.mark.parametrize("name, value", [("upload", 0), ("megapixels", -1), ("seconds", float("nan")), ("store", 0)])
def test_limits_are_above_zero(name, value):
    with pytest.raises(InputError, match=f"^{name} is a number above 0, not {value}$"):
        ServiceLimits(**{name: value})
    with pytest.raises(InputError, match=f"^--max-{name} is a number above 0"):
        ServiceLimits(**{name: value}, names=SettingNames(**{name: f"--max-{name}"}))


def test_counts_ports_and_paths():
    with pytest.raises(InputError, match="^queue starts at 1, not at 0"):
        ServiceLimits(queue=0)
    with pytest.raises(InputError, match="^workers starts at 1"):
        ServiceSettings(workers=0)
    for port in (0, 65536):
        with pytest.raises(InputError, match=f"^port is 1 to 65535, not {port}$"):
            ServiceSettings(port=port)
    for path in ("fill", "/fill/", "/a b", "//", "/a?b", "/é"):
        with pytest.raises(InputError, match="^root_path is a path such as /fill, not"):
            ServiceSettings(root_path=path)
    for path in ("", "/fill", "/a/b-c"):
        assert ServiceSettings(root_path=path).root_path == path


def test_the_largest_file_in_bytes():
    assert ServiceLimits(upload=0.5).upload_bytes == 2**19
