"""The Go client of client_golang's experimental remote API, in 2.0."""

VERSION = "v0.0.0-20261019101427-217707f26b14"
NEEDS = "Go 1.26"
MODES = {"2.0": None}
BODIES = {"client-golang-v2": ("2.0", [])}
EXPECTED = {
    'demo_temperature_celsius{room="küche",job="demo"}': 21.5,
    '{"demo.utf8","a.b"="c"}': 7,
}


def install(kit):
    return kit.go()


def start(kit, binary, url, mode):
    return kit.start([binary, url])
