"""The PyPI package prometheus-remote-writer."""

VERSION = "1.1.3"
NEEDS = "Python 3.8"
MODES = {"1.0": None}
BODIES = {"python-remote-writer": ("1.0", [])}
EXPECTED = {'demo_temperature_celsius{room="küche",job="demo"}': 21.5, "job:demo:count": 2}


def install(kit):
    return kit.venv()


def start(kit, python, url, mode):
    return kit.start([python, kit.here / "send.py", url])
