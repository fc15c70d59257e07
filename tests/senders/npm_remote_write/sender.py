"""The npm package prometheus-remote-write, as it is and in the older version that a Playwright reporter uses."""

VERSION = "0.5.1 and 0.4.0"
NEEDS = "Node.js 18"
# The name of the package in package.json.
MODES = {"0.5.1": "prometheus-remote-write", "0.4.0": "prometheus-remote-write-0.4"}
BODIES = {"npm-remote-write-0.5": ("0.5.1", []), "npm-remote-write-0.4": ("0.4.0", [])}
EXPECTED = {'demo_temperature_celsius{room="küche",job="demo"}': 21.5, 'demo_queue_depth{job="demo"}': 7}


def install(kit):
    kit.npm()


def start(kit, _, url, mode):
    return kit.start(["node", kit.here / "send.js", url, MODES[mode]], NODE_PATH=str(kit.cache / "node_modules"))
