"""Compares the generator's two implementations through the HTTP endpoint, record by record.

  test_generator.py http://127.0.0.1:8099 [--positions 5000] [KNOB=VALUE]...
or, to start the endpoint too (crates/generator/examples/serve_generator.rs, built before):
  test_generator.py path/to/serve [--positions 5000] [KNOB=VALUE]...
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import urllib.request

import generator

DEFAULT = ["seed=7", "late_percent=2", "duplicate_percent=3.25", "corrupt_percent=4", "rate_per_second=33.3"]


def fetch(address, start, results):
    with urllib.request.urlopen(f"{address}/api/?from={start}&results={results}", timeout=60) as answer:
        return json.loads(answer.read())


def compare(address, made, positions):
    """Positions whose records differ."""
    different = []
    for start in range(0, positions, 500):
        answer = fetch(address, start, min(500, positions - start))
        assert answer["info"]["from"] == start and len(answer["results"]) == min(500, positions - start)
        for position, (element, at) in enumerate(zip(answer["results"], answer["info"]["times"], strict=True), start):
            ours = made.record(position)
            payload = element if isinstance(element, str) else generator.text_of(element)
            if (payload, at) != (ours.payload, ours.event_time_ms):
                different.append(position)
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint")
    parser.add_argument("--positions", type=int, default=5_000)
    parser.add_argument("knobs", nargs="*", default=DEFAULT)
    arguments = parser.parse_intermixed_args()
    kinds = {field.name: int if field.default is None else type(field.default) for field in dataclasses.fields(generator.Knobs)}
    knobs = {name: kinds[name](value) for name, value in (knob.split("=") for knob in arguments.knobs or DEFAULT)}
    server, address = None, arguments.endpoint.rstrip("/")
    if not address.startswith("http"):
        server = subprocess.Popen([address, "127.0.0.1:0", *(f"{name}={value}" for name, value in knobs.items())],
                                  stdout=subprocess.PIPE, text=True)
        address = server.stdout.readline().strip().removesuffix("/api/")
    try:
        different = compare(address, generator.Generator(generator.Knobs(**knobs)), arguments.positions)
    finally:
        if server is not None:
            server.kill()
            server.wait()
    print(f"{arguments.positions} positions, {len(different)} differ" + (f": {different[:10]}" if different else ""))
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
