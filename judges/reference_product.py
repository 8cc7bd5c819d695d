"""The reference engine in the product's clothes, to prove crash_loop.py on real Kafka and Cassandra:

  crash_loop.py judges/reference_product.py --kafka HOST:PORT --cassandra HOST:PORT --parallelism 1 \\
      --steps batch-logged,sink-written,dead-letters-sent,offsets-sent,transaction-committed,recovery

`reference_product.py up PROJECT --data DIR` reads the project's scenario.json and serves its status.
"""

import http.server
import json
import pathlib
import sys
import threading
import urllib.parse

import confluent_kafka

import produce
import read_cqlsh
import reference_engine
import test_check


def serve(port, path):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = path.read_bytes() if path.exists() else b'{"streams": []}'
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def prepare(scenario, partitions):
    """Topics and tables."""
    produce.create_topics(scenario["kafka"], {scenario["topic"]: partitions, **{
        f"{stream['name']}.{side}": 1 for stream in scenario["streams"] for side in ("late", "dead-letters")}})
    names = [stream["table"].split(".") for stream in scenario["streams"]]
    statements = "; ".join(test_check.TABLES) + ";"
    read_cqlsh.run(scenario["cassandra"], statements.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ").format(
        ks=names[0][0], users=names[0][1], minutes=names[1][1]))


def main():
    _, up, project, flag, data = sys.argv
    assert (up, flag) == ("up", "--data")
    scenario = json.loads((pathlib.Path(project) / "scenario.json").read_text("utf-8"))
    data = pathlib.Path(data)
    data.mkdir(parents=True, exist_ok=True)
    prepared = data / "prepared"
    if not prepared.exists():
        sql = (pathlib.Path(project) / "users.sql").read_text("utf-8")
        prepare(scenario, int(sql.split("'partitions' = '")[1].split("'")[0]))
        prepared.touch()
    serve(urllib.parse.urlsplit(scenario["status"]).port, data / "status.json")
    try:
        reference_engine.Engine(scenario | {"directory": str(data), "batch_records": 150}).run(live=True)
    except KeyboardInterrupt:
        return 0
    except confluent_kafka.KafkaException as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
